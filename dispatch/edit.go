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

// edit collects what one change does to a transfer: its events, and what
// their effects demand of pool and outbox.
type edit struct {
	d      *Dispatcher
	at     time.Time
	t      hikyaku.Transfer // as it will be
	change hikyaku.Change
	// bench benches the task that is freed.
	bench *hikyaku.Failure
	// after run once the change is committed.
	after []func(ctx context.Context, t hikyaku.Transfer)
}

func (d *Dispatcher) edit(t hikyaku.Transfer) *edit {
	return &edit{d: d, t: t, at: d.Now().UTC()}
}

// record applies an event by a person ("" for none).
func (e *edit) record(ctx context.Context, by string, detail hikyaku.Detail) error {
	before := e.t
	event, effects, err := e.t.Record(e.at, by, detail)
	if err != nil {
		return err
	}
	e.change.Events = append(e.change.Events, event)
	if effects.FreeLease {
		if err := e.free(ctx, before); err != nil {
			return err
		}
		e.change.Carried = carried(e.t, e.at)
	}
	if effects.DeadLetter {
		e.change.Outbox = append(e.change.Outbox, e.deadLetter(event.Seq))
	}
	if effects.Completion {
		entries, err := e.d.completions(&e.t, event.Seq, e.at)
		if err != nil {
			return err
		}
		e.change.Outbox = append(e.change.Outbox, entries...)
	}
	return nil
}

// recordAt applies an event that happened at a time gone by (zero: now).
func (e *edit) recordAt(ctx context.Context, at time.Time, detail hikyaku.Detail) error {
	now := e.at
	if !at.IsZero() {
		e.at = at
	}
	err := e.record(ctx, "", detail)
	e.at = now
	return err
}

// carried is what the attempt that ended at a time adds to its agents' day.
func carried(t hikyaku.Transfer, at time.Time) hikyaku.Carried {
	if len(t.AgentARNs) == 0 || len(t.Attempts) == 0 {
		return hikyaku.Carried{}
	}
	c := hikyaku.Carried{Day: hikyaku.Day(at), Bytes: t.Attempts[len(t.Attempts)-1].Bytes.Transferred}
	if t.State == hikyaku.Succeeded {
		c.Transfers = 1
	}
	return c
}

// free gives back what the lease of t holds.
func (e *edit) free(ctx context.Context, t hikyaku.Transfer) error {
	e.change.UnlockActive = true
	e.change.FreeSlots = t.AgentARNs
	task, ok, err := e.d.view.task(ctx, t.TaskARN, false)
	if err == nil && (!ok || task.TransferID != t.TransferID || task.Token != t.Token) {
		task, ok, err = e.d.view.task(ctx, t.TaskARN, true)
	}
	if err != nil {
		return fmt.Errorf("read task %s: %w", t.TaskARN, err)
	}
	if !ok || task.TransferID != t.TransferID || task.Token != t.Token {
		return nil // the task is not ours any more: nothing of it to give back
	}
	write := hikyaku.TaskWrite{IfToken: &t.Token, Delete: task.State == hikyaku.Draining}
	task = unleased(task, e.at)
	if e.bench != nil && task.State == hikyaku.Idle {
		task.State, task.BenchedUntil = hikyaku.Benched, e.at.Add(e.d.BenchFor)
		task.BenchedReason, task.BenchedBy = e.bench.Code+" "+e.bench.Message, ""
	}
	write.Task = task
	e.change.Tasks = append(e.change.Tasks, write)
	return nil
}

// commit writes the change and runs what follows it.
func (e *edit) commit(ctx context.Context) error {
	t := e.t
	e.change.Transfer = &t
	if err := e.d.commit(ctx, e.change); err != nil {
		return err
	}
	e.t.Version++
	if e.t.State == hikyaku.Queued {
		e.d.timers.add(e.t.NotBefore)
		e.d.view.announce(e.t.Route)
	}
	for _, fn := range e.after {
		fn(ctx, e.t)
	}
	return nil
}

func (d *Dispatcher) commit(ctx context.Context, c hikyaku.Change) error {
	if err := d.Ledger.Commit(ctx, c); err != nil {
		if what := conflict(err); what != "transfer" && what != "event" && what != "unique" && what != "active" {
			d.view.stale() // another writer was there, or it is unclear what was written
		}
		return err
	}
	d.view.applied(&c)
	return nil
}

// conflict names the condition of a *ConflictError, or "".
func conflict(err error) string {
	if c, ok := errors.AsType[*hikyaku.ConflictError](err); ok {
		return c.What
	}
	return ""
}

// errSkip ends an update that found nothing to do.
var errSkip = errors.New("nothing to do")

// maxTries bounds how often a change is decided anew after conflicts.
const maxTries = 12

// update reads a transfer, lets fn decide, and commits; when another writer
// was faster it reads and decides again. fn returns errSkip to change nothing.
// The transfer as it is afterwards is returned.
func (d *Dispatcher) update(ctx context.Context, transferID string, fn func(*edit) error) (hikyaku.Transfer, error) {
	return d.updateFrom(ctx, hikyaku.Transfer{TransferID: transferID}, fn)
}

// updateFrom is update for a transfer that was read just now, which saves
// reading it again: should it have changed since, the commit's condition tells.
// What fn refuses on its ground is decided again on a fresh read.
func (d *Dispatcher) updateFrom(ctx context.Context, known hikyaku.Transfer, fn func(*edit) error) (hikyaku.Transfer, error) {
	transferID := known.TransferID
	if known.Version > 0 {
		e := d.edit(known)
		if err := fn(e); err == nil {
			if err = e.commit(ctx); err == nil {
				return e.t, nil
			}
			switch conflict(err) {
			case "transfer", "event", "task", "settings":
			default:
				return known, fmt.Errorf("commit transfer %s: %w", transferID, err)
			}
		}
	}
	var err error
	for range maxTries {
		var t hikyaku.Transfer
		if t, err = d.Ledger.Transfer(ctx, transferID); err != nil {
			return t, fmt.Errorf("read transfer %s: %w", transferID, err)
		}
		e := d.edit(t)
		if err = fn(e); errors.Is(err, errSkip) {
			return t, nil
		}
		if err != nil {
			return t, err
		}
		if err = e.commit(ctx); err == nil {
			return e.t, nil
		}
		switch conflict(err) {
		case "transfer", "event", "task", "settings":
			continue
		}
		return t, fmt.Errorf("commit transfer %s: %w", transferID, err)
	}
	return hikyaku.Transfer{}, fmt.Errorf("commit transfer %s: %w", transferID, err)
}

// deadLetter is the outbox entry a failed or rejected transfer owes.
func (e *edit) deadLetter(seq int64) hikyaku.OutboxEntry {
	t := &e.t
	attributes := map[string]string{
		hikyaku.AttributeTransfer: t.TransferID,
		hikyaku.AttributeReruns:   strconv.Itoa(t.Reruns),
	}
	if f := t.Failure; f != nil {
		attributes[hikyaku.AttributeCode] = f.Code
		attributes[hikyaku.AttributeReason] = attributeText(f.Message)
	}
	body := t.Body
	if body == "" {
		body = requestBody(hikyaku.Request{ID: t.ID, Route: t.Route, Key: t.Key, Paths: t.Paths, Metadata: t.Metadata})
	}
	return hikyaku.OutboxEntry{
		SchemaVersion: hikyaku.CurrentSchema, ID: hikyaku.OutboxID(hikyaku.OutboxDeadLetter, t.TransferID, seq, ""),
		Kind: hikyaku.OutboxDeadLetter, TransferID: t.TransferID, Route: t.Route, Queue: t.Queue,
		Body: body, Attributes: attributes, CreatedAt: e.at,
	}
}

// attributes that describe a transfer in logs.
func attrs(t hikyaku.Transfer) slog.Attr {
	return slog.Group("transfer", slog.String("transfer_id", t.TransferID), slog.String("id", t.ID),
		slog.String("route", t.Route), slog.String("state", string(t.State)), slog.Int("attempt", t.Attempt),
		slog.String("execution_arn", t.ExecutionARN), slog.Int64("lease_token", t.Token))
}
