package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	outboxBatch    = 100
	outboxFirst    = time.Second
	outboxMax      = 5 * time.Minute
	deadLetterPeek = 10
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
	for _, o := range entries {
		messageID, queue, sendErr := d.send(ctx, o)
		switch {
		case sendErr != nil:
			d.Logger.WarnContext(ctx, "outbox entry not sent", slog.String("outbox_id", o.ID), slog.Int("tries", o.Tries+1), slog.Any("error", sendErr))
			later = append(later, d.putOff(o))
		case o.Kind == hikyaku.OutboxDeadLetter:
			if err := d.notified(ctx, o, queue, messageID); err != nil {
				return sent, err
			}
			sent++
		default:
			done = append(done, o.ID)
			sent++
		}
	}
	if len(done)+len(later) == 0 {
		return sent, nil
	}
	if err := d.commit(ctx, hikyaku.Change{OutboxDone: done, OutboxLater: later}); err != nil {
		return sent, fmt.Errorf("record what was sent: %w", err)
	}
	return sent, nil
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
	return messageID, q.Name(), err
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

// CollectDeadLetters records messages that the queue dead-lettered by itself,
// because they were received too often without being accepted, and puts in
// their place letters that say so. It looks at a few messages per call and
// counts a receive of each; call it every few minutes at most. It returns how
// many were recorded.
func (d *Dispatcher) CollectDeadLetters(ctx context.Context) (collected int, err error) {
	for source, q := range d.DeadLetters {
		messages, err := q.Receive(ctx, deadLetterPeek, 0)
		if err != nil {
			return collected, fmt.Errorf("look into dead-letter queue %s: %w", q.Name(), err)
		}
		var known []string
		for _, m := range messages {
			if m.Attributes[hikyaku.AttributeTransfer] != "" {
				known = append(known, m.Handle)
				continue
			}
			m.Queue = source
			if known, err := d.knows(ctx, m); err != nil {
				return collected, err
			} else if known { // only its deletion had failed
				if err := q.Delete(ctx, []string{m.Handle}); err != nil {
					return collected, fmt.Errorf("delete accepted dead letter %s: %w", m.ID, err)
				}
				continue
			}
			cause := hikyaku.NewError(hikyaku.CodeQueueGaveUp, "", "", "the queue moved it away after too many receives")
			if err := d.reject(ctx, m, hikyaku.Request{}, cause); err != nil {
				return collected, err
			}
			if err := q.Delete(ctx, []string{m.Handle}); err != nil {
				return collected, fmt.Errorf("replace dead letter %s: %w", m.ID, err)
			}
			collected++
		}
		if len(known) > 0 {
			if err := q.Release(ctx, known, 0); err != nil {
				return collected, fmt.Errorf("put back dead letters of %s: %w", q.Name(), err)
			}
		}
	}
	return collected, nil
}

// knows reports whether a message was accepted before the queue gave up on it.
func (d *Dispatcher) knows(ctx context.Context, m hikyaku.Message) (bool, error) {
	requests, err := hikyaku.ParseBody(m.Body)
	if err != nil || len(requests) == 0 {
		return false, nil //nolint:nilerr // a body nobody understands was never accepted
	}
	r, q, err := d.understand(m.Queue, requests[0])
	if err != nil {
		return false, nil //nolint:nilerr // likewise
	}
	page, err := d.Ledger.Transfers(ctx, hikyaku.Query{ID: q.ID, Route: r.Name, Limit: 1000})
	if err != nil {
		return false, fmt.Errorf("find transfers of %q: %w", q.ID, err)
	}
	for _, t := range page.Transfers {
		if t.MessageID == m.ID {
			return true, nil
		}
	}
	return false, nil
}
