package hikyakutest

import (
	"context"
	"sync"

	"github.com/hikyaku/hikyaku"
)

// Source is a hikyaku.Source in memory. An ID that was never set has one
// object of 10 bytes; Set decides otherwise.
type Source struct {
	mu    sync.Mutex
	looks map[string]hikyaku.Look
	errs  map[string]error
	calls int
}

var _ hikyaku.Source = (*Source)(nil)

// NewSource returns a source on which every ID has an object.
func NewSource() *Source {
	return &Source{looks: map[string]hikyaku.Look{}, errs: map[string]error{}}
}

// Set says what a look at id finds.
func (s *Source) Set(id string, l hikyaku.Look) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks[id] = l
}

// Fail makes looking at id fail; nil ends that.
func (s *Source) Fail(id string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs[id] = err
}

// Calls returns how often Look was called.
func (s *Source) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Look implements hikyaku.Source.
func (s *Source) Look(ctx context.Context, _ hikyaku.Route, id string, _ []string) (hikyaku.Look, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if err := s.errs[id]; err != nil {
		return hikyaku.Look{}, err
	}
	if l, ok := s.looks[id]; ok {
		return l, ctx.Err()
	}
	return hikyaku.Look{Listed: true, Objects: 1, Bytes: 10}, ctx.Err()
}
