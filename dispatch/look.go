package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
)

// markerEvery is how soon a source without its ready marker is looked at again.
const markerEvery = 15 * time.Second

// lookTimeout bounds one look, so that a source that hangs does not hold tasks
// of other routes up.
const lookTimeout = 30 * time.Second

// verdict of a look.
type verdict int

const (
	goOn   verdict = iota // lease a task for it
	parked                // e says why it waits or how it ended: commit that
)

// look lists the ID at the source and records what is there in e. What is not
// ready is parked, what is missing fails, before a task is leased for it.
func (d *Dispatcher) look(ctx context.Context, r hikyaku.Route, e *edit) (verdict, error) {
	if d.Source == nil {
		return goOn, nil
	}
	lctx, cancel := context.WithTimeout(ctx, lookTimeout)
	seen, err := d.Source.Look(lctx, r, e.t.ID, e.t.Paths)
	cancel()
	if err != nil {
		return d.lookFailed(ctx, r, e, err)
	}
	if !seen.Listed {
		return goOn, nil
	}
	if seen.Objects > 0 {
		if wait := notReady(r, seen, e.at); wait != nil {
			return parked, e.wait(ctx, *wait)
		}
	}
	if err := e.record(ctx, "", &hikyaku.LookedDetail{Found: found(seen)}); err != nil {
		return parked, err
	}
	switch {
	case seen.Objects > 0:
		return goOn, nil
	case r.AllowEmpty:
		return parked, e.record(ctx, "", &hikyaku.SucceededDetail{Outcome: hikyaku.Empty})
	}
	return parked, e.record(ctx, "", &hikyaku.FailedDetail{Failure: missing(r, e.t.ID)})
}

func missing(r hikyaku.Route, id string) hikyaku.Failure {
	return hikyaku.NewFailure(hikyaku.CodeSourceMissing, fmt.Sprintf("nothing at %s for the id %q", r.Source, id), "")
}

func found(l hikyaku.Look) hikyaku.Found {
	return hikyaku.Found{Listed: l.Listed, Objects: l.Objects, Bytes: l.Bytes, Newest: l.Newest.UTC(), Truncated: l.Truncated}
}

// notReady says how long an ID has to wait by the route's ready rule, or nil.
func notReady(r hikyaku.Route, l hikyaku.Look, now time.Time) *hikyaku.WaitingDetail {
	if r.Ready.Marker != "" && !l.Marker {
		return &hikyaku.WaitingDetail{
			Reason: hikyaku.SourceNotReady, Detail: "waiting for " + r.Ready.Marker, NotBefore: now.Add(markerEvery),
		}
	}
	if quietAt := l.Newest.Add(r.Ready.Quiet); r.Ready.Quiet > 0 && quietAt.After(now) {
		return &hikyaku.WaitingDetail{
			Reason: hikyaku.SourceNotReady, NotBefore: earlier(quietAt, now.Add(r.Ready.Quiet)).UTC(),
			Detail: "the last object came " + l.Newest.UTC().Format(time.RFC3339) + "; waiting for " + r.Ready.Quiet.String() + " without another",
		}
	}
	return nil
}

// earlier is the sooner of two times. What is not ready is looked at again
// after Quiet at the latest: a store's clock may run ahead of ours by years.
func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// lookFailed decides about a source that could not be listed: what is
// permanent fails, anything else waits without costing an attempt.
func (d *Dispatcher) lookFailed(ctx context.Context, r hikyaku.Route, e *edit, err error) (verdict, error) {
	if ctx.Err() != nil {
		return parked, ctx.Err()
	}
	switch hikyaku.KindOf(err) {
	case hikyaku.KindDenied:
		return parked, e.record(ctx, "", &hikyaku.FailedDetail{Failure: hikyaku.FailureOf(err, hikyaku.CodeSourceDenied)})
	case hikyaku.KindNotFound:
		return parked, e.record(ctx, "", &hikyaku.FailedDetail{Failure: hikyaku.FailureOf(err, hikyaku.CodeNoBucket)})
	case hikyaku.KindInvalid:
		return parked, e.record(ctx, "", &hikyaku.FailedDetail{Failure: hikyaku.FailureOf(err, hikyaku.CodeRouteInvalid)})
	default: // it may pass
	}
	delay := max(time.Second, r.Retry.Delay(lookTries(e), d.Random))
	return parked, e.wait(ctx, hikyaku.WaitingDetail{
		Reason: hikyaku.BackingOff, NotBefore: e.at.Add(delay), Detail: "the source does not answer: " + shorten(err.Error()),
	})
}

// lookTries guesses how often looking failed, by how long the transfer waits.
func lookTries(e *edit) int {
	n := 1
	for wait := e.at.Sub(e.t.QueuedAt); wait > 5*time.Second && n < 20; wait /= 2 {
		n++
	}
	return n
}

// wait records why a transfer waits; nothing if it is known already.
func (e *edit) wait(ctx context.Context, w hikyaku.WaitingDetail) error {
	if e.t.WaitingReason == w.Reason && e.t.WaitingDetail == w.Detail && e.t.NotBefore.Equal(w.NotBefore) {
		return nil
	}
	return e.record(ctx, "", &w)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return s
}
