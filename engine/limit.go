package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Limit is a run's bandwidth in bytes per second, changeable while it runs.
// It applies to content read from the source; several runs may share one.
// Methods may be called concurrently. The zero value is unlimited.
type Limit struct {
	bps atomic.Int64

	mu      sync.Mutex
	tokens  float64 // bytes that may pass now; negative while in debt
	at      time.Time
	changed chan struct{} // closed by Set
}

// NewLimit returns a limit; a rate <= 0 is unlimited.
func NewLimit(bytesPerSecond int64) *Limit {
	l := &Limit{}
	l.Set(bytesPerSecond)
	return l
}

// Set changes the rate at once; <= 0 is unlimited.
func (l *Limit) Set(bytesPerSecond int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bps.Store(bytesPerSecond)
	l.tokens, l.at = 0, time.Time{}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// The bucket holds a tenth of a second; one read takes at most half of that.
const (
	burstsPerSecond = 10
	readsPerSecond  = 20
)

// allowed returns how many of n bytes to read next, at least 1.
func (l *Limit) allowed(n int) int {
	if l == nil {
		return n
	}
	rate := l.bps.Load()
	if rate <= 0 {
		return n
	}
	return int(min(int64(n), max(rate/readsPerSecond, 1)))
}

// take waits until n bytes may pass, or ctx ends.
func (l *Limit) take(ctx context.Context, now func() time.Time, n int) error {
	if l == nil || l.bps.Load() <= 0 {
		return nil
	}
	for {
		wait, changed := l.try(now(), n)
		if wait <= 0 {
			return nil
		}
		t := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		case <-changed:
			t.Stop()
		case <-t.C:
		}
	}
}

// try takes n bytes if the bucket is not in debt, or returns how long it will be.
func (l *Limit) try(now time.Time, n int) (time.Duration, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rate := float64(l.bps.Load())
	if rate <= 0 {
		return 0, nil
	}
	if !l.at.IsZero() && now.After(l.at) {
		l.tokens = min(l.tokens+now.Sub(l.at).Seconds()*rate, max(rate/burstsPerSecond, 1))
	}
	l.at = now
	if l.tokens >= 0 {
		l.tokens -= float64(n)
		return 0, nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return max(time.Duration(-l.tokens/rate*float64(time.Second)), time.Microsecond), l.changed
}
