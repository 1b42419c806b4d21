package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// starting is an executor of which Start is replaced.
type starting struct {
	hikyaku.Executor
	start func(ctx context.Context, s hikyaku.Start) (string, error)
}

func (x *starting) Start(ctx context.Context, s hikyaku.Start) (string, error) {
	return x.start(ctx, s)
}

// slowStart has a dispatcher start the transfer of A in one task; while its
// call hangs, another dispatcher finds the lease expired and leases the other
// task, whose token is the same number. Then answer is what the call returns.
func slowStart(t *testing.T, second func(*dispatch.Options), answer func(*world, hikyaku.Start) (string, error)) (*world, hikyaku.Transfer) {
	t.Helper()
	w := newWorld(t)
	x := w.send(t, "A")
	var first hikyaku.Start
	slow := w.dispatcher(func(o *dispatch.Options) {
		o.Executor = &starting{Executor: w.executor, start: func(ctx context.Context, s hikyaku.Start) (string, error) {
			first = s
			other := w.dispatcher(second)
			w.clock.Advance(3 * time.Minute)
			must(t, other.Reap(ctx))
			w.clock.Advance(time.Minute)
			_, err := other.AssignAll(ctx)
			must(t, err)
			return answer(w, s)
		}}
	})
	_, err := slow.AssignAll(t.Context())
	must(t, err)
	got := w.get(t, x)
	if got.Attempt != 2 || got.TaskARN == first.TaskARN || got.Token != 1 {
		t.Fatalf("attempt %d in %s with token %d; the test needs another task with the same token", got.Attempt, got.TaskARN, got.Token)
	}
	return w, got
}

// A refusal that comes late is about an attempt that is over: the attempt that
// followed must not end by it.
func TestDispatcher_lateRefusalEndsNoOtherAttempt(t *testing.T) {
	t.Parallel()
	w, x := slowStart(t, func(*dispatch.Options) {}, func(*world, hikyaku.Start) (string, error) {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: "refused"}
	})
	got := w.wantState(t, x, hikyaku.Running)
	if task, _ := w.task(t, got.TaskARN); task.TransferID != got.TransferID {
		t.Errorf("the running attempt lost its task: %+v", task)
	}
}

// An execution that starts after its lease was given away is cancelled, and
// recorded nowhere, whatever the attempt that followed is doing.
func TestDispatcher_lateStartIsCancelled(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault hikyakutest.Fault
		state hikyaku.State
	}{
		"the next attempt runs":   {nil, hikyaku.Running},
		"the next attempt starts": {func(op string) (error, error) { return map[string]error{"Start": errBroken}[op], nil }, hikyaku.Starting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var late string
			w, x := slowStart(t, func(o *dispatch.Options) {
				o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: tc.fault}
			}, func(w *world, s hikyaku.Start) (arn string, err error) {
				late, err = w.executor.Start(t.Context(), s)
				return late, err
			})
			got := w.wantState(t, x, tc.state)
			if got.ExecutionARN == late {
				t.Error("the late execution was recorded as that of the next attempt")
			}
			if status := w.executor.Executions()[late].Status; status != "CANCELLING" {
				t.Errorf("the late execution is %s, want CANCELLING", status)
			}
		})
	}
}

// A task that left the pool and came back counts tokens from the beginning;
// an execution of its earlier life is not that of a later attempt.
func TestDispatcher_adoptsNoExecutionOfAnEarlierAttempt(t *testing.T) {
	t.Parallel()
	var h hook
	w := newWorld(t, func(o *dispatch.Options) {
		o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
	})
	w.pool(t, 1)
	x := w.run(t, "A")
	w.executor.Succeed(x.ExecutionARN, 1, 10)
	must(t, w.d.RefreshAll(t.Context()))
	w.wantState(t, x, hikyaku.Succeeded)
	w.pool(t)
	w.pool(t, 1)
	h.set(func(op string) (error, error) { return map[string]error{"Start": errBroken}[op], nil })
	_, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{Force: true})
	must(t, err)
	w.assign(t)
	got := w.wantState(t, x, hikyaku.Starting)
	if got.Token != x.Token || got.TaskARN != x.TaskARN {
		t.Fatalf("task %s token %d; the test needs the same lease again", got.TaskARN, got.Token)
	}
}

// Between two attempts nobody owns an execution either.
func TestDispatcher_lateStartBetweenAttemptsIsCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	var late string
	slow := w.dispatcher(func(o *dispatch.Options) {
		o.Executor = &starting{Executor: w.executor, start: func(ctx context.Context, s hikyaku.Start) (arn string, err error) {
			w.clock.Advance(3 * time.Minute)
			must(t, w.dispatcher().Reap(ctx))
			late, err = w.executor.Start(ctx, s)
			return late, err
		}}
	})
	_, err := slow.AssignAll(t.Context())
	must(t, err)
	if got := w.wantState(t, x, hikyaku.Queued); got.Attempt != 1 {
		t.Fatalf("attempt %d; the test needs that none follows yet", got.Attempt)
	}
	if status := w.executor.Executions()[late].Status; status != "CANCELLING" {
		t.Errorf("the late execution is %s, want CANCELLING", status)
	}
}

// DataSync asks to slow down and cannot even be asked what runs. A refusal is
// no unclear start: the task and the transfer are free at once.
func TestDispatcher_throttledStart(t *testing.T) {
	t.Parallel()
	var h hook
	w := newWorld(t, func(o *dispatch.Options) {
		o.Executor = &hikyakutest.FaultyExecutor{Executor: o.Executor, Fault: h.fault}
	})
	slowDown := &hikyaku.Error{Kind: hikyaku.KindTransient, Message: "Rate exceeded"}
	w.executor.Refuse(slowDown)
	h.set(func(op string) (error, error) { return map[string]error{"Current": slowDown}[op], nil })
	x := w.send(t, "A")
	w.assign(t)
	got := w.wantState(t, x, hikyaku.Queued)
	if got.Attempt != 1 || got.Attempts[0].Failure.Code != hikyaku.CodeThrottled {
		t.Errorf("attempts = %+v", got.Attempts)
	}
	if task, _ := w.task(t, got.Attempts[0].TaskARN); task.TransferID != "" {
		t.Errorf("the task is still leased: %+v", task)
	}
}
