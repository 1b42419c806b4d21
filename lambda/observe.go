package lambda

import (
	"context"
	"errors"
	"log/slog"

	"github.com/hikyaku/hikyaku"
)

// Observed is a ledger that writes a line of log and counts a metric for every
// decision it commits.
type Observed struct {
	hikyaku.Ledger
	log   *slog.Logger
	meter *Meter
}

// Observe returns l, observed.
func Observe(l hikyaku.Ledger, log *slog.Logger, meter *Meter) *Observed {
	return &Observed{Ledger: l, log: log, meter: meter}
}

// KnowsFirst implements hikyaku.FirstKnower for a ledger that does.
func (o *Observed) KnowsFirst() bool { return knowsFirst(o.Ledger) }

// CommitAll implements hikyaku.BatchCommitter, also for a ledger that does not.
func (o *Observed) CommitAll(ctx context.Context, changes []hikyaku.Change) []error {
	batch, ok := o.Ledger.(hikyaku.BatchCommitter)
	if !ok {
		errs := make([]error, len(changes))
		for i, c := range changes {
			errs[i] = o.Commit(ctx, c)
		}
		return errs
	}
	errs := batch.CommitAll(ctx, changes)
	for i, c := range changes {
		o.observe(ctx, c, errs[i])
	}
	return errs
}

// Commit implements hikyaku.Ledger.
func (o *Observed) Commit(ctx context.Context, c hikyaku.Change) error {
	err := o.Ledger.Commit(ctx, c)
	o.observe(ctx, c, err)
	return err
}

func (o *Observed) observe(ctx context.Context, c hikyaku.Change, err error) {
	if err != nil {
		var conflict *hikyaku.ConflictError
		if c.LockActive && errors.As(err, &conflict) {
			o.meter.Add(MetricLeaseConflicts, "", 1)
			o.log.InfoContext(ctx, "lease not granted", slog.String("transfer_id", c.Transfer.TransferID), slog.String("id", c.Transfer.ID),
				slog.String("route", c.Transfer.Route), slog.String("conflict", conflict.What), slog.String("key", conflict.Key))
		}
		return
	}
	if len(c.Outbox) > 0 {
		o.meter.owe()
	}
	if c.Transfer == nil {
		return
	}
	for _, e := range c.Events {
		o.count(c.Transfer, e)
		level := slog.LevelInfo
		switch e.Type { //nolint:exhaustive // the others are at level info
		case hikyaku.EventFailed, hikyaku.EventRejected, hikyaku.EventAttemptEnded, hikyaku.EventStalled:
			level = slog.LevelWarn
		case hikyaku.EventPhase, hikyaku.EventLooked, hikyaku.EventWaiting, hikyaku.EventNotified:
			level = slog.LevelDebug
		}
		o.log.LogAttrs(ctx, level, "transfer event", eventAttrs(c.Transfer, e)...)
	}
}

// eventAttrs are those of every line about a transfer.
func eventAttrs(t *hikyaku.Transfer, e hikyaku.Event) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("event", string(e.Type)), slog.String("transfer_id", t.TransferID), slog.String("id", t.ID), slog.String("route", t.Route),
		slog.String("state", string(t.State)), slog.Int("attempt", t.Attempt), slog.Int64("seq", e.Seq),
	}
	for _, a := range []slog.Attr{
		slog.String("message_id", t.MessageID), slog.String("task_arn", t.TaskARN), slog.String("execution_arn", t.ExecutionARN),
		slog.String("outcome", string(t.Outcome)), slog.String("waiting_reason", string(t.WaitingReason)),
		slog.String("trace", t.Trace), slog.String("by", e.By),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	if t.Token != 0 {
		attrs = append(attrs, slog.Int64("lease_token", t.Token))
	}
	if t.Failure != nil {
		attrs = append(attrs, slog.String("code", t.Failure.Code), slog.String("error", t.Failure.Message), slog.String("detail", t.Failure.Detail))
	}
	return attrs
}

// count counts what an event means.
func (o *Observed) count(t *hikyaku.Transfer, e hikyaku.Event) {
	code := ""
	if t.Failure != nil {
		code = t.Failure.Code
	}
	switch e.Type { //nolint:exhaustive // the others are not counted
	case hikyaku.EventAccepted:
		o.meter.Add(MetricAccepted, "", 1)
	case hikyaku.EventRejected:
		o.meter.Add(MetricRejected, code, 1)
	case hikyaku.EventSucceeded:
		o.meter.Add(MetricSucceeded, "", 1)
		o.meter.Add(MetricBytes, "", float64(t.Bytes.Transferred))
	case hikyaku.EventFailed:
		o.meter.Add(MetricFailed, code, 1)
	case hikyaku.EventCancelled:
		o.meter.Add(MetricCancelled, "", 1)
	case hikyaku.EventAttemptEnded:
		o.meter.Add(MetricAttemptsFailed, code, 1)
	case hikyaku.EventAssigned:
		o.meter.Observe(MetricAssignLatency, float64(e.At.Sub(t.QueuedAt).Milliseconds()))
	}
}

// errorAttrs describe an error that ends a step.
func errorAttrs(step string, err error) []any {
	attrs := []any{slog.String("step", step), slog.String("kind", string(hikyaku.KindOf(err))), slog.Any("error", err)}
	if code := hikyaku.CodeOf(err); code != "" {
		attrs = append(attrs, slog.String("code", code))
	}
	return attrs
}
