package hikyaku

import (
	"encoding/json"
	"time"
)

// EventType names what happened to a transfer. The list is closed and grows only.
type EventType string

// The event types. Detail of each is the struct of that name in detail.go.
const (
	EventAccepted        EventType = "accepted"         // first event of every understood transfer
	EventRejected        EventType = "rejected"         // first event of a poison message
	EventJoined          EventType = "joined"           // a later message for the same ID joined it
	EventDuplicate       EventType = "duplicate"        // the same message came again
	EventLooked          EventType = "looked"           // size and count found at the source
	EventWaiting         EventType = "waiting"          // waits, with reason
	EventAssigned        EventType = "assigned"         // leased a task
	EventStarted         EventType = "started"          // DataSync returned an execution ARN
	EventAdopted         EventType = "adopted"          // an execution already running was found to be ours
	EventPhase           EventType = "phase"            // the execution's status changed, with counters
	EventAttemptEnded    EventType = "attempt_ended"    // the attempt ended and the transfer goes back to QUEUED
	EventCancelRequested EventType = "cancel_requested" // a person asked to cancel
	EventSucceeded       EventType = "succeeded"
	EventFailed          EventType = "failed"
	EventCancelled       EventType = "cancelled"
	EventRerun           EventType = "rerun"     // a person, or a redriven message, sends it round again
	EventNotified        EventType = "notified"  // the dead letter or completion event was sent
	EventStalled         EventType = "stalled"   // a watchdog stops the execution
	EventDiscarded       EventType = "discarded" // a person decided that nothing follows the dead letter
	EventResent          EventType = "resent"    // a person asked that a completion event is sent once more
)

// Event is one entry of a transfer's log. A transfer's record can be rebuilt
// by applying its events in order of Seq (see Replay).
type Event struct {
	SchemaVersion int             `json:"schema_version"`
	TransferID    string          `json:"transfer_id"`
	Seq           int64           `json:"seq"` // from 1, without gaps; assigned when the change is built
	At            time.Time       `json:"at"`
	Type          EventType       `json:"type"`
	By            string          `json:"by,omitempty"` // who, for what people did
	Detail        json.RawMessage `json:"detail"`
}

// Ends reports whether an event of this type ends a transfer, which others are
// told of.
func (t EventType) Ends() bool {
	switch t { //nolint:exhaustive // the others do not
	case EventSucceeded, EventFailed, EventCancelled, EventRejected:
		return true
	}
	return false
}
