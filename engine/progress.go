package engine

import "sync/atomic"

// Code classifies a failure of an item or a run. The values are DataSync's
// own error codes where it has one.
type Code string

// Limit is a run's bandwidth in bytes per second, changeable while it runs.
// Methods may be called concurrently.
type Limit struct{ bps atomic.Int64 }

// NewLimit returns a limit; a rate <= 0 is unlimited.
func NewLimit(bytesPerSecond int64) *Limit {
	l := &Limit{}
	l.Set(bytesPerSecond)
	return l
}

// Set changes the rate at once; <= 0 is unlimited.
func (l *Limit) Set(bytesPerSecond int64) { l.bps.Store(bytesPerSecond) }

// Progress can be read at any time while a run is under way.
type Progress struct{}

// Snapshot returns the phase and counters as of now.
func (p *Progress) Snapshot() (Phase, Counters) { return Preparing, Counters{} }
