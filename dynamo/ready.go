package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// waiting is a QUEUED transfer as the queue index has it.
type waiting struct {
	transferID string
	queuedAt   string // as moment writes it
	created    string // its position
	reason     hikyaku.WaitingReason
}

func waitingOf(it item) waiting {
	at := text(it, attrQueueAt)
	from := len(ready)
	if strings.HasPrefix(at, parked) {
		from += digitsLen
	}
	w := waiting{
		transferID: transferOf(it), created: text(it, attrCreated), reason: hikyaku.WaitingReason(text(it, attrReason)),
	}
	if len(at) >= from+digitsLen {
		w.queuedAt = at[from : from+digitsLen]
	}
	return w
}

// Ready returns QUEUED transfers of a route whose NotBefore has come, oldest
// QueuedAt first, at most limit. Its cost grows with limit, and with how many
// parked transfers have come due, not with the queue.
func (l *Ledger) Ready(ctx context.Context, route string, now time.Time, limit int) ([]hikyaku.Transfer, error) {
	if limit <= 0 {
		return nil, nil
	}
	for want := limit; ; want *= 2 {
		list, more, err := l.readyOnce(ctx, route, now, want)
		if err != nil {
			return nil, fmt.Errorf("read ready transfers of %s: %w", route, err)
		}
		if len(list) >= limit || !more {
			return list[:min(len(list), limit)], nil
		}
	}
}

// readyOnce looks at the first want places of the ready order. What left the
// queue since the index was written is left out; more says that the order goes on.
func (l *Ledger) readyOnce(ctx context.Context, route string, now time.Time, want int) (list []hikyaku.Transfer, more bool, err error) {
	lists, err := sharded(ctx, func(ctx context.Context, s string) ([]waiting, error) {
		return l.head(ctx, queuePK(route, s), now, want)
	})
	if err != nil {
		return nil, false, err
	}
	places := slices.Concat(lists...)
	slices.SortFunc(places, func(a, b waiting) int {
		if c := strings.Compare(a.queuedAt, b.queuedAt); c != 0 {
			return c
		}
		return strings.Compare(a.transferID, b.transferID)
	})
	if more = len(places) > want; more {
		places = places[:want]
	}
	more = more || len(places) == want
	ids := make([]string, len(places))
	for i, w := range places {
		ids[i] = w.transferID
	}
	if list, err = l.load(ctx, ids); err != nil {
		return nil, false, err
	}
	return slices.DeleteFunc(list, func(t hikyaku.Transfer) bool {
		return t.State != hikyaku.Queued || t.Route != route || t.NotBefore.After(now)
	}), more, nil
}

// head reads the first places of one shard: of those that are not parked, and
// of all parked ones that have come due, because these are not in order.
func (l *Ledger) head(ctx context.Context, pk string, now time.Time, want int) ([]waiting, error) {
	var places []waiting
	due := query{index: indexQueue, pk: pk, from: ready, to: parked + moment(now) + after, limit: want}
	found, full := 0, false
	for it, err := range l.items(ctx, due) {
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(text(it, attrQueueAt), ready) {
			found++
		}
		places = append(places, waitingOf(it))
		if full = found == want; full {
			break // the rest of the queue lies between here and the parked ones
		}
	}
	if !full {
		return places, nil
	}
	due.from, due.limit = parked, 0
	for it, err := range l.items(ctx, due) {
		if err != nil {
			return nil, err
		}
		places = append(places, waitingOf(it))
	}
	return places, nil
}

// queue reads all QUEUED transfers of a route.
func (l *Ledger) queue(ctx context.Context, route string) ([]waiting, error) {
	lists, err := sharded(ctx, func(ctx context.Context, s string) ([]waiting, error) {
		var places []waiting
		for it, err := range l.items(ctx, query{index: indexQueue, pk: queuePK(route, s)}) {
			if err != nil {
				return nil, err
			}
			places = append(places, waitingOf(it))
		}
		return places, nil
	})
	return slices.Concat(lists...), err
}
