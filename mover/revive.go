package mover

import (
	"context"
	"fmt"
	"log/slog"
)

// revive decides what becomes of the executions that had not ended when the
// last process went away, records it in one commit, and returns those that
// go on: waiting ones as they are, begun ones to be begun again.
func (s *Service) revive(ctx context.Context, live []Execution) ([]Execution, error) {
	var goOn, changed []Execution
	for _, e := range live {
		switch {
		case e.Status == StatusCancelling:
			s.bury(&e, CodeCancelled, textCancelled)
		case e.Status == StatusQueued:
			goOn = append(goOn, e)
			continue
		case e.Restarts >= MaxRestarts:
			s.bury(&e, CodeTooManyRestarts, textRestarts)
		default:
			e.Restarts++
			e.Status, e.LaunchedAt = StatusLaunching, s.opts.Now()
			goOn = append(goOn, e)
		}
		changed = append(changed, e)
	}
	if len(changed) == 0 {
		return goOn, nil
	}
	if err := s.opts.Store.Commit(ctx, Change{Executions: changed}); err != nil {
		return nil, fmt.Errorf("record restart of task executions: %w", err)
	}
	return goOn, nil
}

func (s *Service) bury(e *Execution, code, detail string) {
	e.EndedAt = s.opts.Now()
	e.Status, e.Result = endedEarly(*e, code, detail)
	e.ReportResult = e.Report.unwritten()
}

// adopt takes revived executions over. s.mu must be held.
func (s *Service) adopt(revived []Execution) {
	for _, e := range revived {
		ts := s.tasks[e.TaskARN()]
		if ts == nil {
			s.log.Error("task of an execution is missing", slog.String("execution_arn", e.ARN))
			continue
		}
		r := s.newRun(ts.task.clone(), e)
		s.live[e.ARN] = r
		if e.Status != StatusQueued && ts.active == nil {
			ts.active = r
			s.log.Info("task execution begins again", slog.String("execution_arn", e.ARN), slog.Int("restarts", e.Restarts))
			s.launch(r, false)
			continue
		}
		ts.queue = append(ts.queue, r)
	}
	for _, ts := range s.tasks {
		s.advance(ts)
	}
}
