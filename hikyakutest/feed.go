package hikyakutest

import (
	"maps"
	"slices"
	"sync"

	"github.com/hikyaku/hikyaku"
)

// feed tells subscribers of changed transfers, from one goroutine per subscriber.
type feed struct {
	mu   sync.Mutex
	next int
	subs map[int]*subscription
}

type subscription struct {
	mu      sync.Mutex
	wake    *sync.Cond
	pending []hikyaku.Transfer
	stopped bool
}

// Subscribe implements hikyaku.Subscriber. After stop returned, fn is not
// called any more, except for a call under way.
func (l *Ledger) Subscribe(fn func(hikyaku.Transfer)) (stop func()) {
	s := &subscription{}
	s.wake = sync.NewCond(&s.mu)
	l.feed.mu.Lock()
	defer l.feed.mu.Unlock()
	if l.feed.subs == nil {
		l.feed.subs = map[int]*subscription{}
	}
	id := l.feed.next
	l.feed.next++
	l.feed.subs[id] = s
	go s.run(fn)
	return func() {
		l.feed.mu.Lock()
		delete(l.feed.subs, id)
		l.feed.mu.Unlock()
		s.mu.Lock()
		s.stopped = true
		s.mu.Unlock()
		s.wake.Signal()
	}
}

func (f *feed) publish(t hikyaku.Transfer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(f.subs)) {
		s := f.subs[id]
		s.mu.Lock()
		s.pending = append(s.pending, copyTransfer(t))
		s.mu.Unlock()
		s.wake.Signal()
	}
}

func (s *subscription) run(fn func(hikyaku.Transfer)) {
	for {
		s.mu.Lock()
		for len(s.pending) == 0 && !s.stopped {
			s.wake.Wait()
		}
		if s.stopped {
			s.mu.Unlock()
			return
		}
		t := s.pending[0]
		s.pending = s.pending[1:]
		s.mu.Unlock()
		fn(t)
	}
}
