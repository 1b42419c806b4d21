package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	outboxBatch = 100
	outboxFirst = time.Second
	outboxMax   = 5 * time.Minute
)

// DrainOutbox sends what settled changes owe to the outside: dead letters and
// completion events. What cannot be sent is put off and tried again. It
// returns how many were sent. An entry may be sent twice after a crash; the
// attributes tell the receiver that it is the same fact.
func (d *Dispatcher) DrainOutbox(ctx context.Context) (sent int, err error) {
	for {
		entries, err := d.Ledger.Outbox(ctx, d.Now(), outboxBatch)
		if err != nil {
			return sent, fmt.Errorf("read outbox: %w", err)
		}
		n, err := d.sendEntries(ctx, entries)
		sent += n
		if err != nil || len(entries) < outboxBatch || n == 0 {
			return sent, err
		}
	}
}

func (d *Dispatcher) sendEntries(ctx context.Context, entries []hikyaku.OutboxEntry) (sent int, err error) {
	var done []string
	var later []hikyaku.OutboxEntry
	var errs []error
	for _, o := range entries {
		messageID, queue, sendErr := d.send(ctx, o)
		switch {
		case sendErr != nil:
			d.Logger.WarnContext(ctx, "outbox entry not sent", slog.String("outbox_id", o.ID), slog.Int("tries", o.Tries+1), slog.Any("error", sendErr))
			later = append(later, d.putOff(o))
			continue
		case o.Kind == hikyaku.OutboxDeadLetter:
			err = d.notified(ctx, o, queue, messageID)
		default:
			done = append(done, o.ID)
		}
		if err != nil { // it is sent again; what was sent before it shall not be
			errs = append(errs, err)
			break
		}
		sent++
	}
	if len(done)+len(later) == 0 {
		return sent, errors.Join(errs...)
	}
	if err := d.commit(ctx, hikyaku.Change{OutboxDone: done, OutboxLater: later}); err != nil {
		errs = append(errs, fmt.Errorf("record what was sent: %w", err))
	}
	return sent, errors.Join(errs...)
}

// send sends one entry; a dead letter without a queue for it stays in the
// ledger, where people find it.
func (d *Dispatcher) send(ctx context.Context, o hikyaku.OutboxEntry) (messageID, queue string, err error) {
	q := d.Completions
	if o.Kind == hikyaku.OutboxDeadLetter {
		q = d.deadLetterQueue(o)
	}
	if q == nil {
		return "", "", nil
	}
	messageID, err = q.Send(ctx, hikyaku.OutMessage{Body: o.Body, Attributes: o.Attributes})
	if o.Kind == hikyaku.OutboxDeadLetter && hikyaku.KindOf(err) == hikyaku.KindInvalid {
		messageID, err = q.Send(ctx, withoutBody(o))
	}
	return messageID, q.Name(), err
}

// withoutBody is a letter for a queue that refuses the whole one: attributes
// count, so that the largest message SQS takes has no room for ours. Read as a
// message of its own the body is refused.
func withoutBody(o hikyaku.OutboxEntry) hikyaku.OutMessage {
	attributes := maps.Clone(o.Attributes)
	attributes[hikyaku.AttributeBody] = "in the ledger"
	return hikyaku.OutMessage{Body: `{"hikyaku":"the body is too large to be sent again; it is kept in the ledger"}`, Attributes: attributes}
}

// deadLetterQueue is the one of the queue the message came from, else that of
// its route's queue, else the one under "", else the only one.
func (d *Dispatcher) deadLetterQueue(o hikyaku.OutboxEntry) hikyaku.Queue {
	names := []string{o.Queue}
	if r, ok := d.currentRoutes().Find(o.Route); ok && o.Queue == "" {
		names = append(names, r.Queue)
	}
	for _, name := range append(names, "") {
		if q := d.DeadLetters[name]; q != nil {
			return q
		}
	}
	if len(d.DeadLetters) == 1 {
		for _, q := range d.DeadLetters {
			return q
		}
	}
	return nil
}

func (d *Dispatcher) putOff(o hikyaku.OutboxEntry) hikyaku.OutboxEntry {
	o.Tries++
	delay := hikyaku.Retry{First: outboxFirst, Max: outboxMax}.Delay(o.Tries, d.Random)
	o.NotBefore = d.Now().UTC().Add(max(delay, outboxFirst))
	d.timers.add(o.NotBefore)
	return o
}

// notified records that a dead letter was sent, and that it is not owed any more.
func (d *Dispatcher) notified(ctx context.Context, o hikyaku.OutboxEntry, queue, messageID string) error {
	_, err := d.update(ctx, o.TransferID, func(e *edit) error {
		e.change.OutboxDone = []string{o.ID}
		return e.record(ctx, "", &hikyaku.NotifiedDetail{Kind: o.Kind, Queue: queue, MessageID: messageID})
	})
	if errors.Is(err, hikyaku.ErrNotFound) { // removed by retention
		return d.commit(ctx, hikyaku.Change{OutboxDone: []string{o.ID}})
	}
	if err != nil {
		return fmt.Errorf("record dead letter %s as sent: %w", o.ID, err)
	}
	return nil
}
