package mover

import (
	"encoding/hex"
	"io"
	"sync"
	"time"
)

// Event is a state change in the shape EventBridge delivers DataSync's.
type Event struct {
	Version    string      `json:"version"`
	ID         string      `json:"id"`
	DetailType string      `json:"detail-type"` //nolint:tagliatelle // EventBridge's name
	Source     string      `json:"source"`
	Account    string      `json:"account"`
	Time       time.Time   `json:"time"`
	Region     string      `json:"region"`
	Resources  []string    `json:"resources"`
	Detail     EventDetail `json:"detail"`
}

// EventDetail is an event's payload.
type EventDetail struct {
	State string `json:"State"` //nolint:tagliatelle // EventBridge's name
}

// Values of an execution's events.
const (
	EventSource     = "aws.datasync"
	EventDetailType = "DataSync Task Execution State Change"
)

// broker hands events to subscribers without ever waiting for one.
type broker struct {
	mu     sync.Mutex
	closed bool
	next   int
	subs   map[int]chan Event
}

// Subscribe returns a channel of execution state changes and a function that
// ends the subscription and closes the channel (as Stop does). Delivery is
// best effort, as EventBridge's: what does not fit into the channel's buffer
// is dropped, and states that follow each other quickly may be seen only
// after the fact. Resources[0] is the execution's ARN, Detail.State its status.
func (s *Service) Subscribe(buffer int) (<-chan Event, func()) {
	return s.events.subscribe(max(buffer, 1))
}

func (b *broker) subscribe(buffer int) (<-chan Event, func()) {
	ch := make(chan Event, buffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(ch)
		return ch, func() {}
	}
	if b.subs == nil {
		b.subs = map[int]chan Event{}
	}
	id := b.next
	b.next++
	b.subs[id] = ch
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, ok := b.subs[id]; ok {
			delete(b.subs, id)
			close(ch)
		}
	}
}

func (b *broker) wanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.subs) > 0
}

func (b *broker) publish(e Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ch := range b.subs {
		select {
		case ch <- e:
		default: // slow: this one misses it
		}
	}
}

func (b *broker) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for id, ch := range b.subs {
		delete(b.subs, id)
		close(ch)
	}
}

// publish announces an execution's new status.
func (s *Service) publish(arn string, status Status) {
	if !s.events.wanted() {
		return
	}
	var b [16]byte
	if _, err := io.ReadFull(s.opts.Rand, b[:]); err != nil {
		return // an event without an identity is worth nothing, and events are best effort
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	s.events.publish(Event{
		Version: "0", ID: h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:],
		DetailType: EventDetailType, Source: EventSource, Account: s.opts.Account,
		Time: s.opts.Now().UTC().Truncate(time.Second), Region: s.opts.Region,
		Resources: []string{arn}, Detail: EventDetail{State: string(status)},
	})
}
