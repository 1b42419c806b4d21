package engine

import (
	"sync"
	"time"
)

const (
	// firstStreams is how many parts of large files are read at once at first.
	firstStreams = 4
	// worthwhile is how much faster twice the streams must be to stay.
	worthwhile = 1.25
)

// streams bounds the parts of large files in flight. Where a network's delay
// is the limit, more streams are faster; where the processors are, more
// streams only push each other's data out of their caches. So it begins with
// few, and doubles them as long as the whole gets faster by it.
type streams struct {
	// slots is filled by parts in flight, and by what is held back.
	slots chan struct{}
	*pace
}

// pace is what streams decides by.
type pace struct {
	mu sync.Mutex
	// width is how many parts may be in flight, before what it was a round ago.
	width, before int
	// began is when the first part of this round began; zero between rounds.
	began time.Time
	parts int
	bytes int64
	// rate is the last round's, in bytes per second.
	rate    float64
	settled bool
	// excess is how many of those in flight are not to be followed by others.
	excess int
}

func newStreams(width, limit int) streams {
	s := streams{slots: make(chan struct{}, limit), pace: &pace{width: width, settled: width == limit}}
	for range limit - width {
		s.slots <- struct{}{}
	}
	return s
}

// most is how many parts there may ever be at once.
func (s streams) most() int { return cap(s.slots) }

// release gives a slot back after a part of n bytes that took from began to
// now.
func (s streams) release(began, now time.Time, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(began, now, n)
	if s.excess > 0 {
		s.excess--
		return // held back
	}
	<-s.slots
}

// count is a part's end. A round is as many parts as may be in flight, twice.
func (s streams) count(began, now time.Time, n int64) {
	if s.settled {
		return
	}
	if s.began.IsZero() {
		s.began = began
	}
	s.parts++
	s.bytes += n
	took := now.Sub(s.began).Seconds()
	if s.parts < 2*s.width || took <= 0 {
		return
	}
	rate := float64(s.bytes) / took
	s.began, s.parts, s.bytes = time.Time{}, 0, 0
	if s.rate > 0 && rate < worthwhile*s.rate {
		s.settled = true
		s.excess = s.width - s.before
		s.width = s.before
		return
	}
	s.rate, s.before = rate, s.width
	more := min(s.width, cap(s.slots)-s.width)
	for range more {
		<-s.slots // held back until now
	}
	s.width += more
	s.settled = more == 0
}
