package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// refreshing keeps one refresh per execution at a time and remembers events
// that came while one was running or before its start was recorded.
type refreshing struct {
	mu     sync.Mutex
	active map[string]bool // true: again when done
	early  map[string]struct{}
}

// begin reports whether the caller is to refresh arn; if not, whoever does
// will do it once more.
func (r *refreshing) begin(arn string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, running := r.active[arn]; running {
		r.active[arn] = true
		return false
	}
	if r.active == nil {
		r.active = map[string]bool{}
	}
	r.active[arn] = false
	return true
}

// again reports whether something came meanwhile; if not, the refresh is over.
func (r *refreshing) again(arn string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.active[arn] {
		r.active[arn] = false
		return true
	}
	delete(r.active, arn)
	return false
}

// end gives up the turn, whatever came meanwhile.
func (r *refreshing) end(arn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.active, arn)
}

func (r *refreshing) tooEarly(arn string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.early == nil || len(r.early) > maxTimers {
		r.early = map[string]struct{}{}
	}
	r.early[arn] = struct{}{}
}

// missed reports whether an event for arn came before its start was recorded.
func (r *refreshing) missed(arn string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.early[arn]
	delete(r.early, arn)
	return ok
}

// taskOf returns the task ARN of an execution ARN.
func taskOf(executionARN string) string {
	task, _, _ := strings.Cut(executionARN, "/execution/")
	return task
}

// Refresh looks at an execution, because an event arrived or a timer fired,
// and brings its transfer up to date: progress, phase, lease, watchdogs, or
// the end. An execution that belongs to no lease is left to Reap. Events may
// come late, twice and out of order: only what DataSync says now counts.
func (d *Dispatcher) Refresh(ctx context.Context, executionARN string) error {
	if !d.refreshing.begin(executionARN) {
		return nil
	}
	over := false
	defer func() {
		if !over { // an error or a panic: give up the turn
			d.refreshing.end(executionARN)
		}
	}()
	for !over {
		if err := d.refresh(ctx, executionARN); err != nil {
			return err
		}
		over = !d.refreshing.again(executionARN)
	}
	return nil
}

func (d *Dispatcher) refresh(ctx context.Context, executionARN string) error {
	if s := d.late.get(executionARN); s != nil {
		return d.refreshLate(ctx, s)
	}
	t, ok, err := d.running(ctx, executionARN)
	if err != nil {
		return err
	}
	if !ok {
		if s := d.late.get(executionARN); s != nil { // started just now
			return d.refreshLate(ctx, s)
		}
		return nil
	}
	execution, err := d.Executor.Describe(ctx, executionARN)
	if hikyaku.KindOf(err) == hikyaku.KindNotFound {
		return d.vanished(ctx, t, err)
	}
	if err != nil {
		return fmt.Errorf("describe execution %s: %w", executionARN, err)
	}
	if execution.Ended() {
		return d.settle(ctx, t, execution, nil)
	}
	return d.follow(ctx, t, execution)
}

// vanished handles an execution that DataSync says it does not know. One that
// was started just now, or that its task still names, is believed to be there:
// ending the attempt would start a second one beside it.
func (d *Dispatcher) vanished(ctx context.Context, t hikyaku.Transfer, cause error) error {
	if d.Now().Sub(t.StartedAt) < d.StartLease {
		return nil
	}
	current, ok, err := d.Executor.Current(ctx, t.TaskARN)
	if err != nil && hikyaku.KindOf(err) != hikyaku.KindNotFound {
		return fmt.Errorf("look what runs in task %s: %w", t.TaskARN, err)
	}
	if ok && current.ARN == t.ExecutionARN {
		return nil // the next look will say more
	}
	return d.endAttempt(ctx, t, ending{
		status: statusLost, failure: hikyaku.NewFailure(hikyaku.CodeExecutionLost, "", cause.Error()),
		retry: d.routeOrDefaults(t.Route).Retry, progress: progressKept(t),
	})
}

// running finds the transfer an execution belongs to now.
func (d *Dispatcher) running(ctx context.Context, executionARN string) (hikyaku.Transfer, bool, error) {
	for _, again := range []bool{false, true} {
		task, ok, err := d.view.task(ctx, taskOf(executionARN), again)
		if err != nil {
			return hikyaku.Transfer{}, false, fmt.Errorf("read pool: %w", err)
		}
		if !ok || task.TransferID == "" {
			continue
		}
		t, err := d.Ledger.Transfer(ctx, task.TransferID)
		if errors.Is(err, hikyaku.ErrNotFound) {
			continue
		}
		if err != nil {
			return t, false, fmt.Errorf("read transfer %s: %w", task.TransferID, err)
		}
		if t.State == hikyaku.Running && t.ExecutionARN == executionARN {
			return t, true, nil
		}
		if t.State == hikyaku.Starting && t.TaskARN == task.ARN {
			// Its start is being recorded, or was lost; whoever records it looks
			// again, unless it was recorded just now.
			d.refreshing.tooEarly(executionARN)
			if t, err = d.Ledger.Transfer(ctx, task.TransferID); err != nil {
				return t, false, fmt.Errorf("read transfer %s: %w", task.TransferID, err)
			}
			return t, t.State == hikyaku.Running && t.ExecutionARN == executionARN, nil
		}
	}
	return hikyaku.Transfer{}, false, nil
}

// RefreshAll refreshes every running execution and looks for executions of
// starts whose answer was lost. It is the truth behind best-effort events.
func (d *Dispatcher) RefreshAll(ctx context.Context) error {
	leases, err := d.leases(ctx)
	if err != nil {
		return err
	}
	return each(d, leases, func(task hikyaku.Task) error {
		t, err := d.Ledger.Transfer(ctx, task.TransferID)
		if err != nil {
			return fmt.Errorf("read transfer %s: %w", task.TransferID, err)
		}
		switch {
		case t.TaskARN != task.ARN || t.Token != task.Token:
			return nil // reap's business
		case t.State == hikyaku.Running:
			return d.Refresh(ctx, t.ExecutionARN)
		case t.State == hikyaku.Starting && !d.view.claimed(t.TransferID):
			return d.findStart(ctx, t, false)
		}
		return nil
	})
}

// leases returns the tasks that carry a lease.
func (d *Dispatcher) leases(ctx context.Context) ([]hikyaku.Task, error) {
	p, err := d.Ledger.Pool(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("read pool: %w", err)
	}
	var out []hikyaku.Task
	for _, t := range p.Tasks {
		if t.TransferID != "" {
			out = append(out, t)
		}
	}
	return out, nil
}

func (v *view) claimed(transferID string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.claimedTransfers[transferID]
	return ok
}

// routeOrDefaults returns a route; one that was removed finishes with defaults.
func (d *Dispatcher) routeOrDefaults(name string) hikyaku.Route {
	if r, ok := d.currentRoutes().Find(name); ok {
		return r
	}
	return hikyaku.Route{Name: name}.WithDefaults()
}

// follow brings a live execution's progress into the record, renews the lease,
// passes on a cancel and watches for standstill.
func (d *Dispatcher) follow(ctx context.Context, t hikyaku.Transfer, x hikyaku.Execution) error {
	now := d.Now().UTC()
	if (t.CancelRequested || t.Failure != nil) && x.Status != "CANCELLING" {
		if err := d.Executor.Cancel(ctx, x.ARN); err != nil {
			return fmt.Errorf("cancel execution %s: %w", x.ARN, err)
		}
	}
	if f := d.stalled(t, x, now); f != nil {
		return d.stop(ctx, t, x, *f)
	}
	p := progressOf(t, x, now)
	phase := x.Status != t.ExecutionStatus
	moved := p.Files != t.Files || p.Bytes != t.Bytes
	renew := t.LeaseExpires.Sub(now) < d.Lease/2
	quiet := now.Sub(later(t.PhaseAt, t.UpdatedAt))
	switch {
	case renew:
	case phase && quiet >= d.PhaseEvery:
	case moved && quiet >= d.ProgressEvery:
	default:
		return nil
	}
	e := d.edit(t)
	if phase {
		if err := e.record(ctx, "", &hikyaku.PhaseDetail{Status: x.Status, Progress: p}); err != nil {
			return err
		}
	} else if moved {
		e.t.Files, e.t.Bytes, e.t.Durations, e.t.Rate, e.t.ETA = p.Files, p.Bytes, p.Durations, p.Rate, p.ETA
		e.t.ProgressAt, e.t.UpdatedAt = now, now
	}
	if renew {
		e.renew()
	}
	return lost(e.commit(ctx)) // somebody else refreshed it: as good
}

// renew extends the lease. The task keeps the time it was given when it was
// leased: from then on Reap looks at the transfer, whose word this is. A write
// of both would be dearer on some ledgers than all else while it runs.
func (e *edit) renew() { e.t.LeaseExpires = e.at.Add(e.d.Lease) }

// preparingPatience is how much longer PREPARING may go without a counter:
// DataSync shows none while it lists a large tree.
const preparingPatience = 8

// stalled says why a watchdog must stop the execution, or nil.
func (d *Dispatcher) stalled(t hikyaku.Transfer, x hikyaku.Execution, now time.Time) *hikyaku.Failure {
	if t.Failure != nil || t.CancelRequested || x.Status == "CANCELLING" {
		return nil
	}
	r := d.routeOrDefaults(t.Route)
	if p := progressOf(t, x, now); p.Files != t.Files || p.Bytes != t.Bytes {
		return nil
	}
	limit, since, code := r.StallTimeout, t.ProgressAt, hikyaku.CodeProgressStalled
	switch x.Status {
	case "QUEUED", "LAUNCHING":
		limit, since, code = r.LaunchTimeout, t.PhaseAt, hikyaku.CodeLaunchStalled
	case "PREPARING":
		limit *= preparingPatience
	}
	if d.Exclusive { // nobody followed it while this process slept, nor did it run
		since = later(since, d.awake.at(now))
	}
	if x.Status != t.ExecutionStatus || now.Sub(since) < limit {
		return nil
	}
	f := hikyaku.NewFailure(code, "", fmt.Sprintf("%s for %s", x.Status, now.Sub(since).Round(time.Second)))
	return &f
}

// stop records why the execution is stopped, then asks DataSync. The transfer
// goes round again when the execution has really ended, so that no second one
// runs beside it.
func (d *Dispatcher) stop(ctx context.Context, t hikyaku.Transfer, x hikyaku.Execution, f hikyaku.Failure) error {
	e := d.edit(t)
	if err := e.record(ctx, "", &hikyaku.StalledDetail{Failure: f}); err != nil {
		return err
	}
	if err := e.commit(ctx); err != nil {
		return lost(err)
	}
	d.Logger.WarnContext(ctx, "execution stopped by watchdog", attrs(t), slog.String("code", f.Code), slog.String("detail", f.Detail))
	if err := d.Executor.Cancel(ctx, x.ARN); err != nil {
		return fmt.Errorf("cancel execution %s: %w", x.ARN, err)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
