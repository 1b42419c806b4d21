package dispatch

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/hikyaku/hikyaku"
)

// How an attempt ended, in Attempt.Status.
const (
	statusSuccess = "SUCCESS"
	statusError   = "ERROR"
	statusLost    = "LOST"
)

// settle ends the attempt whose execution is over: one conditional write for
// the record, the events, the task, the agents' slots, ACTIVE and the outbox.
// With late, it also writes that the execution was started.
func (d *Dispatcher) settle(ctx context.Context, leased hikyaku.Transfer, x hikyaku.Execution, late *lateStart) error {
	t := leased
	if late != nil {
		if _, _, err := t.Record(late.at, "", late.detail); err != nil {
			return fmt.Errorf("record the start of %s: %w", x.ARN, err)
		}
	}
	return d.endAttempt(ctx, leased, d.ending(ctx, t, x, late))
}

// ending says what the end of an execution means for its transfer.
func (d *Dispatcher) ending(ctx context.Context, t hikyaku.Transfer, x hikyaku.Execution, late *lateStart) ending {
	r := d.routeOrDefaults(t.Route)
	end := ending{status: x.Status, retry: r.Retry, progress: progressOf(t, x, d.Now().UTC()), late: late}
	if x.Status == statusSuccess && x.FilesFailed > 0 {
		end.status = statusError // for DataSync it is a success all the same
		end.failure = hikyaku.NewFailure(hikyaku.CodeFilesFailed, "", fmt.Sprintf("%d files failed", x.FilesFailed))
		return end
	}
	if x.Status == statusSuccess {
		end.outcome, end.failure = d.outcome(r, t, x)
		return end
	}
	entry := hikyaku.Classify(x.ErrorCode, x.ErrorDetail)
	detail := x.ErrorDetail
	if x.ErrorCode != "" {
		detail = x.ErrorCode + ": " + detail
	}
	end.failure = hikyaku.NewFailure(entry.Code, "", shorten(detail))
	if t.Failure != nil { // a watchdog stopped it
		end.failure = *t.Failure
	} else if entry.Code == hikyaku.CodeMismatch {
		end.failure = d.mismatch(ctx, r, t, end.failure)
	}
	return end
}

// outcome says what a successful execution means.
func (d *Dispatcher) outcome(r hikyaku.Route, t hikyaku.Transfer, x hikyaku.Execution) (hikyaku.Outcome, hikyaku.Failure) {
	switch {
	case x.FilesTransferred > 0 || x.BytesTransferred > 0:
		return hikyaku.Delivered, hikyaku.Failure{}
	case x.FilesSkipped > 0 || attemptMode(t) != hikyaku.ModeAll:
		if t.Found.Listed || x.FilesSkipped > 0 {
			return hikyaku.AlreadyThere, hikyaku.Failure{}
		}
		if x.EstimatedFiles > 0 {
			return hikyaku.Delivered, hikyaku.Failure{}
		}
		return hikyaku.AlreadyThere, hikyaku.Failure{}
	case x.EstimatedFiles > 0:
		return hikyaku.Delivered, hikyaku.Failure{}
	case t.Found.Listed && t.Found.Objects > 0:
		return "", hikyaku.NewFailure(hikyaku.CodeSourceGone, "the files were there when looked for, and gone when DataSync listed them", "")
	case r.AllowEmpty:
		return hikyaku.Empty, hikyaku.Failure{}
	}
	return "", missing(r, t.ID)
}

func attemptMode(t hikyaku.Transfer) string {
	if n := len(t.Attempts); n > 0 {
		return t.Attempts[n-1].TransferMode
	}
	return ""
}

// mismatch decides what a verification mismatch means. If the source changed
// meanwhile it is an ordinary retry; otherwise it is retried once with
// TransferMode ALL, and a second one is corruption.
func (d *Dispatcher) mismatch(ctx context.Context, r hikyaku.Route, t hikyaku.Transfer, f hikyaku.Failure) hikyaku.Failure {
	if d.Source != nil && t.Found.Listed {
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		if seen, err := d.Source.Look(ctx, r, t.ID, t.Paths); err == nil && seen.Listed && changed(t.Found, found(seen)) {
			return hikyaku.NewFailure(hikyaku.CodeSourceChanged, "", f.Detail)
		}
	}
	for i := range t.Attempts {
		a := &t.Attempts[i]
		if a.Number > t.BudgetFrom && a.Number < t.Attempt && a.Failure != nil && a.Failure.Code == hikyaku.CodeMismatch {
			return hikyaku.NewFailure(hikyaku.CodeCorrupt, "", f.Detail)
		}
	}
	return f
}

func changed(a, b hikyaku.Found) bool {
	return a.Objects != b.Objects || a.Bytes != b.Bytes || !a.Newest.Equal(b.Newest)
}

// ending is how an attempt ended: with an outcome, or with a failure.
type ending struct {
	status   string
	outcome  hikyaku.Outcome // empty: it failed
	failure  hikyaku.Failure
	progress hikyaku.Progress
	retry    hikyaku.Retry
	late     *lateStart // its start, if that is not written down yet
}

// endAttempt ends the attempt of t, whatever else happened to the record
// meanwhile; it does nothing if the attempt ended already. Then the task is
// given the next transfer, and one parked behind this ID is woken.
func (d *Dispatcher) endAttempt(ctx context.Context, t hikyaku.Transfer, end ending) error {
	skipped := false
	after, err := d.updateFrom(ctx, t, func(e *edit) error {
		skipped = e.t.Attempt != t.Attempt || e.t.State != hikyaku.Starting && e.t.State != hikyaku.Running
		if skipped {
			return errSkip
		}
		if end.late != nil && e.t.State == hikyaku.Starting {
			if err := e.recordAt(ctx, end.late.at, end.late.detail); err != nil {
				return err
			}
		}
		return d.end(ctx, e, end)
	})
	if err != nil {
		return fmt.Errorf("settle transfer %s: %w", t.TransferID, err)
	}
	if skipped {
		return nil
	}
	d.logEnd(ctx, after)
	if err := d.wake(ctx, after.Route, after.ID); err != nil {
		return err
	}
	if _, err := d.assign(ctx, d.Routes()); err != nil {
		return fmt.Errorf("assign after settling: %w", err)
	}
	return nil
}

// end records how the attempt ended.
func (d *Dispatcher) end(ctx context.Context, e *edit, end ending) error {
	if end.outcome != "" {
		return e.record(ctx, "", &hikyaku.SucceededDetail{Outcome: end.outcome, Status: end.status, Progress: end.progress})
	}
	entry, _ := hikyaku.Lookup(end.failure.Code)
	if entry.Bench {
		e.bench = &end.failure
	}
	if e.t.CancelRequested {
		return e.record(ctx, "", &hikyaku.CancelledDetail{Status: end.status, Progress: end.progress})
	}
	used := e.t.Attempt - e.t.BudgetFrom - e.t.Free
	if !entry.Retryable || !entry.Free && used >= e.t.MaxAttempts {
		return e.record(ctx, "", &hikyaku.FailedDetail{
			Failure: end.failure, Status: end.status, Progress: end.progress, Free: entry.Free,
		})
	}
	delay := end.retry.Delay(e.t.Attempt-e.t.BudgetFrom, d.Random)
	waiting := hikyaku.WaitingDetail{Reason: hikyaku.BackingOff, Detail: end.failure.Code + " " + end.failure.Message, NotBefore: e.at.Add(delay)}
	if end.failure.Code == hikyaku.CodeThrottled {
		waiting.Reason = hikyaku.Throttled
	}
	return e.record(ctx, "", &hikyaku.AttemptEndedDetail{
		Status: end.status, Failure: end.failure, Progress: end.progress, Free: entry.Free, CopyAll: true, Waiting: waiting,
	})
}

func (d *Dispatcher) logEnd(ctx context.Context, t hikyaku.Transfer) {
	level := slog.LevelInfo
	var code string
	if t.Failure != nil {
		code, level = t.Failure.Code, slog.LevelWarn
	}
	d.Logger.Log(ctx, level, "attempt ended", attrs(t), slog.String("outcome", string(t.Outcome)),
		slog.String("code", code), slog.Int64("bytes", t.Bytes.Transferred))
}
