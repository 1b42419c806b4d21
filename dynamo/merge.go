package dynamo

import (
	"context"
	"iter"
	"sync"
)

// merged is several streams as one, newest first, each position once.
type merged struct {
	sources []*source
	last    string
}

// source is a stream and the position it is at.
type source struct {
	next func() (string, error, bool)
	stop func()
	at   string
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

// newest is the source with the next position, nil at the end.
func (m *merged) newest() (*source, error) {
	var best *source
	for _, s := range m.sources {
		for s.ok && s.err == nil && s.at == m.last {
			s.advance() // it was in another stream too
		}
		if s.ok && s.err != nil {
			return nil, s.err
		}
		if s.ok && (best == nil || s.at > best.at) {
			best = s
		}
	}
	return best, nil
}

// take returns the next positions, n at most.
func (m *merged) take(n int) ([]string, error) {
	var positions []string
	for len(positions) < n {
		s, err := m.newest()
		if err != nil || s == nil {
			return positions, err
		}
		m.last = s.at
		positions = append(positions, s.at)
		s.advance()
	}
	return positions, nil
}

// more reports whether positions are left.
func (m *merged) more() (bool, error) {
	s, err := m.newest()
	return s != nil, err
}
