package hikyakutest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Clock is a clock that a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at a fixed time in 2026.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// IDs returns a function that gives ascending IDs of 26 characters, as ULIDs
// are. It may be called concurrently.
func IDs() func() string {
	var n atomic.Int64
	return func() string { return fmt.Sprintf("01J%023d", n.Add(1)) }
}
