package dispatch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// eager is an executor whose executions succeed as soon as they are described.
type eager struct{ *hikyakutest.Executor }

func (x eager) Describe(ctx context.Context, arn string) (hikyaku.Execution, error) {
	x.Succeed(arn, 1, 1)
	return x.Executor.Describe(ctx, arn)
}

// TestDispatcher_concurrently: two dispatchers, each from several goroutines,
// deliver overlapping IDs, each message twice, without stepping on each other.
func TestDispatcher_concurrently(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pool(t, 1, 2, 3, 4)
	peers := []*dispatch.Dispatcher{w.dispatcher(), w.dispatcher()}
	for i := range peers {
		peers[i] = w.dispatcher(func(o *dispatch.Options) { o.Executor = eager{w.executor} })
	}
	const messages = 120
	var wg sync.WaitGroup
	for n, d := range peers {
		wg.Go(func() {
			for i := range messages {
				m := hikyaku.Message{ID: fmt.Sprintf("m-%d", i), Body: fmt.Sprintf("ID-%d", i%40), Queue: "inbox"}
				if err := d.Accept(t.Context(), m); err != nil {
					t.Errorf("accept %s by %d: %v", m.ID, n, err)
				}
			}
		})
		for range 2 {
			wg.Go(func() {
				for range 60 {
					if _, err := d.AssignAll(t.Context()); err != nil {
						t.Errorf("assign by %d: %v", n, err)
					}
					if err := d.RefreshAll(t.Context()); err != nil {
						t.Errorf("refresh by %d: %v", n, err)
					}
				}
			})
		}
	}
	wg.Wait()
	for range 500 {
		stats, err := w.ledger.Stats(t.Context())
		must(t, err)
		if c := stats.Counts["orders"]; c[hikyaku.Queued]+c[hikyaku.Starting]+c[hikyaku.Running] == 0 {
			break
		}
		w.clock.Advance(time.Minute)
		_, err = peers[0].AssignAll(t.Context())
		must(t, err)
		must(t, peers[0].RefreshAll(t.Context()))
	}
	if overlaps := w.executor.Overlaps(); len(overlaps) > 0 {
		t.Errorf("two executions of one ID: %v", overlaps)
	}
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{Limit: 1000})
	must(t, err)
	ids := map[string]bool{}
	for _, x := range page.Transfers {
		ids[x.ID] = true
		if x.State != hikyaku.Succeeded || x.Attempt != 1 {
			t.Errorf("%s of %s: %s after %d attempts", x.TransferID, x.ID, x.State, x.Attempt)
		}
		if err := replays(t.Context(), w.ledger, x); err != nil {
			t.Error(err)
		}
	}
	if len(ids) != 40 {
		t.Errorf("%d ids, want 40", len(ids))
	}
}

// TestDispatcher_agentSlots: what the pool may run at once is bounded by the
// agents' slots, not by the number of tasks.
func TestDispatcher_agentSlots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var desired []hikyaku.TaskDescription
	for n := range 6 {
		agent := fmt.Sprintf("agent-%d", n%2)
		w.executor.SetAgent(hikyaku.Agent{ARN: agent, Online: true, Slots: 1 + n%2})
		desired = append(desired, w.executor.AddTask(10+n, agent))
	}
	must(t, w.d.Watch(t.Context()))
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
	for n := range 10 {
		w.send(t, fmt.Sprintf("ID-%d", n))
	}
	w.clock.Advance(2 * time.Second)
	if n := w.assign(t); n != 3 {
		t.Errorf("started %d, want 3: one on agent-0, two on agent-1", n)
	}
}

// TestDispatcher_fair: a route with a long queue does not starve another that
// shares its agent.
func TestDispatcher_fair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes = append(o.Routes, route("bills")); o.Workers = 1 })
	w.executor.SetAgent(hikyaku.Agent{ARN: "agent", Online: true, Slots: 4})
	desired := map[string][]hikyaku.TaskDescription{}
	for n := range 8 {
		name := []string{"orders", "bills"}[n%2]
		desired[name] = append(desired[name], w.executor.AddTask(20+n, "agent"))
	}
	must(t, w.d.Watch(t.Context()))
	must(t, w.d.Reconcile(t.Context(), desired))
	for n := range 20 {
		w.send(t, fmt.Sprintf(`{"id":"O-%d","route":"orders"}`, n))
	}
	for n := range 2 {
		w.send(t, fmt.Sprintf(`{"id":"B-%d","route":"bills"}`, n))
	}
	w.clock.Advance(2 * time.Second)
	w.assign(t)
	stats, err := w.ledger.Stats(t.Context())
	must(t, err)
	if got := stats.Counts["bills"][hikyaku.Running]; got != 2 {
		t.Errorf("%d of bills run, want 2 of the agent's 4", got)
	}
}

// BenchmarkDispatcher measures the dispatcher alone, from accept to settled.
func BenchmarkDispatcher(b *testing.B) {
	clock, ledger := hikyakutest.NewClock(), hikyakutest.NewLedger()
	x := hikyakutest.NewExecutor(clock.Now)
	d := dispatch.New(dispatch.Options{
		Ledger: ledger, Executor: eager{x}, Source: hikyakutest.NewSource(), Routes: []hikyaku.Route{route("orders")},
		Now: clock.Now, NewID: hikyakutest.IDs(),
	})
	var desired []hikyaku.TaskDescription
	for n := range 8 {
		desired = append(desired, x.AddTask(n))
	}
	if err := d.Reconcile(b.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		if err := d.Accept(b.Context(), hikyaku.Message{ID: fmt.Sprint(n), Body: fmt.Sprintf("ID-%d", n), Queue: "inbox"}); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Assign(b.Context(), "orders"); err != nil {
			b.Fatal(err)
		}
		for _, arn := range x.Live() {
			if err := d.Refresh(b.Context(), arn); err != nil {
				b.Fatal(err)
			}
			x.Forget(arn)
		}
	}
	b.ReportMetric(float64(ledger.Commits())/float64(n), "commits/op")
}
