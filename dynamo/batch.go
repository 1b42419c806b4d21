package dynamo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// CommitAll carries out each change as Commit would, as many as fit in one
// transaction with one call. Should a condition of one not hold, or two of
// them touch the same item, those are committed one by one.
func (l *Ledger) CommitAll(ctx context.Context, changes []hikyaku.Change) []error {
	errs := make([]error, len(changes))
	var group []int // indexes into changes
	var ops []*op
	keys := map[key]bool{}
	send := func() {
		l.commitGroup(ctx, changes, group, ops, errs)
		group, ops, keys = nil, nil, map[key]bool{}
	}
	for i := range changes {
		planned, err := l.plan(ctx, &changes[i], newFacts())
		if err != nil {
			errs[i] = err
			continue
		}
		if len(ops)+len(planned) > maxOps || overlaps(keys, planned) {
			send()
		}
		for _, o := range planned {
			keys[o.key] = true
		}
		group, ops = append(group, i), append(ops, planned...)
	}
	send()
	return errs
}

func overlaps(keys map[key]bool, ops []*op) bool {
	for _, o := range ops {
		if keys[o.key] {
			return true
		}
	}
	return false
}

// commitGroup commits changes in one transaction, or else one by one.
func (l *Ledger) commitGroup(ctx context.Context, changes []hikyaku.Change, group []int, ops []*op, errs []error) {
	if len(group) == 0 {
		return
	}
	if len(group) > 1 {
		refusals, err := l.write(ctx, ops)
		if err == nil && refusals == nil {
			return
		}
		if _, answered := errors.AsType[smithy.APIError](err); err != nil && !answered { // unclear what was written
			for _, i := range group {
				errs[i] = fmt.Errorf("commit %d changes: %w", len(group), err)
			}
			return
		}
	}
	var all sync.WaitGroup
	for _, i := range group {
		all.Go(func() { errs[i] = l.Commit(ctx, changes[i]) })
	}
	all.Wait()
}
