package hikyaku

import (
	"slices"
	"time"
)

// EventType implements Detail.
func (*AcceptedDetail) EventType() EventType { return EventAccepted }

// EventType implements Detail.
func (*RejectedDetail) EventType() EventType { return EventRejected }

// EventType implements Detail.
func (*JoinedDetail) EventType() EventType { return EventJoined }

// EventType implements Detail.
func (*DuplicateDetail) EventType() EventType { return EventDuplicate }

// EventType implements Detail.
func (*LookedDetail) EventType() EventType { return EventLooked }

// EventType implements Detail.
func (*WaitingDetail) EventType() EventType { return EventWaiting }

// EventType implements Detail.
func (*AssignedDetail) EventType() EventType { return EventAssigned }

// EventType implements Detail.
func (*StartedDetail) EventType() EventType { return EventStarted }

// EventType implements Detail.
func (*AdoptedDetail) EventType() EventType { return EventAdopted }

// EventType implements Detail.
func (*PhaseDetail) EventType() EventType { return EventPhase }

// EventType implements Detail.
func (*StalledDetail) EventType() EventType { return EventStalled }

// EventType implements Detail.
func (*AttemptEndedDetail) EventType() EventType { return EventAttemptEnded }

// EventType implements Detail.
func (*CancelRequestedDetail) EventType() EventType { return EventCancelRequested }

// EventType implements Detail.
func (*SucceededDetail) EventType() EventType { return EventSucceeded }

// EventType implements Detail.
func (*FailedDetail) EventType() EventType { return EventFailed }

// EventType implements Detail.
func (*CancelledDetail) EventType() EventType { return EventCancelled }

// EventType implements Detail.
func (*RerunDetail) EventType() EventType { return EventRerun }

// EventType implements Detail.
func (*NotifiedDetail) EventType() EventType { return EventNotified }

// EventType implements Detail.
func (*DiscardedDetail) EventType() EventType { return EventDiscarded }

// EventType implements Detail.
func (*ResentDetail) EventType() EventType { return EventResent }

func (d *AcceptedDetail) apply(t *Transfer, _ State, at time.Time) error {
	t.SchemaVersion, t.CreatedAt, t.QueuedAt = CurrentSchema, at, at
	t.AgentARNs, t.Attempts = []string{}, []Attempt{}
	d.understood(t)
	t.MessageID, t.Queue, t.Body, t.Trace = d.MessageID, d.Queue, d.Body, d.Trace
	t.WaitingReason, t.WaitingDetail = d.Reason, d.WaitingDetail
	return nil
}

// understood copies what the message asks for.
func (d *AcceptedDetail) understood(t *Transfer) {
	t.ID, t.Route, t.Key, t.MaxAttempts = d.ID, d.Route, d.Key, d.MaxAttempts
	t.Paths, t.Metadata = d.Paths, d.Metadata
}

func (d *RejectedDetail) apply(t *Transfer, from State, at time.Time) error {
	if from == "" {
		t.SchemaVersion, t.CreatedAt, t.QueuedAt = CurrentSchema, at, at
		t.AgentARNs, t.Attempts = []string{}, []Attempt{}
		t.ID, t.Route, t.MessageID, t.Queue, t.Body = d.ID, d.Route, d.MessageID, d.Queue, d.Body
	} else {
		t.Reruns++
		t.RerunAt = at
	}
	t.Failure, t.EndedAt = copyFailure(&d.Failure), at
	return nil
}

func (*JoinedDetail) apply(*Transfer, State, time.Time) error    { return nil }
func (*DuplicateDetail) apply(*Transfer, State, time.Time) error { return nil }

func (d *LookedDetail) apply(t *Transfer, _ State, _ time.Time) error {
	t.Found = d.Found
	t.Files, t.Bytes = Files{Total: d.Found.Objects}, Bytes{Total: d.Found.Bytes}
	return nil
}

func (d *WaitingDetail) apply(t *Transfer, _ State, _ time.Time) error {
	t.WaitingReason, t.WaitingDetail, t.NotBefore = d.Reason, d.Detail, d.NotBefore
	return nil
}

func (d *AssignedDetail) apply(t *Transfer, _ State, at time.Time) error {
	agents := append([]string{}, d.AgentARNs...)
	t.Attempt++
	t.TaskARN, t.Token, t.LeaseExpires, t.AgentARNs = d.TaskARN, d.Token, d.LeaseExpires, agents
	t.WaitingReason, t.WaitingDetail, t.NotBefore = "", "", time.Time{}
	t.ExecutionARN, t.ExecutionStatus, t.LogURL, t.Failure = "", "", "", nil
	t.Files, t.Bytes = Files{Total: t.Found.Objects}, Bytes{Total: t.Found.Bytes}
	t.Rate, t.ETA = 0, 0
	t.StartedAt, t.PhaseAt, t.ProgressAt = at, at, at
	t.Durations = Durations{Queued: millis(at.Sub(t.QueuedAt))}
	t.Attempts = append(t.Attempts, Attempt{
		Number: t.Attempt, TaskARN: d.TaskARN, Token: d.Token, AgentARNs: slices.Clone(agents),
		TransferMode: d.TransferMode, StartedAt: at, Files: t.Files, Bytes: t.Bytes, Durations: t.Durations,
	})
	return nil
}

func (d *StartedDetail) apply(t *Transfer, _ State, at time.Time) error {
	t.started(d.ExecutionARN, d.Status, d.LogURL, at)
	return nil
}

func (d *AdoptedDetail) apply(t *Transfer, _ State, at time.Time) error {
	t.started(d.ExecutionARN, d.Status, d.LogURL, at)
	return nil
}

func (t *Transfer) started(arn, status, logURL string, at time.Time) {
	t.ExecutionARN, t.ExecutionStatus, t.LogURL = arn, status, logURL
	t.PhaseAt, t.ProgressAt = at, at
	if n := len(t.Attempts); n > 0 {
		t.Attempts[n-1].ExecutionARN = arn
	}
}

func (d *PhaseDetail) apply(t *Transfer, _ State, at time.Time) error {
	t.ExecutionStatus, t.PhaseAt, t.ProgressAt = d.Status, at, at
	t.progress(d.Progress)
	return nil
}

func (t *Transfer) progress(p Progress) {
	t.Files, t.Bytes, t.Durations, t.Rate, t.ETA = p.Files, p.Bytes, p.Durations, p.Rate, p.ETA
}

func (d *StalledDetail) apply(t *Transfer, _ State, at time.Time) error {
	t.Failure, t.PhaseAt = copyFailure(&d.Failure), at
	return nil
}

// endAttempt closes the running attempt, if there is one.
func (t *Transfer) endAttempt(from State, at time.Time, status string, p Progress, f *Failure, free bool) {
	t.NotBefore, t.WaitingReason, t.WaitingDetail = time.Time{}, "", ""
	t.LeaseExpires = time.Time{}
	if from != Starting && from != Running {
		return
	}
	t.progress(p)
	t.ETA = 0
	t.ProgressAt, t.PhaseAt, t.ExecutionStatus = at, at, status
	n := len(t.Attempts)
	if n == 0 {
		return
	}
	a := &t.Attempts[n-1]
	a.EndedAt, a.Status, a.Files, a.Bytes, a.Durations = at, status, p.Files, p.Bytes, p.Durations
	a.Durations.Total = p.Durations.Queued + millis(at.Sub(a.StartedAt))
	a.Failure, a.Free = copyFailure(f), free
	if free {
		t.Free++
	}
}

func (d *AttemptEndedDetail) apply(t *Transfer, from State, at time.Time) error {
	t.endAttempt(from, at, d.Status, d.Progress, &d.Failure, d.Free)
	t.Failure, t.CopyAll, t.QueuedAt = copyFailure(&d.Failure), t.CopyAll || d.CopyAll, at
	t.WaitingReason, t.WaitingDetail, t.NotBefore = d.Waiting.Reason, d.Waiting.Detail, d.Waiting.NotBefore
	return nil
}

func (*CancelRequestedDetail) apply(t *Transfer, _ State, _ time.Time) error {
	t.CancelRequested = true
	return nil
}

func (d *SucceededDetail) apply(t *Transfer, from State, at time.Time) error {
	if from == Queued && d.Outcome != Empty {
		return &Error{Kind: KindConflict, Code: CodeWrongState, Op: "record", Subject: string(EventSucceeded), Message: "nothing ran"}
	}
	t.endAttempt(from, at, d.Status, d.Progress, nil, false)
	t.Outcome, t.Failure = d.Outcome, nil
	t.ended(at)
	return nil
}

func (d *FailedDetail) apply(t *Transfer, from State, at time.Time) error {
	t.endAttempt(from, at, d.Status, d.Progress, &d.Failure, d.Free)
	t.Failure = copyFailure(&d.Failure)
	t.ended(at)
	return nil
}

func (d *CancelledDetail) apply(t *Transfer, from State, at time.Time) error {
	t.endAttempt(from, at, d.Status, d.Progress, nil, false)
	t.CancelRequested = true
	t.ended(at)
	return nil
}

func (t *Transfer) ended(at time.Time) {
	since := t.CreatedAt
	if !t.RerunAt.IsZero() {
		since = t.RerunAt
	}
	t.EndedAt, t.Durations.Total = at, millis(at.Sub(since))
}

func (d *RerunDetail) apply(t *Transfer, from State, at time.Time) error {
	if from == Succeeded && !d.Forced {
		return &Error{
			Kind: KindConflict, Code: CodeForceNeeded, Op: "rerun", Subject: t.TransferID,
			Message: "the transfer has SUCCEEDED; delivering it again must be forced",
		}
	}
	if from == Rejected {
		if d.Understood == nil {
			return &Error{Kind: KindConflict, Code: CodeWrongState, Op: "rerun", Subject: t.TransferID, Message: "its message is still not understood"}
		}
		d.Understood.understood(t)
	}
	if t.DeadLetter != "" {
		t.DeadLetter = DeadLetterRedriven
	}
	t.Reruns++
	t.RerunAt, t.QueuedAt, t.EndedAt, t.StartedAt = at, at, time.Time{}, time.Time{}
	t.BudgetFrom, t.Free, t.MaxAttempts = t.Attempt, 0, d.MaxAttempts
	t.CopyAll, t.CancelRequested, t.Outcome, t.Failure = true, false, "", nil
	t.WaitingReason, t.WaitingDetail, t.NotBefore = NoFreeTask, "", time.Time{}
	t.Durations.Total = 0
	return nil
}

func (d *NotifiedDetail) apply(t *Transfer, _ State, _ time.Time) error {
	if d.Kind == OutboxDeadLetter && t.DeadLetter == DeadLetterOwed {
		t.DeadLetter = DeadLetterSent
	}
	return nil
}

func (*ResentDetail) apply(*Transfer, State, time.Time) error { return nil }

func (*DiscardedDetail) apply(t *Transfer, _ State, _ time.Time) error {
	if t.DeadLetter != DeadLetterOwed && t.DeadLetter != DeadLetterSent {
		return &Error{Kind: KindConflict, Code: CodeNoDeadLetter, Op: "discard", Subject: t.TransferID, Message: "it has no dead letter"}
	}
	t.DeadLetter = DeadLetterDiscarded
	return nil
}

func copyFailure(f *Failure) *Failure {
	if f == nil {
		return nil
	}
	c := *f
	return &c
}

func millis(d time.Duration) int64 { return max(0, d.Milliseconds()) }
