package mover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/engine"
)

// commitPause is the time between two tries to record the end of a run.
const commitPause = time.Second

// run is an execution that has not ended.
type run struct {
	// wmu serializes the durable writes of this execution; it is taken before
	// Service.mu and held across commits.
	wmu sync.Mutex

	task  Task
	limit *engine.Limit
	files fileLog

	// What follows is guarded by Service.mu.
	exec Execution
	// cancel is set once the run has been launched, progress once the engine has it.
	cancel   context.CancelCauseFunc
	progress *engine.Progress
	// dropped: the start could not be recorded, so the execution never existed.
	dropped bool
	// announced is the last status that went out as an event.
	announced Status
}

func (s *Service) newRun(task Task, e Execution) *run {
	return &run{task: task, exec: e, limit: engine.NewLimit(*e.Options.BytesPerSecond), files: fileLog{kept: s.opts.KeptFiles}}
}

// launcher returns what sends off runs, as children of base.
func (s *Service) launcher(base context.Context) func(r *run, record bool) {
	return func(r *run, record bool) {
		ctx, cancel := context.WithCancelCause(base)
		r.cancel = cancel
		s.workers.Go(func() {
			defer cancel(nil)
			s.execute(ctx, r, record)
		})
	}
}

// advance launches the next queued run of a task that has none. s.mu must be held.
func (s *Service) advance(ts *taskState) {
	if ts.active != nil || len(ts.queue) == 0 || s.stopping {
		return
	}
	ts.active, ts.queue = ts.queue[0], ts.queue[1:]
	s.launch(ts.active, true)
}

// leaveTask takes r off its task, ended or never begun. s.mu must be held.
func (s *Service) leaveTask(r *run) {
	delete(s.live, r.exec.ARN)
	ts := s.tasks[r.task.ARN]
	if ts == nil {
		return
	}
	for i, q := range ts.queue {
		if q == r {
			ts.queue = append(ts.queue[:i:i], ts.queue[i+1:]...)
			break
		}
	}
	if ts.active == r {
		ts.active = nil
	}
	s.advance(ts)
}

// execute carries a run from LAUNCHING to its end.
func (s *Service) execute(ctx context.Context, r *run, record bool) {
	if record && !s.recordLaunch(ctx, r) {
		return
	}
	s.mu.Lock()
	s.announce(r)
	log := s.log.With(slog.String("execution_arn", r.exec.ARN))
	rep := newReport(r.exec, s.opts.Spool, s.opts.Now)
	s.mu.Unlock()
	result, err := s.carryOut(ctx, r, rep, log)
	if err == nil || !errors.Is(context.Cause(ctx), errStopping) {
		s.finish(ctx, r, rep, result, err, log)
	} // else it stays unended in the store: the next start begins it again
	if err := rep.close(); err != nil {
		log.WarnContext(ctx, "close task report failed", slog.Any("error", err))
	}
}

// recordLaunch commits that a queued run has begun. It returns false if the
// run must not go on.
func (s *Service) recordLaunch(ctx context.Context, r *run) bool {
	r.wmu.Lock() // held by the start until that is durable
	defer r.wmu.Unlock()
	s.mu.Lock()
	dropped, e := r.dropped, r.exec.clone()
	s.mu.Unlock()
	if dropped {
		return false
	}
	e.LaunchedAt = s.opts.Now()
	if e.Status == StatusQueued {
		e.Status = StatusLaunching
	}
	if !s.persist(ctx, Change{Executions: []Execution{e}}) {
		return false
	}
	s.mu.Lock()
	r.exec = e
	s.mu.Unlock()
	return true
}

// persist commits c, again and again until it succeeds or the service stops:
// what already happened cannot be refused any more.
func (s *Service) persist(ctx context.Context, c Change) bool {
	commit := context.WithoutCancel(ctx)
	for {
		err := s.opts.Store.Commit(commit, c)
		if err == nil {
			return true
		}
		s.log.ErrorContext(ctx, "record execution failed", slog.String("execution_arn", c.Executions[0].ARN), slog.Any("error", err))
		timer := time.NewTimer(commitPause)
		select {
		case <-timer.C:
		case <-s.ending:
			timer.Stop()
			return false
		}
	}
}

// locationError is a location that could not be opened, and which side it is.
type locationError struct {
	id, side string
	err      error
}

func (e *locationError) Error() string {
	return fmt.Sprintf("Task failed to access location %s (%s): %v", e.id, e.side, e.err)
}

func (e *locationError) Unwrap() error { return e.err }

// carryOut opens both sides and runs the engine.
func (s *Service) carryOut(ctx context.Context, r *run, rep *report, log *slog.Logger) (engine.Result, error) {
	if ctx.Err() != nil {
		return engine.Result{}, context.Cause(ctx)
	}
	s.mu.Lock()
	from, to := s.locations[r.task.SourceARN].clone(), s.locations[r.task.DestinationARN].clone()
	e := r.exec.clone()
	s.mu.Unlock()
	source, release, err := s.drivers.acquire(ctx, from)
	if err != nil {
		return engine.Result{}, &locationError{from.ID(), "source", err}
	}
	defer release()
	destination, release, err := s.drivers.acquire(ctx, to)
	if err != nil {
		return engine.Result{}, &locationError{to.ID(), "destination", err}
	}
	defer release()
	progress := &engine.Progress{}
	s.mu.Lock()
	r.progress = progress
	s.mu.Unlock()
	return s.opts.Run(ctx, engine.Job{
		Execution: e.ID(), Source: source, Destination: destination, Options: e.Options.engine(),
		Includes: e.Includes, Excludes: e.Excludes, Limit: r.limit, Concurrency: s.opts.Concurrency,
		OnFile:  func(f engine.FileResult) { r.files.add(f); logFile(ctx, log, e.Options.LogLevel, f); rep.add(f) },
		Details: rep.detailed(), Versions: rep.versions(), Now: s.opts.Now, CRC64: s.opts.CRC64,
	}, progress)
}

// finish writes the run's report, records how the run ended and lets the next
// one begin.
func (s *Service) finish(ctx context.Context, r *run, rep *report, result engine.Result, err error, log *slog.Logger) {
	phase := engine.Preparing
	if r.progress != nil { // set by this goroutine
		phase, _ = r.progress.Snapshot()
	}
	files, total := r.files.all()
	ended := s.opts.Now()
	end := func() Execution {
		s.mu.Lock()
		e := s.view(r).clone()
		s.mu.Unlock()
		e.FailedFiles, e.Counters, e.EndedAt = total, Counters(result.Counters), ended
		e.Status, e.Result = judge(e, phase, result, err)
		return e
	}
	var reported *ReportResult
	if rep != nil { // before the lock: it may take its time
		reported = s.writeReport(ctx, rep, s.summary(end(), r.task), log)
	}
	r.wmu.Lock()
	defer r.wmu.Unlock()
	e := end()
	e.ReportResult = reported
	c := Change{Executions: []Execution{e}}
	if len(files) > 0 {
		c.Files = map[string][]FileOutcome{e.ARN: files}
	}
	if !s.persist(ctx, c) {
		return
	}
	s.mu.Lock()
	r.exec.Result = e.Result
	s.announcePhases(r, e.Status, phase)
	r.exec = e
	s.recent.add(e)
	s.leaveTask(r)
	s.mu.Unlock()
	log.LogAttrs(ctx, slog.LevelInfo, "task execution ended",
		slog.String("status", string(e.Status)), slog.Duration("duration", e.Result.Total),
		slog.Int64("files_transferred", e.Counters.FilesTransferred), slog.Int64("files_failed", total),
		slog.String("error_code", e.Result.ErrorCode), slog.String("error_detail", e.Result.ErrorDetail))
}

// logFile writes an item's end to the log as the run's LogLevel asks: BASIC
// logs failures, TRANSFER everything, OFF nothing.
func logFile(ctx context.Context, log *slog.Logger, level string, f engine.FileResult) {
	if level == logOff || (level != logTransfer && f.Action != engine.ActionFailed) {
		return
	}
	attrs := []slog.Attr{
		slog.String("path", f.Path), slog.String("action", string(f.Action)),
		slog.Int64("size", f.Size), slog.Bool("verified", f.Verified), slog.Duration("duration", f.Duration),
	}
	if f.Action == engine.ActionFailed {
		log.LogAttrs(ctx, slog.LevelWarn, "item failed", append(attrs, slog.String("step", string(f.Step)),
			slog.String("code", string(f.Code)), slog.Any("error", f.Err))...)
		return
	}
	log.LogAttrs(ctx, slog.LevelInfo, "item done", attrs...)
}
