package queue

import (
	"slices"
	"sync"
	"time"
)

// gate is where receivers wait for messages of one queue. It wakes them in the
// order they came: one per message that arrives, and one when the alarm says
// that a message becomes visible. A receiver that was woken looks, and if
// there is more than it took, wakes the next.
type gate struct {
	now func() time.Time

	mu      sync.Mutex
	waiters []*waiter
	timer   *time.Timer
	at      time.Time // when the timer fires; zero: it is not running
}

// waiter is one waiting receiver; woken is closed when it should look again.
type waiter struct{ woken chan struct{} }

// enter registers a receiver. It must do so before it looks for messages, so
// that what arrives after its look wakes it.
func (g *gate) enter() *waiter {
	w := &waiter{woken: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiters = append(g.waiters, w)
	return w
}

// leave ends a wait. If the receiver had been woken meanwhile, the next one is
// woken in its place.
func (g *gate) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.waiters, w); i >= 0 {
		g.waiters = slices.Delete(g.waiters, i, i+1)
		return
	}
	g.wakeLocked(1)
}

// wake wakes up to n receivers.
func (g *gate) wake(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wakeLocked(n)
}

func (g *gate) wakeLocked(n int) {
	n = min(n, len(g.waiters))
	for _, w := range g.waiters[:n] {
		close(w.woken)
	}
	g.waiters = slices.Delete(g.waiters, 0, n)
	if len(g.waiters) == 0 {
		g.stopLocked()
	}
}

// alarm says that a message becomes visible at t. Zero says nothing. Without
// receivers it is not needed: the next one looks for itself.
func (g *gate) alarm(t time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.IsZero() || len(g.waiters) == 0 || (!g.at.IsZero() && !t.Before(g.at)) {
		return
	}
	g.stopLocked()
	g.at = t
	g.timer = time.AfterFunc(t.Sub(g.now()), func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.at.Equal(t) {
			g.at = time.Time{}
			g.wakeLocked(1)
		}
	})
}

func (g *gate) stopLocked() {
	if g.timer != nil {
		g.timer.Stop()
	}
	g.at = time.Time{}
}

// close wakes everybody, for good reason or because the queue is gone.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wakeLocked(len(g.waiters))
}
