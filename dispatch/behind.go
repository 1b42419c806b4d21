package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// sameIDAgain is when a transfer parked behind another of its ID, or of one
// that overlaps it, looks again, should the wake-up at the other's end get lost.
const sameIDAgain = time.Minute

// behind remembers which transfers this process parked behind one of another
// ID. Those of an ended transfer's own ID and above it the ledger lists by ID;
// what lies below it can be anything. The zero value is empty.
type behind struct {
	mu      sync.Mutex
	waiters map[string]waiter // by transfer_id
}

// waiter is a parked transfer and the one that held the lock.
type waiter struct {
	route, id, holder string
	until             time.Time // it looks again by itself
}

// maxWaiters bounds memory, maxWoken the time that waking takes; waiters beyond
// them look again by themselves.
const (
	maxWaiters = 65536
	maxWoken   = 256
)

func (b *behind) add(transferID string, w waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiters == nil {
		b.waiters = map[string]waiter{}
	}
	if len(b.waiters) < maxWaiters {
		b.waiters[transferID] = w
	}
}

// holder returns the transfer that a waiter was parked behind, or "".
func (b *behind) holder(transferID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiters[transferID].holder
}

func (b *behind) forget(transferID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiters, transferID)
}

// below returns the oldest waiters whose IDs lie below id, at most maxWoken,
// and forgets all whose time has come.
func (b *behind) below(route, id string, now time.Time) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for transferID, w := range b.waiters {
		switch {
		case now.After(w.until):
			delete(b.waiters, transferID)
		case w.route == route && strings.HasPrefix(w.id, id+"/"):
			list = append(list, transferID)
		}
	}
	slices.Sort(list) // a transfer_id begins with its time
	return list[:min(len(list), maxWoken)]
}

// parkBehind parks a transfer until the one that holds its ID, or one that
// overlaps it, has ended.
func (d *Dispatcher) parkBehind(ctx context.Context, transferID, owner string) error {
	holder, err := d.Ledger.Transfer(ctx, owner)
	if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		return fmt.Errorf("read transfer %s: %w", owner, err)
	}
	t, err := d.update(ctx, transferID, func(e *edit) error {
		if e.t.State != hikyaku.Queued {
			return errSkip
		}
		wait := hikyaku.WaitingDetail{Reason: hikyaku.SameIDRunning, Detail: owner, NotBefore: e.at.Add(sameIDAgain)}
		if holder.ID != "" && holder.ID != e.t.ID {
			wait.Detail = owner + " of " + strconv.Quote(holder.ID)
			d.behind.add(transferID, waiter{route: e.t.Route, id: e.t.ID, holder: owner, until: wait.NotBefore})
		}
		return e.wait(ctx, wait)
	})
	if err != nil {
		return lost(err)
	}
	// The owner may have ended before the parking was seen by its wake-up.
	if holder.ID == "" {
		return nil
	}
	holds, err := d.holds(ctx, owner)
	if err != nil || holds {
		return err
	}
	return d.wake(ctx, t.Route, holder.ID)
}

// holds reports whether a transfer has its ID's lock.
func (d *Dispatcher) holds(ctx context.Context, transferID string) (bool, error) {
	t, err := d.Ledger.Transfer(ctx, transferID)
	if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		return false, fmt.Errorf("read transfer %s: %w", transferID, err)
	}
	return err == nil && (t.State == hikyaku.Starting || t.State == hikyaku.Running), nil
}

// wake puts transfers parked behind this ID back in the ready order: of its
// own ID, of those above and below it, the oldest of each that overlap. The
// others are woken when those have ended.
func (d *Dispatcher) wake(ctx context.Context, route, id string) error {
	parked, err := d.parked(ctx, route, id)
	if err != nil {
		return fmt.Errorf("find transfers parked behind %s: %w", id, err)
	}
	var woken []string
	for _, t := range parked {
		if slices.ContainsFunc(woken, func(other string) bool { return hikyaku.Overlap(other, t.ID) }) {
			continue
		}
		if holder := d.behind.holder(t.TransferID); holder != "" {
			if holds, err := d.holds(ctx, holder); err != nil || holds {
				if err != nil {
					return err
				}
				continue // its turn comes when that one ends
			}
		}
		woken = append(woken, t.ID)
		e := d.edit(t)
		if err := e.wait(ctx, hikyaku.WaitingDetail{Reason: hikyaku.NoFreeTask}); err != nil {
			return err
		}
		if err := lost(e.commit(ctx)); err != nil {
			return fmt.Errorf("wake transfer %s: %w", t.TransferID, err)
		}
		d.behind.forget(t.TransferID)
	}
	return nil
}

// ended follows the commit of a transfer that may have ended without having
// run: what waits for its ID would have waited for its end.
func (d *Dispatcher) ended(ctx context.Context, t hikyaku.Transfer, err error) error {
	if err != nil || !t.State.Ended() {
		return lost(err)
	}
	return d.wake(ctx, t.Route, t.ID)
}

// parked returns the transfers of a route that wait for an ID to end or for
// one that overlaps it, oldest first.
func (d *Dispatcher) parked(ctx context.Context, route, id string) ([]hikyaku.Transfer, error) {
	var list []hikyaku.Transfer
	for _, same := range append(hikyaku.Ancestors(id), id) {
		page, err := d.Ledger.Transfers(ctx, hikyaku.Query{ID: same, Route: route, States: []hikyaku.State{hikyaku.Queued}, Limit: 1000})
		if err != nil {
			return nil, err
		}
		list = append(list, page.Transfers...)
	}
	for _, transferID := range d.behind.below(route, id, d.Now()) {
		t, err := d.Ledger.Transfer(ctx, transferID)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	list = slices.DeleteFunc(list, func(t hikyaku.Transfer) bool {
		return t.State != hikyaku.Queued || t.WaitingReason != hikyaku.SameIDRunning
	})
	slices.SortFunc(list, func(a, b hikyaku.Transfer) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.TransferID, b.TransferID)
	})
	return list, nil
}
