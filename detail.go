package hikyaku

import "time"

// Detail is the typed content of an event. The structs below are the closed
// set of implementations; their JSON is stored for years, so fields are added,
// never renamed.
type Detail interface {
	// EventType is the type of the event that carries it.
	EventType() EventType
	// apply changes t, whose state already allows the event; from is the
	// state before it.
	apply(t *Transfer, from State, at time.Time) error
}

// AcceptedDetail is what a message asked for.
type AcceptedDetail struct {
	ID          string            `json:"id"`
	Route       string            `json:"route"`
	Queue       string            `json:"queue,omitempty"`
	MessageID   string            `json:"message_id"`
	Key         string            `json:"key,omitempty"`
	Paths       []string          `json:"paths,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Body        string            `json:"body,omitempty"`
	MaxAttempts int               `json:"max_attempts"`
	// Reason and WaitingDetail are why it waits at first.
	Reason        WaitingReason `json:"waiting_reason"`
	WaitingDetail string        `json:"waiting_detail,omitempty"`
	SentAt        time.Time     `json:"sent_at,omitzero"`
	// Trace is the message's, see Message.Trace.
	Trace string `json:"trace,omitempty"`
}

// RejectedDetail is why a message was not understood, with what it was.
type RejectedDetail struct {
	ID        string  `json:"id,omitempty"`
	Route     string  `json:"route,omitempty"`
	Queue     string  `json:"queue,omitempty"`
	MessageID string  `json:"message_id"`
	Body      string  `json:"body"`
	Failure   Failure `json:"error"`
}

// JoinedDetail names the later message for the same ID.
type JoinedDetail struct {
	MessageID string `json:"message_id"`
	Key       string `json:"key,omitempty"`
}

// DuplicateDetail names the message that came again.
type DuplicateDetail struct {
	MessageID string `json:"message_id"`
	Receives  int    `json:"receives,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// LookedDetail is what is at the source.
type LookedDetail struct {
	Found Found `json:"found"`
}

// WaitingDetail is why the transfer waits, and until when it is parked.
type WaitingDetail struct {
	Reason    WaitingReason `json:"reason"`
	Detail    string        `json:"detail,omitempty"`
	NotBefore time.Time     `json:"not_before,omitzero"`
}

// AssignedDetail is the lease of a new attempt.
type AssignedDetail struct {
	TaskARN      string    `json:"task_arn"`
	Token        int64     `json:"token"`
	LeaseExpires time.Time `json:"lease_expires"`
	AgentARNs    []string  `json:"agent_arns"`
	TransferMode string    `json:"transfer_mode"`
}

// StartedDetail is the execution DataSync returned.
type StartedDetail struct {
	ExecutionARN string `json:"execution_arn"`
	Status       string `json:"status"`
	LogURL       string `json:"log_url,omitempty"`
}

// AdoptedDetail is the execution that was found to be ours.
type AdoptedDetail struct {
	ExecutionARN string `json:"execution_arn"`
	Status       string `json:"status"`
	LogURL       string `json:"log_url,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

// PhaseDetail is an execution's new status, with its counters.
type PhaseDetail struct {
	Status   string   `json:"status"`
	Progress Progress `json:"progress"`
}

// Progress is an execution's counters as shown on a transfer.
type Progress struct {
	Files     Files     `json:"files"`
	Bytes     Bytes     `json:"bytes"`
	Durations Durations `json:"durations_ms"`
	Rate      int64     `json:"throughput_bps"`
	ETA       int64     `json:"eta_seconds"`
}

// StalledDetail is why a watchdog stops the execution.
type StalledDetail struct {
	Failure Failure `json:"error"`
}

// AttemptEndedDetail is how an attempt ended that another will follow.
type AttemptEndedDetail struct {
	// Status is SUCCESS, ERROR or LOST.
	Status   string   `json:"status"`
	Failure  Failure  `json:"error"`
	Progress Progress `json:"progress"`
	// Free: it does not count against the budget.
	Free    bool          `json:"free,omitempty"`
	CopyAll bool          `json:"copy_all,omitempty"`
	Waiting WaitingDetail `json:"waiting"`
}

// CancelRequestedDetail is why a person asked.
type CancelRequestedDetail struct {
	Reason string `json:"reason,omitempty"`
}

// SucceededDetail is the outcome with the final counters.
type SucceededDetail struct {
	Outcome  Outcome  `json:"outcome"`
	Status   string   `json:"status,omitempty"`
	Progress Progress `json:"progress"`
}

// FailedDetail is the failure with the final counters.
type FailedDetail struct {
	Failure  Failure  `json:"error"`
	Status   string   `json:"status,omitempty"`
	Progress Progress `json:"progress"`
	// Free: the last attempt did not count.
	Free bool `json:"free,omitempty"`
}

// CancelledDetail is how the execution ended, if there was one.
type CancelledDetail struct {
	Reason   string   `json:"reason,omitempty"`
	Status   string   `json:"status,omitempty"`
	Progress Progress `json:"progress"`
}

// RerunDetail is why it goes round again. For a REJECTED transfer it carries
// what its message was understood as now.
type RerunDetail struct {
	Reason      string          `json:"reason,omitempty"`
	Forced      bool            `json:"forced,omitempty"`
	MessageID   string          `json:"message_id,omitempty"` // of the redriven message
	MaxAttempts int             `json:"max_attempts"`
	Understood  *AcceptedDetail `json:"understood,omitempty"`
}

// NotifiedDetail is what was sent where.
type NotifiedDetail struct {
	Kind      OutboxKind `json:"kind"`
	Queue     string     `json:"queue,omitempty"`
	MessageID string     `json:"message_id,omitempty"`
	// Of a completion event: the event that it tells of, its target, and how
	// often it was tried.
	Event  int64  `json:"event,omitempty"`
	Target string `json:"target,omitempty"`
	Tries  int    `json:"tries,omitempty"`
	// Dropped: it was not sent, because its target is not configured any more.
	Dropped bool `json:"dropped,omitempty"`
}

// ResentDetail is which completion event is owed once more, to whom, and why.
type ResentDetail struct {
	Event   int64    `json:"event"`
	Targets []string `json:"targets"`
	Reason  string   `json:"reason,omitempty"`
}

// DiscardedDetail is why nothing follows.
type DiscardedDetail struct {
	Reason string `json:"reason,omitempty"`
}
