package mover

import (
	"context"
	"errors"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

// Result.ErrorCode values of ours, beside the engine's.
const (
	// CodeCancelled: CancelTaskExecution ended the run.
	CodeCancelled = "Cancelled"
	// CodeTooManyRestarts: the process went away under the run too often.
	CodeTooManyRestarts = "TooManyRestarts"
	codeTaskGone        = "TaskDeleted"
	codeDenied          = "AccessDenied"
	codeUnreachable     = "FsS3UnableToConnectToEndpoint"
	codeLocationFailed  = "LocationAccessFailed"
)

// What a run says that went to its end but not without failures.
const (
	textMismatch = "Transfer and verification completed. Verification detected mismatches. Files with mismatches are listed in Cloud Watch Logs"
	textSkipped  = "Transfer and verification completed. Selected files transferred except for files skipped due to errors. " +
		"If no skipped files are listed in Cloud Watch Logs, please contact AWS Support for further assistance."
	textCancelled = "Task execution was cancelled."
	textRestarts  = "The server stopped while the task execution was running, and it had been begun again too often."
)

// judge says how a run ended: phase is where the engine was last.
func judge(e Execution, phase engine.Phase, result engine.Result, err error) (Status, Result) {
	c := result.Counters
	r := Result{Prepare: result.Prepare, Transfer: result.Transfer, Verify: result.Verify, Total: result.Total}
	if r.Total == 0 && !e.LaunchedAt.IsZero() {
		r.Total = e.EndedAt.Sub(e.LaunchedAt)
	}
	failed := c.FailedPrepare + c.FailedTransfer + c.FailedVerify + c.FailedDelete + e.FailedFiles
	phase = failedPhase(phase, result.Code, err)
	r.setPhases(e.Options, phase, PhaseError)
	if err == nil {
		r.setPhases(e.Options, phase, PhaseSuccess)
		r.markFailed(c)
		if failed == 0 && result.Code == "" {
			return StatusSuccess, r
		}
	}
	r.ErrorCode, r.ErrorDetail = explain(result, err)
	return StatusError, r
}

// failedPhase is the phase that err ended. The engine's phases overlap and
// its last one is passed through also after a failure, so the code decides
// where it tells.
func failedPhase(last engine.Phase, code engine.Code, err error) engine.Phase {
	switch {
	case err == nil:
		return engine.Verifying
	case code == engine.SourceUnavailable, code == engine.DestinationUnavailable, code == engine.DestinationDenied,
		code == engine.SourceGone, code == engine.InvalidOptions:
		return engine.Preparing
	case code == engine.NoSpace:
		return engine.Transferring
	}
	return last
}

// setPhases marks the phases before the one given as done, it with status,
// and those after it as pending.
func (r *Result) setPhases(o Options, phase engine.Phase, status PhaseStatus) {
	at := map[engine.Phase]int{engine.Preparing: 0, engine.Transferring: 1, engine.Verifying: 2}[phase]
	for i, p := range []*PhaseStatus{&r.PrepareStatus, &r.TransferStatus, &r.VerifyStatus} {
		switch {
		case i < at:
			*p = PhaseSuccess
		case i == at:
			*p = status
		default:
			*p = PhasePending
		}
	}
	if o.VerifyMode == none {
		r.VerifyStatus = "" // not part of the run
	}
}

func (r *Result) markFailed(c engine.Counters) {
	if c.FailedPrepare > 0 {
		r.PrepareStatus = PhaseError
	}
	if c.FailedTransfer+c.FailedDelete > 0 {
		r.TransferStatus = PhaseError
	}
	if c.FailedVerify > 0 && r.VerifyStatus != "" {
		r.VerifyStatus = PhaseError
	}
}

// explain returns ErrorCode and ErrorDetail of a run that did not succeed.
func explain(result engine.Result, err error) (code, detail string) {
	var access *locationError
	switch {
	case errors.Is(err, errCancelled):
		return CodeCancelled, textCancelled
	case errors.As(err, &access):
		return accessCode(err), err.Error()
	}
	code, detail = string(result.Code), result.Detail
	if code == "" {
		switch {
		case err != nil:
			code = accessCode(err)
		case result.Counters.FailedVerify > 0:
			code = "VerificationFailed"
		default:
			code = "FilesSkipped"
		}
	}
	switch {
	case detail != "":
	case err != nil:
		detail = err.Error()
	case result.Counters.FailedVerify > 0:
		detail = textMismatch
	default:
		detail = textSkipped
	}
	return code, detail
}

func accessCode(err error) string {
	switch {
	case errors.Is(err, storage.ErrDenied):
		return codeDenied
	case errors.Is(err, storage.ErrTransient), errors.Is(err, context.DeadlineExceeded):
		return codeUnreachable
	}
	return codeLocationFailed
}

// view returns a run as it is now. s.mu must be held.
func (s *Service) view(r *run) Execution {
	e := r.exec.clone()
	if r.progress == nil {
		if e.Status == StatusLaunching || e.Status == StatusQueued {
			e.Result.setPhases(e.Options, engine.Preparing, PhasePending)
		}
		return e
	}
	phase, counters := r.progress.Snapshot()
	e.Counters = Counters(counters)
	_, e.FailedFiles = r.files.all()
	if e.Status != StatusCancelling {
		e.Status = Status(phase)
	}
	e.Result.setPhases(e.Options, phase, PhasePending)
	return e
}

// announce publishes a run's status if it changed since the last time, and
// those it must have passed meanwhile. s.mu must be held.
func (s *Service) announce(r *run) {
	phase := engine.Phase("")
	if r.progress != nil {
		phase, _ = r.progress.Snapshot()
	}
	s.announcePhases(r, s.view(r).Status, phase)
}

// announcePhases publishes what lies between the last announced status and
// phase (empty: the engine has not begun), then status. s.mu must be held.
func (s *Service) announcePhases(r *run, status Status, phase engine.Phase) {
	if r.announced == status {
		return
	}
	path := []Status{StatusLaunching, StatusPreparing, StatusTransferring, StatusVerifying}
	if r.exec.Options.VerifyMode == none {
		path = path[:3]
	}
	reached := -1
	if r.exec.Status != StatusQueued {
		reached = 0
	}
	passed := -1
	for i, p := range path {
		if p == Status(phase) && r.progress != nil {
			reached = i
		}
		if p == r.announced {
			passed = i
		}
	}
	if r.announced != StatusCancelling {
		for i := passed + 1; i <= reached; i++ {
			if path[i] != status {
				s.publish(r.exec.ARN, path[i])
			}
		}
	}
	s.publish(r.exec.ARN, status)
	r.announced = status
}

// watch publishes the changes of running executions until ctx ends.
func (s *Service) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if !s.events.wanted() {
			continue
		}
		s.mu.Lock()
		for _, r := range s.live {
			if r.cancel != nil && !r.dropped {
				s.announce(r)
			}
		}
		s.mu.Unlock()
	}
}
