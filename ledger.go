package hikyaku

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Ledger is the durable record of transfers, events, tasks, leases, locks,
// agents, route settings and the outbox. Implementations: sqlite, dynamo and
// the in-memory one for tests; one conformance suite for all.
//
// Methods may be called concurrently and by several processes (DynamoDB).
// Reads of one item by its key see the last commit; lists and Ready may be
// slightly stale, which Commit's conditions make harmless.
type Ledger interface {
	// Commit carries out the whole change or nothing of it. A condition that
	// does not hold gives *ConflictError; the caller reads again and decides
	// again. After nil the change survives a crash.
	Commit(ctx context.Context, c Change) error
	// Transfer returns a transfer by its transfer_id, or ErrNotFound.
	Transfer(ctx context.Context, transferID string) (Transfer, error)
	// Transfers lists by ID, state, route, time, code; newest first.
	Transfers(ctx context.Context, q Query) (Page, error)
	// Events returns a transfer's events with Seq > after, in order.
	Events(ctx context.Context, transferID string, after int64) ([]Event, error)
	// Ready returns QUEUED transfers of a route whose NotBefore has come,
	// oldest QueuedAt first, at most limit. Paused routes are the caller's
	// business.
	Ready(ctx context.Context, route string, now time.Time, limit int) ([]Transfer, error)
	// Pool returns the tasks and settings of a route ("": of all) and all agents.
	Pool(ctx context.Context, route string) (Pool, error)
	// Outbox returns undelivered entries that q selects, oldest first.
	Outbox(ctx context.Context, q OutboxQuery) ([]OutboxEntry, error)
	// Stats counts transfers per route and state.
	Stats(ctx context.Context) (Stats, error)
}

// Subscriber is implemented by ledgers that can tell of commits in this process.
type Subscriber interface {
	// Subscribe calls fn after each commit that changed a transfer, in commit
	// order per transfer, from one goroutine; fn must not block. stop ends it.
	Subscribe(fn func(Transfer)) (stop func())
}

// PrefixSearcher is implemented by ledgers that may have no index of texts.
type PrefixSearcher interface {
	// SearchesByPrefix reports that Query.Text finds IDs that begin with it, a
	// transfer_id and an execution's ARN, and no other text.
	SearchesByPrefix() bool
}

// FailureLister is implemented by ledgers that keep what failed apart, so that
// thousands can be grouped without reading their whole records.
type FailureLister interface {
	// Failures lists the newest transfers that q selects, and whether there are
	// more: than its Limit, or than a ledger looks through at once. It may lag
	// behind commits by moments.
	Failures(ctx context.Context, q FailureQuery) (list []FailedTransfer, more bool, err error)
}

// FailureQuery selects what failed; empty fields select all that did, now or in
// an earlier attempt.
type FailureQuery struct {
	States      []State
	DeadLetters []DeadLetterState
	Limit       int
}

// FailedTransfer is what a transfer failed with. Of the failure its code is known, and
// its message or, where there is none, its detail: their first 200 bytes at least.
type FailedTransfer struct {
	ID, Route  string
	State      State
	DeadLetter DeadLetterState
	EndedAt    time.Time
	Failure    Failure
}

// Change is one atomic, conditional write. Zero fields change nothing.
type Change struct {
	// Transfer replaces the record whose stored Version equals Transfer.Version
	// (0: it must not exist yet); it is stored with Version+1.
	Transfer *Transfer
	// Events are appended; their Seq must not exist yet.
	Events []Event
	// Unique are names that must not be taken yet and are taken by this change
	// for Transfer.TransferID: idempotency of messages and producer keys. See
	// MessageKey and ProducerKey. Kept at least 14 days.
	Unique []string
	// First demands that nothing was accepted under Transfer's route and ID so
	// far: no name of MessageKey with them was taken. Only a FirstKnower is given
	// it, with such a name in Unique.
	First bool
	// LockActive takes ACTIVE(route, ID) for Transfer: no other transfer may
	// hold, on that route, the same ID, a path prefix of it or an ID below it
	// (see Overlap); to take it again is allowed. UnlockActive frees it if it is
	// Transfer's own.
	LockActive, UnlockActive bool
	// Tasks are written under their conditions.
	Tasks []TaskWrite
	// TakeSlots takes one slot of each agent: it must be Online and have one
	// free (Busy < Slots, or Slots 0). FreeSlots gives them back (never below 0).
	TakeSlots, FreeSlots []string
	// Carried is added to Today of the agents whose slots FreeSlots gives back,
	// once for each slot, as Carried.Add does; without a Day nothing is.
	Carried Carried
	// Agents are upserted: Online, Name, Slots, LastContact, Since, SeenAt,
	// Platform, Changes; Busy and Today are never overwritten.
	Agents []Agent
	// Settings are replaced where the stored Version equals Version (0: new).
	Settings []RouteSettings
	// Outbox entries are added, by ID; an entry that exists is left alone.
	Outbox []OutboxEntry
	// OutboxDone are IDs removed as delivered; OutboxLater replace entries that
	// are still there, put off or due sooner.
	OutboxDone  []string
	OutboxLater []OutboxEntry
	// Audit is appended to the audit log: the ledger gives it Seq, Previous and
	// Hash. It is no condition: who else appends meanwhile is waited for.
	Audit *AuditRecord
}

// TaskWrite replaces a task's record, if the stored Version equals
// Task.Version (0: it must not exist yet) and, when IfToken is set, the stored
// Token equals it; it is stored with Version+1. Delete removes it instead.
type TaskWrite struct {
	Task    Task
	IfToken *int64
	Delete  bool
}

// Query selects transfers; zero fields select all.
type Query struct {
	ID     string
	States []State
	Route  string
	Code   string // Failure.Code
	// DeadLetters selects transfers whose DeadLetter is one of these.
	DeadLetters []DeadLetterState
	// Text is found anywhere in an ID or a failure's text, and as the beginning, ten
	// characters at least, of a transfer_id or an execution (its ARN, or exec-…),
	// where the ledger can (SQLite); by prefix of ID otherwise.
	Text string
	// Executions are IDs of executions ("exec-…") whose transfers a Text finds too.
	// Ledgers that search by prefix leave them out.
	Executions   []string
	Since, Until time.Time // of CreatedAt: Since <= t < Until
	// Limit is at most 1000; 0 is 50. Token continues a page.
	Limit int
	Token string
}

// Matches reports whether q selects t, Text aside, which each ledger matches as
// far as it can.
func (q Query) Matches(t *Transfer) bool {
	switch {
	case q.ID != "" && t.ID != q.ID,
		q.Route != "" && t.Route != q.Route,
		len(q.States) > 0 && !slices.Contains(q.States, t.State),
		q.Code != "" && (t.Failure == nil || t.Failure.Code != q.Code),
		len(q.DeadLetters) > 0 && !slices.Contains(q.DeadLetters, t.DeadLetter),
		!q.Since.IsZero() && t.CreatedAt.Before(q.Since),
		!q.Until.IsZero() && !t.CreatedAt.Before(q.Until):
		return false
	}
	return true
}

// Page is one page of transfers, newest first.
type Page struct {
	Transfers []Transfer
	// NextToken continues; empty at the end.
	NextToken string
}

// Stats counts transfers.
type Stats struct {
	// Counts by route, then state.
	Counts map[string]map[State]int64
	// Waiting counts QUEUED transfers by route, then reason.
	Waiting map[string]map[WaitingReason]int64
	// OldestQueued is the earliest QueuedAt by route among QUEUED.
	OldestQueued map[string]time.Time
	// OutboxPending counts undelivered outbox entries.
	OutboxPending int64
	// Owed says what is owed to each target of completion events; one that is
	// owed nothing is not in it.
	Owed map[string]Owed
}

// MessageKey is the Unique name of one message for one route and ID.
func MessageKey(messageID, route, id string) string {
	return "message|" + messageID + "|" + route + "|" + id
}

// ProducerKey is the Unique name of a producer's own token.
func ProducerKey(route, key string) string { return "key|" + route + "|" + key }

// ErrNotFound is returned for an unknown transfer.
var ErrNotFound = errors.New("not found")

// ConflictError says which condition of a Change did not hold.
type ConflictError struct {
	// What is "transfer", "event", "unique", "active", "first", "task", "agent" or
	// "settings".
	What string
	// Key is the item: transfer_id, unique name, task or agent ARN, route; of
	// "active" whatever names the lock.
	Key string
	// Owner is the transfer_id that holds a unique name or an ACTIVE lock in the
	// way, one of several, where known.
	Owner string
}

// Error names the condition.
func (e *ConflictError) Error() string {
	if e.Owner != "" {
		return fmt.Sprintf("conflict on %s %s held by %s", e.What, e.Key, e.Owner)
	}
	return fmt.Sprintf("conflict on %s %s", e.What, e.Key)
}
