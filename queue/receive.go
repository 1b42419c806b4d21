package queue

import (
	"context"
	"time"
)

// ReceiveOptions says what a receiver wants; nil means as the queue says, and
// one message.
type ReceiveOptions struct {
	Max               *int
	VisibilityTimeout *int
	WaitSeconds       *int
}

// Received is a message handed to a receiver.
type Received struct {
	Message
	// Handle is the receipt handle: what Delete and ChangeVisibility ask for.
	Handle string
}

// Receive hands out visible messages and makes them invisible. If there are
// none it waits, as long as the options or the queue say, until there is one.
// A wait that Close ends returns nothing.
func (s *Service) Receive(ctx context.Context, name string, o ReceiveOptions) ([]Received, error) {
	e, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	settings := s.record(e).Settings
	limit, err := within("MaxNumberOfMessages", o.Max, 1, 1, 10)
	if err != nil {
		return nil, err
	}
	timeout, err := within("VisibilityTimeout", o.VisibilityTimeout, settings.VisibilityTimeout, 0, maxVisibility)
	if err != nil {
		return nil, err
	}
	wait, err := within("WaitTimeSeconds", o.WaitSeconds, settings.Wait, 0, 20)
	if err != nil {
		return nil, err
	}
	visibility := time.Duration(timeout) * time.Second
	if wait == 0 {
		messages, _, err := s.take(ctx, e, limit, visibility)
		return messages, err
	}
	deadline := time.NewTimer(time.Duration(wait) * time.Second)
	defer deadline.Stop()
	for {
		messages, again, err := s.await(ctx, e, limit, visibility, deadline.C)
		if err != nil || !again {
			return messages, err
		}
		if e, err = s.lookup(name); err != nil {
			return nil, err // deleted meanwhile
		}
	}
}

// await takes messages; if there are none it waits until it is worth looking
// again.
func (s *Service) await(
	ctx context.Context, e *entry, limit int, visibility time.Duration, deadline <-chan time.Time,
) (messages []Received, again bool, err error) {
	w := e.gate.enter()
	messages, next, err := s.take(ctx, e, limit, visibility)
	if err != nil || len(messages) > 0 {
		e.gate.leave(w)
		return messages, false, err
	}
	e.gate.alarm(next)
	select {
	case <-w.woken:
		return nil, true, nil
	case <-deadline:
	case <-s.ctx.Done():
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	e.gate.leave(w)
	return nil, false, err
}

// take receives once, without waiting, and tells others what it learned.
func (s *Service) take(ctx context.Context, e *entry, limit int, visibility time.Duration) ([]Received, time.Time, error) {
	q, now := s.record(e), s.now()
	call := ReceiveCall{Queue: q.Name, Now: now, VisibleAt: now.Add(visibility), Max: limit, SentAfter: s.expiry(q.Settings)}
	if r := q.Settings.Redrive; r != nil {
		call.DeadLetter, _ = s.nameOf(r.TargetARN)
		call.MaxReceives = r.MaxReceives
	}
	result, err := s.store.Receive(ctx, call)
	if err != nil {
		return nil, time.Time{}, storeFailure("receive from queue", q.Name, err)
	}
	s.wake(call.DeadLetter, result.DeadLettered)
	if len(result.Messages) > 0 {
		if !result.Next.IsZero() && !result.Next.After(now) {
			e.gate.wake(1)
		}
		e.gate.alarm(result.Next)
	}
	out := make([]Received, len(result.Messages))
	for i, m := range result.Messages {
		out[i] = Received{Message: m, Handle: receipt{queue: q.Name, key: m.Key, generation: m.TotalReceives, id: m.ID}.handle()}
	}
	return out, result.Next, nil
}

// within returns the value, or the default, if it lies in the range.
func within(parameter string, value *int, fallback, low, high int) (int, error) {
	if value == nil {
		return fallback, nil
	}
	if *value < low || *value > high {
		return 0, refuse(CodeInvalidParameterValue, "Value %d for parameter %s is invalid. Reason: Must be between %d and %d, if provided.",
			*value, parameter, low, high)
	}
	return *value, nil
}
