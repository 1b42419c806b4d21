package dispatch

import (
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// refusals is after how many events refused one after the other a target
// counts as failing, though it answers.
const refusals = 3

// gate keeps a target that fails from being tried for every event: after a
// failure nothing is sent to it for a while, which grows from failure to
// failure, and then one event first. It may be used concurrently; the zero
// value lets one event pass first.
type gate struct {
	mu       sync.Mutex
	until    time.Time // nothing passes before
	proven   bool      // it took the last event
	failures int       // closings one after the other
	refused  int       // events one after the other that it did not want
}

// allow returns how many of so many may pass now.
func (g *gate) allow(now time.Time, many int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case now.Before(g.until):
		return 0
	case !g.proven:
		return min(many, 1)
	}
	return many
}

// passed notes that the target took an event. It returns after how many
// failures it did.
func (g *gate) passed() (failures int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	failures = g.failures
	g.until, g.proven, g.failures, g.refused = time.Time{}, true, 0, 0
	return failures
}

// failed notes a failure and returns until when the gate is closed; zero if it
// is not. An event that the target does not want is no failure of the target,
// unless it wants none.
func (g *gate) failed(now time.Time, kind hikyaku.Kind, random func() float64) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.until) {
		return g.until // others failed with it
	}
	if kind == hikyaku.KindInvalid {
		if g.refused++; g.refused < refusals {
			return time.Time{}
		}
	}
	g.failures++
	g.proven = false
	delay := hikyaku.Retry{First: outboxFirst, Max: outboxMax}.Delay(g.failures, random)
	g.until = now.Add(max(delay, outboxFirst))
	return g.until
}

// open lets an event pass at once.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.until = time.Time{}
}
