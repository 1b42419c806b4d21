package mover

import (
	"context"
	"slices"
)

// CreateTaskInput describes a new task.
type CreateTaskInput struct {
	SourceARN, DestinationARN string
	Name, LogGroupARN         string
	Options                   Options
	Includes, Excludes        string
	// Report asks for a task report of each run; nil or the zero value does not.
	Report *ReportConfig
	Tags   map[string]string
}

// CreateTask makes a task and returns its ARN. The same request makes another
// task. Nothing is opened or mounted: what is wrong with a location shows
// when the task runs.
func (s *Service) CreateTask(ctx context.Context, in CreateTaskInput) (string, error) {
	if err := checkTags(in.Tags); err != nil {
		return "", err
	}
	s.admin.Lock()
	defer s.admin.Unlock()
	from, err := s.location(in.SourceARN)
	if err != nil {
		return "", err
	}
	to, err := s.location(in.DestinationARN)
	if err != nil {
		return "", err
	}
	if from.ARN == to.ARN {
		return "", invalid("SourceLocationArn and DestinationLocationArn must be different locations.")
	}
	t := Task{
		Name: in.Name, SourceARN: from.ARN, DestinationARN: to.ARN, LogGroupARN: in.LogGroupARN,
		Options:  defaultOptions(to.Type).over(in.Options),
		Includes: in.Includes, Excludes: in.Excludes, CreatedAt: s.opts.Now(), Tags: in.Tags,
	}.clone()
	if err := t.check(to); err != nil {
		return "", err
	}
	if t.Report, err = in.Report.complete(); err != nil {
		return "", err
	}
	if t.ARN, err = s.mint.task(); err != nil {
		return "", err
	}
	if err := s.commit(ctx, "create task", Change{Tasks: []Task{t}}); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[t.ARN] = &taskState{task: t}
	return t.ARN, nil
}

// check refuses settings that cannot be carried out.
func (t Task) check(destination Location) error {
	if err := t.Options.check(); err != nil {
		return err
	}
	if c := destination.StorageClass; (c == "GLACIER" || c == "DEEP_ARCHIVE") && t.Options.VerifyMode == verifyPointInTime {
		return invalid("VerifyMode %s cannot be used with the storage class %s: use %s.", verifyPointInTime, c, verifyTransferred)
	}
	if err := checkFilter("Includes", t.Includes, true); err != nil {
		return err
	}
	return checkFilter("Excludes", t.Excludes, false)
}

// DescribeTask returns a task and what it is doing.
func (s *Service) DescribeTask(_ context.Context, arn string) (TaskDescription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ts, err := s.taskState(arn)
	if err != nil {
		return TaskDescription{}, err
	}
	return ts.describe(), nil
}

func (ts *taskState) describe() TaskDescription {
	d := TaskDescription{Task: ts.task.clone(), Status: TaskAvailable, CurrentExecution: ts.latest}
	if ts.active != nil {
		d.Status = TaskRunning
	}
	return d
}

// taskState returns a task that may be used, or why not. s.mu must be held.
func (s *Service) taskState(arn string) (*taskState, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	ts := s.tasks[arn]
	if ts == nil || ts.deleting {
		return nil, notFound("Task %s is not found.", lastPart(arn))
	}
	return ts, nil
}

// UpdateTaskInput changes a task; nil members and unset options stay as they are.
type UpdateTaskInput struct {
	ARN                string
	Name, LogGroupARN  *string
	Options            Options
	Includes, Excludes *string
	// Report replaces the task's; the zero value takes it away.
	Report *ReportConfig
}

// UpdateTask changes a task from its next run on.
func (s *Service) UpdateTask(ctx context.Context, in UpdateTaskInput) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	d, err := s.DescribeTask(ctx, in.ARN)
	if err != nil {
		return err
	}
	t := d.Task
	for to, from := range map[*string]*string{
		&t.Name: in.Name, &t.LogGroupARN: in.LogGroupARN, &t.Includes: in.Includes, &t.Excludes: in.Excludes,
	} {
		if from != nil {
			*to = *from
		}
	}
	t.Options = t.Options.over(in.Options)
	if t.Report, err = t.Report.over(in.Report); err != nil {
		return err
	}
	to, err := s.location(t.DestinationARN)
	if err != nil {
		return err
	}
	if err := t.check(to); err != nil {
		return err
	}
	return s.putTask(ctx, "update task", t)
}

// putTask commits a changed task. s.admin must be held.
func (s *Service) putTask(ctx context.Context, operation string, t Task) error {
	if err := s.commit(ctx, operation, Change{Tasks: []Task{t}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks[t.ARN].task = t
	return nil
}

// DeleteTask removes a task without unended executions. Ended ones can still
// be described.
func (s *Service) DeleteTask(ctx context.Context, arn string) error {
	s.admin.Lock()
	defer s.admin.Unlock()
	s.mu.Lock()
	ts, err := s.taskState(arn)
	if err == nil && (ts.active != nil || len(ts.queue) > 0) {
		err = conflict(codeInUse, "Task %s cannot be deleted while it has an execution in progress. Cancel the execution first.", lastPart(arn))
	}
	if err != nil {
		s.mu.Unlock()
		return err
	}
	ts.deleting = true
	s.mu.Unlock()
	err = s.commit(ctx, "delete task", Change{DeletedTasks: []string{arn}})
	s.mu.Lock()
	defer s.mu.Unlock()
	ts.deleting = false
	if err == nil {
		delete(s.tasks, arn)
	}
	return err
}

// ListTasks returns tasks in order of their ARNs. Filters: LocationId (source
// or destination), CreationTime.
func (s *Service) ListTasks(_ context.Context, filters []ListFilter, page Page) ([]TaskDescription, string, error) {
	if err := checkFilters(filters, filterLocationID, filterCreationTime); err != nil {
		return nil, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(); err != nil {
		return nil, "", err
	}
	var found []TaskDescription
	for _, ts := range s.tasks {
		if !slices.ContainsFunc(filters, func(f ListFilter) bool { return !f.matchTask(ts.task) }) {
			found = append(found, ts.describe())
		}
	}
	return cut(found, func(d TaskDescription) string { return d.ARN }, "tasks", page)
}

func (f ListFilter) matchTask(t Task) bool {
	if f.Name == filterCreationTime {
		return f.matchTime(t.CreatedAt)
	}
	return f.matchText(t.SourceARN, t.DestinationARN)
}
