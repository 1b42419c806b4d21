package dispatch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

func late(o *dispatch.Options) { o.LateStarts = true }

// startLate assigns one transfer and returns it with its execution.
func startLate(t *testing.T, w *world) (hikyaku.Transfer, string) {
	t.Helper()
	x := w.send(t, "A")
	if n := w.assign(t); n != 1 {
		t.Fatalf("started %d, want 1", n)
	}
	x = w.wantState(t, x, hikyaku.Starting)
	live := w.executor.Live()
	if len(live) != 1 {
		t.Fatalf("%d executions, want 1", len(live))
	}
	return x, live[0]
}

func types(t *testing.T, w *world, x hikyaku.Transfer) []hikyaku.EventType {
	t.Helper()
	events, err := w.ledger.Events(t.Context(), x.TransferID, 0)
	must(t, err)
	var all []hikyaku.EventType
	for _, e := range events {
		all = append(all, e.Type)
	}
	return all
}

// What has ended at the first look is started and ended by one commit, and the
// log says when it really started.
func TestDispatcher_LateStarts_short(t *testing.T) {
	t.Parallel()
	w := newWorld(t, late)
	x, arn := startLate(t, w)
	started := w.clock.Now()
	w.clock.Advance(3 * time.Second)
	w.executor.Succeed(arn, 1, 10)
	must(t, w.d.Refresh(t.Context(), arn))
	after := w.wantState(t, x, hikyaku.Succeeded)
	if after.Version != x.Version+1 {
		t.Errorf("%d commits, want 1", after.Version-x.Version)
	}
	if !after.StartedAt.Equal(started) || after.ExecutionARN != arn || after.Attempts[0].ExecutionARN != arn {
		t.Errorf("started %v as %s, want %v as %s", after.StartedAt, after.ExecutionARN, started, arn)
	}
	if got := types(t, w, x); !slices.Equal(got[len(got)-2:], []hikyaku.EventType{hikyaku.EventStarted, hikyaku.EventSucceeded}) {
		t.Errorf("events %v", got)
	}
	w.send(t, "B")
	if n := w.assign(t); n != 1 {
		t.Errorf("the task was not given back: %d started", n)
	}
}

// What still runs is RUNNING from the first look on, under the limit that was
// set meanwhile; no event is needed for that.
func TestDispatcher_LateStarts_long(t *testing.T) {
	t.Parallel()
	w := newWorld(t, late)
	x, arn := startLate(t, w)
	_, err := w.d.LimitRoute(t.Context(), "orders", 1000, hikyaku.Act{By: "ana"})
	must(t, err)
	must(t, w.d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Running); got.ExecutionARN != arn {
		t.Errorf("runs as %s, want %s", got.ExecutionARN, arn)
	}
	if got := w.executor.Limits()[arn]; got != 1000 {
		t.Errorf("limit %d, want 1000", got)
	}
	w.executor.Succeed(arn, 1, 10)
	must(t, w.d.Refresh(t.Context(), arn))
	w.wantState(t, x, hikyaku.Succeeded)
}

// A cancel that came before the start was written reaches the execution.
func TestDispatcher_LateStarts_cancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, late)
	x, arn := startLate(t, w)
	_, err := w.d.Cancel(t.Context(), x.TransferID, hikyaku.Act{By: "ana"})
	must(t, err)
	must(t, w.d.Refresh(t.Context(), arn))
	w.wantState(t, x, hikyaku.Running)
	if now, err := w.executor.Describe(t.Context(), arn); err != nil || now.Status != "CANCELLING" {
		t.Fatalf("the execution is %s (%v)", now.Status, err)
	}
	w.executor.Fail(arn, "Cancelled", "")
	must(t, w.d.Refresh(t.Context(), arn))
	w.wantState(t, x, hikyaku.Cancelled)
}

// A process that dies before it wrote the start leaves it to be found.
func TestDispatcher_LateStarts_crash(t *testing.T) {
	t.Parallel()
	w := newWorld(t, late)
	x, arn := startLate(t, w)
	next := w.dispatcher(late, func(o *dispatch.Options) { o.Exclusive = true })
	must(t, next.Recover(t.Context()))
	if got := w.wantState(t, x, hikyaku.Running); got.ExecutionARN != arn || got.Attempt != 1 {
		t.Errorf("runs as %s in attempt %d, want %s in 1", got.ExecutionARN, got.Attempt, arn)
	}
	// The old one, not so dead, finds that it was written by another.
	w.executor.Succeed(arn, 1, 10)
	must(t, w.d.Refresh(t.Context(), arn))
	w.wantState(t, x, hikyaku.Succeeded)
}

// An execution may end before its start is answered, and the ledger may refuse
// the end: the next look writes it.
func TestDispatcher_LateStarts_endRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refuse := false
	fault := func(op string) (before, after error) { //nolint:unparam // the shape of a Fault
		if refuse && op == "Commit" {
			return errBroken, nil
		}
		return nil, nil
	}
	quick := &starting{Executor: w.executor}
	d := w.dispatcher(late, func(o *dispatch.Options) {
		o.Ledger, o.Executor = &hikyakutest.FaultyLedger{Ledger: w.ledger, Fault: fault}, quick
	})
	quick.start = func(ctx context.Context, s hikyaku.Start) (string, error) {
		arn, err := w.executor.Start(ctx, s)
		must(t, err)
		w.executor.Succeed(arn, 1, 10)
		must(t, d.Refresh(ctx, arn)) // its event is here before the answer
		refuse = true
		return arn, nil
	}
	x := w.send(t, "A")
	if _, err := d.AssignAll(t.Context()); err == nil {
		t.Error("the ledger's refusal is kept quiet")
	}
	w.wantState(t, x, hikyaku.Starting)
	refuse = false
	must(t, d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Succeeded); got.Attempt != 1 {
		t.Errorf("%d attempts, want 1", got.Attempt)
	}
}
