package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hikyaku/hikyaku"
)

// Reap looks where something may have been left behind: leases that expired,
// executions in pool tasks that belong to no lease, benches that are over. An
// expired lease alone frees nothing; DataSync is asked first.
func (d *Dispatcher) Reap(ctx context.Context) error {
	p, err := d.Ledger.Pool(ctx, "")
	if err != nil {
		return fmt.Errorf("read pool: %w", err)
	}
	return each(d, p.Tasks, func(task hikyaku.Task) error {
		if task.TransferID == "" {
			if err := d.unbenchDue(ctx, task); err != nil {
				return err
			}
			return d.reapOrphan(ctx, task)
		}
		if task.LeaseExpires.After(d.Now()) {
			return nil
		}
		return d.reapLease(ctx, task, reapWhat{})
	})
}

// Recover brings every lease up to date at once, for a start after a crash.
// With Exclusive, starts that were in flight when the old process died are
// over, so that leases without an execution are given back.
func (d *Dispatcher) Recover(ctx context.Context) error {
	leases, err := d.leases(ctx)
	if err != nil {
		return err
	}
	return each(d, leases, func(task hikyaku.Task) error {
		return d.reapLease(ctx, task, reapWhat{fresh: true, noneInFlight: d.Exclusive})
	})
}

// reapWhat is what reapLease goes by.
type reapWhat struct {
	// fresh: executions that were looked at lately are looked at, too.
	fresh bool
	// noneInFlight: no start can be on its way.
	noneInFlight bool
}

// reapLease finds out what became of a lease.
func (d *Dispatcher) reapLease(ctx context.Context, task hikyaku.Task, what reapWhat) error {
	if d.view.claimed(task.TransferID) {
		return nil // this process is starting it right now
	}
	t, err := d.Ledger.Transfer(ctx, task.TransferID)
	if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		return fmt.Errorf("read transfer %s: %w", task.TransferID, err)
	}
	held := err == nil && t.TaskARN == task.ARN && t.Token == task.Token
	switch {
	case held && t.State == hikyaku.Running && !what.fresh && t.LeaseExpires.After(d.Now()):
		return nil // it was looked at lately
	case held && t.State == hikyaku.Running:
		return d.Refresh(ctx, t.ExecutionARN)
	case held && t.State == hikyaku.Starting:
		return d.findStart(ctx, t, what.noneInFlight)
	}
	return d.freeLeaked(ctx, task)
}

// findStart looks for the execution of a start whose answer is not recorded.
// Only when there is none, and none can be on its way any more, the task is
// given back and the transfer goes round again.
func (d *Dispatcher) findStart(ctx context.Context, t hikyaku.Transfer, noneInFlight bool) error {
	if s := d.late.of(t.TransferID); s != nil {
		return d.Refresh(ctx, s.detail.ExecutionARN)
	}
	current, ok, err := d.Executor.Current(ctx, t.TaskARN)
	if err != nil && hikyaku.KindOf(err) != hikyaku.KindNotFound {
		return fmt.Errorf("look what runs in task %s: %w", t.TaskARN, err)
	}
	if ok && ours(current, t) {
		return d.adopt(ctx, t, current, "found after its start was not recorded")
	}
	if !noneInFlight && t.LeaseExpires.After(d.Now()) {
		return nil
	}
	return d.endAttempt(ctx, t, ending{
		status: statusLost, failure: hikyaku.NewFailure(hikyaku.CodeStartLost, "", ""),
		retry: d.routeOrDefaults(t.Route).Retry, progress: progressKept(t),
	})
}

// freeLeaked gives back a task whose lease no transfer has any more.
func (d *Dispatcher) freeLeaked(ctx context.Context, task hikyaku.Task) error {
	current, ok, err := d.Executor.Current(ctx, task.ARN)
	if err != nil && hikyaku.KindOf(err) != hikyaku.KindNotFound { // a deleted task runs nothing
		return fmt.Errorf("look what runs in task %s: %w", task.ARN, err)
	}
	if ok && !current.Ended() {
		return d.cancelOrphan(ctx, task, current)
	}
	token := task.Token
	write := hikyaku.TaskWrite{IfToken: &token, Delete: task.State == hikyaku.Draining}
	d.Logger.WarnContext(ctx, "leaked lease freed", slog.String("task_arn", task.ARN), slog.String("transfer_id", task.TransferID))
	task = unleased(task, d.Now().UTC())
	write.Task = task
	return lost(d.commit(ctx, hikyaku.Change{Tasks: []hikyaku.TaskWrite{write}, FreeSlots: task.AgentARNs}))
}

// reapOrphan looks for a live execution in a task without a lease.
func (d *Dispatcher) reapOrphan(ctx context.Context, task hikyaku.Task) error {
	current, ok, err := d.Executor.Current(ctx, task.ARN)
	switch {
	case hikyaku.KindOf(err) == hikyaku.KindNotFound:
		return d.bench(ctx, task, hikyaku.NewFailure(hikyaku.CodeTaskUnavailable, "", err.Error()))
	case err != nil:
		return fmt.Errorf("look what runs in task %s: %w", task.ARN, err)
	case !ok || current.Ended():
		return nil
	}
	return d.cancelOrphan(ctx, task, current)
}

// cancelOrphan cancels an execution of ours that matches no lease. One that
// carries no tags of ours was started by somebody else: it is left alone and
// the task benched.
func (d *Dispatcher) cancelOrphan(ctx context.Context, task hikyaku.Task, x hikyaku.Execution) error {
	id := x.Tags[hikyaku.TagTransfer]
	if id == "" {
		return d.bench(ctx, task, hikyaku.NewFailure(hikyaku.CodeTaskInUse, "", x.ARN))
	}
	t, err := d.Ledger.Transfer(ctx, id)
	if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		return fmt.Errorf("read transfer %s: %w", id, err)
	}
	if err == nil && (t.State == hikyaku.Starting || t.State == hikyaku.Running) && t.TaskARN == task.ARN && ours(x, t) {
		return nil // leased since the pool was read
	}
	f := hikyaku.NewFailure(hikyaku.CodeOrphan, "", x.ARN)
	d.Logger.WarnContext(ctx, "orphan execution cancelled", slog.String("execution_arn", x.ARN), slog.String("transfer_id", id), slog.String("code", f.Code))
	if err := d.Executor.Cancel(ctx, x.ARN); err != nil {
		return fmt.Errorf("cancel orphan execution %s: %w", x.ARN, err)
	}
	if task.TransferID != "" {
		return nil
	}
	return d.bench(ctx, task, f) // until it has really ended
}
