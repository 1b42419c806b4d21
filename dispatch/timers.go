package dispatch

import (
	"context"
	"sync"
	"time"
)

// timers remember when something parked by this process is due.
type timers struct {
	mu  sync.Mutex
	due map[int64]struct{} // unix milliseconds
}

// maxTimers bounds memory; beyond it the daemon's own timer finds the rest.
const maxTimers = 4096

func (t *timers) add(at time.Time) {
	if at.IsZero() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.due == nil {
		t.due = map[int64]struct{}{}
	}
	if len(t.due) < maxTimers {
		t.due[at.UnixMilli()+1] = struct{}{}
	}
}

// Next returns when something that this process parked is due (a back-off, a
// source that was not ready): the time to call AssignAll and DrainOutbox. Zero:
// nothing is known. What other processes or an earlier life parked is not in
// it; call AssignAll every few seconds as well.
func (d *Dispatcher) Next(_ context.Context) time.Time {
	now := d.Now().UnixMilli()
	d.timers.mu.Lock()
	defer d.timers.mu.Unlock()
	var next int64
	for at := range d.timers.due {
		if at <= now { // returned this once, or the caller would go round until it is old
			delete(d.timers.due, at)
		}
		if next == 0 || at < next {
			next = at
		}
	}
	if next == 0 {
		return time.Time{}
	}
	return time.UnixMilli(next).UTC()
}
