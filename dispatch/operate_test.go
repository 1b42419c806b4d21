package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// inEveryState has one transfer in each state, by state, in a world whose two
// tasks are taken.
func inEveryState(t *testing.T, options ...func(*dispatch.Options)) (*world, map[hikyaku.State]hikyaku.Transfer) {
	t.Helper()
	var h hook
	w := newWorld(t, append([]func(*dispatch.Options){func(o *dispatch.Options) {
		o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
	}}, options...)...)
	by := map[hikyaku.State]hikyaku.Transfer{}
	by[hikyaku.Rejected] = w.send(t, `{"id":"R","route":"nowhere"}`)
	w.source.Set("missing", hikyaku.Look{Listed: true})
	by[hikyaku.Failed] = w.send(t, "missing")
	by[hikyaku.Cancelled] = w.send(t, "unwanted")
	_, err := w.d.Cancel(t.Context(), by[hikyaku.Cancelled].TransferID, hikyaku.Act{})
	must(t, err)
	by[hikyaku.Succeeded] = w.run(t, "done")
	w.executor.Succeed(by[hikyaku.Succeeded].ExecutionARN, 1, 1)
	must(t, w.d.RefreshAll(t.Context()))
	by[hikyaku.Running] = w.run(t, "running")
	h.set(func(op string) (error, error) { return map[string]error{"Start": errBroken}[op], nil })
	by[hikyaku.Starting] = w.send(t, "starting")
	w.assign(t)
	h.set(nil)
	by[hikyaku.Queued] = w.send(t, "queued")
	w.assign(t)
	for state, x := range by {
		by[state] = w.wantState(t, x, state)
	}
	return w, by
}

func TestDispatcher_Rerun_everyState(t *testing.T) {
	t.Parallel()
	w, by := inEveryState(t)
	for state, want := range map[hikyaku.State]string{
		hikyaku.Queued: hikyaku.CodeWrongState, hikyaku.Starting: hikyaku.CodeWrongState, hikyaku.Running: hikyaku.CodeWrongState,
		hikyaku.Succeeded: hikyaku.CodeForceNeeded, hikyaku.Rejected: hikyaku.CodeNoRoute, hikyaku.Failed: "", hikyaku.Cancelled: "",
	} {
		got, err := w.d.Rerun(t.Context(), by[state].TransferID, hikyaku.Act{By: "ana"})
		if hikyaku.CodeOf(err) != want || (err == nil) != (want == "") {
			t.Errorf("rerun of %s: %v, want %q", state, err, want)
		}
		after := state
		if want == "" {
			after = hikyaku.Queued
			if got.CancelRequested || got.BudgetFrom != got.Attempt || !got.CopyAll {
				t.Errorf("rerun of %s gave %+v", state, got)
			}
		}
		w.wantState(t, by[state], after)
	}
	if _, err := w.d.Rerun(t.Context(), by[hikyaku.Succeeded].TransferID, hikyaku.Act{Force: true}); err != nil {
		t.Errorf("forced: %v", err)
	}
}

func TestDispatcher_Cancel_everyState(t *testing.T) {
	t.Parallel()
	w, by := inEveryState(t)
	for state, x := range by {
		for range 2 { // twice is no error, unless it has ended
			got, err := w.d.Cancel(t.Context(), x.TransferID, hikyaku.Act{By: "ana"})
			ended := x.State.Ended() || x.State == hikyaku.Cancelled
			if ended != (hikyaku.KindOf(err) == hikyaku.KindConflict) {
				t.Errorf("cancel of %s: %v", state, err)
			}
			if err == nil && !got.CancelRequested {
				t.Errorf("cancel of %s was not recorded", state)
			}
			x = w.get(t, x)
		}
	}
	w.wantState(t, by[hikyaku.Queued], hikyaku.Cancelled)
	w.wantState(t, by[hikyaku.Starting], hikyaku.Starting) // until it is known whether it runs
	w.executor.Succeed(by[hikyaku.Running].ExecutionARN, 1, 1)
	w.clock.Advance(3 * time.Minute)
	must(t, w.d.Reap(t.Context()))
	w.wantState(t, by[hikyaku.Running], hikyaku.Cancelled)
	w.wantState(t, by[hikyaku.Starting], hikyaku.Cancelled)
}

func TestDispatcher_Accept_redrivenInEveryState(t *testing.T) {
	t.Parallel()
	w, by := inEveryState(t)
	for state, want := range map[hikyaku.State]hikyaku.State{
		hikyaku.Queued: hikyaku.Queued, hikyaku.Starting: hikyaku.Starting, hikyaku.Running: hikyaku.Running,
		hikyaku.Succeeded: hikyaku.Succeeded, hikyaku.Rejected: hikyaku.Rejected, hikyaku.Failed: hikyaku.Queued, hikyaku.Cancelled: hikyaku.Queued,
	} {
		x := by[state]
		m := w.message(x.Body)
		m.Attributes = map[string]string{hikyaku.AttributeTransfer: x.TransferID}
		must(t, w.d.Accept(t.Context(), m))
		after := w.wantState(t, x, want)
		if after.EventSeq != x.EventSeq+1 {
			t.Errorf("redrive of %s made %d events, want 1", state, after.EventSeq-x.EventSeq)
		}
		must(t, w.d.Accept(t.Context(), m)) // at least once
		if again := w.wantState(t, x, want); again.Reruns != after.Reruns {
			t.Errorf("redrive of %s twice: %d reruns, then %d", state, after.Reruns, again.Reruns)
		}
	}
	if n := len(w.all(t, hikyaku.Query{})); n != len(by) {
		t.Errorf("%d transfers, want %d", n, len(by))
	}
}

// A pause keeps what runs going and starts nothing; the retry of what runs
// waits as well.
func TestDispatcher_PauseRoute_whileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x, y := w.run(t, "A"), w.run(t, "B")
	_, err := w.d.PauseRoute(t.Context(), "orders", hikyaku.Act{By: "ana", Reason: "maintenance"})
	must(t, err)
	w.executor.Succeed(x.ExecutionARN, 1, 1)
	w.executor.Fail(y.ExecutionARN, "Transient", "")
	must(t, w.d.RefreshAll(t.Context()))
	w.wantState(t, x, hikyaku.Succeeded)
	w.clock.Advance(time.Hour)
	w.assign(t)
	if got := w.wantState(t, y, hikyaku.Queued); got.WaitingReason != hikyaku.RoutePaused || got.WaitingDetail != "maintenance" {
		t.Errorf("waits for %s (%s)", got.WaitingReason, got.WaitingDetail)
	}
	_, err = w.d.ResumeRoute(t.Context(), "orders", hikyaku.Act{By: "ana"})
	must(t, err)
	w.assign(t)
	w.wantState(t, y, hikyaku.Running)
}

// A limit set while an execution is being started reaches it.
func TestDispatcher_LimitRoute_whileStarting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	hang := &starting{Executor: w.executor}
	slow := w.dispatcher(func(o *dispatch.Options) { o.Executor = hang })
	hang.start = func(ctx context.Context, s hikyaku.Start) (string, error) {
		arn, err := w.executor.Start(ctx, s)
		must(t, err)
		_, err = slow.LimitRoute(ctx, "orders", 1000, hikyaku.Act{By: "ana"})
		return arn, err
	}
	x := w.send(t, "A")
	_, err := slow.AssignAll(t.Context())
	must(t, err)
	x = w.wantState(t, x, hikyaku.Running)
	if got := w.executor.Limits()[x.ExecutionARN]; got != 1000 {
		t.Errorf("limit %d, want 1000", got)
	}
}

// A rate that the config changes reaches what runs, but does not undo a limit
// that a person set.
func TestDispatcher_ReloadRoutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running := w.run(t, "A")
	reload := func(rate int64) {
		t.Helper()
		r := w.routes[0]
		r.BytesPerSecond = rate
		must(t, w.d.ReloadRoutes(t.Context(), []hikyaku.Route{r}, ""))
	}
	reload(w.routes[0].BytesPerSecond)
	if got, ok := w.executor.Limits()[running.ExecutionARN]; ok {
		t.Errorf("an unchanged rate was set to %d", got)
	}
	for _, rate := range []int64{5000, -1, 7000} {
		reload(rate)
		if got := w.executor.Limits()[running.ExecutionARN]; got != rate {
			t.Errorf("limit %d, want %d", got, rate)
		}
	}
	_, err := w.d.LimitRoute(t.Context(), "orders", 1000, hikyaku.Act{})
	must(t, err)
	reload(9000)
	if got := w.executor.Limits()[running.ExecutionARN]; got != 1000 {
		t.Errorf("a person's limit became %d", got)
	}
}

// A removed route finishes what runs, keeps what is queued, and takes nothing
// else; when it is back, everything goes on.
func TestDispatcher_SetRoutes_removedRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	good, bad, queued := w.run(t, "A"), w.run(t, "B"), w.send(t, "C")
	other := route("other")
	w.d.SetRoutes([]hikyaku.Route{other}, "")
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"other": {w.executor.AddTask(3)}}))
	w.executor.Succeed(good.ExecutionARN, 1, 1)
	w.executor.Fail(bad.ExecutionARN, "SourceDenied", "")
	must(t, w.d.RefreshAll(t.Context()))
	must(t, w.d.Reap(t.Context()))
	w.assign(t)
	w.wantState(t, good, hikyaku.Succeeded)
	bad = w.wantState(t, bad, hikyaku.Failed)
	w.wantState(t, queued, hikyaku.Queued)
	p, err := w.ledger.Pool(t.Context(), "")
	must(t, err)
	if len(p.Tasks) != 1 || p.Tasks[0].Route != "other" {
		t.Errorf("pool %+v, want the other route's task only", p.Tasks)
	}
	if _, err := w.d.Rerun(t.Context(), bad.TransferID, hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeNoRoute {
		t.Errorf("rerun on a removed route: %v", err)
	}
	w.d.SetRoutes([]hikyaku.Route{other, route("orders")}, "")
	w.pool(t, 1, 2)
	w.assign(t)
	w.wantState(t, queued, hikyaku.Running)
	_, err = w.d.Rerun(t.Context(), bad.TransferID, hikyaku.Act{})
	must(t, err)
}
