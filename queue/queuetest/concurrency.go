package queuetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

// testConcurrency sends, receives and deletes at once: no message is lost,
// none is handed to two receivers while invisible.
func testConcurrency(t *testing.T, b *bundle) {
	t.Helper()
	const senders, receivers, each = 4, 4, 50
	b.queue(t, "q")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got := make(chan string, senders*each+1)
	errs := make(chan error, senders+receivers)
	for s := range senders {
		go func() {
			var err error
			for i := 0; i < each && err == nil; i++ {
				id := fmt.Sprintf("%d-%d", s, i)
				err = b.store.Send(ctx, "q", []queue.Message{{ID: id, Body: id, SentAt: epoch(), VisibleAt: epoch()}})
			}
			errs <- err
		}()
	}
	stop := make(chan struct{})
	for range receivers {
		go func() { errs <- b.drain(ctx, stop, got) }()
	}
	seen := map[string]bool{}
	for len(seen) < senders*each && ctx.Err() == nil {
		select {
		case id := <-got:
			if seen[id] {
				t.Errorf("message %s was handed out twice", id)
			}
			seen[id] = true
		case <-ctx.Done():
			t.Errorf("got %d of %d messages", len(seen), senders*each)
		}
	}
	close(stop)
	for range senders + receivers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	equal(t, "counts in the end", b.counts(t, "q", epoch()), queue.Counts{})
}

// drain receives and deletes until told to stop.
func (b *bundle) drain(ctx context.Context, stop <-chan struct{}, got chan<- string) error {
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		result, err := b.store.Receive(ctx, queue.ReceiveCall{
			Queue: "q", Now: epoch(), VisibleAt: epoch().Add(time.Hour), Max: 3, SentAfter: forever(),
		})
		if err != nil {
			return err
		}
		var changes []queue.Change
		for _, m := range result.Messages {
			got <- m.ID
			changes = append(changes, queue.Change{Key: m.Key, ID: m.ID, Delete: true})
		}
		if len(changes) == 0 {
			continue
		}
		if _, err := b.store.Change(ctx, "q", changes); err != nil {
			return err
		}
	}
}
