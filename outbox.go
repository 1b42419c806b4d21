package hikyaku

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// OutboxKind says what an outbox entry is.
type OutboxKind string

// The outbox kinds.
const (
	// OutboxDeadLetter goes to the route's dead-letter queue.
	OutboxDeadLetter OutboxKind = "dead_letter"
	// OutboxCompletion tells others that a transfer ended.
	OutboxCompletion OutboxKind = "completion"
)

// OutboxEntry is a message that a settled change owes to the outside.
type OutboxEntry struct {
	SchemaVersion int        `json:"schema_version"`
	ID            string     `json:"id"` // see OutboxID: the same fact for the same target has the same ID
	Kind          OutboxKind `json:"kind"`
	TransferID    string     `json:"transfer_id"`
	Route         string     `json:"route"`
	// Queue is the queue the message came from, so that the dead letter goes to its DLQ.
	Queue string `json:"queue"`
	// Target is the name of the target that a completion event is for; empty in
	// entries from before targets had names.
	Target string `json:"target,omitempty"`
	Body   string `json:"body"`
	// Attributes are sent as message attributes: hikyaku-transfer-id, hikyaku-code, hikyaku-reason,
	// hikyaku-reruns (see the Attribute constants).
	Attributes map[string]string `json:"attributes"`
	CreatedAt  time.Time         `json:"created_at"`
	NotBefore  time.Time         `json:"not_before,omitzero"`
	Tries      int               `json:"tries"`
	// LastError is why the last try failed, LastStatus the HTTP status it was
	// answered with (0: none), TriedAt when that was.
	LastError  string    `json:"last_error,omitempty"`
	LastStatus int       `json:"last_status,omitempty"`
	TriedAt    time.Time `json:"tried_at,omitzero"`
}

// OutboxID is the ID of what an event of a transfer owes: of the same event to
// the same target it is always the same. Dead letters have no target.
func OutboxID(kind OutboxKind, transferID string, seq int64, target string) string {
	id := OutboxPrefix(kind, transferID) + strconv.FormatInt(seq, 10)
	if target != "" {
		id += "/" + target
	}
	return id
}

// OutboxPrefix is what the IDs of all entries of a kind and a transfer begin
// with, and no others.
func OutboxPrefix(kind OutboxKind, transferID string) string {
	return string(kind) + "/" + transferID + "/"
}

// Seq is the event that the entry is owed for; 0 if its ID has none.
func (e *OutboxEntry) Seq() int64 {
	rest, ok := strings.CutPrefix(e.ID, OutboxPrefix(e.Kind, e.TransferID))
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(rest, "/")
	seq, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0
	}
	return seq
}

// Failing reports whether the entry was last tried in vain.
func (e *OutboxEntry) Failing() bool { return e.LastError != "" }

// EventID names the fact that a completion event tells: a receiver that saw it
// before has seen the event before.
func EventID(transferID string, seq int64) string {
	return transferID + "/" + strconv.FormatInt(seq, 10)
}

// OutboxQuery selects undelivered entries; zero fields select all.
type OutboxQuery struct {
	// Kind selects entries of one kind, without reading the others where the
	// ledger can.
	Kind OutboxKind
	// Due leaves out what is put off beyond this time.
	Due time.Time
	// Target selects completion events for this target.
	Target string
	// Except leaves out completion events for these targets.
	Except []string
	// TransferID, with Kind, selects what is owed for this transfer, without
	// reading the rest.
	TransferID string
	// Limit is how many at most; 0 is none.
	Limit int
}

// Prefix is what the IDs of the entries that q selects begin with; entries of
// other IDs need not be read.
func (q OutboxQuery) Prefix() string {
	switch {
	case q.Kind == "":
		return ""
	case q.TransferID == "":
		return string(q.Kind) + "/"
	}
	return OutboxPrefix(q.Kind, q.TransferID)
}

// Matches reports whether q selects e, Limit aside.
func (q OutboxQuery) Matches(e *OutboxEntry) bool {
	switch {
	case q.Kind != "" && e.Kind != q.Kind,
		!q.Due.IsZero() && e.NotBefore.After(q.Due),
		q.Target != "" && e.Target != q.Target,
		e.Target != "" && slices.Contains(q.Except, e.Target),
		q.TransferID != "" && e.TransferID != q.TransferID:
		return false
	}
	return true
}

// Owed is what is owed to one target of completion events.
type Owed struct {
	// Events is how many, Since when the oldest of them came to be.
	Events int64
	Since  time.Time
	// Failing is how many of them were last tried in vain.
	Failing int64
}

// Plus is o and one more entry.
func (o Owed) Plus(e *OutboxEntry) Owed {
	more := Owed{Events: 1, Since: e.CreatedAt}
	if e.Failing() {
		more.Failing = 1
	}
	return o.Join(more)
}

// Join is what is owed in two parts of an outbox.
func (o Owed) Join(p Owed) Owed {
	if o.Since.IsZero() || !p.Since.IsZero() && p.Since.Before(o.Since) {
		o.Since = p.Since
	}
	o.Events += p.Events
	o.Failing += p.Failing
	return o
}
