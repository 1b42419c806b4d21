package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
)

// bench gives a task without a lease no work for a while.
func (d *Dispatcher) bench(ctx context.Context, task hikyaku.Task, f hikyaku.Failure) error {
	if task.State == hikyaku.Draining || task.State == hikyaku.Benched && task.BenchedBy != "" {
		return nil
	}
	now := d.Now().UTC()
	reason := f.Code + " " + f.Message
	if f.Detail != "" { // which execution it is about
		reason += ": " + shorten(f.Detail)
	}
	if task.State == hikyaku.Benched && task.BenchedReason == reason && task.BenchedUntil.Sub(now) > d.BenchFor/2 {
		return nil
	}
	task.State, task.BenchedUntil, task.BenchedReason = hikyaku.Benched, now.Add(d.BenchFor), reason
	return lost(d.writeTask(ctx, task))
}

// unbenchDue returns a task to the pool when its bench is over.
func (d *Dispatcher) unbenchDue(ctx context.Context, task hikyaku.Task) error {
	if task.State != hikyaku.Benched || !task.Leasable(d.Now()) {
		return nil
	}
	if err := lost(d.writeTask(ctx, unbenched(task))); err != nil {
		return err
	}
	d.view.announce(task.Route)
	return nil
}

// unbenched returns the task as it goes back to work.
func unbenched(t hikyaku.Task) hikyaku.Task {
	t.BenchedUntil, t.BenchedReason, t.BenchedBy = time.Time{}, "", ""
	if t.State == hikyaku.Benched {
		t.State = hikyaku.Idle
		if t.TransferID != "" {
			t.State = hikyaku.Leased
		}
	}
	return t
}

// unleased returns the task without its lease.
func unleased(t hikyaku.Task, at time.Time) hikyaku.Task {
	t.TransferID, t.LeaseExpires, t.LeasedAt, t.LastUsed = "", time.Time{}, time.Time{}, at
	if t.State == hikyaku.Leased {
		t.State = hikyaku.Idle
	}
	return t
}

func (d *Dispatcher) writeTask(ctx context.Context, task hikyaku.Task) error {
	return d.writeTaskWith(ctx, task, nil)
}

func (d *Dispatcher) writeTaskWith(ctx context.Context, task hikyaku.Task, record *hikyaku.AuditRecord) error {
	token := task.Token
	c := hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task, IfToken: &token}}, Audit: record}
	if err := d.commit(ctx, c); err != nil {
		return fmt.Errorf("write task %s: %w", task.ARN, err)
	}
	return nil
}

// Bench takes a task out of work until Unbench. What it runs now goes on.
func (d *Dispatcher) Bench(ctx context.Context, taskARN string, act hikyaku.Act) error {
	return d.changeTask(ctx, taskARN, hikyaku.AuditBench, act, func(t hikyaku.Task) (hikyaku.Task, error) {
		if t.State == hikyaku.Draining {
			return t, hikyaku.NewError(hikyaku.CodeWrongState, "bench", t.ARN, "the task is leaving the pool")
		}
		t.State, t.BenchedUntil = hikyaku.Benched, time.Time{}
		t.BenchedReason, t.BenchedBy = act.Reason, act.By
		if t.BenchedBy == "" {
			t.BenchedBy = "operator"
		}
		return t, nil
	})
}

// Unbench puts a benched task back to work; for any other it does nothing.
func (d *Dispatcher) Unbench(ctx context.Context, taskARN string, act hikyaku.Act) error {
	return d.changeTask(ctx, taskARN, hikyaku.AuditUnbench, act, func(t hikyaku.Task) (hikyaku.Task, error) {
		if t.State != hikyaku.Benched {
			return t, errSkip
		}
		return unbenched(t), nil
	})
}

func (d *Dispatcher) changeTask(
	ctx context.Context, arn string, op hikyaku.AuditOp, act hikyaku.Act, fn func(hikyaku.Task) (hikyaku.Task, error),
) error {
	var err error
	for range maxTries {
		task, ok, readErr := d.view.task(ctx, arn, true)
		if readErr != nil {
			return fmt.Errorf("read pool: %w", readErr)
		}
		if !ok {
			return hikyaku.NewError(hikyaku.CodeNoTask, "find task", arn, "no pool has it")
		}
		next, err2 := fn(task)
		if err2 == errSkip { //nolint:errorlint // never wrapped
			return nil
		}
		if err2 != nil {
			return err2
		}
		if err = d.writeTaskWith(ctx, next, d.auditTask(op, act, next)); conflict(err) == "" {
			d.view.announce(task.Route)
			return err
		}
	}
	return err
}
