package dynamo

import (
	"context"
	"iter"
	"sync"
)

// merged is several streams as one, newest first, each place once.
type merged struct {
	sources []*source
	last    place
}

// source is a stream and the place it is at.
type source struct {
	next func() (place, error, bool)
	stop func()
	at   place
	err  error
	ok   bool
}

func (s *source) advance() { s.at, s.err, s.ok = s.next() }

// merge begins all streams at once.
func merge(_ context.Context, streams []stream) *merged {
	m := &merged{}
	var all sync.WaitGroup
	for _, st := range streams {
		s := &source{}
		s.next, s.stop = iter.Pull2(st)
		m.sources = append(m.sources, s)
		all.Go(s.advance)
	}
	all.Wait()
	return m
}

func (m *merged) stop() {
	for _, s := range m.sources {
		s.stop()
	}
}

// newest is the source with the next place, nil at the end.
func (m *merged) newest() (*source, error) {
	var best *source
	for _, s := range m.sources {
		for s.ok && s.err == nil && s.at == m.last {
			s.advance() // it was in another stream too
		}
		if s.ok && s.err != nil {
			return nil, s.err
		}
		if s.ok && (best == nil || s.at.at > best.at.at) {
			best = s
		}
	}
	return best, nil
}

// take returns the next places, n at most.
func (m *merged) take(n int) ([]place, error) {
	var places []place
	for len(places) < n {
		s, err := m.newest()
		if err != nil || s == nil {
			return places, err
		}
		m.last = s.at
		places = append(places, s.at)
		s.advance()
	}
	return places, nil
}

// more reports whether places are left.
func (m *merged) more() (bool, error) {
	s, err := m.newest()
	return s != nil, err
}
