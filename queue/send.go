package queue

import (
	"context"
	"time"
)

// Draft is a message to be sent.
type Draft struct {
	Body       string
	Attributes map[string]Attribute
	// DelaySeconds is how long it stays invisible; nil: as the queue says.
	DelaySeconds *int
	// TraceHeader is the system attribute AWSTraceHeader; GroupID the message
	// group, which standard queues keep and otherwise ignore.
	TraceHeader string
	GroupID     string
	// DeduplicationID is for FIFO queues, so it is refused.
	DeduplicationID string
	// SenderID names the caller.
	SenderID string
}

// Sent is an accepted message.
type Sent struct {
	MessageID        string
	BodyDigest       string
	AttributesDigest string
	// SystemDigest is the MD5 of the system attributes; empty without any.
	SystemDigest string
}

// Send puts a message into a queue. It is in the store when Send returns.
func (s *Service) Send(ctx context.Context, name string, d Draft) (Sent, error) {
	sent, failed, err := s.sendAll(ctx, name, []Draft{d})
	if err != nil {
		return Sent{}, err
	}
	if failed[0] != nil {
		return Sent{}, failed[0]
	}
	return sent[0], nil
}

// SendBatch puts up to ten messages into a queue, in one transaction. Entries
// that are refused do not stop the others: failed[i] tells about drafts[i].
func (s *Service) SendBatch(ctx context.Context, name string, ids []string, drafts []Draft) (sent []Sent, failed []error, err error) {
	if _, err := s.lookup(name); err != nil {
		return nil, nil, err
	}
	if err := checkBatch(ids); err != nil {
		return nil, nil, err
	}
	total := 0
	for _, d := range drafts {
		total += size(d.Body, d.Attributes)
	}
	if total > maxSize {
		return nil, nil, refuse(CodeBatchRequestTooLong, "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxSize, total)
	}
	return s.sendAll(ctx, name, drafts)
}

func (s *Service) sendAll(ctx context.Context, name string, drafts []Draft) (sent []Sent, failed []error, err error) {
	e, err := s.lookup(name)
	if err != nil {
		return nil, nil, err
	}
	settings, now := s.record(e).Settings, s.now()
	sent, failed = make([]Sent, len(drafts)), make([]error, len(drafts))
	var messages []Message
	visible := 0
	var later time.Time
	for i, d := range drafts {
		m, err := s.compose(settings, now, d)
		if err != nil {
			failed[i] = err
			continue
		}
		messages = append(messages, m)
		sent[i] = Sent{
			MessageID: m.ID, BodyDigest: BodyDigest(m.Body), AttributesDigest: AttributesDigest(m.Attributes),
			SystemDigest: AttributesDigest(systemAttributes(m.TraceHeader)),
		}
		if !m.VisibleAt.After(now) {
			visible++
		} else if later.IsZero() || m.VisibleAt.Before(later) {
			later = m.VisibleAt
		}
	}
	if len(messages) == 0 {
		return sent, failed, nil
	}
	if err := s.store.Send(ctx, name, messages); err != nil {
		return nil, nil, storeFailure("send to queue", name, err)
	}
	e.gate.wake(visible)
	e.gate.alarm(later)
	return sent, failed, nil
}

// systemAttributes are the system attributes a sender may set.
func systemAttributes(trace string) map[string]Attribute {
	if trace == "" {
		return nil
	}
	return map[string]Attribute{"AWSTraceHeader": {DataType: "String", String: trace}}
}

// compose checks a draft and makes a message of it.
func (s *Service) compose(settings Settings, now time.Time, d Draft) (Message, error) {
	if err := checkBody(d.Body); err != nil {
		return Message{}, err
	}
	if err := checkAttributes(d.Attributes); err != nil {
		return Message{}, err
	}
	if n := size(d.Body, d.Attributes); n > settings.MaxMessageSize {
		return Message{}, refuse(CodeInvalidParameterValue, "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.",
			settings.MaxMessageSize)
	}
	if d.DeduplicationID != "" {
		return Message{}, invalidValue(clip(d.DeduplicationID), "MessageDeduplicationId",
			"The request include parameter that is not valid for this queue type.")
	}
	delay := settings.Delay
	if d.DelaySeconds != nil {
		delay = *d.DelaySeconds
		if delay < 0 || delay > 900 {
			return Message{}, invalidValue(delay, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
		}
	}
	return Message{
		ID: s.opts.NewID(), Body: d.Body, Attributes: d.Attributes, TraceHeader: d.TraceHeader, GroupID: d.GroupID, SenderID: d.SenderID,
		SentAt: now, VisibleAt: now.Add(time.Duration(delay) * time.Second),
	}, nil
}
