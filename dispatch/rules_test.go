package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// fails ends the running attempt with a DataSync error and brings the transfer
// up to date.
func (w *world) fails(t *testing.T, x hikyaku.Transfer, code string) {
	t.Helper()
	x = w.wantState(t, x, hikyaku.Running)
	w.executor.Fail(x.ExecutionARN, code, "")
	must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
}

// again has everything that waits for its time start once more.
func (w *world) again(t *testing.T) {
	t.Helper()
	w.clock.Advance(time.Hour)
	must(t, w.d.Reap(t.Context())) // benches are over
	w.assign(t)
}

// Failures of agents and pool burn no attempt, however many there are.
func TestDispatcher_freeAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	for range 2 * hikyaku.DefaultMaxAttempts {
		w.fails(t, x, "AgentOffline")
		w.wantState(t, x, hikyaku.Queued)
		w.again(t)
	}
	for range hikyaku.DefaultMaxAttempts - 1 {
		w.fails(t, x, "Transient")
		w.wantState(t, x, hikyaku.Queued)
		w.again(t)
	}
	w.fails(t, x, "Transient")
	w.wantState(t, x, hikyaku.Failed)
}

// A mismatch of a source that changed meanwhile is no evidence of corruption.
func TestDispatcher_mismatchOfChangedSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Bytes: 20})
	w.fails(t, x, "ChecksumMismatch")
	if got := w.wantState(t, x, hikyaku.Queued); got.Failure.Code != hikyaku.CodeSourceChanged {
		t.Fatalf("failure %+v", got.Failure)
	}
	w.again(t)
	w.fails(t, x, "ChecksumMismatch")
	if got := w.wantState(t, x, hikyaku.Queued); got.Failure.Code != hikyaku.CodeMismatch {
		t.Fatalf("failure %+v, want the first mismatch of an unchanged source", got.Failure)
	}
}

// A rerun begins anew: one mismatch after it is a first one.
func TestDispatcher_mismatchAfterRerun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	w.fails(t, x, "ChecksumMismatch")
	w.again(t)
	w.fails(t, x, "ChecksumMismatch")
	w.wantState(t, x, hikyaku.Failed)
	_, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{})
	must(t, err)
	w.assign(t)
	w.fails(t, x, "ChecksumMismatch")
	if got := w.wantState(t, x, hikyaku.Queued); got.Failure.Code != hikyaku.CodeMismatch {
		t.Fatalf("failure %+v", got.Failure)
	}
}

// A cancel that did not reach DataSync, whoever wanted it, is asked for again.
func TestDispatcher_cancelIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]func(*testing.T, *world, hikyaku.Transfer) error{
		"a person": func(t *testing.T, w *world, x hikyaku.Transfer) error {
			t.Helper()
			_, err := w.d.Cancel(t.Context(), x.TransferID, hikyaku.Act{})
			return err
		},
		"a watchdog": func(t *testing.T, w *world, _ hikyaku.Transfer) error {
			t.Helper()
			w.clock.Advance(hikyaku.DefaultLaunchTimeout + time.Second)
			return w.d.RefreshAll(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var h hook
			w := newWorld(t, func(o *dispatch.Options) {
				o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
			})
			x := w.run(t, "A")
			h.set(func(op string) (error, error) { return map[string]error{"Cancel": errBroken}[op], nil })
			_ = cancel(t, w, x) // what was recorded counts, not whether this tells
			if status := w.executor.Executions()[x.ExecutionARN].Status; status != "LAUNCHING" {
				t.Fatalf("the execution is %s; the test needs that the cancel failed", status)
			}
			h.set(nil)
			must(t, w.d.RefreshAll(t.Context()))
			if status := w.executor.Executions()[x.ExecutionARN].Status; status != "CANCELLING" {
				t.Errorf("the execution is %s, want CANCELLING", status)
			}
		})
	}
}

// A cancel that comes while the start is under way reaches the execution as
// soon as it is known.
func TestDispatcher_cancelWhileStarting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	slow := w.dispatcher(func(o *dispatch.Options) {
		o.Executor = &starting{Executor: w.executor, start: func(ctx context.Context, s hikyaku.Start) (string, error) {
			_, err := w.d.Cancel(ctx, x.TransferID, hikyaku.Act{})
			must(t, err)
			return w.executor.Start(ctx, s)
		}}
	})
	_, err := slow.AssignAll(t.Context())
	must(t, err)
	got := w.get(t, x)
	if status := w.executor.Executions()[got.ExecutionARN].Status; status != "CANCELLING" {
		t.Errorf("the execution is %q, want CANCELLING", status)
	}
}

// What DataSync does not know any more, but its task still names, is there.
func TestDispatcher_executionNotFound(t *testing.T) {
	t.Parallel()
	var h hook
	w := newWorld(t, func(o *dispatch.Options) {
		o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
	})
	x := w.run(t, "A")
	unknown := &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: "no such execution"}
	h.set(func(op string) (error, error) { return map[string]error{"Describe": unknown}[op], nil })
	w.clock.Advance(time.Hour)
	must(t, w.d.RefreshAll(t.Context()))
	w.wantState(t, x, hikyaku.Running)
	w.executor.Forget(x.ExecutionARN)
	must(t, w.d.RefreshAll(t.Context()))
	if got := w.wantState(t, x, hikyaku.Queued); got.Failure.Code != hikyaku.CodeExecutionLost {
		t.Errorf("failure %+v", got.Failure)
	}
}

func TestDispatcher_notReadyMarker(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Routes[0].Ready.Marker = "_DONE" })
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1})
	x := w.send(t, "A")
	w.assign(t)
	if got := w.wantState(t, x, hikyaku.Queued); got.WaitingReason != hikyaku.SourceNotReady || got.Attempt != 0 {
		t.Fatalf("waits for %s after %d attempts", got.WaitingReason, got.Attempt)
	}
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 2, Marker: true})
	w.again(t)
	w.wantState(t, x, hikyaku.Running)
}

// A source that refuses to be listed fails the transfer at once if that will
// not pass, and costs no attempt and no start either way.
func TestDispatcher_lookFails(t *testing.T) {
	t.Parallel()
	for kind, tc := range map[hikyaku.Kind]struct {
		state hikyaku.State
		code  string
	}{
		hikyaku.KindDenied:    {hikyaku.Failed, hikyaku.CodeSourceDenied},
		hikyaku.KindNotFound:  {hikyaku.Failed, hikyaku.CodeNoBucket},
		hikyaku.KindInvalid:   {hikyaku.Failed, hikyaku.CodeRouteInvalid},
		hikyaku.KindTransient: {hikyaku.Queued, ""},
	} {
		w := newWorld(t)
		w.source.Fail("A", &hikyaku.Error{Kind: kind, Message: "no"})
		x := w.send(t, "A")
		w.assign(t)
		got := w.wantState(t, x, tc.state)
		code := ""
		if got.Failure != nil {
			code = got.Failure.Code
		}
		if code != tc.code || got.Attempt != 0 || len(w.executor.Starts()) != 0 {
			t.Errorf("%s: code %q after %d attempts, %d starts", kind, code, got.Attempt, len(w.executor.Starts()))
		}
	}
}

// Once DataSync asked to slow down, nothing else is started for a while.
func TestDispatcher_brake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *dispatch.Options) { o.Workers = 1 })
	w.executor.Refuse(&hikyaku.Error{Kind: hikyaku.KindTransient, Message: "Rate exceeded"})
	a, b := w.send(t, "A"), w.send(t, "B")
	w.assign(t)
	if got := w.wantState(t, a, hikyaku.Queued); got.WaitingReason != hikyaku.Throttled {
		t.Fatalf("the first waits for %s", got.WaitingReason)
	}
	w.executor.Refuse(nil)
	if n := w.assign(t); n != 0 || w.get(t, b).Attempt != 0 {
		t.Errorf("%d started just after DataSync asked to slow down", n)
	}
	w.clock.Advance(time.Minute)
	if n := w.assign(t); n != 2 {
		t.Errorf("%d started when the brake was over, want 2", n)
	}
}

// The same redriven message twice is one rerun, also if it does not say of
// which run it is.
func TestDispatcher_redrivenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.source.Set("A", hikyaku.Look{Listed: true})
	x := w.send(t, "A")
	w.assign(t)
	w.wantState(t, x, hikyaku.Failed)
	m := w.message("A")
	m.Attributes = map[string]string{hikyaku.AttributeTransfer: x.TransferID}
	for range 2 {
		must(t, w.d.Accept(t.Context(), m))
		w.assign(t)
		if got := w.wantState(t, x, hikyaku.Failed); got.Reruns != 1 {
			t.Fatalf("%d reruns, want 1", got.Reruns)
		}
	}
}

// Only a dead letter that waits for a person can be discarded, and once.
func TestDispatcher_DiscardDeadLetter_none(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	if err := w.d.DiscardDeadLetter(t.Context(), x.TransferID, hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeNoDeadLetter {
		t.Errorf("discard of a running transfer: %v", err)
	}
	poison := w.send(t, "{}")
	must(t, w.d.DiscardDeadLetter(t.Context(), poison.TransferID, hikyaku.Act{}))
	if err := w.d.DiscardDeadLetter(t.Context(), poison.TransferID, hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeNoDeadLetter {
		t.Errorf("discard again: %v", err)
	}
}

// Messages for one ID that ask for different things are transfers of their own.
func TestDispatcher_joinsOnlyTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for body, want := range map[string]bool{
		`{"id":"A","metadata":{"a":"b"}}`: true, `{"id":"B","metadata":{"a":"c"}}`: false, `{"id":"C"}`: false,
	} {
		first := w.send(t, body)
		second := w.send(t, `{"id":"`+first.ID+`","metadata":{"a":"b"}}`)
		if joined := first.TransferID == second.TransferID; joined != want {
			t.Errorf("the second message joined that of %s: %t, want %t", body, joined, want)
		}
	}
}

// A watchdog cancels at once; PREPARING has more patience than what copies.
func TestDispatcher_watchdogOfPhases(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{"TRANSFERRING": "CANCELLING", "PREPARING": "PREPARING"} {
		w := newWorld(t)
		x := w.run(t, "A")
		w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) { e.Status = status })
		w.clock.Advance(time.Minute)
		must(t, w.d.RefreshAll(t.Context()))
		w.clock.Advance(hikyaku.DefaultStallTimeout + time.Minute)
		must(t, w.d.RefreshAll(t.Context()))
		if got := w.executor.Executions()[x.ExecutionARN].Status; got != want {
			t.Errorf("after standing still in %s the execution is %s, want %s", status, got, want)
		}
	}
}
