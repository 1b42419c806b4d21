package hikyaku

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Record applies detail to t as its next event and returns the event. On
// error t is unchanged. It is the only way a record changes what the event
// log must be able to rebuild; besides it only the live fields move (see
// Replay).
func (t *Transfer) Record(at time.Time, by string, detail Detail) (Event, Effects, error) {
	raw, err := json.Marshal(detail)
	if err != nil {
		return Event{}, Effects{}, fmt.Errorf("encode %s event: %w", detail.EventType(), err)
	}
	e := Event{
		SchemaVersion: CurrentSchema, TransferID: t.TransferID, Seq: t.EventSeq + 1,
		At: at.UTC().Round(0), Type: detail.EventType(), By: by, Detail: raw,
	}
	next, effects, err := t.next(e, detail)
	if err != nil {
		return Event{}, Effects{}, err
	}
	*t = next
	return e, effects, nil
}

// Apply returns the record after the event. It is pure: t and what it refers
// to stay as they are. It fails on a gap in Seq, a foreign event, an unknown
// type, or one the state does not allow.
func (t Transfer) Apply(e Event) (Transfer, error) {
	detail, err := e.Decode()
	if err != nil {
		return t, err
	}
	if t.EventSeq == 0 && t.TransferID == "" {
		t.TransferID = e.TransferID
	}
	next, _, err := t.next(e, detail)
	return next, err
}

// Replay rebuilds a record from its events, which must be complete and in
// order. The result equals the stored record except for Version and, while
// RUNNING, the fields that live progress moves without an event: Files, Bytes,
// Durations, Rate, ETA, ProgressAt, LeaseExpires, UpdatedAt.
func Replay(events []Event) (Transfer, error) {
	var t Transfer
	for _, e := range events {
		var err error
		if t, err = t.Apply(e); err != nil {
			return t, fmt.Errorf("replay event %d of %s: %w", e.Seq, e.TransferID, err)
		}
	}
	return t, nil
}

// Decode returns the event's typed detail.
func (e Event) Decode() (Detail, error) {
	d := newDetail(e.Type)
	if d == nil {
		return nil, &Error{Kind: KindInternal, Code: CodeInternal, Op: "decode event", Subject: string(e.Type), Message: "unknown type"}
	}
	if err := json.Unmarshal(e.Detail, d); err != nil {
		return nil, fmt.Errorf("decode %s event: %w", e.Type, err)
	}
	return d, nil
}

func (t *Transfer) next(e Event, detail Detail) (Transfer, Effects, error) {
	if e.TransferID != t.TransferID || e.Seq != t.EventSeq+1 {
		return *t, Effects{}, &Error{
			Kind: KindInternal, Code: CodeInternal, Op: "apply event", Subject: e.TransferID,
			Message: fmt.Sprintf("event %d does not follow event %d of %s", e.Seq, t.EventSeq, t.TransferID),
		}
	}
	state, effects, err := Step(t.State, e.Type)
	if err != nil {
		return *t, Effects{}, err
	}
	n, from := t.clone(), t.State
	n.State, n.EventSeq, n.UpdatedAt = state, e.Seq, e.At
	if err := detail.apply(&n, from, e.At); err != nil {
		return *t, Effects{}, err
	}
	if effects.DeadLetter {
		n.DeadLetter = DeadLetterOwed
	}
	return n, effects, nil
}

// clone copies what apply may change in place.
func (t *Transfer) clone() Transfer {
	n := *t
	n.Attempts = slices.Clone(t.Attempts)
	return n
}

//nolint:cyclop // one line per event type
func newDetail(typ EventType) Detail {
	switch typ {
	case EventAccepted:
		return &AcceptedDetail{}
	case EventRejected:
		return &RejectedDetail{}
	case EventJoined:
		return &JoinedDetail{}
	case EventDuplicate:
		return &DuplicateDetail{}
	case EventLooked:
		return &LookedDetail{}
	case EventWaiting:
		return &WaitingDetail{}
	case EventAssigned:
		return &AssignedDetail{}
	case EventStarted:
		return &StartedDetail{}
	case EventAdopted:
		return &AdoptedDetail{}
	case EventPhase:
		return &PhaseDetail{}
	case EventStalled:
		return &StalledDetail{}
	case EventAttemptEnded:
		return &AttemptEndedDetail{}
	case EventCancelRequested:
		return &CancelRequestedDetail{}
	case EventSucceeded:
		return &SucceededDetail{}
	case EventFailed:
		return &FailedDetail{}
	case EventCancelled:
		return &CancelledDetail{}
	case EventRerun:
		return &RerunDetail{}
	case EventNotified:
		return &NotifiedDetail{}
	case EventDiscarded:
		return &DiscardedDetail{}
	case EventResent:
		return &ResentDetail{}
	}
	return nil
}
