package hikyakutest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Queue is a hikyaku.Queue in memory. Received messages stay hidden until they
// are released or deleted; Receive never waits.
type Queue struct {
	name string

	mu       sync.Mutex
	serial   int
	visible  []hikyaku.Message
	inFlight map[string]hikyaku.Message
	failing  error
}

var _ hikyaku.Queue = (*Queue)(nil)

// NewQueue returns an empty queue.
func NewQueue(name string) *Queue {
	return &Queue{name: name, inFlight: map[string]hikyaku.Message{}}
}

// FailSends makes Send fail until it is called with nil.
func (q *Queue) FailSends(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.failing = err
}

// Messages returns all messages that are visible.
func (q *Queue) Messages() []hikyaku.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.visible)
}

// Put adds messages as they are, as a queue's redrive policy does: with their
// own IDs.
func (q *Queue) Put(messages ...hikyaku.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible = append(q.visible, messages...)
}

// Name implements hikyaku.Queue.
func (q *Queue) Name() string { return q.name }

// Receive implements hikyaku.Queue.
func (q *Queue) Receive(ctx context.Context, limit int, _ time.Duration) ([]hikyaku.Message, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := slices.Clone(q.visible[:min(limit, len(q.visible))])
	q.visible = q.visible[len(out):]
	for i := range out {
		out[i].Receives++
		out[i].Handle = fmt.Sprintf("%s#%d", out[i].ID, out[i].Receives)
		q.inFlight[out[i].Handle] = out[i]
	}
	return out, ctx.Err()
}

// Delete implements hikyaku.Queue.
func (q *Queue) Delete(ctx context.Context, handles []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range handles {
		delete(q.inFlight, h)
	}
	return ctx.Err()
}

// Release implements hikyaku.Queue; the delay is not waited for.
func (q *Queue) Release(ctx context.Context, handles []string, _ time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, h := range handles {
		if m, ok := q.inFlight[h]; ok {
			q.visible = append(q.visible, m)
			delete(q.inFlight, h)
		}
	}
	return ctx.Err()
}

// Send implements hikyaku.Queue.
func (q *Queue) Send(ctx context.Context, m hikyaku.OutMessage) (string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failing != nil {
		return "", q.failing
	}
	q.serial++
	id := fmt.Sprintf("%s-%d", q.name, q.serial)
	q.visible = append(q.visible, hikyaku.Message{ID: id, Body: m.Body, Attributes: maps.Clone(m.Attributes), Queue: q.name})
	return id, ctx.Err()
}
