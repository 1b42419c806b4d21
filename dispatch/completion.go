package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Sender takes messages: a queue, or what stands for one. A failure may have
// an HTTPStatus() int in its chain.
type Sender interface {
	// Send sends one message and returns its ID, empty where there is none.
	Send(ctx context.Context, m hikyaku.OutMessage) (messageID string, err error)
}

// Target takes completion events.
type Target struct {
	// Name tells it from the others, in the ledger too: under another name it
	// is another target. Required, at most 64 bytes without "/".
	Name   string
	Sender Sender
	// Routes are those whose transfers it is told of; empty: all.
	Routes []string
}

func (t *Target) wants(route string) bool {
	return len(t.Routes) == 0 || slices.Contains(t.Routes, route)
}

// The attributes of completion events beside hikyaku.AttributeTransfer.
const (
	attributeEvent   = "hikyaku-event"
	attributeEventID = "hikyaku-event-id"
	attributeState   = "hikyaku-state"
	attributeSchema  = "hikyaku-schema"
)

// Completion is the body of a completion event: what others are told about a
// transfer that ended. Fields are added, never renamed.
type Completion struct {
	SchemaVersion int `json:"schema_version"`
	// EventID is the same whenever the same end of the same transfer is told.
	EventID    string            `json:"event_id"`
	ID         string            `json:"id"`
	TransferID string            `json:"transfer_id"`
	Route      string            `json:"route"`
	State      hikyaku.State     `json:"state"`
	Outcome    hikyaku.Outcome   `json:"outcome"`
	Files      hikyaku.Files     `json:"files"`
	Bytes      hikyaku.Bytes     `json:"bytes"`
	Attempt    int               `json:"attempt"`
	Failure    *hikyaku.Failure  `json:"error"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	CreatedAt  time.Time         `json:"created_at"`
	EndedAt    time.Time         `json:"ended_at"`
}

// completions are the entries that the event seq of t, which ended it, owes to
// the targets of its route.
func (d *Dispatcher) completions(t *hikyaku.Transfer, seq int64, at time.Time) ([]hikyaku.OutboxEntry, error) {
	var entries []hikyaku.OutboxEntry
	for i := range d.Completions {
		target := &d.Completions[i]
		if !target.wants(t.Route) {
			continue
		}
		eventID := hikyaku.EventID(t.TransferID, seq)
		body, err := json.Marshal(Completion{
			SchemaVersion: hikyaku.CurrentSchema, EventID: eventID, ID: t.ID, TransferID: t.TransferID, Route: t.Route, State: t.State,
			Outcome: t.Outcome, Files: t.Files, Bytes: t.Bytes, Attempt: t.Attempt, Failure: t.Failure,
			Metadata: t.Metadata, CreatedAt: t.CreatedAt, EndedAt: t.EndedAt,
		})
		if err != nil {
			return nil, fmt.Errorf("encode completion event: %w", err)
		}
		entries = append(entries, hikyaku.OutboxEntry{
			SchemaVersion: hikyaku.CurrentSchema, ID: hikyaku.OutboxID(hikyaku.OutboxCompletion, t.TransferID, seq, target.Name),
			Kind: hikyaku.OutboxCompletion, TransferID: t.TransferID, Route: t.Route, Queue: t.Queue, Target: target.Name, Body: string(body),
			Attributes: map[string]string{
				attributeEvent: "transfer-ended", attributeEventID: eventID, hikyaku.AttributeTransfer: t.TransferID,
				attributeState: string(t.State), attributeSchema: "1",
			},
			CreatedAt: at,
		})
	}
	return entries, nil
}

// ResendCompletion makes a completion event owed once more, with the identity
// that it has: of the event r.Event (0: the last that ended the transfer), to
// the target r.Target ("": all of its route). What is owed already is due at
// once. The transfer as it is afterwards is returned.
func (d *Dispatcher) ResendCompletion(ctx context.Context, transferID string, r hikyaku.Resend, act hikyaku.Act) (hikyaku.Transfer, error) {
	var targets []string
	t, err := d.update(ctx, transferID, func(e *edit) error {
		entries, err := d.owedOnceMore(ctx, transferID, r)
		if err != nil {
			return err
		}
		owed, err := d.Ledger.Outbox(ctx, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: transferID, Limit: outboxBatch})
		if err != nil {
			return fmt.Errorf("read what is owed for %s: %w", transferID, err)
		}
		targets = nil
		for _, entry := range entries {
			targets = append(targets, entry.Target)
			i := slices.IndexFunc(owed, func(o hikyaku.OutboxEntry) bool { return o.ID == entry.ID })
			if i < 0 {
				e.change.Outbox = append(e.change.Outbox, entry)
				continue
			}
			owed[i].NotBefore = e.at
			e.change.OutboxLater = append(e.change.OutboxLater, owed[i])
		}
		e.audit(hikyaku.AuditResendEvent, act)
		return e.record(ctx, act.By, &hikyaku.ResentDetail{Event: entries[0].Seq(), Targets: targets, Reason: act.Reason})
	})
	if err != nil {
		return t, notFound(transferID, err)
	}
	for _, l := range d.lanes {
		if l.target != nil && slices.Contains(targets, l.target.Name) {
			l.gate.open()
		}
	}
	d.timers.add(d.Now())
	return t, nil
}

// owedOnceMore are the entries of a completion event, built from the events up
// to the one that it tells of; at least one.
func (d *Dispatcher) owedOnceMore(ctx context.Context, transferID string, r hikyaku.Resend) ([]hikyaku.OutboxEntry, error) {
	events, err := d.Ledger.Events(ctx, transferID, 0)
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", transferID, err)
	}
	for i, event := range slices.Backward(events) {
		if !event.Type.Ends() || r.Event != 0 && r.Event != event.Seq {
			continue
		}
		then, err := hikyaku.Replay(events[:i+1])
		if err != nil {
			return nil, err
		}
		entries, err := d.completions(&then, event.Seq, d.Now().UTC())
		if err != nil {
			return nil, err
		}
		entries = slices.DeleteFunc(entries, func(o hikyaku.OutboxEntry) bool { return r.Target != "" && r.Target != o.Target })
		if len(entries) == 0 {
			return nil, hikyaku.NewError(hikyaku.CodeNoTarget, "resend completion event", transferID, "no such target is configured for route "+then.Route)
		}
		return entries, nil
	}
	return nil, hikyaku.NewError(hikyaku.CodeNoCompletion, "resend completion event", transferID, "it has no such event")
}

// notified records that an entry was sent, and that it is not owed any more.
func (d *Dispatcher) notified(ctx context.Context, o hikyaku.OutboxEntry, detail hikyaku.NotifiedDetail) error {
	_, err := d.update(ctx, o.TransferID, func(e *edit) error {
		e.change.OutboxDone = []string{o.ID}
		return e.record(ctx, "", &detail)
	})
	if errors.Is(err, hikyaku.ErrNotFound) { // removed by retention
		return d.commit(ctx, hikyaku.Change{OutboxDone: []string{o.ID}})
	}
	if err != nil {
		return fmt.Errorf("record %s as sent: %w", o.ID, err)
	}
	return nil
}
