package hikyaku

// Send asks for an ID to be delivered, as a queue message would.
type Send struct {
	ID       string            `json:"id"`
	Route    string            `json:"route,omitempty"` // empty: resolved as for a message
	Key      string            `json:"key,omitempty"`
	Paths    []string          `json:"paths,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

// Act is what a person does to one transfer or route, and who and why.
type Act struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Force reruns a SUCCEEDED transfer.
	Force bool `json:"force,omitempty"`
	// Origin is where the command came from, as far as is known; see OriginCLI.
	Origin string `json:"origin,omitempty"`
	// As is what the audit log calls it, if not by the command's own name.
	As AuditOp `json:"-"`
	// Recorded says that it is part of a command that has its record in the
	// audit log already.
	Recorded bool `json:"-"`
	// Count makes its record one of a command on so many transfers; 0: it is for
	// this one.
	Count int64 `json:"-"`
	// Detail is what its record says besides.
	Detail string `json:"-"`
}

// DeadLetterState says where a transfer's dead letter is.
type DeadLetterState string

// The dead-letter states; empty is none.
const (
	DeadLetterOwed      DeadLetterState = "owed"      // in the outbox
	DeadLetterSent      DeadLetterState = "sent"      // in the dead-letter queue
	DeadLetterRedriven  DeadLetterState = "redriven"  // sent round again
	DeadLetterDiscarded DeadLetterState = "discarded" // a person decided that nothing follows
)

// Resend selects the completion event of a transfer that is sent once more.
type Resend struct {
	// Event is the Seq of the event that it tells of; 0: the last that ended
	// the transfer.
	Event int64 `json:"event,omitempty"`
	// Target is the one that it is sent to; empty: all of the route.
	Target string `json:"target,omitempty"`
}
