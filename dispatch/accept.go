package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hikyaku/hikyaku"
)

// Accept records a message. After nil the message may be acknowledged: it is
// a transfer, joined one, was seen before, asks for nothing, or is poison and
// recorded as REJECTED with a dead letter. After an error it must stay in the
// queue. Accepting a message again changes nothing but the duplicate's entry
// in the log.
func (d *Dispatcher) Accept(ctx context.Context, m hikyaku.Message) error {
	if id := m.Attributes[hikyaku.AttributeTransfer]; id != "" {
		handled, err := d.acceptRedriven(ctx, m, id)
		if handled || err != nil {
			return err
		}
	}
	requests, err := hikyaku.ParseBody(m.Body)
	if err != nil {
		return d.reject(ctx, rejection{message: m, cause: err})
	}
	requests = d.distinct(m.Queue, requests)
	err = each(d, requests, func(q hikyaku.Request) error { return d.acceptOne(ctx, m, q, len(requests)) })
	if err != nil {
		return fmt.Errorf("accept message %s: %w", m.ID, err)
	}
	return nil
}

// distinct leaves out records of a notification that mean the same ID as one
// before them: many objects make one transfer.
func (d *Dispatcher) distinct(queue string, requests []hikyaku.Request) []hikyaku.Request {
	if len(requests) < 2 {
		return requests
	}
	routes := d.currentRoutes()
	seen := make(map[[2]string]bool, len(requests))
	return slices.DeleteFunc(requests, func(q hikyaku.Request) bool {
		if q.Object == nil {
			return false
		}
		name := [2]string{"", requestName(q)} // of no route: twice the same object
		if r, q, err := routes.Resolve(queue, q); err == nil {
			name = [2]string{r.Name, q.ID}
		}
		again := seen[name]
		seen[name] = true
		return again
	})
}

// acceptOne accepts one request of a message that has so many.
func (d *Dispatcher) acceptOne(ctx context.Context, m hikyaku.Message, q hikyaku.Request, of int) error {
	r, q, err := d.understand(m.Queue, q)
	if err != nil {
		return d.reject(ctx, rejection{message: m, request: q, of: of, cause: err})
	}
	a := admission{route: r, request: q, message: m, body: bodyOf(m, q), of: of}
	if of == 1 { // a person sends one ID in a message
		a.act = m.Act()
	}
	_, err = d.admit(ctx, a)
	return err
}

// understand resolves a request's route and checks what it asks for.
func (d *Dispatcher) understand(queue string, q hikyaku.Request) (hikyaku.Route, hikyaku.Request, error) {
	r, q, err := d.currentRoutes().Resolve(queue, q)
	if err != nil {
		return r, q, err
	}
	if err := r.CheckID(q.ID); err != nil {
		return r, q, err
	}
	_, err = hikyaku.Filter(r, q.ID, q.Paths)
	return r, q, err
}

// admission is an understood request on its way into the ledger.
type admission struct {
	route   hikyaku.Route
	request hikyaku.Request
	message hikyaku.Message
	body    string
	act     *hikyaku.Act // a person's; nil: a producer's
	of      int          // how many requests the message has
	// first supposes that the ID is new; before is the last transfer of it when
	// it turned out not to be.
	first  bool
	before string
}

func (a *admission) by() string {
	if a.act == nil {
		return ""
	}
	return a.act.By
}

// audit records what a person sent.
func (a *admission) audit(e *edit) {
	if a.act != nil {
		e.audit(hikyaku.AuditSend, *a.act)
	}
}

// manyRequests is beyond which number of requests in one message it is not
// noted on each transfer that the message came again: a large message must
// get further with every receive.
const manyRequests = 100

func (a *admission) unique() []string {
	names := []string{hikyaku.MessageKey(a.message.ID, a.route.Name, a.request.ID)}
	if a.request.Key != "" {
		names = append(names, hikyaku.ProducerKey(a.route.Name, a.request.Key))
	}
	return names
}

// admit makes a transfer of a request, or joins it to one that still waits.
// It returns the transfer that stands for the request.
func (d *Dispatcher) admit(ctx context.Context, a admission) (hikyaku.Transfer, error) {
	var err error
	if l, ok := d.Ledger.(hikyaku.FirstKnower); ok {
		a.first = l.KnowsFirst()
	}
	for range maxTries {
		var t hikyaku.Transfer
		if t, err = d.admitOnce(ctx, a); err == nil {
			return t, nil
		}
		var c *hikyaku.ConflictError
		if !errors.As(err, &c) {
			return t, err
		}
		switch c.What {
		case "unique":
			if a.of > manyRequests {
				return hikyaku.Transfer{TransferID: c.Owner}, nil
			}
			return d.duplicate(ctx, c.Owner, a.message)
		case "first":
			a.first, a.before = false, c.Owner
		}
	}
	return hikyaku.Transfer{}, err
}

func (d *Dispatcher) admitOnce(ctx context.Context, a admission) (hikyaku.Transfer, error) {
	if a.first {
		return d.create(ctx, a)
	}
	t, waits, err := d.waiting(ctx, a)
	if err != nil {
		return t, fmt.Errorf("find waiting transfers of the id: %w", err)
	}
	if !waits {
		return d.create(ctx, a)
	}
	e := d.edit(t)
	e.change.Unique = a.unique()
	if err := e.record(ctx, a.by(), &hikyaku.JoinedDetail{MessageID: a.message.ID, Key: a.request.Key}); err != nil {
		return t, err
	}
	a.audit(e)
	err = e.commit(ctx)
	return e.t, err
}

// waiting finds a transfer that still waits and asks for the same.
func (d *Dispatcher) waiting(ctx context.Context, a admission) (t hikyaku.Transfer, ok bool, err error) {
	if a.before != "" {
		t, err := d.Ledger.Transfer(ctx, a.before)
		if err == nil && a.same(t) {
			return t, true, nil
		}
		if err != nil && !errors.Is(err, hikyaku.ErrNotFound) { // it may have expired
			return t, false, err
		}
	}
	page, err := d.Ledger.Transfers(ctx, hikyaku.Query{
		ID: a.request.ID, Route: a.route.Name, States: []hikyaku.State{hikyaku.Queued}, Limit: 20,
	})
	if err != nil {
		return t, false, err
	}
	i := slices.IndexFunc(page.Transfers, a.same)
	if i < 0 {
		return t, false, nil
	}
	return page.Transfers[i], true, nil
}

// same reports whether a transfer waits for what the admission asks for.
func (a *admission) same(t hikyaku.Transfer) bool {
	return t.State == hikyaku.Queued && t.Route == a.route.Name && t.ID == a.request.ID &&
		slices.Equal(t.Paths, a.request.Paths) && maps.Equal(t.Metadata, a.request.Metadata)
}

func (d *Dispatcher) create(ctx context.Context, a admission) (hikyaku.Transfer, error) {
	settings, err := d.view.route(ctx, a.route.Name)
	if err != nil {
		return hikyaku.Transfer{}, fmt.Errorf("read pool: %w", err)
	}
	detail := acceptedDetail(a)
	if settings.Paused {
		detail.Reason, detail.WaitingDetail = hikyaku.RoutePaused, settings.PausedReason
	}
	e := d.edit(hikyaku.Transfer{TransferID: d.NewID()})
	e.change.Unique, e.change.First = a.unique(), a.first
	if err := e.record(ctx, a.by(), detail); err != nil {
		return e.t, err
	}
	a.audit(e)
	err = e.commit(ctx)
	return e.t, err
}

func acceptedDetail(a admission) *hikyaku.AcceptedDetail {
	q := a.request
	return &hikyaku.AcceptedDetail{
		ID: q.ID, Route: a.route.Name, Queue: a.message.Queue, MessageID: a.message.ID, Key: q.Key,
		Paths: q.Paths, Metadata: q.Metadata, Body: a.body, MaxAttempts: a.route.MaxAttempts,
		Reason: hikyaku.NoFreeTask, SentAt: a.message.SentAt, Trace: a.message.Trace(),
	}
}

// duplicate records that a message came again. That the record could not be
// changed just now is no reason to keep the message.
func (d *Dispatcher) duplicate(ctx context.Context, owner string, m hikyaku.Message) (hikyaku.Transfer, error) {
	t, err := d.update(ctx, owner, func(e *edit) error {
		return e.record(ctx, "", &hikyaku.DuplicateDetail{MessageID: m.ID, Receives: m.Receives})
	})
	if conflict(err) != "" || errors.Is(err, hikyaku.ErrNotFound) {
		return t, nil
	}
	return t, err
}

// rejection is a message, or one request of several in it, that is refused.
type rejection struct {
	message hikyaku.Message
	request hikyaku.Request
	of      int // how many requests the message has; 0: it was not understood
	cause   error
	// accepted is the name under which the message is known if it was accepted
	// before; empty if it never can have been.
	accepted string
}

// reject records a message that is not understood. The dead letter follows
// from the outbox at once; the message does not burn its receives first.
func (d *Dispatcher) reject(ctx context.Context, r rejection) error {
	_, err := d.rejectOnce(ctx, r)
	return err
}

// rejectOnce also tells whether the message was new.
func (d *Dispatcher) rejectOnce(ctx context.Context, r rejection) (fresh bool, err error) {
	if kind := hikyaku.KindOf(r.cause); kind != hikyaku.KindInvalid && kind != hikyaku.KindNotFound {
		return false, r.cause
	}
	m, q := r.message, r.request
	e := d.edit(hikyaku.Transfer{TransferID: d.NewID()})
	e.change.Unique = []string{hikyaku.MessageKey(m.ID, q.Route, requestName(q))}
	if r.accepted != "" && r.accepted != e.change.Unique[0] {
		e.change.Unique = append(e.change.Unique, r.accepted)
	}
	err = e.record(ctx, "", &hikyaku.RejectedDetail{
		ID: q.ID, Route: q.Route, Queue: m.Queue, MessageID: m.ID, Body: r.body(), Failure: poisonFailure(r.cause),
	})
	if err != nil {
		return false, err
	}
	err = e.commit(ctx)
	var c *hikyaku.ConflictError
	if errors.As(err, &c) && c.What == "unique" {
		if r.of <= manyRequests {
			_, err = d.duplicate(ctx, c.Owner, m)
		} else {
			err = nil
		}
		return false, err
	}
	if err != nil {
		return false, fmt.Errorf("reject message %s: %w", m.ID, err)
	}
	d.Logger.WarnContext(ctx, "message rejected", slog.String("message_id", m.ID), slog.String("queue", m.Queue), slog.Any("error", r.cause))
	return true, nil
}

// body is what is kept: the message as received, or of several requests the
// refused one alone, so that sending it round again does not repeat the others.
func (r rejection) body() string {
	if r.of < 2 || r.request.Object == nil {
		return r.message.Body
	}
	return eventBody(*r.request.Object)
}

// eventBody writes an object as a notification of its creation.
func eventBody(o hikyaku.Object) string {
	type named map[string]any
	raw, err := json.Marshal(named{"Records": []named{{
		"eventName": "ObjectCreated:Put",
		"s3":        named{"bucket": named{"name": o.Bucket}, "object": named{"key": url.QueryEscape(o.Key)}},
	}}})
	if err != nil {
		return "s3://" + o.Bucket + "/" + o.Key // texts always encode
	}
	return string(raw)
}

func poisonFailure(cause error) hikyaku.Failure {
	f := hikyaku.FailureOf(cause, hikyaku.CodeNotUnderstood)
	var e *hikyaku.Error
	if errors.As(cause, &e) && e.Message != "" {
		f.Message = e.Message
		if e.Subject != "" {
			f.Message = e.Subject + ": " + e.Message
		}
	}
	return f
}

// requestName identifies a request within its message.
func requestName(q hikyaku.Request) string {
	if q.Object != nil {
		return "s3://" + q.Object.Bucket + "/" + q.Object.Key
	}
	return q.ID
}

// bodyOf is what is kept of a message for one of its requests: the body as
// received, or for a record of a notification a body that asks for it alone.
func bodyOf(m hikyaku.Message, q hikyaku.Request) string {
	if q.Object == nil {
		return m.Body
	}
	return requestBody(q)
}

// requestBody writes a request as a message body of our own JSON.
func requestBody(q hikyaku.Request) string {
	raw, err := json.Marshal(hikyaku.Send{ID: q.ID, Route: q.Route, Key: q.Key, Paths: q.Paths, Metadata: q.Metadata})
	if err != nil {
		return q.ID // strings always encode
	}
	return string(raw)
}

// attributeText makes a text fit for an SQS message attribute.
func attributeText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if r := []rune(s); len(r) > 256 {
		s = string(r[:256])
	}
	if s == "" {
		return "-"
	}
	return s
}

// newMessage stands for what was sent through the API.
func (d *Dispatcher) newMessage(body string) hikyaku.Message {
	return hikyaku.Message{ID: "send-" + d.NewID(), Body: body, Receives: 1, SentAt: d.Now().UTC().Truncate(time.Millisecond)}
}
