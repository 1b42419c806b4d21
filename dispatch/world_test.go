package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// world is a control plane in memory.
type world struct {
	clock       *hikyakutest.Clock
	ledger      *hikyakutest.Ledger
	executor    *hikyakutest.Executor
	source      *hikyakutest.Source
	dlq         *hikyakutest.Queue
	completions *hikyakutest.Queue
	routes      []hikyaku.Route
	newID       func() string
	messages    int
	d           *dispatch.Dispatcher
}

func route(name string) hikyaku.Route {
	return hikyaku.Route{
		Name: name, Queue: "inbox", Source: "s3://outbox/" + name + "/", Destination: "file:///srv/" + name,
		Pool: 2, Retry: hikyaku.Retry{First: time.Second, Max: 10 * time.Second},
	}
}

// newWorld has a route "orders" with a pool of two tasks, and what options change.
func newWorld(t *testing.T, options ...func(*dispatch.Options)) *world {
	t.Helper()
	w := &world{
		clock: hikyakutest.NewClock(), ledger: hikyakutest.NewLedger(), source: hikyakutest.NewSource(),
		dlq: hikyakutest.NewQueue("inbox-dlq"), completions: hikyakutest.NewQueue("done"),
		routes: []hikyaku.Route{route("orders")}, newID: hikyakutest.IDs(),
	}
	w.executor = hikyakutest.NewExecutor(w.clock.Now)
	w.d = w.dispatcher(options...)
	w.pool(t, 1, 2)
	return w
}

func (w *world) dispatcher(options ...func(*dispatch.Options)) *dispatch.Dispatcher {
	o := dispatch.Options{
		Ledger: w.ledger, Executor: w.executor, Source: w.source, Completions: []dispatch.Target{{Name: "done", Sender: w.completions}},
		DeadLetters: map[string]hikyaku.Queue{"inbox": w.dlq}, Routes: w.routes,
		Now: w.clock.Now, NewID: w.newID, Random: func() float64 { return 0.5 },
	}
	for _, f := range options {
		f(&o)
	}
	return dispatch.New(o)
}

// pool sets the tasks of route orders.
func (w *world) pool(t *testing.T, tasks ...int) {
	t.Helper()
	var desired []hikyaku.TaskDescription
	for _, n := range tasks {
		desired = append(desired, w.executor.AddTask(n))
	}
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) message(body string) hikyaku.Message {
	w.messages++
	return hikyaku.Message{ID: fmt.Sprintf("m-%d", w.messages), Body: body, Receives: 1, Queue: "inbox", SentAt: w.clock.Now()}
}

// send accepts a message and returns its transfer.
func (w *world) send(t *testing.T, body string) hikyaku.Transfer {
	t.Helper()
	m := w.message(body)
	must(t, w.d.Accept(t.Context(), m))
	return w.newest(t)
}

func (w *world) newest(t *testing.T) hikyaku.Transfer {
	t.Helper()
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{Limit: 1000})
	must(t, err)
	if len(page.Transfers) == 0 {
		t.Fatal("there is no transfer")
	}
	newest := page.Transfers[0]
	for _, x := range page.Transfers {
		if x.TransferID > newest.TransferID {
			newest = x
		}
	}
	return newest
}

func (w *world) assign(t *testing.T) int {
	t.Helper()
	n, err := w.d.AssignAll(t.Context())
	must(t, err)
	return n
}

func (w *world) get(t *testing.T, x hikyaku.Transfer) hikyaku.Transfer {
	t.Helper()
	got, err := w.ledger.Transfer(t.Context(), x.TransferID)
	must(t, err)
	return got
}

// run accepts, assigns and returns the running transfer.
func (w *world) run(t *testing.T, body string) hikyaku.Transfer {
	t.Helper()
	x := w.send(t, body)
	w.assign(t)
	x = w.get(t, x)
	if x.State != hikyaku.Running {
		t.Fatalf("state %s (%s), want RUNNING", x.State, x.WaitingReason)
	}
	return x
}

// wantState checks a transfer's state and that its events rebuild its record.
func (w *world) wantState(t *testing.T, x hikyaku.Transfer, want hikyaku.State) hikyaku.Transfer {
	t.Helper()
	got := w.get(t, x)
	if got.State != want {
		t.Fatalf("state %s (failure %+v, waiting %s), want %s", got.State, got.Failure, got.WaitingReason, want)
	}
	if err := replays(t.Context(), w.ledger, got); err != nil {
		t.Fatal(err)
	}
	return got
}

// replays compares a record with what its events give.
func replays(ctx context.Context, l hikyaku.Ledger, stored hikyaku.Transfer) error {
	events, err := l.Events(ctx, stored.TransferID, 0)
	if err != nil {
		return err
	}
	got, err := hikyaku.Replay(events)
	if err != nil {
		return err
	}
	ignore := []string{"Version"}
	if stored.State == hikyaku.Running {
		ignore = append(ignore, "Files", "Bytes", "Durations", "Rate", "ETA", "ProgressAt", "LeaseExpires", "UpdatedAt")
	}
	if diff := cmp.Diff(stored, got, cmpopts.IgnoreFields(hikyaku.Transfer{}, ignore...)); diff != "" {
		return fmt.Errorf("replaying the events of %s differs (-stored +replayed):\n%s", stored.TransferID, diff)
	}
	return nil
}

// hook is a fault that can be set while the dispatcher runs.
type hook struct {
	mu sync.Mutex
	fn hikyakutest.Fault
}

func (h *hook) set(fn hikyakutest.Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fn = fn
}

func (h *hook) fault(op string) (before, after error) {
	h.mu.Lock()
	fn := h.fn
	h.mu.Unlock()
	if fn == nil {
		return nil, nil
	}
	return fn(op)
}
