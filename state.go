package hikyaku

import (
	"fmt"
	"slices"
)

// Effects are what has to be written together with an event, in the same
// Change, so that the record, the pool and the outbox never disagree.
type Effects struct {
	// TakeLease: the task becomes LEASED with a new token, ACTIVE(route, ID)
	// and one slot of each of the task's agents are taken.
	TakeLease bool
	// FreeLease gives all of that back.
	FreeLease bool
	// DeadLetter and Completion are owed through the outbox.
	DeadLetter, Completion bool
}

// Step is the state machine: the state that follows an event, and what must
// be written with it. from is "" for a transfer that does not exist yet. It
// refuses events that the state does not allow with an *Error of KindConflict.
//
// Conditions that need more than the state (a rerun of a SUCCEEDED transfer
// must be forced, an empty outcome may come straight from QUEUED) are checked
// by Apply.
func Step(from State, event EventType) (State, Effects, error) {
	allowed := func(states ...State) bool { return slices.Contains(states, from) }
	leased := from == Starting || from == Running
	open := from == Queued || leased
	switch {
	case event == EventAccepted && from == "":
		return Queued, Effects{}, nil
	case event == EventRejected && allowed("", Rejected):
		return Rejected, Effects{DeadLetter: true, Completion: true}, nil
	case event == EventDuplicate && from != "":
		return from, Effects{}, nil
	case (event == EventJoined || event == EventLooked || event == EventWaiting) && from == Queued:
		return Queued, Effects{}, nil
	case event == EventAssigned && from == Queued:
		return Starting, Effects{TakeLease: true}, nil
	case (event == EventStarted || event == EventAdopted) && from == Starting:
		return Running, Effects{}, nil
	case (event == EventPhase || event == EventStalled) && from == Running:
		return Running, Effects{}, nil
	case event == EventAttemptEnded && leased:
		return Queued, Effects{FreeLease: true}, nil
	case event == EventCancelRequested && open:
		return from, Effects{}, nil
	case event == EventSucceeded && allowed(Queued, Running):
		return Succeeded, Effects{FreeLease: leased, Completion: true}, nil
	case event == EventFailed && open:
		return Failed, Effects{FreeLease: leased, DeadLetter: true, Completion: true}, nil
	case event == EventCancelled && open:
		return Cancelled, Effects{FreeLease: leased, Completion: true}, nil
	case event == EventRerun && from.Ended():
		return Queued, Effects{}, nil
	case (event == EventNotified || event == EventDiscarded || event == EventResent) && from != "":
		return from, Effects{}, nil
	}
	return from, Effects{}, &Error{
		Kind: KindConflict, Code: CodeWrongState, Op: "record", Subject: string(event),
		Message: fmt.Sprintf("a transfer in state %q does not allow it", from),
	}
}

// EventTypes lists all event types.
func EventTypes() []EventType {
	return []EventType{
		EventAccepted, EventRejected, EventJoined, EventDuplicate, EventLooked, EventWaiting,
		EventAssigned, EventStarted, EventAdopted, EventPhase, EventStalled, EventAttemptEnded,
		EventCancelRequested, EventSucceeded, EventFailed, EventCancelled, EventRerun,
		EventNotified, EventDiscarded, EventResent,
	}
}

// States lists all states.
func States() []State {
	return []State{Queued, Starting, Running, Succeeded, Failed, Cancelled, Rejected}
}

// WaitingReasons lists all waiting reasons.
func WaitingReasons() []WaitingReason {
	return []WaitingReason{
		NoFreeTask, AgentOffline, SameIDRunning, BackingOff, RoutePaused, SourceNotReady, Throttled,
	}
}
