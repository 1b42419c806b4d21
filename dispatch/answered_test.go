package dispatch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// handingOver gives starts away, as a state machine's executor does.
type handingOver struct {
	*hikyakutest.Executor
	given []hikyaku.Start
}

func (x *handingOver) Start(_ context.Context, s hikyaku.Start) (string, error) {
	x.given = append(x.given, s)
	return "", hikyaku.ErrHandedOver
}

// handed is a world whose one transfer is STARTING somewhere else.
func handed(t *testing.T) (*world, *handingOver, hikyaku.Transfer) {
	t.Helper()
	w := newWorld(t)
	x := &handingOver{Executor: w.executor}
	w.d = w.dispatcher(func(o *dispatch.Options) { o.Executor = x })
	transfer := w.send(t, "A")
	if n := w.assign(t); n != 1 || len(x.given) != 1 {
		t.Fatalf("%d started, %d handed over; want one each", n, len(x.given))
	}
	return w, x, w.wantState(t, transfer, hikyaku.Starting)
}

func TestDispatcher_Answered(t *testing.T) {
	t.Parallel()
	w, x, transfer := handed(t)
	arn, err := w.executor.Start(t.Context(), x.given[0])
	must(t, err)
	for range 2 { // an answer may come twice
		must(t, w.d.Answered(t.Context(), x.given[0], arn, nil))
	}
	if got := w.wantState(t, transfer, hikyaku.Running); got.ExecutionARN != arn || got.Attempt != 1 {
		t.Errorf("runs %q in attempt %d", got.ExecutionARN, got.Attempt)
	}
}

func TestDispatcher_Answered_refused(t *testing.T) {
	t.Parallel()
	w, x, transfer := handed(t)
	refusal := &hikyaku.Error{Kind: hikyaku.KindDenied, Message: "no"}
	must(t, w.d.Answered(t.Context(), x.given[0], "", refusal))
	got := w.get(t, transfer)
	if got.State == hikyaku.Starting || got.Failure == nil || got.Failure.Code != hikyaku.CodeStartDenied {
		t.Errorf("%s %+v, want the attempt ended with %s", got.State, got.Failure, hikyaku.CodeStartDenied)
	}
	must(t, w.d.Answered(t.Context(), x.given[0], "", refusal)) // again: nothing
	if again := w.get(t, transfer); again.Version != got.Version {
		t.Errorf("a second answer changed %+v", again)
	}
}

// TestDispatcher_Answered_unclear: nobody knows, so the lease decides.
func TestDispatcher_Answered_unclear(t *testing.T) {
	t.Parallel()
	w, x, transfer := handed(t)
	unclear := &hikyaku.UnclearError{Err: errors.New("timed out")}
	must(t, w.d.Answered(t.Context(), x.given[0], "", unclear))
	w.wantState(t, transfer, hikyaku.Starting)
	w.clock.Advance(3 * time.Minute)
	must(t, w.d.Reap(t.Context()))
	if got := w.wantState(t, transfer, hikyaku.Queued); got.Failure == nil || got.Failure.Code != hikyaku.CodeStartLost {
		t.Errorf("failure %+v", got.Failure)
	}
}

// TestDispatcher_Answered_tooLate: the lease ended before the start was made.
func TestDispatcher_Answered_tooLate(t *testing.T) {
	t.Parallel()
	w, x, transfer := handed(t)
	w.clock.Advance(3 * time.Minute)
	must(t, w.d.Reap(t.Context()))
	w.wantState(t, transfer, hikyaku.Queued)
	w.clock.Advance(time.Minute)
	w.assign(t)
	w.wantState(t, transfer, hikyaku.Starting)
	arn, err := w.executor.Start(t.Context(), x.given[0])
	must(t, err)
	must(t, w.d.Answered(t.Context(), x.given[0], arn, nil))
	if got := w.wantState(t, transfer, hikyaku.Starting); got.Attempt != 2 {
		t.Errorf("attempt %d, want the second", got.Attempt)
	}
	if e := w.executor.Executions()[arn]; e.Status != "CANCELLING" && !e.Ended() {
		t.Errorf("the late execution is %s, want it cancelled", e.Status)
	}
}
