package sqlite

import (
	"sync"

	"github.com/hikyaku/hikyaku"
)

// hub tells subscribers of committed transfers without ever making the writer
// wait: what a subscriber has not taken yet is replaced by newer versions.
type hub struct {
	mu     sync.Mutex
	subs   map[*subscription]struct{}
	closed bool
}

// subscription is one subscriber's backlog: at most one version per transfer,
// in the order in which they were first due.
type subscription struct {
	fn   func(hikyaku.Transfer)
	wake chan struct{} // holds one token when there is a backlog
	quit chan struct{}
	done chan struct{}
	once sync.Once

	mu     sync.Mutex
	order  []string
	latest map[string]notice
}

// notice is a committed transfer. It is decoded once, by the first subscriber
// who comes to it, and not at all if a newer one replaces it before.
type notice struct {
	transferID string
	transfer   func() hikyaku.Transfer
}

func newHub() *hub { return &hub{subs: map[*subscription]struct{}{}} }

// publish is called by the writer, in commit order.
func (h *hub) publish(n notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		s.add(n)
	}
}

// watched reports whether there is anybody to tell.
func (h *hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.subs) > 0
}

func (h *hub) subscribe(fn func(hikyaku.Transfer)) (stop func()) {
	s := &subscription{
		fn: fn, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
		latest: map[string]notice{},
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return func() {}
	}
	h.subs[s] = struct{}{}
	go s.run()
	return func() {
		h.mu.Lock()
		delete(h.subs, s)
		h.mu.Unlock()
		s.stop()
	}
}

// close ends all subscriptions and waits for their callbacks.
func (h *hub) close() {
	h.mu.Lock()
	subs := h.subs
	h.subs, h.closed = nil, true
	h.mu.Unlock()
	for s := range subs {
		s.stop()
	}
}

func (s *subscription) add(n notice) {
	s.mu.Lock()
	if _, due := s.latest[n.transferID]; !due {
		s.order = append(s.order, n.transferID)
	}
	s.latest[n.transferID] = n
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *subscription) stop() {
	s.once.Do(func() { close(s.quit) })
	<-s.done
}

func (s *subscription) run() {
	defer close(s.done)
	for {
		select {
		case <-s.wake:
		case <-s.quit:
			return
		}
		for _, n := range s.take() {
			select {
			case <-s.quit:
				return
			default:
				s.fn(n.transfer())
			}
		}
	}
}

// take empties the backlog.
func (s *subscription) take() []notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]notice, len(s.order))
	for i, id := range s.order {
		list[i] = s.latest[id]
	}
	s.order = nil
	clear(s.latest)
	return list
}
