package console

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// maxPending is how many transfers may wait for one slow listener before it is
// dropped; it may connect again and starts from a fresh snapshot.
const maxPending = 8192

// hub hands each changed transfer to every listener. A listener keeps only the
// newest state of each transfer that it has not sent yet, so publishing never
// blocks and memory is bounded.
type hub struct {
	ledger *told
	now    func() time.Time
	log    *slog.Logger
	every  time.Duration
	live   bool // fed by the ledger's commits; set before the first listener

	mu        sync.Mutex
	listeners map[*listener]struct{}
	published uint64
	stopPoll  context.CancelFunc
	polling   sync.WaitGroup
	done      chan struct{}
	closeOnce sync.Once

	statsMu    sync.Mutex
	statsAt    time.Time
	statsJSON  []byte
	statsError error

	waitsMu sync.Mutex
	waitsAt time.Time
	waits   map[string]hikyaku.RouteWait // as the listeners know them; nil: nobody listened yet
}

// update is one transfer, encoded once for all listeners.
type update struct {
	t    hikyaku.Transfer
	once sync.Once
	body []byte
	rows sync.Map // rowKey → *rowText
}

// event is the update as the stream of the API sends it.
func (u *update) event() []byte {
	u.once.Do(func() {
		b, err := json.Marshal(Document{u.t})
		if err == nil { // a transfer holds nothing that cannot be encoded
			u.body = streamEvent("transfer", b)
		}
	})
	return u.body
}

// listener is one stream's mailbox.
type listener struct {
	match func(hikyaku.Transfer) bool
	wake  chan struct{} // capacity 1

	mu      sync.Mutex
	pending map[string]*update
	order   []string
	overrun bool
}

func newHub(l *told, now func() time.Time, log *slog.Logger, every time.Duration) *hub {
	return &hub{
		ledger: l, now: now, log: log, every: every,
		listeners: map[*listener]struct{}{}, done: make(chan struct{}),
	}
}

func (h *hub) close() {
	h.closeOnce.Do(func() { close(h.done) })
	h.mu.Lock()
	if h.stopPoll != nil {
		h.stopPoll()
		h.stopPoll = nil
	}
	h.mu.Unlock()
	h.polling.Wait()
}

func (h *hub) join(match func(hikyaku.Transfer) bool) *listener {
	l := &listener{match: match, wake: make(chan struct{}, 1), pending: map[string]*update{}}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	if !h.live && h.stopPoll == nil {
		ctx, stop := context.WithCancel(context.Background())
		h.stopPoll = stop
		h.polling.Go(func() { h.poll(ctx) })
	}
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
	if len(h.listeners) == 0 && h.stopPoll != nil {
		h.stopPoll()
		h.stopPoll = nil
	}
}

func (h *hub) publish(t hikyaku.Transfer) {
	u := &update{t: t}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.published++
	for l := range h.listeners {
		l.put(u)
	}
}

// generation grows with every published transfer.
func (h *hub) generation() uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.published
}

func (l *listener) put(u *update) {
	if l.match != nil && !l.match(u.t) {
		return
	}
	l.mu.Lock()
	old, waits := l.pending[u.t.TransferID]
	switch {
	case waits && old.t.Version > u.t.Version: // a snapshot that came late
	case waits:
		l.pending[u.t.TransferID] = u
	case len(l.order) >= maxPending:
		l.overrun = true
	default:
		l.pending[u.t.TransferID] = u
		l.order = append(l.order, u.t.TransferID)
	}
	l.mu.Unlock()
	select {
	case l.wake <- struct{}{}:
	default: // already awake
	}
}

// take returns what waits, oldest change first; ok is false after an overrun.
func (l *listener) take() (updates []*update, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.order {
		updates = append(updates, l.pending[id])
	}
	clear(l.pending)
	l.order = l.order[:0]
	return updates, !l.overrun
}

// poll reads a ledger that cannot tell of its commits: what is active, and the
// newest transfers, compared by version with the last look.
func (h *hub) poll(ctx context.Context) {
	seen := map[string]int64{}
	tick := time.NewTicker(h.every)
	defer tick.Stop()
	first := true
	for {
		now := map[string]int64{}
		for _, q := range []hikyaku.Query{
			{Limit: 200},
			{States: []hikyaku.State{hikyaku.Starting, hikyaku.Running}, Limit: maxLimit},
		} {
			p, err := h.ledger.Transfers(ctx, q)
			if err != nil {
				if ctx.Err() == nil {
					h.log.WarnContext(ctx, "poll transfers", slog.Any("error", err))
				}
				now = seen
				break
			}
			for _, t := range p.Transfers {
				now[t.TransferID] = t.Version
				if v, known := seen[t.TransferID]; !first && (!known || v != t.Version) {
					seen[t.TransferID] = t.Version
					h.publish(t)
				}
			}
		}
		h.publishGone(ctx, seen, now)
		seen, first = now, false
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// publishGone looks at transfers that left both lists: they ended.
func (h *hub) publishGone(ctx context.Context, seen, now map[string]int64) {
	for id, version := range seen {
		if _, still := now[id]; still {
			continue
		}
		t, err := h.ledger.Transfer(ctx, id)
		if err != nil {
			continue // the next look, or a reload, shows it
		}
		if t.Version != version {
			h.publish(t)
		}
	}
}

// stats returns the counts as JSON, read at most once a second for all listeners.
func (h *hub) stats(ctx context.Context) ([]byte, error) {
	h.statsMu.Lock()
	defer h.statsMu.Unlock()
	now := h.now()
	if h.statsJSON != nil && now.Sub(h.statsAt) < time.Second && now.Sub(h.statsAt) >= 0 {
		return h.statsJSON, h.statsError
	}
	s, err := h.ledger.Stats(ctx)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(newStats(s, now))
	h.statsAt, h.statsJSON, h.statsError = now, b, err
	return b, err
}
