package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/hikyaku/hikyaku"
)

// acceptRedriven handles a message that carries a transfer_id: a dead letter
// that was sent round again. A FAILED or CANCELLED transfer runs again, a
// REJECTED one is parsed again, anything else only records the message. A
// letter from before the last rerun, or one that a person discarded, is not
// obeyed. handled is false for
// a transfer this ledger does not know: the message is then like any other.
func (d *Dispatcher) acceptRedriven(ctx context.Context, m hikyaku.Message, transferID string) (handled bool, err error) {
	var extra []hikyaku.Request
	t, err := d.update(ctx, transferID, func(e *edit) error {
		extra = nil
		if !e.t.State.Ended() || e.t.State == hikyaku.Succeeded || outdated(m, e.t) {
			return e.record(ctx, "", &hikyaku.DuplicateDetail{MessageID: m.ID, Receives: m.Receives, Reason: "redriven, but it was sent round again or discarded already"})
		}
		if m.Attributes[hikyaku.AttributeBody] != "" {
			m.Body = e.t.Body
		}
		var err error
		extra, err = d.sendRound(ctx, e, m, hikyaku.Act{Reason: "redriven from the dead-letter queue"})
		return err
	})
	switch {
	case errors.Is(err, hikyaku.ErrNotFound):
		return false, nil
	case conflict(err) == "unique":
		_, err = d.duplicate(ctx, transferID, m)
		return true, err
	case err != nil:
		return true, fmt.Errorf("redrive transfer %s: %w", transferID, err)
	}
	d.view.announce(t.Route)
	for _, q := range extra {
		if err := d.acceptOne(ctx, m, q, len(extra)+1); err != nil {
			return true, err
		}
	}
	return true, nil
}

// outdated reports whether a dead letter was written before the last rerun, or
// was discarded.
func outdated(m hikyaku.Message, t hikyaku.Transfer) bool {
	if t.DeadLetter == hikyaku.DeadLetterDiscarded {
		return true
	}
	n, err := strconv.Atoi(m.Attributes[hikyaku.AttributeReruns])
	return err == nil && n < t.Reruns
}

// sendRound records a rerun in e. A REJECTED transfer's message is read again:
// if it is still not understood that is recorded instead; further requests in
// it are returned for the caller to accept.
func (d *Dispatcher) sendRound(ctx context.Context, e *edit, m hikyaku.Message, act hikyaku.Act) (extra []hikyaku.Request, err error) {
	detail := &hikyaku.RerunDetail{Reason: act.Reason, Forced: act.Force, MessageID: m.ID}
	if e.t.State != hikyaku.Rejected {
		detail.MaxAttempts = d.routeOrDefaults(e.t.Route).MaxAttempts
		e.change.Unique = uniqueOf(m, e.t.Route, e.t.ID)
		return nil, e.record(ctx, act.By, detail)
	}
	requests, err := hikyaku.ParseBody(m.Body)
	var r hikyaku.Route
	var q hikyaku.Request
	if err == nil && len(requests) == 0 {
		err = hikyaku.NewError(hikyaku.CodeNotUnderstood, "read message", "", "the message asks for nothing")
	}
	if err == nil {
		r, q, err = d.understand(e.t.Queue, requests[0])
	}
	if err != nil {
		e.change.Unique = uniqueOf(m, "", "")
		return nil, e.record(ctx, act.By, &hikyaku.RejectedDetail{
			MessageID: m.ID, Queue: e.t.Queue, Body: m.Body, Failure: poisonFailure(err),
		})
	}
	a := admission{route: r, request: q, message: m, body: e.t.Body}
	detail.MaxAttempts, detail.Understood = r.MaxAttempts, acceptedDetail(a)
	e.change.Unique = uniqueOf(m, r.Name, q.ID)
	if q.Key != "" { // the producer may have sent it again, corrected
		e.change.Unique = append(e.change.Unique, hikyaku.ProducerKey(r.Name, q.Key))
	}
	return requests[1:], e.record(ctx, act.By, detail)
}

// uniqueOf guards against the same redriven message twice; what people ask
// for has no message.
func uniqueOf(m hikyaku.Message, route, id string) []string {
	if m.Handle == "" && m.Receives == 0 {
		return nil
	}
	return []string{hikyaku.MessageKey(m.ID, route, id)}
}
