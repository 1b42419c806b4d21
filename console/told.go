package console

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// told is the ledger as everything that the console answers reads it: a QUEUED
// transfer says why it waits now. The records keep what was true when they
// were written, so that a pause costs no write for each of them.
type told struct {
	hikyaku.Ledger
	now func() time.Time
	log *slog.Logger

	mu    sync.Mutex
	at    time.Time
	waits map[string]hikyaku.RouteWait // replaced, never changed
}

// waitsAge is how old the reasons may be that the stream of changes is told with.
const waitsAge = 500 * time.Millisecond

// read returns why routes wait, as the ledger has it now.
func (l *told) read(ctx context.Context) (map[string]hikyaku.RouteWait, error) {
	p, err := l.Pool(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("read pool: %w", err)
	}
	now := l.now()
	waits := p.Waits(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.waits = now, waits
	return waits, nil
}

// recent returns why routes wait as far as is known without asking often.
func (l *told) recent(ctx context.Context) map[string]hikyaku.RouteWait {
	l.mu.Lock()
	waits, age := l.waits, l.now().Sub(l.at)
	l.mu.Unlock()
	if waits != nil && age >= 0 && age < waitsAge {
		return waits
	}
	fresh, err := l.read(ctx)
	if err != nil { // what was known last is better than no news of the change
		l.log.WarnContext(ctx, "read why routes wait", slog.Any("error", err))
		return waits
	}
	return fresh
}

// forget makes the next transfer be told with what is true then.
func (l *told) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits = nil
}

// news returns a transfer that a commit, of nobody's request, has just changed.
//
//nolint:contextcheck,nolintlint // there is none to pass, which only callers in other packages make the linter see
func (l *told) news(t hikyaku.Transfer) hikyaku.Transfer { return l.tell(context.Background(), t) }

// tell returns a transfer that was just changed as it is to be shown.
func (l *told) tell(ctx context.Context, t hikyaku.Transfer) hikyaku.Transfer {
	if t.State != hikyaku.Queued || !t.WaitingReason.OfRoute() {
		return t
	}
	return t.Told(l.recent(ctx))
}

// Transfer implements hikyaku.Ledger.
func (l *told) Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	t, err := l.Ledger.Transfer(ctx, transferID)
	if err != nil || t.State != hikyaku.Queued {
		return t, err
	}
	waits, err := l.read(ctx)
	return t.Told(waits), err
}

// Transfers implements hikyaku.Ledger.
func (l *told) Transfers(ctx context.Context, q hikyaku.Query) (hikyaku.Page, error) {
	p, err := l.Ledger.Transfers(ctx, q)
	if err != nil {
		return p, err
	}
	var waits map[string]hikyaku.RouteWait
	for i, t := range p.Transfers {
		if t.State != hikyaku.Queued {
			continue
		}
		if waits == nil {
			if waits, err = l.read(ctx); err != nil {
				return p, err
			}
		}
		p.Transfers[i] = t.Told(waits)
	}
	return p, nil
}

// Stats implements hikyaku.Ledger.
func (l *told) Stats(ctx context.Context) (hikyaku.Stats, error) {
	s, err := l.Ledger.Stats(ctx)
	if err != nil || len(s.Waiting) == 0 {
		return s, err
	}
	waits, err := l.read(ctx)
	return s.Told(waits), err
}

// followWaits publishes the newest QUEUED transfers of each route whose reason
// to wait has changed since the last call, at most once a second, and no more
// often than the ledger is polled, for all listeners: their records have not
// changed, so nothing else would.
func (h *hub) followWaits(ctx context.Context) {
	h.waitsMu.Lock()
	defer h.waitsMu.Unlock()
	now := h.now()
	every := time.Second
	if !h.live {
		every = max(every, h.every)
	}
	if age := now.Sub(h.waitsAt); h.waits != nil && age >= 0 && age < every {
		return
	}
	waits, err := h.ledger.read(ctx)
	if err != nil {
		return // the next call tries again
	}
	before := h.waits
	h.waits, h.waitsAt = waits, now
	if before == nil {
		return
	}
	changed := map[string]bool{}
	for _, routes := range []map[string]hikyaku.RouteWait{before, waits} {
		for route := range maps.Keys(routes) {
			changed[route] = before[route] != waits[route]
		}
	}
	for route, is := range changed {
		if !is {
			continue
		}
		p, err := h.ledger.Transfers(ctx, hikyaku.Query{Route: route, States: []hikyaku.State{hikyaku.Queued}, Limit: maxLimit})
		if err != nil {
			return
		}
		for _, t := range p.Transfers {
			h.publish(t)
		}
	}
}
