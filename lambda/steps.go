package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

// StepFollower is what Steps drives; *dispatch.Dispatcher is one.
type StepFollower interface {
	Follower
	// Answered takes the answer to a start that the state machine made.
	Answered(ctx context.Context, s hikyaku.Start, executionARN string, callErr error) error
}

// Transfers reads a transfer; every hikyaku.Ledger does.
type Transfers interface {
	Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error)
}

// Parking keeps the tokens of executions that wait for an attempt;
// *stepfunctions.Parking does.
type Parking interface {
	Park(ctx context.Context, transferID, token string, events int) error
	WakeIf(ctx context.Context, transferID, token string, s stepfunctions.State) (bool, error)
	Parked(ctx context.Context) (map[string]string, error)
}

// What the state machine is told to do when.
const (
	// againIn is after how long it asks again what became of an unclear start.
	againIn = 15 * time.Second
	// lookBy is the longest that steps hears nothing of an execution whose
	// status stays the same. The lease of the task lasts longer.
	lookBy = 2 * time.Minute
	// share of an execution's age that passes between two looks at it.
	pollShare = 10
	// fresh is how old a description may be to be believed.
	fresh = 10 * time.Second
	// parkBefore is how long before the end of a back-off an execution parks, so
	// that its token is there when the next attempt is begun, by anyone.
	parkBefore = 5 * time.Second
)

// How many events a state machine's history gets: for each turn of waiting,
// describing and choosing, and for each step. Retries come on top, which is
// what the distance from MaxEvents to the limit of 25,000 is for.
const (
	eventsPerTurn = 9
	eventsPerStep = 7
	// MaxEvents is when an execution hands its transfer on to another.
	MaxEvents = 8000
)

// Steps is the function that the state machine of package stepfunctions calls:
// it tells the dispatcher what the machine saw, and the machine what is next.
type Steps struct {
	Common
	Dispatcher StepFollower
	Transfers  Transfers
	Parking    Parking
	// Follow begins the execution that comes after one whose history is long.
	Follow func(ctx context.Context, name string, s stepfunctions.State) error
	// Described and StartFailed read DataSync's documents.
	Described   func(raw json.RawMessage) (hikyaku.Execution, error)
	StartFailed func(taskARN, name, cause string) error
	// PollMin and PollMax bound the time between two looks at an execution.
	PollMin, PollMax time.Duration
	// MaxEvents, if not 0, is used instead of the constant.
	MaxEvents int
}

// Handle carries out one call of the state machine. After an error the machine
// calls again; every operation may be repeated.
func (h *Steps) Handle(ctx context.Context, call stepfunctions.Call) (stepfunctions.Step, error) {
	defer h.begin(ctx)()
	work, cancel := h.work(ctx)
	defer cancel()
	said := make(chan stepfunctions.Step, 1)
	err := h.within(ctx, "step", func(context.Context) error {
		s, err := h.step(work, call)
		said <- s
		return err
	})
	if err != nil {
		h.Logger.ErrorContext(ctx, "step failed", append(errorAttrs(call.Op, err), slog.String("transfer_id", call.State.Order.TransferID))...)
		return stepfunctions.Step{}, err
	}
	s := <-said
	h.Logger.InfoContext(ctx, "step", slog.String("op", call.Op), slog.String("transfer_id", call.State.Order.TransferID),
		slog.String("execution_arn", s.ExecutionARN), slog.String("next", string(s.Next)), slog.String("state_machine_execution", call.Name))
	return s, nil
}

func (h *Steps) step(ctx context.Context, call stepfunctions.Call) (stepfunctions.Step, error) {
	var freed bool
	var err error
	switch call.Op {
	case stepfunctions.OpRecord:
		freed, err = h.record(ctx, call.State)
	case stepfunctions.OpObserve:
		freed, err = h.observe(ctx, call.State)
	case stepfunctions.OpPark:
		return stepfunctions.Step{}, h.park(ctx, call)
	default:
		err = hikyaku.NewError(hikyaku.CodeConfigInvalid, "step", call.Op, "there is no such operation")
	}
	if err != nil {
		return stepfunctions.Step{}, err
	}
	s, err := h.next(ctx, call)
	if freed && (err != nil || s.Next != stepfunctions.NextPark || s.Until.After(h.Now())) { // parking gives out work itself
		h.use(ctx)
	}
	return s, err
}

// record tells the dispatcher what became of the start, and reports whether a
// task may be free.
func (h *Steps) record(ctx context.Context, s stepfunctions.State) (freed bool, _ error) {
	arn := ""
	if s.Execution != nil {
		arn = s.Execution.TaskExecutionARN
	}
	var callErr error
	if arn == "" {
		callErr = &hikyaku.UnclearError{Err: errors.New(stepfunctions.TooLate)}
		if s.Failed != nil && s.Failed.Error != stepfunctions.TooLate {
			callErr = h.StartFailed(s.Order.TaskARN, s.Failed.Error, s.Failed.Cause)
		}
	}
	err := h.Dispatcher.Answered(ctx, s.Order.Start(), arn, callErr)
	if hikyaku.KindOf(err) == hikyaku.KindConflict { // somebody else recorded it
		err = nil
	}
	return arn == "", err
}

// observe brings the transfer up to date with what the machine saw, and reports
// whether a task may be free.
func (h *Steps) observe(ctx context.Context, s stepfunctions.State) (freed bool, _ error) {
	seen := ctx
	if s.Look != nil && h.Now().Sub(s.Look.At) < fresh {
		x, err := h.Described(s.Look.Description)
		if err != nil {
			return false, err
		}
		if x.ARN == s.Step.ExecutionARN {
			seen, freed = stepfunctions.WithExecution(ctx, x), x.Ended()
		}
	}
	err := h.Dispatcher.Refresh(seen, s.Step.ExecutionARN)
	if hikyaku.KindOf(err) == hikyaku.KindConflict { // a sweep was at it
		err = nil
	}
	return freed, err
}

// use gives free tasks work and sends what is owed. Its errors are the sweep's
// to repeat: what the machine asked for is done.
func (h *Steps) use(ctx context.Context) {
	var s Summary
	if err := (&Refresh{Common: h.Common, Dispatcher: h.Dispatcher}).use(ctx, &s); err != nil {
		h.Logger.ErrorContext(ctx, "work not given out", errorAttrs("use", err)...)
	}
}

// park keeps the token until the transfer's next attempt, and begins that when
// its back-off is over, if it can begin. If the transfer does not wait any more,
// the execution goes.
func (h *Steps) park(ctx context.Context, call stepfunctions.Call) error {
	o := call.State.Order
	if err := h.Parking.Park(ctx, o.TransferID, call.Token, call.State.Step.Events); err != nil {
		return err
	}
	t, err := h.read(ctx, o)
	if err != nil {
		return err
	}
	if t.State == hikyaku.Queued {
		timer := time.NewTimer(min(t.NotBefore.Sub(h.Now()), 2*parkBefore))
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	h.use(ctx)
	if t, err = h.read(ctx, o); err != nil || t.State == hikyaku.Queued {
		return err
	}
	_, err = h.Parking.WakeIf(ctx, o.TransferID, call.Token, stepfunctions.State{Order: o, Step: ended(t, o)})
	return err
}

// read reads the order's transfer; one without a state if there is none any more.
func (h *Steps) read(ctx context.Context, o stepfunctions.Order) (hikyaku.Transfer, error) {
	t, err := h.Transfers.Transfer(ctx, o.TransferID)
	if errors.Is(err, hikyaku.ErrNotFound) {
		return hikyaku.Transfer{}, nil
	}
	if err != nil {
		return t, fmt.Errorf("read transfer %s: %w", o.TransferID, err)
	}
	return t, nil
}

// next says what the state machine does now.
func (h *Steps) next(ctx context.Context, call stepfunctions.Call) (stepfunctions.Step, error) {
	o, now := call.State.Order, h.Now().UTC()
	t, err := h.read(ctx, o)
	if err != nil {
		return stepfunctions.Step{}, err
	}
	s := stepfunctions.Step{Until: now, LookBy: now, ExecutionARN: t.ExecutionARN, Events: call.State.Step.Events + eventsPerStep}
	switch {
	case !attempts(t, o) || t.State.Ended():
		return ended(t, o), nil
	case t.State == hikyaku.Starting:
		s.Next, s.Seconds = stepfunctions.NextAgain, int(againIn/time.Second)
	case t.State == hikyaku.Running:
		s.Next, s.Status, s.LookBy = stepfunctions.NextWait, t.ExecutionStatus, now.Add(lookBy)
		s.Seconds = h.poll(now.Sub(t.StartedAt), t.CancelRequested)
		s.Events += eventsPerTurn * (int(lookBy/time.Second)/s.Seconds + 1)
	default:
		s.Next = stepfunctions.NextPark
		if due := t.NotBefore.Add(-parkBefore); due.After(now) {
			s.Until = due.UTC()
		}
	}
	limit := h.MaxEvents
	if limit == 0 {
		limit = MaxEvents
	}
	if s.Events < limit {
		return s, nil
	}
	s.Events = 0
	if t.State == hikyaku.Running { // another execution goes on; a waiting transfer gets one with its next attempt
		if err := h.Follow(ctx, call.Name, stepfunctions.State{Order: o, Execution: call.State.Execution, Step: s}); err != nil {
			return stepfunctions.Step{}, err
		}
	}
	s.Next = stepfunctions.NextElsewhere
	return s, nil
}

// attempts reports whether the order's attempt is the transfer's last.
func attempts(t hikyaku.Transfer, o stepfunctions.Order) bool {
	return strconv.Itoa(t.Attempt) == o.Tags[hikyaku.TagAttempt]
}

// ended is the last step of an execution whose transfer is over, or another's.
func ended(t hikyaku.Transfer, o stepfunctions.Order) stepfunctions.Step {
	s := stepfunctions.Step{Next: stepfunctions.NextElsewhere, ExecutionARN: t.ExecutionARN}
	if !attempts(t, o) {
		return s
	}
	switch t.State { //nolint:exhaustive // the others go on
	case hikyaku.Succeeded:
		s.Next = stepfunctions.NextSucceeded
	case hikyaku.Cancelled:
		s.Next, s.Error, s.Cause = stepfunctions.NextCancelled, string(hikyaku.Cancelled), "the transfer was cancelled"
	case hikyaku.Failed:
		s.Next, s.Error, s.Cause = stepfunctions.NextFailed, string(hikyaku.Failed), "the transfer failed"
		if f := t.Failure; f != nil {
			s.Error, s.Cause = f.Code, f.Message
		}
	}
	return s
}

// poll is how many seconds pass until the next look: the longer an execution
// runs, the more.
func (h *Steps) poll(age time.Duration, hurry bool) int {
	wait := min(max(age/pollShare, h.PollMin), h.PollMax)
	if hurry {
		wait = h.PollMin
	}
	return max(int(wait/time.Second), 1)
}

// ParkedKeeper lets executions go whose transfer ended while they were parked:
// it was cancelled, or found missing.
type ParkedKeeper struct {
	Parking   Parking
	Transfers Transfers
}

// Release lets them go.
func (k *ParkedKeeper) Release(ctx context.Context) error {
	parked, err := k.Parking.Parked(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for id, token := range parked {
		t, err := k.Transfers.Transfer(ctx, id)
		if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
			errs = append(errs, fmt.Errorf("read transfer %s: %w", id, err))
			continue
		}
		if err == nil && !t.State.Ended() {
			continue
		}
		o := stepfunctions.Order{TransferID: id, Tags: map[string]string{hikyaku.TagAttempt: strconv.Itoa(t.Attempt)}}
		_, err = k.Parking.WakeIf(ctx, id, token, stepfunctions.State{Order: o, Step: ended(t, o)})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
