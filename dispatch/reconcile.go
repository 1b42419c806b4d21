package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/hikyaku/hikyaku"
)

// Reconcile makes the pools what they should be: desired tasks by route, in
// order of their index. New ones become IDLE, changed ones are updated, and
// those of a route that is in desired or not configured any more, but not
// listed, are removed: at once when idle, otherwise when their lease ends. A
// task with a schedule, a manifest or REMOVE is refused; the others are taken
// all the same, and the refusals are the error. Tasks that change hands while
// they are looked at are looked at again; a KindConflict is the error when that
// does not end.
func (d *Dispatcher) Reconcile(ctx context.Context, desired map[string][]hikyaku.TaskDescription) error {
	var err error
	for range maxTries {
		if err = d.reconcile(ctx, desired); conflict(err) == "" {
			return err
		}
	}
	return err
}

// reconcile is one pass. A write that came too late is a *ConflictError in its
// error.
func (d *Dispatcher) reconcile(ctx context.Context, desired map[string][]hikyaku.TaskDescription) error {
	p, err := d.Ledger.Pool(ctx, "")
	if err != nil {
		return fmt.Errorf("read pool: %w", err)
	}
	stored := map[string]hikyaku.Task{}
	for _, t := range p.Tasks {
		stored[t.ARN] = t
	}
	var errs []error
	wanted := map[string]bool{}
	for route, tasks := range desired {
		for i, want := range tasks {
			if err := acceptable(want); err != nil {
				errs = append(errs, err)
				continue
			}
			wanted[want.ARN] = true
			have, ok := stored[want.ARN]
			errs = append(errs, d.reconcileTask(ctx, route, i, want, have, ok))
		}
	}
	for _, t := range p.Tasks {
		_, mine := desired[t.Route]
		_, configured := d.currentRoutes().Find(t.Route)
		if !wanted[t.ARN] && (mine || !configured) {
			errs = append(errs, d.drain(ctx, t))
		}
	}
	for route := range desired {
		d.view.announce(route)
	}
	return errors.Join(errs...)
}

// acceptable refuses tasks that would do more than deliver one ID.
func acceptable(t hikyaku.TaskDescription) error {
	var reason string
	switch {
	case t.Scheduled:
		reason = "it has a schedule"
	case t.HasManifest:
		reason = "it has a manifest"
	case t.Removes:
		reason = "it deletes files at the destination (PreserveDeletedFiles=REMOVE)"
	default:
		return nil
	}
	return hikyaku.NewError(hikyaku.CodeTaskRefused, "add to pool", t.ARN, reason)
}

func (d *Dispatcher) reconcileTask(ctx context.Context, route string, index int, want hikyaku.TaskDescription, have hikyaku.Task, ok bool) error {
	if !ok {
		t := hikyaku.Task{ARN: want.ARN, Route: route, Index: index, State: hikyaku.Idle, AgentARNs: slices.Clone(want.AgentARNs)}
		d.Logger.InfoContext(ctx, "task joins the pool", slog.String("task_arn", t.ARN), slog.String("route", route))
		return d.commit(ctx, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: t}}})
	}
	next := have
	next.Route, next.Index, next.AgentARNs = route, index, slices.Clone(want.AgentARNs)
	if next.State == hikyaku.Draining {
		next.State = hikyaku.Idle
		if next.TransferID != "" {
			next.State = hikyaku.Leased
		}
	}
	if next.Route == have.Route && next.Index == have.Index && next.State == have.State && slices.Equal(next.AgentARNs, have.AgentARNs) {
		return nil
	}
	return d.writeTask(ctx, next)
}

// drain removes a task, or lets its lease end first.
func (d *Dispatcher) drain(ctx context.Context, t hikyaku.Task) error {
	token := t.Token
	if t.TransferID == "" {
		d.Logger.InfoContext(ctx, "task leaves the pool", slog.String("task_arn", t.ARN), slog.String("route", t.Route))
		return d.commit(ctx, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: t, IfToken: &token, Delete: true}}})
	}
	if t.State == hikyaku.Draining {
		return nil
	}
	t.State = hikyaku.Draining
	return d.writeTask(ctx, t)
}
