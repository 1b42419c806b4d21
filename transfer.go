package hikyaku

import "time"

// State is a transfer's state.
type State string

// The states. Ended ones are SUCCEEDED, FAILED, CANCELLED and REJECTED.
const (
	Queued    State = "QUEUED"
	Starting  State = "STARTING"
	Running   State = "RUNNING"
	Succeeded State = "SUCCEEDED"
	Failed    State = "FAILED"
	Cancelled State = "CANCELLED"
	Rejected  State = "REJECTED"
)

// Ended reports whether nothing more happens to a transfer by itself.
func (s State) Ended() bool {
	return s == Succeeded || s == Failed || s == Cancelled || s == Rejected
}

// WaitingReason says why a QUEUED transfer is not running. The list is closed.
type WaitingReason string

// The waiting reasons.
const (
	NoFreeTask     WaitingReason = "no_free_task"
	AgentOffline   WaitingReason = "agent_offline"
	SameIDRunning  WaitingReason = "same_id_running" // or one that overlaps it
	BackingOff     WaitingReason = "backing_off"
	RoutePaused    WaitingReason = "route_paused"
	SourceNotReady WaitingReason = "source_not_ready"
	Throttled      WaitingReason = "throttled"
)

// Outcome says how a transfer succeeded.
type Outcome string

// The outcomes.
const (
	Delivered    Outcome = "delivered"
	AlreadyThere Outcome = "already_there"
	Empty        Outcome = "empty"
)

// Files counts a transfer's files with DataSync's counters.
type Files struct {
	Total       int64 `json:"total"`
	Transferred int64 `json:"transferred"`
	Verified    int64 `json:"verified"`
	Skipped     int64 `json:"skipped"`
	Failed      int64 `json:"failed"`
}

// Bytes counts a transfer's bytes with DataSync's counters.
type Bytes struct {
	Total       int64 `json:"total"`
	Transferred int64 `json:"transferred"`
	Written     int64 `json:"written"`
}

// Found is what a look saw at the source; zero where it cannot be listed.
type Found struct {
	Listed    bool      `json:"listed"`
	Objects   int64     `json:"objects"`
	Bytes     int64     `json:"bytes"`
	Newest    time.Time `json:"newest,omitzero"`
	Truncated bool      `json:"truncated,omitempty"`
}

// Durations are milliseconds; 0 is unknown or not reached. Total, known at the
// end, is a transfer's time since it was created or rerun, and an attempt's
// since it was last queued.
type Durations struct {
	Queued       int64 `json:"queued"`
	Launching    int64 `json:"launching"`
	Preparing    int64 `json:"preparing"`
	Transferring int64 `json:"transferring"`
	Verifying    int64 `json:"verifying"`
	Total        int64 `json:"total"`
}

// Failure is an error as kept on a transfer and shown to people.
type Failure struct {
	Code    string `json:"code"` // HKY-…
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// Detail is what the failing system said, for example DataSync's ErrorDetail.
	Detail string `json:"detail"`
}

// Transfer is one accepted request to deliver an ID along a route. Its JSON
// is a public contract; readers ignore unknown fields. All times are UTC.
//
//nolint:recvcheck // Apply is a fold over values, Record changes the record in place
type Transfer struct {
	// SchemaVersion of the stored item, see CurrentSchema.
	SchemaVersion int `json:"schema_version"`
	// Version counts the writes of this record; the Ledger checks and raises it.
	Version int64 `json:"version"`
	// EventSeq is the Seq of its last event.
	EventSeq int64 `json:"event_seq"`

	ID         string `json:"id"`
	TransferID string `json:"transfer_id"` // ULID: sorts by creation
	Route      string `json:"route"`       // empty only when REJECTED without a route
	// Paths narrows the transfer to listed files below the ID; nil is everything.
	Paths    []string          `json:"paths,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	// Key is the producer's idempotency token, MessageID the queue's ID of the
	// message that made it, Body the message as received.
	Key       string `json:"key,omitempty"`
	MessageID string `json:"message_id"`
	Body      string `json:"body,omitempty"`
	// Queue is the name of the queue its message came from; empty when it was
	// sent through the API.
	Queue string `json:"queue,omitempty"`
	// Trace is the producer's W3C traceparent, which goes on into the tags of
	// its executions; empty when the message carried none.
	Trace string `json:"trace,omitempty"`

	State   State   `json:"state"`
	Outcome Outcome `json:"outcome"`
	// WaitingReason is set while and only while QUEUED.
	WaitingReason WaitingReason `json:"waiting_reason"`
	WaitingDetail string        `json:"waiting_detail"`
	// NotBefore parks a QUEUED transfer until then (back-off, source not
	// ready); zero means it is in the ready order now.
	NotBefore time.Time `json:"not_before,omitzero"`
	// CancelRequested is recorded before the execution is asked to stop.
	CancelRequested bool `json:"cancel_requested,omitempty"`

	// Attempt counts attempts in all, BudgetFrom is Attempt at the last rerun
	// and Free counts attempts since then that failed through no fault of the
	// transfer; Attempt-BudgetFrom-Free is compared with MaxAttempts.
	Attempt     int `json:"attempt"`
	BudgetFrom  int `json:"budget_from,omitempty"`
	Free        int `json:"free,omitempty"`
	MaxAttempts int `json:"max_attempts"`
	// Reruns counts how often it was sent round again, RerunAt is the last time.
	Reruns  int       `json:"reruns,omitempty"`
	RerunAt time.Time `json:"rerun_at,omitzero"`
	// CopyAll makes the next attempt use TransferMode ALL.
	CopyAll bool `json:"copy_all,omitempty"`

	// TaskARN, Token, ExecutionARN and AgentARNs are those of the running or last attempt.
	TaskARN         string    `json:"task_arn"`
	Token           int64     `json:"token,omitempty"`
	LeaseExpires    time.Time `json:"lease_expires,omitzero"`
	ExecutionARN    string    `json:"execution_arn"`
	ExecutionStatus string    `json:"execution_status"`
	AgentARNs       []string  `json:"agent_arns"`

	// Found is what the last look saw at the source.
	Found Found `json:"found,omitzero"`

	Files     Files     `json:"files"`
	Bytes     Bytes     `json:"bytes"`
	Rate      int64     `json:"throughput_bps"`
	ETA       int64     `json:"eta_seconds"`
	Durations Durations `json:"durations_ms"`
	// ProgressAt is when the counters last moved; the no-progress watchdog's clock.
	ProgressAt time.Time `json:"progress_at,omitzero"`
	// PhaseAt is when ExecutionStatus last changed.
	PhaseAt time.Time `json:"phase_at,omitzero"`

	// Failure is why it FAILED, was REJECTED, or why the last attempt failed;
	// while RUNNING it is why a watchdog asked the execution to stop.
	Failure *Failure `json:"error"`
	LogURL  string   `json:"log_url"`
	// DeadLetter says where its dead letter is, if it has one.
	DeadLetter DeadLetterState `json:"dead_letter,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	// QueuedAt is when it last entered QUEUED: the ready order's key.
	QueuedAt  time.Time `json:"queued_at"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at"`

	Attempts []Attempt `json:"attempts"`
}

// CurrentSchema is the version of stored transfers, events and messages.
const CurrentSchema = 1

// Attempt is one try of a transfer, in one task execution.
type Attempt struct {
	Number       int       `json:"number"`
	TaskARN      string    `json:"task_arn"`
	Token        int64     `json:"token"`
	ExecutionARN string    `json:"execution_arn"`
	AgentARNs    []string  `json:"agent_arns"`
	TransferMode string    `json:"transfer_mode"`
	StartedAt    time.Time `json:"started_at"`
	EndedAt      time.Time `json:"ended_at,omitzero"`
	Status       string    `json:"status"` // SUCCESS, ERROR, LOST, or empty while running
	Files        Files     `json:"files"`
	Bytes        Bytes     `json:"bytes"`
	Durations    Durations `json:"durations_ms"`
	Failure      *Failure  `json:"error"`
	// Free marks an attempt that does not count against the budget.
	Free bool `json:"free,omitempty"`
}
