package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
)

// receiver is the other end of a webhook, which breaks as it is told. It
// checks signatures and tells events apart by their IDs.
type receiver struct {
	*httptest.Server
	t     *testing.T
	mode  atomic.Value // string
	calls atomic.Int64
	gone  chan struct{}

	mu   sync.Mutex
	seen map[string]int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, gone: make(chan struct{}), seen: map[string]int{}}
	r.mode.Store("well")
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	t.Cleanup(func() { close(r.gone) })
	return r
}

func (r *receiver) set(mode string) { r.mode.Store(mode) }

func (r *receiver) events() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seen)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.calls.Add(1)
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the sender gave up
	}
	if got := q.Header.Get(lambda.HeaderSignature); got != lambda.Sign([]byte("s3cret"), q.Header.Get(lambda.HeaderTimestamp), string(body)) || q.Header.Get("X-Client") != "hikyaku" {
		r.t.Errorf("a request with signature %q and headers %v", got, q.Header)
	}
	switch r.mode.Load() {
	case "500":
		http.Error(w, "broken", http.StatusInternalServerError)
	case "hang":
		select {
		case <-q.Context().Done():
		case <-r.gone:
		}
	case "close":
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = c.Close()
		}
	case "redirect":
		http.Redirect(w, q, "/elsewhere", http.StatusTemporaryRedirect)
	default:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen[q.Header.Get(lambda.HeaderEvent)]++
		w.WriteHeader(http.StatusAccepted)
	}
}

// refused is an address where nobody listens.
func refused(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestWebhook_broken: however a webhook fails, dead letters, other targets and
// dispatch do not notice, it is left alone, it is visible, and when it works
// again everything arrives, with the IDs that it began with.
func TestWebhook_broken(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"500", "hang", "close", "redirect", "refuse"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			var refusing atomic.Bool
			nobody, dialer := refused(t), &net.Dialer{}
			client := &http.Client{Transport: &http.Transport{
				DisableKeepAlives: true, // each request shows what the network does
				DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
					if refusing.Load() {
						addr = nobody
					}
					return dialer.DialContext(ctx, network, addr)
				},
			}}
			hook, err := lambda.NewWebhook(lambda.WebhookOptions{
				URL: r.URL + "/ended?key=hidden", Client: client, Now: time.Now, Timeout: time.Second, Headers: map[string]string{"X-Client": "hikyaku"},
				Secret: func(context.Context) ([]byte, error) { return []byte("s3cret"), nil },
			})
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, 0)
			log := slog.New(slog.NewTextHandler(w.out, nil))
			w.dispatcher = dispatch.New(dispatch.Options{
				Ledger: w.ledger, Executor: w.executor, DeadLetters: map[string]hikyaku.Queue{"orders": w.dead},
				Completions: []dispatch.Target{{Name: "hook", Sender: hook}, {Name: "queue", Sender: w.ended}},
				Routes:      []hikyaku.Route{route()}, DefaultRoute: "orders", Now: w.clock.Now, NewID: hikyakutest.IDs(), Logger: log,
			})
			refusing.Store(mode == "refuse")
			r.set(mode)
			const n = 120 // more than are read at once
			for i := range n {
				if err := w.dispatcher.Accept(t.Context(), hikyaku.Message{ID: fmt.Sprintf("m-%d", i), Body: "{}", Receives: 1, Queue: "orders"}); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			w.drain(t)
			if took := time.Since(began); took > 30*time.Second { // one after the other those that hang would take two minutes
				t.Errorf("a broken webhook held up the outbox for %s", took)
			}
			if len(w.dead.Messages()) != n || len(w.ended.Messages()) != n {
				t.Errorf("%d letters and %d events to the queue went, want %d each", len(w.dead.Messages()), len(w.ended.Messages()), n)
			}
			if c := r.calls.Load(); c > 16 {
				t.Errorf("the broken webhook was called %d times at once", c)
			}
			stats, err := w.ledger.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if o := stats.Owed["hook"]; o.Events != n || o.Failing == 0 {
				t.Errorf("owed %+v", o)
			}
			w.out.mu.Lock()
			said := w.out.buf.String()
			w.out.mu.Unlock()
			if !strings.Contains(said, "outbox entry not sent") || !strings.Contains(said, "target=hook") || strings.Contains(said, "hidden") {
				t.Errorf("the log says: %s", said)
			}
			owed, err := w.ledger.Outbox(t.Context(), hikyaku.OutboxQuery{Target: "hook", Limit: n})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range owed {
				if status := map[string]int{"500": 500, "redirect": 307}[mode]; o.Failing() && (o.LastStatus != status || strings.Contains(o.LastError, "hidden")) {
					t.Errorf("an entry says %d %q", o.LastStatus, o.LastError)
				}
			}
			refusing.Store(false)
			r.set("well")
			for round := 0; r.events() < n && round < 20; round++ { // the target, then those that were tried; a busy machine may time out
				w.clock.Advance(5 * time.Minute)
				w.drain(t)
			}
			if r.events() != n {
				t.Errorf("%d of %d events arrived after it was well", r.events(), n)
			}
		})
	}
}

// drain sends what is owed, as the daemon does: each lane by itself.
func (w *world) drain(t *testing.T) {
	t.Helper()
	var wg sync.WaitGroup
	for _, lane := range w.dispatcher.OutboxLanes() {
		wg.Go(func() {
			if _, err := w.dispatcher.DrainLane(t.Context(), lane); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
