package cli

import (
	"context"
	"errors"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

var (
	errTimeout = errors.New("timeout")
	errDone    = errors.New("done")
)

func isTimeout(err error) bool { return errors.Is(err, errTimeout) }

// reconnectFor is how long a lost stream is asked for again.
const reconnectFor = time.Minute

// wait follows transfers until all ended and returns them in the order asked.
// After the timeout (0: none) it returns what is known, and an ExitError.
func (a *app) wait(ctx context.Context, ids []string, timeout time.Duration, v view) ([]hikyaku.Transfer, error) {
	if v != nil {
		defer v.close()
	}
	api, err := a.api(ctx)
	if err != nil {
		return nil, err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	w := &waiter{api: api, known: map[string]hikyaku.Transfer{}, open: map[string]bool{}, view: v}
	for _, id := range ids {
		if !w.open[id] {
			w.open[id] = true
			w.order = append(w.order, id)
		}
	}
	if len(ids) == 0 {
		return []hikyaku.Transfer{}, nil
	}
	filter, only := console.Filter{}, ""
	if len(ids) == 1 {
		only = ids[0]
	}
	err = a.follow(ctx, filter, only, v, w.event)
	if errors.Is(err, errDone) {
		err = nil
	}
	if isTimeout(err) {
		err = &ExitError{Code: ExitTimeout, Err: &timeoutError{a.t("err_wait_timeout", len(w.open), timeout)}}
	}
	out := make([]hikyaku.Transfer, 0, len(ids))
	for _, id := range ids {
		if t, ok := w.known[id]; ok {
			out = append(out, t)
		}
	}
	return out, err
}

type timeoutError struct{ message string }

// Error returns the message.
func (e *timeoutError) Error() string { return e.message }

// Unwrap makes it a timeout.
func (e *timeoutError) Unwrap() error { return errTimeout }

// follow streams until fn ends it, and connects again when the stream breaks,
// which v is told.
func (a *app) follow(
	ctx context.Context, f console.Filter, only string, v view, fn func(context.Context, console.StreamEvent) error,
) error {
	api, err := a.api(ctx)
	if err != nil {
		return err
	}
	lost := time.Time{}
	for {
		err := api.Stream(ctx, f, only, func(e console.StreamEvent) error {
			lost = time.Time{}
			return fn(ctx, e)
		})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if hikyaku.KindOf(err) != hikyaku.KindTransient {
			return err
		}
		if lost.IsZero() {
			lost = a.Now()
		}
		if a.Now().Sub(lost) > reconnectFor {
			return err
		}
		if l, ok := v.(live); ok {
			l.lost(err)
		}
		again := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			again.Stop()
			return context.Cause(ctx)
		case <-again.C:
		}
	}
}

// waiter knows which transfers have not ended.
type waiter struct {
	api   *console.Client
	known map[string]hikyaku.Transfer
	open  map[string]bool
	order []string // of the open ones, the next to look at first
	view  view
}

func (w *waiter) event(ctx context.Context, e console.StreamEvent) error {
	if e.Transfer != nil {
		if err := w.see(*e.Transfer); err != nil {
			return err
		}
	}
	if e.Stats != nil {
		if l, ok := w.view.(live); ok {
			l.counts(*e.Stats)
		}
		if err := w.look(ctx); err != nil {
			return err
		}
	}
	if len(w.open) == 0 {
		return errDone
	}
	return nil
}

// maxLook is how many open transfers are looked at when counts come.
const maxLook = 100

// look asks for some of the open transfers: the stream may have started after
// an end that its snapshot is too short to hold. Counts come first, with every
// change, and with each heartbeat, so that all have their turn.
func (w *waiter) look(ctx context.Context) error {
	for range min(maxLook, len(w.order)) {
		id := w.order[0]
		w.order = w.order[1:]
		if !w.open[id] {
			continue
		}
		d, err := w.api.Transfer(ctx, id)
		if err != nil {
			return err
		}
		if err := w.see(d.Transfer); err != nil {
			return err
		}
		if w.open[id] {
			w.order = append(w.order, id)
		}
	}
	return nil
}

func (w *waiter) see(t hikyaku.Transfer) error {
	if !w.open[t.TransferID] {
		return nil
	}
	if old, ok := w.known[t.TransferID]; ok && old.Version >= t.Version {
		return nil
	}
	w.known[t.TransferID] = t
	if t.State.Ended() {
		delete(w.open, t.TransferID)
	}
	if w.view != nil {
		return w.view.show(t)
	}
	return nil
}
