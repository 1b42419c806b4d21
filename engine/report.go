package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// stage returns the run's stage, opened on first use.
func (r *run) stage(ctx context.Context) (storage.Stage, error) {
	r.staging.Lock()
	defer r.staging.Unlock()
	if r.staged == nil && r.stageErr == nil {
		r.stageErr = r.retry(ctx, func() (err error) {
			r.staged, err = r.dst.Stage(ctx, r.job.Execution)
			if k, ok := r.staged.(storage.Keeper); ok && !r.opt.overwrite {
				k.KeepExisting()
			}
			return err
		})
		if r.stageErr != nil {
			r.stageErr = atDestination(fmt.Errorf("stage at %s: %w", r.dstP.Name, r.stageErr))
			r.cancel(r.stageErr)
		}
	}
	return r.staged, r.stageErr
}

// closeStage removes what is staged, also after cancellation.
func (r *run) closeStage(ctx context.Context) error {
	if r.staged == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	return r.staged.Close(ctx)
}

// report passes a result on.
func (r *run) report(f FileResult) {
	if f.Err != nil {
		r.mu.Lock()
		if len(r.first) < maxFirstErrors {
			r.first = append(r.first, f)
		}
		r.mixed = r.mixed || r.cause != "" && r.cause != f.Code
		r.cause = f.Code
		r.mu.Unlock()
	}
	if r.job.OnFile != nil {
		r.job.OnFile(f)
	}
}

// skip counts a source item that nothing was to be done with.
func (r *run) skip(e *storage.Entry) {
	r.prog.c.skipped.Add(1)
	if r.job.Details {
		r.report(FileResult{Path: e.Path, Kind: e.Kind, Action: ActionSkipped, Size: e.Size, Source: e})
	}
}

// detailed returns a copy of e for a result, nil if nobody asked for details.
func (r *run) detailed(e storage.Entry) *storage.Entry {
	if !r.job.Details {
		return nil
	}
	kept := e
	return &kept
}

// details adds the two sides to a result, if that is asked for.
func (r *run) details(f FileResult, src, dst *storage.Entry) FileResult {
	if r.job.Details {
		f.Source, f.Destination = src, dst
	}
	return f
}

// failed reports an item that failed in the phase given, unless err knows better.
func (r *run) failed(ctx context.Context, e storage.Entry, phase int32, err error) {
	r.fail(ctx, FileResult{Path: e.Path, Kind: e.Kind, Size: e.Size, Err: err, Source: r.detailed(e)}, phase)
}

func (r *run) failedItem(ctx context.Context, it *item, phase int32, err error) {
	r.fail(ctx, r.details(FileResult{
		Path: it.src.Path, Kind: it.src.Kind, Size: it.src.Size, Err: err, Overwrote: it.overwrites,
		SourceSum: it.sum, DestinationSum: it.dstSum, Duration: r.job.Now().Sub(it.started),
	}, &it.src, nil), phase)
}

func (r *run) fail(ctx context.Context, f FileResult, phase int32) {
	if ctx.Err() != nil {
		return // the run's end is what failed, not the item
	}
	if !r.opt.overwrite && errors.Is(f.Err, storage.ErrExists) {
		r.prog.c.skipped.Add(1) // it appeared after the listing, and stays like what was listed
		if r.job.Details {
			r.report(FileResult{Path: f.Path, Kind: f.Kind, Action: ActionSkipped, Size: f.Size, Source: f.Source})
		}
		return
	}
	f.Code, f.Action, f.Step = classify(f.Err), ActionFailed, phases()[phase]
	if ie := (*itemError)(nil); errors.As(f.Err, &ie) && ie.step != "" {
		f.Step = ie.step
	}
	switch f.Step {
	case Preparing:
		f.Action = ActionSkipped
		r.prog.c.failedPrepare.Add(1)
		r.prog.c.skipped.Add(1)
	case Transferring:
		r.prog.c.failedTransfer.Add(1)
	case Verifying:
		r.prog.c.failedVerify.Add(1)
	}
	r.report(f)
	if fatal(f.Err) {
		r.cancel(&RunError{Code: f.Code, Err: fmt.Errorf("write to %s: %w", r.dstP.Name, f.Err)})
	}
}

// skippedFor says why items were not transferred; r.mu is held. A permission
// that all of them lack is told by name, because another run would not help.
func (r *run) skippedFor() (code Code, detail string) {
	if r.mixed || r.cause != SourceDenied && r.cause != DestinationDenied || len(r.first) == 0 {
		return FilesSkipped, detailSkipped
	}
	return r.cause, r.first[0].Err.Error() + "; the others were transferred, or failed for the same reason"
}

// result sums the run up.
func (r *run) result(start time.Time, err error) (Result, error) {
	end := r.job.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Result{Counters: r.prog.c.load(), Total: end.Sub(start), FirstErrors: r.first}
	durations := [3]*time.Duration{&out.Prepare, &out.Transfer, &out.Verify}
	last := end
	for i := len(r.marks) - 1; i >= 0; i-- {
		if !r.marks[i].IsZero() {
			*durations[i] = last.Sub(r.marks[i])
			last = r.marks[i]
		}
	}
	c := out.Counters
	runErr := (*RunError)(nil)
	switch {
	case errors.As(err, &runErr):
		out.Code, out.Detail = runErr.Code, runErr.Error()
	case err != nil:
		out.Code, out.Detail = Cancelled, err.Error()
	case c.FailedVerify > 0:
		out.Code, out.Detail = VerificationFailed, detailMismatch
	case c.FailedPrepare+c.FailedTransfer+c.FailedDelete > 0:
		out.Code, out.Detail = r.skippedFor()
	}
	return out, err
}
