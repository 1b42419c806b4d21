package dispatch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// An execution that runs for hours keeps its lease, whoever looks, and loses
// neither lease nor ID while DataSync does not answer.
func TestDispatcher_Reap_extendsLongExecutions(t *testing.T) {
	t.Parallel()
	var h hook
	w := newWorld(t, func(o *dispatch.Options) {
		o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
	})
	x := w.run(t, "A")
	moved := int64(0)
	for range 4 * 60 / 7 { // four hours, looked at more rarely than the lease lasts
		w.clock.Advance(7 * time.Minute)
		moved++
		w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) {
			e.Status, e.EstimatedFiles, e.FilesTransferred = "TRANSFERRING", 1000, moved
		})
		must(t, w.d.Reap(t.Context()))
		got := w.wantState(t, x, hikyaku.Running)
		if !got.LeaseExpires.After(w.clock.Now()) || got.Attempt != 1 {
			t.Fatalf("lease until %s at %s, attempt %d", got.LeaseExpires, w.clock.Now(), got.Attempt)
		}
	}
	h.set(func(op string) (error, error) {
		return map[string]error{"Describe": errBroken, "Current": errBroken}[op], nil
	})
	w.clock.Advance(24 * time.Hour)
	if err := w.d.Reap(t.Context()); err == nil {
		t.Fatal("DataSync does not answer, and reap did not mind")
	}
	w.wantState(t, x, hikyaku.Running)
	h.set(nil)
	w.executor.Succeed(x.ExecutionARN, 1000, 1)
	must(t, w.d.Reap(t.Context()))
	w.wantState(t, x, hikyaku.Succeeded)
	if n := len(w.executor.Starts()); n != 1 {
		t.Errorf("started %d times", n)
	}
}

// forgetful is an executor that does not know single executions.
type forgetful struct{ hikyaku.Executor }

func (*forgetful) Describe(_ context.Context, arn string) (hikyaku.Execution, error) {
	return hikyaku.Execution{}, &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "describe", Subject: arn, Message: "no such execution"}
}

// That DataSync does not know an execution just started, or one its own task
// still names, must not start a second one beside it.
func TestDispatcher_Refresh_unknownExecution(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]bool{"its task names it": false, "it is gone": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *dispatch.Options) { o.Executor = &forgetful{o.Executor} })
			x := w.run(t, "A")
			must(t, w.d.RefreshAll(t.Context()))
			w.wantState(t, x, hikyaku.Running)
			if forget {
				w.executor.Forget(x.ExecutionARN)
			}
			w.clock.Advance(time.Minute)
			must(t, w.d.RefreshAll(t.Context()))
			w.wantState(t, x, hikyaku.Running) // too early to tell
			w.clock.Advance(5 * time.Minute)
			must(t, w.d.Reap(t.Context()))
			if !forget {
				w.wantState(t, x, hikyaku.Running)
				return
			}
			if got := w.wantState(t, x, hikyaku.Queued); got.Failure.Code != hikyaku.CodeExecutionLost || got.Free != 1 {
				t.Errorf("failure %+v, %d free", got.Failure, got.Free)
			}
		})
	}
}

// What another process changed is seen although the clock was set back.
func TestDispatcher_AssignAll_clockSetBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.assign(t)
	w.clock.Advance(-time.Hour)
	_, err := w.dispatcher().PauseRoute(t.Context(), "orders", hikyaku.Act{By: "ana"})
	must(t, err)
	w.clock.Advance(5 * time.Second)
	x := w.send(t, "A")
	w.assign(t)
	w.wantState(t, x, hikyaku.Queued)
}

// A store whose clock runs years ahead parks nothing for years.
func TestDispatcher_notReady_storesClockAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].Ready.Quiet = 30 * time.Second })
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Newest: w.clock.Now().AddDate(10, 0, 0)})
	x := w.send(t, "A")
	w.assign(t)
	got := w.wantState(t, x, hikyaku.Queued)
	if got.WaitingReason != hikyaku.SourceNotReady || got.NotBefore.Sub(w.clock.Now()) > 30*time.Second {
		t.Fatalf("waits for %s until %s", got.WaitingReason, got.NotBefore)
	}
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Newest: w.clock.Now()}) // it was set right
	w.clock.Advance(30 * time.Second)
	w.assign(t)
	w.wantState(t, x, hikyaku.Running)
}

// A lease that no transfer has any more is given back although its task was
// deleted in DataSync.
func TestDispatcher_Reap_leakedLeaseOfADeletedTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := hikyakutest.TaskARN(99)
	must(t, w.ledger.Commit(t.Context(), hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: hikyaku.Task{
		ARN: arn, Route: "orders", Index: 9, State: hikyaku.Leased, Token: 3, TransferID: "gone", LeaseExpires: w.clock.Now().Add(-time.Minute),
	}}}}))
	must(t, w.d.Reap(t.Context()))
	if task, _ := w.task(t, arn); task.TransferID != "" {
		t.Fatalf("still leased: %+v", task)
	}
	must(t, w.d.Reap(t.Context()))
	if task, _ := w.task(t, arn); task.State != hikyaku.Benched || !strings.Contains(task.BenchedReason, arn) {
		t.Errorf("a task that does not exist is %s (%s)", task.State, task.BenchedReason)
	}
}

// What came due is said once, so that a loop that follows Next does not spin.
func TestDispatcher_Next_saysOnceWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].Ready.Quiet = time.Minute })
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Newest: w.clock.Now()})
	w.send(t, "A")
	w.assign(t)
	due := w.d.Next(t.Context())
	if due.Before(w.clock.Now().Add(time.Minute)) || !w.d.Next(t.Context()).Equal(due) {
		t.Fatalf("due at %s and then %s, want in a minute", due, w.d.Next(t.Context()))
	}
	w.clock.Advance(time.Minute + 10*time.Millisecond)
	if got := w.d.Next(t.Context()); !got.Equal(due) {
		t.Fatalf("due at %s, want %s", got, due)
	}
	if got := w.d.Next(t.Context()); !got.IsZero() {
		t.Errorf("said again: %s", got)
	}
}

// After a restart a long execution begins again in LAUNCHING: the watchdog's
// time runs from then.
func TestDispatcher_watchdog_launchingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	status := func(s string) {
		w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) { e.Status = s })
		w.clock.Advance(time.Second)
		must(t, w.d.RefreshAll(t.Context()))
	}
	status("TRANSFERRING")
	w.clock.Advance(20 * time.Minute)
	status("LAUNCHING")
	w.clock.Advance(time.Minute)
	must(t, w.d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Running); got.Failure != nil {
		t.Fatalf("stopped a minute after it began again: %+v", got.Failure)
	}
	w.clock.Advance(hikyaku.DefaultLaunchTimeout)
	must(t, w.d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Running); got.Failure == nil || got.Failure.Code != hikyaku.CodeLaunchStalled {
		t.Errorf("failure %+v, want a stalled launch", got.Failure)
	}
}

// A server that was down, or whose machine slept, does not take its absence
// for a standstill.
func TestDispatcher_watchdog_afterSleep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Exclusive = true })
	x := w.run(t, "A")
	must(t, w.d.RefreshAll(t.Context()))
	w.clock.Advance(10 * time.Hour)
	must(t, w.d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Running); got.Failure != nil {
		t.Fatalf("stopped after the machine slept: %+v", got.Failure)
	}
	for range 16 * 2 {
		w.clock.Advance(30 * time.Second)
		must(t, w.d.RefreshAll(t.Context()))
	}
	if got := w.wantState(t, x, hikyaku.Running); got.Failure == nil || got.Failure.Code != hikyaku.CodeLaunchStalled {
		t.Errorf("failure %+v, want a stalled launch", got.Failure)
	}
}
