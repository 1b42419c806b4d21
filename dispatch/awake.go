package dispatch

import (
	"sync"
	"time"
)

// sleepGap is how long nothing was followed before it counts as having slept.
const sleepGap = time.Minute

// awake tells since when this process has been following executions without a
// gap: a machine that was suspended, or a server that was down, must not take
// its own absence for a standstill of what it runs.
type awake struct {
	mu          sync.Mutex
	since, last time.Time
}

// at notes that something is followed now, and returns since when.
func (a *awake) at(now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	now = now.Round(0) // the wall clock: the monotonic one stands still in a suspended machine
	if gap := now.Sub(a.last); a.last.IsZero() || gap > sleepGap || gap < 0 {
		a.since = now
	}
	a.last = now
	return a.since
}
