package queue

import (
	"context"
	"time"
)

// VisibilityChange asks for a message to become visible so many seconds from
// now.
type VisibilityChange struct {
	Handle  string
	Seconds *int
}

// DeleteMessage removes a message. One that is gone already is no error.
func (s *Service) DeleteMessage(ctx context.Context, name, handle string) error {
	failed, err := s.changeAll(ctx, name, s.deletions([]string{handle}))
	return only(failed, err)
}

// DeleteMessages is DeleteMessage for up to ten messages in one transaction;
// ids are the entries' own. failed[i] tells about handles[i].
func (s *Service) DeleteMessages(ctx context.Context, name string, ids, handles []string) (failed []error, err error) {
	if err := s.checkBatchOf(name, ids); err != nil {
		return nil, err
	}
	return s.changeAll(ctx, name, s.deletions(handles))
}

// ChangeVisibility sets when a message in flight becomes visible again.
func (s *Service) ChangeVisibility(ctx context.Context, name string, c VisibilityChange) error {
	failed, err := s.changeAll(ctx, name, s.delays([]VisibilityChange{c}))
	return only(failed, err)
}

// ChangeVisibilities is ChangeVisibility for up to ten messages in one
// transaction; ids are the entries' own. failed[i] tells about changes[i].
func (s *Service) ChangeVisibilities(ctx context.Context, name string, ids []string, changes []VisibilityChange) (failed []error, err error) {
	if err := s.checkBatchOf(name, ids); err != nil {
		return nil, err
	}
	return s.changeAll(ctx, name, s.delays(changes))
}

// wish is a change before its receipt was read.
type wish struct {
	handle string
	change Change
	err    error
}

func (s *Service) deletions(handles []string) []wish {
	wishes := make([]wish, len(handles))
	for i, h := range handles {
		wishes[i] = wish{handle: h, change: Change{Delete: true}}
	}
	return wishes
}

func (s *Service) delays(changes []VisibilityChange) []wish {
	now := s.now()
	wishes := make([]wish, len(changes))
	for i, c := range changes {
		w := wish{handle: c.Handle, change: Change{Now: now, Limit: maxVisibility * time.Second}}
		switch {
		case c.Seconds == nil:
			w.err = missing("VisibilityTimeout")
		case *c.Seconds < 0 || *c.Seconds > maxVisibility:
			w.err = invalidValue(*c.Seconds, "VisibilityTimeout", "VisibilityTimeout must be an integer between 0 and 43200.")
		default:
			w.change.VisibleAt = now.Add(time.Duration(*c.Seconds) * time.Second)
		}
		wishes[i] = w
	}
	return wishes
}

func (s *Service) checkBatchOf(name string, ids []string) error {
	if _, err := s.lookup(name); err != nil {
		return err
	}
	return checkBatch(ids)
}

func only(failed []error, err error) error {
	if err != nil {
		return err
	}
	return failed[0]
}

// changeAll grants wishes in one transaction.
func (s *Service) changeAll(ctx context.Context, name string, wishes []wish) (failed []error, err error) {
	e, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	failed = make([]error, len(wishes))
	var changes []Change
	var index []int
	for i, w := range wishes {
		if failed[i] = w.err; w.err != nil {
			continue
		}
		r, err := parseReceipt(name, w.handle)
		if err != nil {
			failed[i] = err
			continue
		}
		w.change.Key, w.change.ID, w.change.Generation = r.key, r.id, r.generation
		changes, index = append(changes, w.change), append(index, i)
	}
	if len(changes) == 0 {
		return failed, nil
	}
	outcomes, err := s.store.Change(ctx, name, changes)
	if err != nil {
		return nil, storeFailure("change messages of queue", name, err)
	}
	for j, outcome := range outcomes {
		failed[index[j]] = refusal(changes[j], wishes[index[j]].handle, outcome)
		if outcome == Done && !changes[j].Delete {
			e.announce(changes[j])
		}
	}
	return failed, nil
}

// announce tells waiting receivers about a changed visibility.
func (e *entry) announce(c Change) {
	if c.VisibleAt.After(c.Now) {
		e.gate.alarm(c.VisibleAt)
		return
	}
	e.gate.wake(1)
}

// refusal says what an outcome means to the caller.
func refusal(c Change, handle string, outcome Outcome) error {
	switch {
	case outcome == Done || c.Delete:
		return nil
	case outcome == NotInFlight:
		return refuse(CodeMessageNotInflight, "The message referred to isn't in flight.")
	case outcome == TooLong:
		return refuse(CodeInvalidParameterValue, "Total VisibilityTimeout for the message is beyond the limit [%d seconds]", maxVisibility)
	}
	return invalidValue(clip(handle), "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
}
