package queue

import (
	"context"
	"time"
)

// Store keeps queues, messages and move tasks. Every method is one transaction:
// it happened wholly, durably and before the method returned, or not at all.
// Methods may be called concurrently. Times are kept to the millisecond.
// Methods given the name of a queue that is not there return NoQueue.
type Store interface {
	// Load returns all queues and move tasks.
	Load(ctx context.Context) (Records, error)
	// SaveQueue creates the queue or replaces its record; its messages stay.
	SaveQueue(ctx context.Context, q Queue) error
	// Send adds messages. Key, Receives and the like are the store's to set.
	Send(ctx context.Context, queue string, messages []Message) error
	// Receive hands out visible messages, the longest visible first, and makes
	// them invisible.
	Receive(ctx context.Context, call ReceiveCall) (ReceiveResult, error)
	// Change deletes messages or changes when they become visible. The result
	// has one outcome per change, in order.
	Change(ctx context.Context, queue string, changes []Change) ([]Outcome, error)
	// Sweep does one thing to a whole queue and returns how many messages it
	// touched.
	Sweep(ctx context.Context, queue string, sweep Sweep) (int, error)
	// Move saves the record of a move task and, if there are IDs, moves up to
	// as many visible messages. Of the tasks of a source the newest KeptMoves
	// are kept, and all that are running.
	Move(ctx context.Context, step MoveStep) (MoveResult, error)
	// Counts counts the messages of a queue.
	Counts(ctx context.Context, queue string, now time.Time) (Counts, error)
}

// Records is everything but the messages.
type Records struct {
	Queues []Queue
	Moves  []MoveTask
}

// Queue is a queue's record.
type Queue struct {
	Name       string            `json:"name"`
	Settings   Settings          `json:"settings"`
	Tags       map[string]string `json:"tags,omitempty"`
	CreatedAt  time.Time         `json:"created_at"`
	ModifiedAt time.Time         `json:"modified_at"`
}

// Message is a message and its state.
type Message struct {
	// Key is the store's own name of the message; larger is later.
	Key         int64
	ID          string
	Body        string
	Attributes  map[string]Attribute
	TraceHeader string
	GroupID     string
	SenderID    string
	SentAt      time.Time
	VisibleAt   time.Time
	// Receives counts receives from this queue, TotalReceives those from all
	// queues the message has been in.
	Receives        int
	TotalReceives   int
	FirstReceivedAt time.Time
	ReceivedAt      time.Time
	// Source is the queue that the message was dead-lettered from.
	Source string
}

// Attribute is a message attribute. Binary holds the value if the type begins
// with Binary, else String.
type Attribute struct {
	DataType string `json:"type"`
	String   string `json:"string,omitempty"`
	Binary   []byte `json:"binary,omitempty"`
}

// ReceiveCall asks for messages.
type ReceiveCall struct {
	Queue string
	Now   time.Time
	// VisibleAt is when the messages handed out become visible again.
	VisibleAt time.Time
	Max       int
	// SentAfter: messages sent before it are expired; those met are removed.
	SentAfter time.Time
	// DeadLetter is the queue that messages go to which have been received
	// MaxReceives times; they are met instead of handed out. Empty, or the name
	// of no queue: they are handed out.
	DeadLetter  string
	MaxReceives int
}

// ReceiveResult is what ReceiveCall yielded.
type ReceiveResult struct {
	// Messages with their new state (this receive counted).
	Messages []Message
	// DeadLettered is how many messages went to the dead-letter queue.
	DeadLettered int
	// Next is when the next message of the queue is visible, not after
	// ReceiveCall.Now if there is one already; zero if there is none at all. A
	// store may bound how many messages it removes in one call, so Messages can
	// be empty although Next has come.
	Next time.Time
}

// Change is one change of one message, named by key and ID both.
type Change struct {
	Key int64
	ID  string
	// Delete removes the message, whoever received it last; the rest is not
	// looked at.
	Delete bool
	// VisibleAt is when it shall become visible. Only for a message that is in
	// flight at Now, in the receive that made TotalReceives equal Generation,
	// and not later than Limit after that receive.
	VisibleAt  time.Time
	Now        time.Time
	Generation int
	Limit      time.Duration
}

// Outcome of a Change.
type Outcome int

// The outcomes. Deleting is Done or Gone.
const (
	Done Outcome = iota
	Gone
	NotInFlight
	Stale
	TooLong
)

// SweepKind is what Sweep does.
type SweepKind int

// The kinds of Sweep.
const (
	// SweepPurge removes all messages.
	SweepPurge SweepKind = iota
	// SweepExpired removes up to Limit messages sent before SentBefore.
	SweepExpired
	// SweepRelease makes messages in flight visible now.
	SweepRelease
	// SweepDrop removes the queue with its messages and its move tasks.
	SweepDrop
)

// Sweep is one operation on a whole queue.
type Sweep struct {
	Kind       SweepKind
	Now        time.Time
	SentBefore time.Time
	Limit      int
}

// Counts of a queue's messages.
type Counts struct{ Visible, InFlight, Delayed int }

// MoveStatus is the state of a move task, in SQS's words.
type MoveStatus string

// The states.
const (
	MoveRunning    MoveStatus = "RUNNING"
	MoveCompleted  MoveStatus = "COMPLETED"
	MoveCancelling MoveStatus = "CANCELLING"
	MoveCancelled  MoveStatus = "CANCELLED"
	MoveFailed     MoveStatus = "FAILED"
)

// MoveTask is the record of a message move task.
type MoveTask struct {
	ID     string `json:"id"`
	Source string `json:"source"`
	// Destination is empty if each message goes back to where it came from.
	Destination string `json:"destination,omitempty"`
	// PerSecond bounds the rate; 0 is unbounded.
	PerSecond     int        `json:"per_second,omitempty"`
	Status        MoveStatus `json:"status"`
	Moved         int        `json:"moved"`
	ToMove        int        `json:"to_move"`
	FailureReason string     `json:"failure_reason,omitempty"`
	StartedAt     time.Time  `json:"started_at"`
	// LastKey is the newest message that the task moves: what comes back to the
	// source later is not moved again. Zero when first saved; the store sets it.
	LastKey int64 `json:"last_key"`
}

// MoveStep saves a task and moves messages.
type MoveStep struct {
	Task MoveTask
	// IDs are the new IDs of the messages moved; moved messages are new
	// messages, sent at Now, never received.
	IDs []string
	Now time.Time
}

// MoveResult is what a MoveStep did.
type MoveResult struct {
	// Task as saved: Moved counted up, LastKey set.
	Task MoveTask
	// Arrived counts the messages by the queue they went to.
	Arrived map[string]int
	// Failure is set if a message could not be moved (the step's others were):
	// FailureNoSource or FailureNoQueue.
	Failure string
}

// Reasons of failed move tasks.
const (
	FailureNoSource = "CouldNotDetermineMessageSource"
	FailureNoQueue  = "AWS.SimpleQueueService.NonExistentQueue"
)
