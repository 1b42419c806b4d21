package queuetest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

// Memory is a queue.Store that forgets everything with the process.
type Memory struct {
	mu     sync.Mutex
	key    int64
	queues map[string]*memoryQueue
	moves  map[string]queue.MoveTask
}

var _ queue.Store = (*Memory)(nil)

type memoryQueue struct {
	record   queue.Queue
	messages map[int64]*queue.Message
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{queues: map[string]*memoryQueue{}, moves: map[string]queue.MoveTask{}}
}

// Load implements queue.Store.
func (s *Memory) Load(context.Context) (queue.Records, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r queue.Records
	for _, name := range slices.Sorted(maps.Keys(s.queues)) {
		r.Queues = append(r.Queues, s.queues[name].record)
	}
	r.Moves = slices.SortedFunc(maps.Values(s.moves), func(a, b queue.MoveTask) int { return a.StartedAt.Compare(b.StartedAt) })
	return r, nil
}

// SaveQueue implements queue.Store.
func (s *Memory) SaveQueue(_ context.Context, q queue.Queue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if have, ok := s.queues[q.Name]; ok {
		have.record = q
		return nil
	}
	s.queues[q.Name] = &memoryQueue{record: q, messages: map[int64]*queue.Message{}}
	return nil
}

// Send implements queue.Store.
func (s *Memory) Send(_ context.Context, name string, messages []queue.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[name]
	if !ok {
		return queue.NoQueue()
	}
	for _, m := range messages {
		s.add(q, m)
	}
	return nil
}

func (s *Memory) add(q *memoryQueue, m queue.Message) {
	s.key++
	m.Key = s.key
	q.messages[m.Key] = &m
}

// ordered returns the messages in the order of delivery.
func (q *memoryQueue) ordered() []*queue.Message {
	return slices.SortedFunc(maps.Values(q.messages), func(a, b *queue.Message) int {
		return cmp.Or(a.VisibleAt.Compare(b.VisibleAt), cmp.Compare(a.Receives, b.Receives), cmp.Compare(a.Key, b.Key))
	})
}

// Receive implements queue.Store.
func (s *Memory) Receive(_ context.Context, call queue.ReceiveCall) (queue.ReceiveResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var result queue.ReceiveResult
	q, ok := s.queues[call.Queue]
	if !ok {
		return result, queue.NoQueue()
	}
	dead := s.queues[call.DeadLetter]
	for _, m := range q.ordered() {
		switch {
		case m.VisibleAt.After(call.Now) || len(result.Messages) == call.Max:
			continue
		case m.SentAt.Before(call.SentAfter):
			delete(q.messages, m.Key)
		case dead != nil && dead != q && m.Receives >= call.MaxReceives:
			delete(q.messages, m.Key)
			m.Source, m.Receives, m.VisibleAt = call.Queue, 0, call.Now
			dead.messages[m.Key] = m
			result.DeadLettered++
		default:
			m.Receives++
			m.TotalReceives++
			m.ReceivedAt, m.VisibleAt = call.Now, call.VisibleAt
			if m.FirstReceivedAt.IsZero() {
				m.FirstReceivedAt = call.Now
			}
			result.Messages = append(result.Messages, *m)
		}
	}
	if rest := q.ordered(); len(rest) > 0 {
		result.Next = rest[0].VisibleAt
	}
	return result, nil
}

// Change implements queue.Store.
func (s *Memory) Change(_ context.Context, name string, changes []queue.Change) ([]queue.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[name]
	if !ok {
		return nil, queue.NoQueue()
	}
	outcomes := make([]queue.Outcome, len(changes))
	for i, c := range changes {
		outcomes[i] = q.change(c)
	}
	return outcomes, nil
}

func (q *memoryQueue) change(c queue.Change) queue.Outcome {
	m, ok := q.messages[c.Key]
	switch {
	case !ok || m.ID != c.ID:
		return queue.Gone
	case c.Delete:
		delete(q.messages, c.Key)
		return queue.Done
	case !m.VisibleAt.After(c.Now) || m.Receives == 0:
		return queue.NotInFlight
	case m.TotalReceives != c.Generation:
		return queue.Stale
	case c.VisibleAt.After(m.ReceivedAt.Add(c.Limit)):
		return queue.TooLong
	}
	m.VisibleAt = c.VisibleAt
	return queue.Done
}

// Sweep implements queue.Store.
func (s *Memory) Sweep(_ context.Context, name string, sweep queue.Sweep) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[name]
	if !ok {
		return 0, queue.NoQueue()
	}
	n := 0
	for _, m := range q.ordered() {
		switch sweep.Kind {
		case queue.SweepPurge, queue.SweepDrop:
			delete(q.messages, m.Key)
			n++
		case queue.SweepExpired:
			if m.SentAt.Before(sweep.SentBefore) && n < sweep.Limit {
				delete(q.messages, m.Key)
				n++
			}
		case queue.SweepRelease:
			if m.Receives > 0 && m.VisibleAt.After(sweep.Now) {
				m.VisibleAt = sweep.Now
				n++
			}
		}
	}
	if sweep.Kind == queue.SweepDrop {
		delete(s.queues, name)
		maps.DeleteFunc(s.moves, func(_ string, t queue.MoveTask) bool { return t.Source == name })
	}
	return n, nil
}

// Move implements queue.Store.
func (s *Memory) Move(_ context.Context, step queue.MoveStep) (queue.MoveResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	result := queue.MoveResult{Task: step.Task, Arrived: map[string]int{}}
	source, ok := s.queues[step.Task.Source]
	if !ok {
		return result, queue.NoQueue()
	}
	if result.Task.LastKey == 0 {
		result.Task.LastKey = s.key
	}
	ids := step.IDs
	for _, m := range source.ordered() {
		if len(ids) == 0 || m.VisibleAt.After(step.Now) || m.Key > result.Task.LastKey {
			continue
		}
		if result.Failure = s.move(source, m, ids[0], step, &result); result.Failure != "" {
			break
		}
		ids = ids[1:]
	}
	s.moves[step.Task.ID] = result.Task
	s.forgetMoves(step.Task.Source)
	return result, nil
}

// move makes a new message of an old one.
func (s *Memory) move(source *memoryQueue, m *queue.Message, id string, step queue.MoveStep, result *queue.MoveResult) (failure string) {
	name := cmp.Or(step.Task.Destination, m.Source)
	if name == "" {
		return queue.FailureNoSource
	}
	target, ok := s.queues[name]
	if !ok {
		return queue.FailureNoQueue
	}
	delete(source.messages, m.Key)
	s.add(target, queue.Message{
		ID: id, Body: m.Body, Attributes: m.Attributes, TraceHeader: m.TraceHeader, GroupID: m.GroupID, SenderID: m.SenderID,
		SentAt: step.Now, VisibleAt: step.Now,
	})
	result.Task.Moved++
	result.Arrived[name]++
	return ""
}

func (s *Memory) forgetMoves(source string) {
	var tasks []queue.MoveTask
	for _, t := range s.moves {
		if t.Source == source {
			tasks = append(tasks, t)
		}
	}
	slices.SortFunc(tasks, func(a, b queue.MoveTask) int { return b.StartedAt.Compare(a.StartedAt) })
	for i, t := range tasks {
		if i >= queue.KeptMoves && t.Status != queue.MoveRunning && t.Status != queue.MoveCancelling {
			delete(s.moves, t.ID)
		}
	}
}

// Counts implements queue.Store.
func (s *Memory) Counts(_ context.Context, name string, now time.Time) (queue.Counts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var c queue.Counts
	q, ok := s.queues[name]
	if !ok {
		return c, queue.NoQueue()
	}
	for _, m := range q.messages {
		switch {
		case !m.VisibleAt.After(now):
			c.Visible++
		case m.Receives > 0:
			c.InFlight++
		default:
			c.Delayed++
		}
	}
	return c, nil
}
