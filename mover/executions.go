package mover

import (
	"context"
	"errors"
	"slices"
)

// StartInput asks for one run of a task.
type StartInput struct {
	TaskARN string
	// Override replaces single options for this run.
	Override Options
	// Includes and Excludes replace the task's, each for itself; nil keeps
	// the task's, "" means no filter.
	Includes, Excludes *string
	// Report replaces the task's for this run; nil keeps it, the zero value
	// asks for none.
	Report *ReportConfig
	Tags   map[string]string
}

// StartTaskExecution begins a run, or queues it behind the task's running one
// if its filters differ, and returns its ARN once it is durable. Refused: a
// run with the filters of one that has not ended, more than [MaxQueued]
// waiting, and waiting at all with TaskQueueing=DISABLED.
func (s *Service) StartTaskExecution(ctx context.Context, in StartInput) (string, error) {
	if err := checkTags(in.Tags); err != nil {
		return "", err
	}
	s.mu.Lock()
	r, err := s.admit(in)
	if err != nil {
		s.mu.Unlock()
		return "", err
	}
	ts, e := s.tasks[in.TaskARN], r.exec.clone()
	r.wmu.Lock() // uncontended: nobody knows the run yet
	defer r.wmu.Unlock()
	s.live[e.ARN] = r
	s.mu.Unlock()

	err = s.commit(ctx, "start task execution", Change{Executions: []Execution{e}})

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		r.dropped = true
		s.leaveTask(r)
		return "", err
	}
	ts.latest = e.ARN
	if ts.active == r && r.cancel == nil && !s.stopping {
		s.launch(r, false)
	} else if e.Status == StatusQueued {
		s.announce(r)
	}
	return e.ARN, nil
}

// admit checks a start and gives it its place. s.mu must be held.
func (s *Service) admit(in StartInput) (*run, error) {
	ts, err := s.taskState(in.TaskARN)
	if err != nil {
		return nil, err
	}
	e, err := s.draft(ts.task, in)
	if err != nil {
		return nil, err
	}
	if ts.active != nil || len(ts.queue) > 0 {
		if err := queueable(ts, e); err != nil {
			return nil, err
		}
	}
	if e.ARN, err = s.mint.execution(ts.task.ARN); err != nil {
		return nil, err
	}
	s.lastSeq++
	e.Seq, e.StartedAt = s.lastSeq, s.opts.Now()
	r := s.newRun(ts.task.clone(), e)
	if ts.active == nil && len(ts.queue) == 0 {
		ts.active = r
		r.exec.Status, r.exec.LaunchedAt = StatusLaunching, e.StartedAt
	} else {
		ts.queue = append(ts.queue, r)
		r.exec.Status = StatusQueued
	}
	return r, nil
}

// draft returns the run's effective settings.
func (s *Service) draft(t Task, in StartInput) (Execution, error) {
	e := Execution{Options: t.Options.over(in.Override), Includes: t.Includes, Excludes: t.Excludes, Tags: in.Tags}
	if in.Includes != nil {
		e.Includes = *in.Includes
	}
	if in.Excludes != nil {
		e.Excludes = *in.Excludes
	}
	if err := e.Options.check(); err != nil {
		return Execution{}, err
	}
	var err error
	if e.Report, err = t.Report.over(in.Report); err != nil {
		return Execution{}, err
	}
	e.ReportResult = e.Report.pending()
	if err := checkFilter("Includes", e.Includes, true); err != nil {
		return Execution{}, err
	}
	if err := checkFilter("Excludes", e.Excludes, false); err != nil {
		return Execution{}, err
	}
	return e.clone(), nil
}

// queueable refuses a run that may not wait behind what the task has.
func queueable(ts *taskState, e Execution) error {
	ahead := slices.Clone(ts.queue)
	if ts.active != nil {
		ahead = append(ahead, ts.active)
	}
	for _, r := range ahead {
		if r.exec.Includes == e.Includes && r.exec.Excludes == e.Excludes {
			return conflict(codeInvalidState, "Task %s already has execution %s in progress with the same filters.", lastPart(ts.task.ARN), r.exec.ID())
		}
	}
	if e.Options.TaskQueueing == queueingDisabled {
		return conflict(codeInvalidState, "Task %s already has an execution in progress and TaskQueueing is DISABLED.", lastPart(ts.task.ARN))
	}
	if len(ts.queue) >= MaxQueued {
		return conflict(codeLimit, "Task %s already has %d queued executions, which is the limit.", lastPart(ts.task.ARN), MaxQueued)
	}
	return nil
}

// DescribeTaskExecution returns an execution as it is now.
func (s *Service) DescribeTaskExecution(ctx context.Context, arn string) (Execution, error) {
	s.mu.Lock()
	if err := s.usable(); err != nil {
		s.mu.Unlock()
		return Execution{}, err
	}
	if r := s.live[arn]; r != nil {
		defer s.mu.Unlock()
		return s.view(r), nil
	}
	if e, ok := s.recent.get(arn); ok {
		s.mu.Unlock()
		return e.clone(), nil
	}
	s.mu.Unlock()
	e, err := s.opts.Store.Execution(ctx, arn)
	if errors.Is(err, ErrNotFound) {
		return Execution{}, notFound("Task execution %s is not found.", lastPart(arn))
	}
	if err != nil {
		return Execution{}, internal("describe task execution", err)
	}
	return e, nil
}

// Files returns the failed items of an execution, at most [MaxFiles], then the
// first of the others, at most Config.KeptFiles; total is how many failed.
func (s *Service) Files(ctx context.Context, arn string) (files []FileOutcome, total int64, err error) {
	s.mu.Lock()
	r := s.live[arn]
	s.mu.Unlock()
	if r != nil {
		files, total = r.files.all()
		return files, total, nil
	}
	e, err := s.DescribeTaskExecution(ctx, arn)
	if err != nil {
		return nil, 0, err
	}
	if files, err = s.opts.Store.Files(ctx, arn); err != nil {
		return nil, 0, internal("list files of task execution", err)
	}
	return files, e.FailedFiles, nil
}

// ExecutionsWithFile returns the IDs ("exec-…") of at most limit ended executions
// for which an item is kept whose path has text in it, newest first; none for a
// text of fewer than [LeastPath] characters or with a line break.
func (s *Service) ExecutionsWithFile(ctx context.Context, text string, limit int) ([]string, error) {
	ids, err := s.opts.Store.ExecutionsWithFile(ctx, text, limit)
	if err != nil {
		return nil, internal("search for files", err)
	}
	return ids, nil
}

// ListTaskExecutions returns executions, the most recently requested first:
// those of one task, or with an empty ARN all.
func (s *Service) ListTaskExecutions(ctx context.Context, task string, page Page) ([]Execution, string, error) {
	const kind = "executions"
	before, err := page.number(kind)
	if err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	if err := s.usable(); err != nil {
		s.mu.Unlock()
		return nil, "", err
	}
	if task != "" {
		if _, err := s.taskState(task); err != nil {
			s.mu.Unlock()
			return nil, "", err
		}
	}
	s.mu.Unlock()
	limit := page.limit()
	found, err := s.opts.Store.Executions(ctx, ExecutionQuery{TaskARN: task, BeforeSeq: before, Limit: limit + 1})
	if err != nil {
		return nil, "", internal("list task executions", err)
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = numberToken(kind, found[limit-1].Seq)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range found {
		if r := s.live[e.ARN]; r != nil {
			found[i] = s.view(r)
		}
	}
	return found, next, nil
}

// UpdateTaskExecution changes the bandwidth of a running or queued execution,
// at once. -1 is unlimited.
func (s *Service) UpdateTaskExecution(ctx context.Context, arn string, bytesPerSecond int64) error {
	r, err := s.unended(ctx, arn, "updated")
	if err != nil {
		return err
	}
	r.wmu.Lock()
	defer r.wmu.Unlock()
	s.mu.Lock()
	e, ended := r.exec.clone(), r.exec.Status.Ended() || r.dropped
	s.mu.Unlock()
	if ended {
		return refuseEnded(e, "updated")
	}
	e.Options.BytesPerSecond = new(bytesPerSecond)
	if err := e.Options.check(); err != nil {
		return err
	}
	if err := s.commit(ctx, "update task execution", Change{Executions: []Execution{e}}); err != nil {
		return err
	}
	s.mu.Lock()
	r.exec = e
	s.mu.Unlock()
	r.limit.Set(bytesPerSecond)
	return nil
}

// CancelTaskExecution ends a running or queued execution. Once it returns, a
// restart does not begin the run again. A run that reached its end all the
// same keeps it. Cancelling twice is no error; cancelling an ended execution is.
func (s *Service) CancelTaskExecution(ctx context.Context, arn string) error {
	r, err := s.unended(ctx, arn, "cancelled")
	if err != nil {
		return err
	}
	r.wmu.Lock()
	defer r.wmu.Unlock()
	s.mu.Lock()
	e, ts := r.exec.clone(), s.tasks[r.task.ARN]
	waiting := -1
	if ts != nil {
		waiting = slices.Index(ts.queue, r)
	}
	switch {
	case e.Status.Ended() || r.dropped:
		s.mu.Unlock()
		return refuseEnded(e, "cancelled")
	case e.Status == StatusCancelling:
		s.mu.Unlock()
		return nil
	case waiting >= 0:
		ts.queue = slices.Delete(ts.queue, waiting, waiting+1)
		s.mu.Unlock()
		return s.cancelQueued(ctx, r, e, ts)
	}
	s.mu.Unlock()
	e.Status = StatusCancelling
	if err := s.commit(ctx, "cancel task execution", Change{Executions: []Execution{e}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.exec = e
	s.announce(r)
	if r.cancel != nil { // nil: the service is stopping and did not launch it
		r.cancel(errCancelled)
	}
	return nil
}

// cancelQueued ends a run that was taken out of its task's queue. r.wmu must be held.
func (s *Service) cancelQueued(ctx context.Context, r *run, e Execution, ts *taskState) error {
	e.EndedAt = s.opts.Now()
	e.Status, e.Result = endedEarly(e, CodeCancelled, textCancelled)
	e.ReportResult = e.Report.unwritten()
	err := s.commit(ctx, "cancel task execution", Change{Executions: []Execution{e}})
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil { // back to its place
		at, _ := slices.BinarySearchFunc(ts.queue, e.Seq, func(q *run, seq int64) int { return int(q.exec.Seq - seq) })
		ts.queue = slices.Insert(ts.queue, at, r)
		s.advance(ts)
		return err
	}
	s.publish(e.ARN, StatusCancelling)
	s.publish(e.ARN, e.Status)
	r.exec, r.announced = e, e.Status
	s.leaveTask(r)
	return nil
}

// endedEarly is the end of a run that did not get to work.
func endedEarly(e Execution, code, detail string) (Status, Result) {
	r := e.Result
	r.setPhases(e.Options, "PREPARING", PhasePending)
	r.ErrorCode, r.ErrorDetail = code, detail
	return StatusError, r
}

// unended returns the run of an execution, or why there is none.
func (s *Service) unended(ctx context.Context, arn, verb string) (*run, error) {
	s.mu.Lock()
	r, err := s.live[arn], s.usable()
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if r != nil {
		return r, nil
	}
	e, err := s.DescribeTaskExecution(ctx, arn)
	if err != nil {
		return nil, err
	}
	return nil, refuseEnded(e, verb)
}

func refuseEnded(e Execution, verb string) error {
	return conflict(codeInvalidState, "Sync task cannot be %s in its current status: %s", verb, e.Status)
}
