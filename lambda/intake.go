package lambda

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hikyaku/hikyaku"
)

// Acceptor is what Intake drives; *dispatch.Dispatcher is one.
type Acceptor interface {
	// Accept records a message; nil means that it may be acknowledged.
	Accept(ctx context.Context, m hikyaku.Message) error
	// AssignAll starts what can be started now.
	AssignAll(ctx context.Context) (started int, err error)
	// DrainOutbox sends what is owed.
	DrainOutbox(ctx context.Context) (sent int, err error)
}

// Intake accepts batches of queue messages and starts what can start.
type Intake struct {
	Common
	Dispatcher Acceptor
	// Gather is the ledger that the dispatcher writes to, if it gathers; nil
	// commits each message by itself.
	Gather *Gather
	// Workers bounds how many messages are accepted at once; 0 is 32.
	Workers int
}

const intakeWorkers = 32

// Handle accepts every record of a batch and reports those, and only those,
// that must come again: the ledger did not take them, or time ran out. A panic
// costs its own record. A message is acknowledged as soon as it is in the
// ledger, however long it will wait there for a free task. The error is always
// nil, because one would make every record of the batch come again.
func (h *Intake) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	defer h.begin(ctx)()
	work, cancel := h.work(ctx)
	defer cancel()

	errs := h.accept(work, e.Records)
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, err := range errs {
		if err == nil {
			continue
		}
		r := e.Records[i]
		response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
		h.Logger.ErrorContext(ctx, "message was not accepted", append(errorAttrs("accept", err),
			slog.String("message_id", r.MessageId), slog.String("receives", r.Attributes["ApproximateReceiveCount"]))...)
	}
	err := h.within(ctx, "start", func(context.Context) error { return h.follow(work) })
	if err != nil {
		h.Logger.WarnContext(ctx, "not all was started; the next invocation goes on", errorAttrs("start", err)...)
	}
	return response, nil
}

// accept records the messages, so many at once.
func (h *Intake) accept(ctx context.Context, records []events.SQSMessage) []error {
	workers := h.Workers
	if workers <= 0 {
		workers = intakeWorkers
	}
	errs := make([]error, 0, len(records))
	for part := range slices.Chunk(records, workers) {
		errs = append(errs, h.acceptPart(ctx, part)...)
	}
	return errs
}

func (h *Intake) acceptPart(ctx context.Context, records []events.SQSMessage) []error {
	errs := make([]error, len(records))
	h.Gather.Enter(len(records))
	var part sync.WaitGroup
	for i, r := range records {
		part.Go(func() {
			defer func() { // should the ledger panic for the others, they are told
				_ = h.guard(ctx, "commit", func(ctx context.Context) error { h.Gather.Leave(ctx); return nil })
			}()
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = h.guard(ctx, "accept", func(ctx context.Context) error { return h.Dispatcher.Accept(ctx, message(r)) })
			}
		})
	}
	part.Wait()
	return errs
}

// follow sends the dead letters of poison at once and gives free tasks work.
func (h *Intake) follow(ctx context.Context) error {
	var errs []error
	if h.Meter.Owed() {
		_, err := h.Dispatcher.DrainOutbox(ctx)
		errs = append(errs, err)
	}
	_, err := h.Dispatcher.AssignAll(ctx)
	if h.Meter.Owed() { // something failed before it started
		_, drainErr := h.Dispatcher.DrainOutbox(ctx)
		errs = append(errs, drainErr)
	}
	return errors.Join(append(errs, err)...)
}

// message is a record in hikyaku's words.
func message(r events.SQSMessage) hikyaku.Message {
	m := hikyaku.Message{
		ID: r.MessageId, Handle: r.ReceiptHandle, Body: r.Body, Receives: 1, Sender: r.Attributes["SenderId"],
		Queue: r.EventSourceARN[strings.LastIndexByte(r.EventSourceARN, ':')+1:],
	}
	if n, err := strconv.Atoi(r.Attributes["ApproximateReceiveCount"]); err == nil {
		m.Receives = n
	}
	if ms, err := strconv.ParseInt(r.Attributes["SentTimestamp"], 10, 64); err == nil {
		m.SentAt = time.UnixMilli(ms).UTC()
	}
	m.Attributes = make(map[string]string, len(r.MessageAttributes)+1)
	for name, value := range r.MessageAttributes {
		if value.StringValue != nil {
			m.Attributes[name] = *value.StringValue
		}
	}
	if trace := r.Attributes[hikyaku.AttributeXRay]; trace != "" {
		m.Attributes[hikyaku.AttributeXRay] = trace
	}
	return m
}
