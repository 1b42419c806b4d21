package dispatch_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

var errBroken = errors.New("the connection broke")

func TestDispatcher_delivers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	commits := w.ledger.Commits()
	x := w.run(t, "A-1")
	starts := w.executor.Starts()
	if len(starts) != 1 || starts[0].Includes != "/A-1/*" || starts[0].TransferMode != "ALL" || starts[0].BytesPerSecond != -1 ||
		starts[0].Tags[hikyaku.TagTransfer] != x.TransferID || starts[0].VerifyMode != "ONLY_FILES_TRANSFERRED" {
		t.Fatalf("starts = %+v", starts)
	}
	w.executor.Succeed(x.ExecutionARN, 3, 300)
	must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
	got := w.wantState(t, x, hikyaku.Succeeded)
	if got.Outcome != hikyaku.Delivered || got.Files.Transferred != 3 || got.Bytes.Written != 300 || len(got.Attempts) != 1 {
		t.Fatalf("got %+v", got)
	}
	if n := w.ledger.Commits() - commits; n != 4 {
		t.Errorf("%d commits for one transfer, want 4", n)
	}
	p, err := w.ledger.Pool(t.Context(), "orders")
	must(t, err)
	for _, task := range p.Tasks {
		if task.State != hikyaku.Idle || task.TransferID != "" {
			t.Errorf("task %+v is not free", task)
		}
	}
	if owner := w.ledger.Active("orders", "A-1"); owner != "" {
		t.Errorf("ACTIVE is still held by %s", owner)
	}
	n, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	if n != 1 || len(w.completions.Messages()) != 1 || len(w.dlq.Messages()) != 0 {
		t.Errorf("sent %d, completions %v", n, w.completions.Messages())
	}
}

func TestDispatcher_duplicateAndJoin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.message("A-1")
	for range 3 {
		must(t, w.d.Accept(t.Context(), m))
	}
	must(t, w.d.Accept(t.Context(), w.message(`{"id":"A-1"}`)))                   // joins
	must(t, w.d.Accept(t.Context(), w.message(`{"id":"A-1","paths":["a.txt"]}`))) // its own
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{ID: "A-1"})
	must(t, err)
	if len(page.Transfers) != 2 {
		t.Fatalf("%d transfers, want 2", len(page.Transfers))
	}
	if n := w.assign(t); n != 1 {
		t.Fatalf("started %d, want 1: two of one ID never run at once", n)
	}
	parked := 0
	for _, x := range page.Transfers {
		if got := w.get(t, x); got.WaitingReason == hikyaku.SameIDRunning {
			parked++
		}
	}
	if parked != 1 {
		t.Fatalf("%d parked, want 1", parked)
	}
	live := w.executor.Live()
	w.executor.Succeed(live[0], 1, 1)
	must(t, w.d.Refresh(t.Context(), live[0]))
	if live = w.executor.Live(); len(live) != 1 {
		t.Fatalf("live = %v: the parked one was not woken", live)
	}
}

func TestDispatcher_rejectsPoison(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, `{"no":"id"}`)
	got := w.wantState(t, x, hikyaku.Rejected)
	if got.Failure.Code != hikyaku.CodeIDMissing || got.Body != `{"no":"id"}` || got.DeadLetter != hikyaku.DeadLetterOwed {
		t.Fatalf("got %+v", got)
	}
	_, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	letters := w.dlq.Messages()
	if len(letters) != 1 || letters[0].Attributes[hikyaku.AttributeCode] != hikyaku.CodeIDMissing {
		t.Fatalf("dead letters %+v", letters)
	}
	if got := w.wantState(t, x, hikyaku.Rejected); got.DeadLetter != hikyaku.DeadLetterSent {
		t.Errorf("dead letter is %s", got.DeadLetter)
	}
}

func TestDispatcher_missingAtSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.Set("gone", hikyaku.Look{Listed: true})
	x := w.send(t, "gone")
	w.assign(t)
	got := w.wantState(t, x, hikyaku.Failed)
	if got.Failure.Code != hikyaku.CodeSourceMissing || got.Attempt != 0 || len(w.executor.Starts()) != 0 {
		t.Fatalf("got %+v", got)
	}
}

func TestDispatcher_notReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].Ready.Quiet = 30 * time.Second })
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Newest: w.clock.Now().Add(-10 * time.Second)})
	x := w.send(t, "A")
	w.assign(t)
	if got := w.wantState(t, x, hikyaku.Queued); got.WaitingReason != hikyaku.SourceNotReady {
		t.Fatalf("waiting reason %s", got.WaitingReason)
	}
	if next := w.d.Next(t.Context()); next.Sub(w.clock.Now()).Round(time.Second) != 20*time.Second {
		t.Errorf("next is in %s, want 20s", next.Sub(w.clock.Now()))
	}
	w.clock.Advance(21 * time.Second)
	if w.assign(t) != 1 {
		t.Fatal("not started after the quiet time")
	}
}

func TestDispatcher_retriesThenFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].TransferMode = "CHANGED" })
	x := w.run(t, "A")
	for attempt := 1; ; attempt++ {
		x = w.get(t, x)
		w.executor.Fail(x.ExecutionARN, "Transient", "the network broke")
		must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
		if attempt == 3 {
			break
		}
		if got := w.wantState(t, x, hikyaku.Queued); got.WaitingReason != hikyaku.BackingOff || !got.NotBefore.After(w.clock.Now()) {
			t.Fatalf("attempt %d: waiting %s until %s", attempt, got.WaitingReason, got.NotBefore)
		}
		w.clock.Advance(time.Minute)
		w.assign(t)
	}
	got := w.wantState(t, x, hikyaku.Failed)
	if got.Failure.Code != hikyaku.CodeLocationUnreachable || got.Attempt != 3 || got.DeadLetter != hikyaku.DeadLetterOwed {
		t.Fatalf("got %+v", got)
	}
	starts := w.executor.Starts()
	if starts[0].TransferMode != "CHANGED" || starts[1].TransferMode != "ALL" {
		t.Errorf("modes %s, %s: what a broken attempt left is never trusted", starts[0].TransferMode, starts[1].TransferMode)
	}
	again, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{By: "ana"})
	must(t, err)
	if again.State != hikyaku.Queued || again.BudgetFrom != 3 || again.DeadLetter != hikyaku.DeadLetterRedriven {
		t.Errorf("rerun gave %+v", again)
	}
}

func TestDispatcher_startUnclear(t *testing.T) {
	t.Parallel()
	for name, took := range map[string]bool{"took effect": true, "did not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h hook
			w := newWorld(t, func(o *dispatch.Options) {
				o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
			})
			h.set(func(op string) (error, error) {
				switch {
				case op == "Start" && took:
					return nil, errBroken
				case op == "Start":
					return errBroken, nil
				}
				return nil, nil //nolint:nilnil // neither before nor after
			})
			x := w.send(t, "A")
			w.assign(t)
			h.set(nil)
			if took {
				got := w.wantState(t, x, hikyaku.Running)
				if got.ExecutionARN == "" || len(w.executor.Starts()) != 1 {
					t.Fatalf("not adopted: %+v", got)
				}
				return
			}
			w.wantState(t, x, hikyaku.Starting)
			must(t, w.d.Reap(t.Context()))
			w.wantState(t, x, hikyaku.Starting) // it may still be on its way
			w.clock.Advance(3 * time.Minute)
			must(t, w.d.Reap(t.Context()))
			got := w.wantState(t, x, hikyaku.Queued)
			if got.Free != 1 || got.Failure.Code != hikyaku.CodeStartLost {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestDispatcher_cancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	act := hikyaku.Act{By: "ana", Reason: "wrong files"}
	queued, running, winner := w.send(t, "Q"), w.send(t, "R"), w.send(t, "S")
	_, err := w.d.Cancel(t.Context(), queued.TransferID, act)
	must(t, err)
	w.wantState(t, queued, hikyaku.Cancelled)
	w.assign(t)
	for _, x := range []hikyaku.Transfer{running, winner} {
		_, err := w.d.Cancel(t.Context(), x.TransferID, act)
		must(t, err)
		_, err = w.d.Cancel(t.Context(), x.TransferID, act)
		must(t, err)
	}
	running, winner = w.wantState(t, running, hikyaku.Running), w.wantState(t, winner, hikyaku.Running)
	w.executor.Fail(running.ExecutionARN, "Cancelled", "")
	w.executor.Move(winner.ExecutionARN, func(e *hikyaku.Execution) { e.Status, e.FilesTransferred = "SUCCESS", 1 })
	must(t, w.d.RefreshAll(t.Context()))
	w.wantState(t, running, hikyaku.Cancelled)
	w.wantState(t, winner, hikyaku.Succeeded)
	if _, err := w.d.Cancel(t.Context(), winner.TransferID, act); hikyaku.KindOf(err) != hikyaku.KindConflict {
		t.Errorf("cancelling an ended transfer: %v", err)
	}
}

func TestDispatcher_watchdog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	w.clock.Advance(hikyaku.DefaultLaunchTimeout + time.Second)
	must(t, w.d.RefreshAll(t.Context()))
	got := w.wantState(t, x, hikyaku.Running) // until the execution has really ended
	if got.Failure == nil || got.Failure.Code != hikyaku.CodeLaunchStalled {
		t.Fatalf("failure %+v", got.Failure)
	}
	w.executor.Fail(x.ExecutionARN, "Cancelled", "")
	must(t, w.d.RefreshAll(t.Context()))
	got = w.wantState(t, x, hikyaku.Queued)
	if got.Free != 1 || got.Failure.Code != hikyaku.CodeLaunchStalled {
		t.Fatalf("got %+v", got)
	}
	p, err := w.ledger.Pool(t.Context(), "")
	must(t, err)
	benched := 0
	for _, task := range p.Tasks {
		if task.State == hikyaku.Benched && task.ARN == x.TaskARN {
			benched++
		}
	}
	if benched != 1 {
		t.Errorf("the task was not benched: %+v", p.Tasks)
	}
}

func TestDispatcher_mismatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	w.executor.Fail(x.ExecutionARN, "ChecksumMismatch", "a.txt")
	must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
	w.wantState(t, x, hikyaku.Queued)
	w.clock.Advance(time.Minute)
	w.assign(t)
	x = w.get(t, x)
	w.executor.Fail(x.ExecutionARN, "ChecksumMismatch", "a.txt")
	must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
	if got := w.wantState(t, x, hikyaku.Failed); got.Failure.Code != hikyaku.CodeCorrupt || got.Failure.Kind != hikyaku.KindCorrupt {
		t.Fatalf("failure %+v", got.Failure)
	}
}

func TestDispatcher_redrivenMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.Set("late", hikyaku.Look{Listed: true})
	x := w.send(t, "late")
	w.assign(t)
	_, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	letter := w.dlq.Messages()[0]
	w.source.Set("late", hikyaku.Look{Listed: true, Objects: 1})
	letter.ID, letter.Queue, letter.Receives = "redriven-1", "inbox", 1
	for range 2 {
		must(t, w.d.Accept(t.Context(), letter))
	}
	got := w.wantState(t, x, hikyaku.Queued)
	if got.Reruns != 1 || got.DeadLetter != hikyaku.DeadLetterRedriven {
		t.Fatalf("got %+v", got)
	}
	w.assign(t)
	got = w.wantState(t, x, hikyaku.Running)
	w.executor.Fail(got.ExecutionARN, "SourceDenied", "")
	must(t, w.d.Refresh(t.Context(), got.ExecutionARN))
	letter.ID = "redriven-2" // an old copy of the first letter
	must(t, w.d.Accept(t.Context(), letter))
	if got := w.wantState(t, x, hikyaku.Failed); got.Reruns != 1 {
		t.Fatalf("an outdated letter was obeyed: %+v", got)
	}
}

func TestDispatcher_redrivesRejected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, `{"id":"A","route":"later"}`)
	w.wantState(t, x, hikyaku.Rejected)
	if _, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeNoRoute {
		t.Fatalf("rerun: %v", err)
	}
	later := route("later")
	w.d.SetRoutes([]hikyaku.Route{w.routes[0], later}, "")
	n, err := w.d.RedriveDeadLetters(t.Context(), nil, hikyaku.Act{})
	must(t, err)
	if got := w.wantState(t, x, hikyaku.Queued); n != 1 || got.ID != "A" || got.Route != "later" {
		t.Fatalf("n %d, got %+v", n, got)
	}
}

func TestDispatcher_pauseAndLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	running := w.run(t, "A")
	_, err := w.d.PauseRoute(t.Context(), "orders", hikyaku.Act{By: "ana", Reason: "maintenance"})
	must(t, err)
	x := w.send(t, "B")
	if n := w.assign(t); n != 0 {
		t.Fatalf("started %d on a paused route", n)
	}
	if got := w.wantState(t, x, hikyaku.Queued); got.WaitingReason != hikyaku.RoutePaused || got.WaitingDetail != "maintenance" {
		t.Fatalf("waiting %s %s", got.WaitingReason, got.WaitingDetail)
	}
	_, err = w.d.LimitRoute(t.Context(), "orders", 1000, hikyaku.Act{})
	must(t, err)
	if w.executor.Limits()[running.ExecutionARN] != 1000 {
		t.Error("the running execution was not limited")
	}
	_, err = w.d.ResumeRoute(t.Context(), "orders", hikyaku.Act{})
	must(t, err)
	w.assign(t)
	w.wantState(t, x, hikyaku.Running)
	if s := w.executor.Starts(); s[1].BytesPerSecond != 1000 {
		t.Errorf("started with %d bytes per second", s[1].BytesPerSecond)
	}
	for _, bad := range []int64{0, -2} {
		if _, err := w.d.LimitRoute(t.Context(), "orders", bad, hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeBandwidthRefused {
			t.Errorf("limit %d: %v", bad, err)
		}
	}
}
