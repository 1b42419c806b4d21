package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/hikyaku/hikyaku"
)

// statusLaunching is what an execution is taken for until it is described.
const statusLaunching = "LAUNCHING"

// brakeFor is how long nothing is started after DataSync asked to slow down.
const brakeFor = 2 * time.Second

func tags(t hikyaku.Transfer) map[string]string {
	return map[string]string{
		hikyaku.TagTransfer: t.TransferID,
		hikyaku.TagAttempt:  strconv.Itoa(t.Attempt),
		hikyaku.TagToken:    strconv.FormatInt(t.Token, 10),
	}
}

// startTags are the tags an execution starts with: those it is known by, and
// the producer's trace.
func startTags(t hikyaku.Transfer) map[string]string {
	all := tags(t)
	if t.Trace != "" {
		all[hikyaku.TagTrace] = t.Trace
	}
	return all
}

// ours reports whether an execution is that of t's running attempt. A token is
// a task's own, and a task that left the pool and came back counts from the
// beginning, so that the attempt has to agree as well.
func ours(e hikyaku.Execution, t hikyaku.Transfer) bool {
	for name, value := range tags(t) {
		if e.Tags[name] != value {
			return false
		}
	}
	return true
}

// start starts the execution of a transfer that was just leased a task. The
// call is made once. Whatever its answer, what DataSync says about the task
// decides, not the text of an error; only if it says nothing a clear refusal is
// believed.
func (d *Dispatcher) start(ctx context.Context, t hikyaku.Transfer, s hikyaku.Start) (bool, error) {
	sctx, cancel := context.WithTimeout(ctx, d.StartTimeout)
	arn, err := d.Executor.Start(sctx, s)
	cancel()
	if errors.Is(err, hikyaku.ErrHandedOver) {
		return true, nil // Answered goes on
	}
	return d.answered(ctx, t, s, arn, err)
}

// answered records what came of the one call: the execution, or why there is
// none.
func (d *Dispatcher) answered(ctx context.Context, t hikyaku.Transfer, s hikyaku.Start, arn string, err error) (started bool, _ error) {
	ctx, cancel := unhurried(ctx)
	defer cancel()
	if err == nil {
		detail := &hikyaku.StartedDetail{ExecutionARN: arn, Status: statusLaunching, LogURL: d.logURL(arn)}
		if d.LateStarts {
			return true, d.startLate(ctx, &lateStart{transfer: t, detail: detail, at: d.Now().UTC(), given: s.BytesPerSecond})
		}
		err = d.started(ctx, t, detail, time.Time{})
		return true, errors.Join(err, d.limitStarted(ctx, t, arn, s.BytesPerSecond))
	}
	d.Logger.WarnContext(ctx, "start not confirmed", attrs(t), slog.Any("error", err))
	current, ok, lookErr := d.Executor.Current(ctx, t.TaskARN)
	_, unclear := errors.AsType[*hikyaku.UnclearError](err)
	switch {
	case lookErr != nil && unclear:
		return false, fmt.Errorf("start is unclear, and so is what runs in task %s: %w", t.TaskARN, errors.Join(err, lookErr))
	case lookErr != nil: // nobody answers just now, but nothing was started: the task need not wait
		return false, d.refused(ctx, t, err, false)
	}
	if ok && ours(current, t) {
		err = d.adopt(ctx, t, current, "the answer to the start was lost")
		return true, errors.Join(err, d.limitStarted(ctx, t, current.ARN, s.BytesPerSecond))
	}
	if unclear {
		return false, nil // it may still be on its way: reap decides when the lease has ended
	}
	return false, d.refused(ctx, t, err, ok && !current.Ended())
}

// refused ends an attempt whose start DataSync certainly did not carry out.
func (d *Dispatcher) refused(ctx context.Context, t hikyaku.Transfer, err error, inUse bool) error {
	code := hikyaku.CodeStartRefused
	switch kind := hikyaku.KindOf(err); {
	case inUse:
		code = hikyaku.CodeTaskInUse
	case kind == hikyaku.KindTransient:
		code = hikyaku.CodeThrottled
		d.view.brakeUntil(d.Now().Add(time.Duration(float64(brakeFor) * (0.5 + d.Random()))))
	case kind == hikyaku.KindDenied:
		code = hikyaku.CodeStartDenied
	case kind == hikyaku.KindBusy:
		code = hikyaku.CodeTaskInUse
	case kind == hikyaku.KindNotFound:
		code = hikyaku.CodeTaskUnavailable
	default:
		task, descErr := d.Executor.Task(ctx, t.TaskARN)
		if descErr != nil || task.Status == "UNAVAILABLE" {
			code = hikyaku.CodeTaskUnavailable
		}
	}
	if known := hikyaku.CodeOf(err); known != "" {
		if _, ok := hikyaku.Lookup(known); ok {
			code = known
		}
	}
	return d.endAttempt(ctx, t, ending{
		status: statusLost, failure: hikyaku.NewFailure(code, "", shorten(err.Error())),
		retry: d.routeOrDefaults(t.Route).Retry, progress: progressKept(t),
	})
}

func (v *view) brakeUntil(at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at.After(v.brake) {
		v.brake = at
	}
}

// adopt takes over an execution that is found to be ours.
func (d *Dispatcher) adopt(ctx context.Context, t hikyaku.Transfer, current hikyaku.Execution, reason string) error {
	status := current.Status
	if current.Ended() { // the next refresh settles it
		status = statusLaunching
	}
	err := d.started(ctx, t, &hikyaku.AdoptedDetail{
		ExecutionARN: current.ARN, Status: status, LogURL: d.logURL(current.ARN), Reason: reason,
	}, time.Time{})
	if err == nil && current.Ended() {
		return d.Refresh(ctx, current.ARN)
	}
	return err
}

// started records the execution of t's attempt, as of at (zero: now). If the attempt was taken away
// in the meantime, the execution belongs to nobody and is cancelled.
func (d *Dispatcher) started(ctx context.Context, t hikyaku.Transfer, detail hikyaku.Detail, at time.Time) error {
	arn := executionOf(detail)
	orphan := false
	after, err := d.updateFrom(ctx, t, func(e *edit) error {
		orphan = e.t.Attempt != t.Attempt ||
			e.t.State != hikyaku.Starting && e.t.ExecutionARN != arn
		if orphan || e.t.State != hikyaku.Starting {
			return errSkip
		}
		return e.recordAt(ctx, at, detail)
	})
	if err != nil {
		return fmt.Errorf("record the start of %s: %w", arn, err)
	}
	if orphan {
		d.Logger.WarnContext(ctx, "execution without a lease cancelled", attrs(after), slog.String("orphan_arn", arn))
		return d.Executor.Cancel(ctx, arn)
	}
	if after.CancelRequested {
		if err := d.Executor.Cancel(ctx, arn); err != nil {
			return fmt.Errorf("cancel execution %s: %w", arn, err)
		}
	}
	if d.refreshing.missed(arn) {
		return d.Refresh(ctx, arn)
	}
	return nil
}

func executionOf(detail hikyaku.Detail) string {
	switch d := detail.(type) {
	case *hikyaku.StartedDetail:
		return d.ExecutionARN
	case *hikyaku.AdoptedDetail:
		return d.ExecutionARN
	}
	return ""
}

func (d *Dispatcher) logURL(arn string) string {
	if d.LogURL == nil {
		return ""
	}
	return d.LogURL(arn)
}
