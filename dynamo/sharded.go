package dynamo

import (
	"context"
	"errors"
	"sync"
)

// sharded asks every shard at once.
func sharded[T any](ctx context.Context, ask func(ctx context.Context, shard string) (T, error)) ([]T, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all sync.WaitGroup
	answers, errs := make([]T, Shards), make([]error, Shards)
	for n := range Shards {
		all.Go(func() {
			if answers[n], errs[n] = ask(ctx, shardName(n)); errs[n] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	var first error
	for _, err := range errs { // a real error, rather than that another was cancelled for it
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return answers, first
}
