package queue

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// KeptMoves is how many tasks per source are remembered, and the most that
// ListMoves returns.
const KeptMoves = 10

// move is a move task in memory. Whoever holds its lock may take Service.mu,
// not the other way round.
type move struct {
	id     string
	source string

	mu   sync.Mutex // held while a step is under way
	task MoveTask
	stop chan struct{} // closed when the task shall look at its status
	once sync.Once
	// dropped: the source queue goes away, nothing may be saved any more.
	dropped bool
}

func (m *move) snapshot() MoveTask {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.task
}

func newMove(t MoveTask) *move {
	return &move{id: t.ID, source: t.Source, task: t, stop: make(chan struct{})}
}

func (m *move) active() bool {
	status := m.snapshot().Status
	return status == MoveRunning || status == MoveCancelling
}

func (m *move) interrupt() { m.once.Do(func() { close(m.stop) }) }

// MoveHandle renders the handle of a move task.
func (s *Service) MoveHandle(t MoveTask) string { return s.moveHandle(t.ID, t.Source) }

func (s *Service) moveHandle(id, source string) string {
	return base64.StdEncoding.EncodeToString([]byte(id + " " + s.ARN(source)))
}

// StartMove starts moving the messages of a dead-letter queue to another
// queue, or each to where it came from if destinationARN is empty. Nil
// perSecond means unbounded.
func (s *Service) StartMove(ctx context.Context, sourceARN, destinationARN string, perSecond *int) (MoveTask, error) {
	s.admin.Lock()
	defer s.admin.Unlock()
	source, destination, err := s.checkMove(sourceARN, destinationARN)
	if err != nil {
		return MoveTask{}, err
	}
	rate, err := within("MaxNumberOfMessagesPerSecond", perSecond, 0, 1, 500)
	if err != nil {
		return MoveTask{}, err
	}
	for _, m := range s.movesOf(source) {
		if m.active() {
			return MoveTask{}, refuse(CodeUnsupportedOperation,
				"There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
	}
	now := s.now()
	counts, err := s.store.Counts(ctx, source, now)
	if err != nil {
		return MoveTask{}, storeFailure("count messages of queue", source, err)
	}
	task := MoveTask{
		ID: s.opts.NewID(), Source: source, Destination: destination, PerSecond: rate, Status: MoveRunning,
		ToMove: counts.Visible, StartedAt: now,
	}
	result, err := s.store.Move(ctx, MoveStep{Task: task, Now: now})
	if err != nil {
		return MoveTask{}, storeFailure("start move task of queue", source, err)
	}
	m := newMove(result.Task)
	s.mu.Lock()
	s.moves[task.ID] = m
	s.mu.Unlock()
	s.forgetMoves(source)
	s.work.Go(func() { s.runMove(m) })
	return result.Task, nil
}

func (s *Service) checkMove(sourceARN, destinationARN string) (source, destination string, err error) {
	if sourceARN == "" {
		return "", "", missing("SourceArn")
	}
	source, ours := s.nameOf(sourceARN)
	if _, err := s.lookup(source); !ours || err != nil {
		return "", "", refuse(CodeResourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	if sources, _, err := s.DeadLetterSources(source, "", 1); err != nil || len(sources) == 0 {
		return "", "", refuse(CodeInvalidParameterValue, "Source queue must be configured as a Dead Letter Queue.")
	}
	if destinationARN == "" {
		return source, "", nil
	}
	destination, ours = s.nameOf(destinationARN)
	if _, err := s.lookup(destination); !ours || err != nil {
		return "", "", refuse(CodeResourceNotFound, "The resource that you specified for the DestinationArn parameter doesn't exist.")
	}
	if destination == source {
		return "", "", refuse(CodeInvalidParameterValue, "Source queue arn and destination queue arn cannot be the same.")
	}
	return source, destination, nil
}

// movesOf returns the tasks of a source, the newest first.
func (s *Service) movesOf(source string) []*move {
	s.mu.RLock()
	all := slices.Collect(maps.Values(s.moves))
	s.mu.RUnlock()
	all = slices.DeleteFunc(all, func(m *move) bool { return m.source != source })
	slices.SortFunc(all, func(a, b *move) int {
		x, y := a.snapshot(), b.snapshot()
		return y.StartedAt.Compare(x.StartedAt)
	})
	return all
}

// forgetMoves drops the oldest tasks of a source, as the store does.
func (s *Service) forgetMoves(source string) {
	for i, m := range s.movesOf(source) {
		if i >= KeptMoves && !m.active() {
			s.mu.Lock()
			delete(s.moves, m.id)
			s.mu.Unlock()
		}
	}
}

// ListMoves returns the newest move tasks of a source; nil limit means one.
func (s *Service) ListMoves(sourceARN string, limit *int) ([]MoveTask, error) {
	if sourceARN == "" {
		return nil, missing("SourceArn")
	}
	n, err := within("MaxResults", limit, 1, 1, KeptMoves)
	if err != nil {
		return nil, err
	}
	source, ours := s.nameOf(sourceARN)
	if _, err := s.lookup(source); !ours || err != nil {
		return nil, refuse(CodeResourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
	}
	var tasks []MoveTask
	for _, m := range s.movesOf(source) {
		if len(tasks) < n {
			tasks = append(tasks, m.snapshot())
		}
	}
	return tasks, nil
}

// CancelMove asks a running task to stop and returns its state.
func (s *Service) CancelMove(ctx context.Context, handle string) (MoveTask, error) {
	if handle == "" {
		return MoveTask{}, missing("TaskHandle")
	}
	m := s.moveByHandle(handle)
	if m == nil {
		return MoveTask{}, refuse(CodeResourceNotFound, "Task does not exist.")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.task.Status != MoveRunning || m.dropped {
		return MoveTask{}, refuse(CodeUnsupportedOperation, "Only active tasks can be cancelled.")
	}
	task := m.task
	task.Status = MoveCancelling
	result, err := s.store.Move(ctx, MoveStep{Task: task, Now: s.now()})
	if err != nil {
		return MoveTask{}, storeFailure("cancel move task", task.ID, err)
	}
	m.task = result.Task
	m.interrupt()
	return m.task, nil
}

func (s *Service) moveByHandle(handle string) *move {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.moves {
		if s.moveHandle(m.id, m.source) == handle {
			return m
		}
	}
	return nil
}

// stopMoves ends the tasks of a source that is about to be deleted.
func (s *Service) stopMoves(source string) {
	for _, m := range s.movesOf(source) {
		m.mu.Lock()
		m.dropped = true
		m.interrupt()
		m.mu.Unlock()
	}
}

// runMove moves messages until the task ends or the service closes.
func (s *Service) runMove(m *move) {
	const batch = 100
	pause, n := time.Duration(0), batch
	if rate := m.snapshot().PerSecond; rate > 0 {
		// Ten portions a second; of rates below ten, one message at a time.
		n = max(1, rate/10)
		pause = time.Second * time.Duration(n) / time.Duration(rate)
	}
	for {
		again, err := s.moveStep(m, n)
		if err != nil {
			if s.ctx.Err() == nil {
				s.opts.Logger.Error("moving messages failed", slog.String("task_id", m.id), slog.String("error", err.Error()))
			}
			pause = max(pause, time.Second)
		} else if !again {
			return
		}
		select {
		case <-s.ctx.Done():
			return
		case <-m.stop:
			// Cancelled: the next step records it, at once.
			if err != nil && !s.sleep(pause) {
				return
			}
		case <-after(pause):
		}
	}
}

// after is time.After without a timer for no time at all.
func after(d time.Duration) <-chan time.Time {
	if d > 0 {
		return time.After(d)
	}
	now := make(chan time.Time)
	close(now)
	return now
}

// sleep waits and reports whether the service is still open.
func (s *Service) sleep(d time.Duration) bool {
	select {
	case <-s.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// moveStep moves up to n messages and reports whether the task goes on.
func (s *Service) moveStep(m *move, n int) (again bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dropped {
		return false, nil
	}
	now := s.now()
	if m.task.Status == MoveCancelling {
		return false, s.endMove(m, MoveCancelled, "", now)
	}
	ids := make([]string, n)
	for i := range ids {
		ids[i] = s.opts.NewID()
	}
	result, err := s.store.Move(s.ctx, MoveStep{Task: m.task, IDs: ids, Now: now})
	if errors.Is(err, NoQueue()) {
		return false, nil
	}
	if err != nil {
		return false, storeFailure("move messages of queue", m.task.Source, err)
	}
	moved := result.Task.Moved - m.task.Moved
	m.task = result.Task
	for name, count := range result.Arrived {
		s.wake(name, count)
	}
	switch {
	case result.Failure != "":
		return false, s.endMove(m, MoveFailed, result.Failure, now)
	case moved < n:
		return false, s.endMove(m, MoveCompleted, "", now)
	}
	return true, nil
}

// endMove records the end of a task. m is locked.
func (s *Service) endMove(m *move, status MoveStatus, reason string, now time.Time) error {
	task := m.task
	task.Status, task.FailureReason = status, reason
	result, err := s.store.Move(s.ctx, MoveStep{Task: task, Now: now})
	if err != nil {
		return storeFailure("end move task", task.ID, err)
	}
	m.task = result.Task
	return nil
}
