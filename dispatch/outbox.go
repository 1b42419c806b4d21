package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	outboxBatch   = 100
	outboxFirst   = time.Second
	outboxMax     = 5 * time.Minute
	outboxWorkers = 8
	// drainFor is how long DrainOutbox goes on before it leaves the rest of what
	// a slow target is owed to the next call.
	drainFor = 10 * time.Second
	// strayEvery is how often events for targets that are not configured are
	// looked at, strayFor how long they are kept: the configuration of another
	// process may be newer.
	strayEvery, strayFor = 10 * time.Minute, 24 * time.Hour
)

// lane is one way out of the outbox. What is slow or fails in one does not
// hold up another.
type lane struct {
	name   string
	target *Target // nil: dead letters, or strays
	stray  bool
	gate   gate // of a target

	busy sync.Mutex // held while draining; guards what follows
	// sent are entries that were sent but not yet recorded so.
	sent    map[string]string // message IDs by entry ID
	strayAt time.Time
}

// The lanes that are no target's.
const (
	laneLetters = "dead letters"
	laneStrays  = "strays"
)

func newLanes(targets []Target) []*lane {
	lanes := []*lane{{name: laneStrays, stray: true}, {name: laneLetters}}
	for i := range targets {
		lanes = append(lanes, &lane{name: "to " + targets[i].Name, target: &targets[i]})
	}
	for _, l := range lanes {
		l.sent = map[string]string{}
	}
	return lanes
}

// OutboxLanes names the ways out of the outbox, for DrainLane.
func (d *Dispatcher) OutboxLanes() []string {
	var names []string
	for _, l := range d.lanes {
		names = append(names, l.name)
	}
	return names
}

// DrainOutbox sends what settled changes owe to the outside: dead letters and
// completion events. What cannot be sent is put off and tried again; a target
// that fails is left alone for a while. It returns how many were sent, after 10
// seconds and one more try at a slow target at the latest. An entry may be sent
// twice after a crash; its attributes tell the receiver that it is the same fact.
func (d *Dispatcher) DrainOutbox(ctx context.Context) (sent int, err error) {
	until := d.Now().Add(drainFor)
	var n atomic.Int64
	err = each(d, d.lanes, func(l *lane) error {
		sent, err := d.drainLane(ctx, l, until)
		n.Add(int64(sent))
		return err
	})
	return int(n.Load()), err
}

// DrainLane is DrainOutbox for one lane, until nothing in it is due. A lane
// that is being drained already is left to that call.
func (d *Dispatcher) DrainLane(ctx context.Context, name string) (sent int, err error) {
	for _, l := range d.lanes {
		if l.name == name {
			return d.drainLane(ctx, l, time.Time{})
		}
	}
	return 0, &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "drain outbox", Subject: name, Message: "there is no such lane"}
}

func (d *Dispatcher) drainLane(ctx context.Context, l *lane, until time.Time) (sent int, err error) {
	if !l.busy.TryLock() {
		return 0, nil
	}
	defer l.busy.Unlock()
	over := func() bool { return ctx.Err() != nil || !until.IsZero() && !d.Now().Before(until) }
	for !over() {
		q, wanted := d.due(l)
		if wanted == 0 {
			return sent, nil
		}
		q.Limit = wanted
		entries, err := d.Ledger.Outbox(ctx, q)
		if err != nil {
			return sent, fmt.Errorf("read outbox: %w", err)
		}
		n, err := d.sendEntries(ctx, l, entries, over)
		sent += n
		if err != nil || len(entries) < wanted {
			return sent, err
		}
	}
	return sent, nil
}

// due says what to send next in a lane, and how many of it.
func (d *Dispatcher) due(l *lane) (q hikyaku.OutboxQuery, wanted int) {
	now := d.Now()
	q = hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, Due: now}
	switch {
	case l.target != nil:
		q.Target = l.target.Name
		return q, l.gate.allow(now, outboxBatch)
	case l.stray:
		if !l.strayAt.IsZero() && now.Sub(l.strayAt) < strayEvery {
			return q, 0
		}
		for _, t := range d.Completions {
			q.Except = append(q.Except, t.Name)
		}
		l.strayAt = now
		return q, outboxBatch
	}
	q.Kind = hikyaku.OutboxDeadLetter
	return q, outboxBatch
}

// sendEntries sends entries of a lane, a few at a time, as long as its gate is
// open and it is not over.
func (d *Dispatcher) sendEntries(ctx context.Context, l *lane, entries []hikyaku.OutboxEntry, over func() bool) (sent int, err error) {
	var mu sync.Mutex // guards l.sent and n
	var errs []error
	var wg sync.WaitGroup
	limit := make(chan struct{}, min(outboxWorkers, d.Workers))
	for _, o := range entries {
		limit <- struct{}{}
		if over() || l.target != nil && l.gate.allow(d.Now(), 1) == 0 {
			<-limit
			break
		}
		wg.Go(func() {
			defer func() { <-limit }()
			ok, err := d.sendEntry(ctx, l, &mu, o)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				sent++
			}
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return sent, errors.Join(errs...)
}

// sendEntry sends one entry and records what came of it. mu guards l.sent.
func (d *Dispatcher) sendEntry(ctx context.Context, l *lane, mu *sync.Mutex, o hikyaku.OutboxEntry) (ok bool, err error) {
	if l.stray {
		return false, d.strayed(ctx, o)
	}
	mu.Lock()
	messageID, before := l.sent[o.ID]
	mu.Unlock()
	detail := hikyaku.NotifiedDetail{Kind: o.Kind}
	if o.Kind == hikyaku.OutboxCompletion {
		detail.Event, detail.Target, detail.Tries = o.Seq(), o.Target, o.Tries+1
	}
	if !before {
		if messageID, detail.Queue, err = d.send(ctx, l, o); err != nil {
			if ctx.Err() != nil { // we are to stop: that is no failure of the target
				return false, nil //nolint:nilerr // it stays owed
			}
			return false, d.putOff(ctx, l, o, err)
		}
	}
	detail.MessageID = messageID
	mu.Lock()
	l.sent[o.ID] = messageID
	mu.Unlock()
	if err := d.notified(ctx, o, detail); err != nil { // it is recorded, and not sent again, next time
		return false, err
	}
	mu.Lock()
	delete(l.sent, o.ID)
	mu.Unlock()
	return true, nil
}

// send sends one entry; a dead letter without a queue for it stays in the
// ledger, where people find it.
func (d *Dispatcher) send(ctx context.Context, l *lane, o hikyaku.OutboxEntry) (messageID, queue string, err error) {
	if l.target != nil {
		messageID, err = l.target.Sender.Send(ctx, hikyaku.OutMessage{Body: o.Body, Attributes: o.Attributes})
		if err == nil {
			if failures := l.gate.passed(); failures > 0 {
				d.Logger.InfoContext(ctx, "target takes completion events again", slog.String("target", l.target.Name), slog.Int("failures", failures))
			}
		}
		return messageID, "", err
	}
	q := d.deadLetterQueue(o)
	if q == nil {
		return "", "", nil
	}
	messageID, err = q.Send(ctx, hikyaku.OutMessage{Body: o.Body, Attributes: o.Attributes})
	if hikyaku.KindOf(err) == hikyaku.KindInvalid {
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

// putOff records that an entry was tried in vain, and when it is tried again.
func (d *Dispatcher) putOff(ctx context.Context, l *lane, o hikyaku.OutboxEntry, failure error) error {
	now := d.Now().UTC()
	o.Tries++
	delay := hikyaku.Retry{First: outboxFirst, Max: outboxMax}.Delay(o.Tries, d.Random)
	o.NotBefore, o.TriedAt = now.Add(max(delay, outboxFirst)), now
	o.LastError, o.LastStatus = shorten(failure.Error()), 0
	var answered interface{ HTTPStatus() int }
	if errors.As(failure, &answered) {
		o.LastStatus = answered.HTTPStatus()
	}
	attrs := []any{
		slog.String("outbox_id", o.ID), slog.Int("tries", o.Tries), slog.Int("http_status", o.LastStatus),
		slog.Time("not_before", o.NotBefore), slog.Any("error", failure),
	}
	if l.target != nil {
		closed := l.gate.failed(now, hikyaku.KindOf(failure), d.Random)
		d.timers.add(closed)
		if closed.After(o.NotBefore) {
			o.NotBefore = closed
		}
		attrs = append(attrs, slog.String("target", l.target.Name), slog.Time("target_not_before", closed))
	}
	d.Logger.WarnContext(ctx, "outbox entry not sent", attrs...)
	d.timers.add(o.NotBefore)
	if err := d.commit(ctx, hikyaku.Change{OutboxLater: []hikyaku.OutboxEntry{o}}); err != nil {
		return fmt.Errorf("put off %s: %w", o.ID, err)
	}
	return nil
}

// strayed looks after a completion event for a target that is not configured.
// One from before targets had names goes to the first; the others are dropped
// once they are a day old.
func (d *Dispatcher) strayed(ctx context.Context, o hikyaku.OutboxEntry) error {
	if o.Target == "" && len(d.Completions) > 0 {
		old := o.ID
		o.Target = d.Completions[0].Name
		o.ID = hikyaku.OutboxID(o.Kind, o.TransferID, o.Seq(), o.Target)
		return d.commit(ctx, hikyaku.Change{OutboxDone: []string{old}, Outbox: []hikyaku.OutboxEntry{o}})
	}
	now := d.Now().UTC()
	if now.Sub(o.CreatedAt) >= strayFor {
		d.Logger.WarnContext(ctx, "completion event dropped: its target is not configured", slog.String("outbox_id", o.ID), slog.String("target", o.Target))
		return d.notified(ctx, o, hikyaku.NotifiedDetail{Kind: o.Kind, Event: o.Seq(), Target: o.Target, Tries: o.Tries, Dropped: true})
	}
	o.LastError, o.NotBefore = "no target of this name is configured", now.Add(strayEvery)
	return d.commit(ctx, hikyaku.Change{OutboxLater: []hikyaku.OutboxEntry{o}})
}
