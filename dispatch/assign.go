package dispatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// job is a transfer and the task it is to get; both are claimed in this process.
type job struct {
	route    hikyaku.Route
	transfer hikyaku.Transfer
	task     hikyaku.Task
	settings hikyaku.RouteSettings
}

// AssignAll gives every free task of every route the oldest ready transfer
// that may run, taking turns between the routes, and starts it. It returns
// when nothing is left to do for now.
func (d *Dispatcher) AssignAll(ctx context.Context) (started int, err error) {
	routes := d.Routes()
	for _, r := range routes {
		d.view.announce(r.Name)
	}
	started, err = d.assign(ctx, routes)
	return started, errors.Join(err, d.explainWaiting(ctx, routes))
}

// Assign does what AssignAll does for one route.
func (d *Dispatcher) Assign(ctx context.Context, route string) (started int, err error) {
	r, err := d.route(route)
	if err != nil {
		return 0, err
	}
	d.view.announce(r.Name)
	return d.assign(ctx, []hikyaku.Route{r})
}

func (d *Dispatcher) assign(ctx context.Context, routes []hikyaku.Route) (started int, err error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for range d.Workers {
		j, ok, err := d.next(ctx, routes)
		if err != nil {
			errs = append(errs, err)
		}
		if !ok {
			break
		}
		wg.Go(func() {
			n, err := d.work(ctx, j, routes)
			mu.Lock()
			defer mu.Unlock()
			started += n
			if err != nil {
				errs = append(errs, err)
			}
		})
	}
	wg.Wait()
	return started, errors.Join(errs...)
}

// work runs a job and then whatever is next, until nothing is or one fails.
func (d *Dispatcher) work(ctx context.Context, j job, routes []hikyaku.Route) (started int, err error) {
	contended := 0
	for ok := true; ok && ctx.Err() == nil; {
		did, err := d.run(ctx, j)
		if did {
			started++
		}
		switch {
		case errors.Is(err, errContended):
			if contended++; contended > maxTries {
				return started, nil // others are at it; the next call goes on
			}
		case err != nil:
			return started, err
		default:
			contended = 0
		}
		if j, ok, err = d.next(ctx, routes); err != nil {
			return started, err
		}
	}
	return started, ctx.Err()
}

// run carries out one job within the bound on concurrent ones.
func (d *Dispatcher) run(ctx context.Context, j job) (started bool, err error) {
	defer d.view.release(j)
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	started, err = d.lease(ctx, j)
	if err != nil {
		return started, fmt.Errorf("assign transfer %s: %w", j.transfer.TransferID, err)
	}
	return started, nil
}

// next claims the next transfer and a task for it.
func (d *Dispatcher) next(ctx context.Context, routes []hikyaku.Route) (job, bool, error) {
	v := &d.view
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.fresh(ctx); err != nil {
		return job{}, false, fmt.Errorf("read pool: %w", err)
	}
	if v.brake.After(v.now()) {
		return job{}, false, nil
	}
	v.turn++
	for i := range routes {
		r := routes[(v.turn+i)%len(routes)]
		if v.settings[r.Name].Paused {
			continue
		}
		task, _, _, ok := v.free(r.Name)
		if !ok {
			continue
		}
		t, ok, err := v.candidate(ctx, r.Name)
		if err != nil {
			return job{}, false, fmt.Errorf("read ready transfers of %s: %w", r.Name, err)
		}
		if ok {
			v.claimedTasks[task.ARN], v.claimedTransfers[t.TransferID] = struct{}{}, struct{}{}
			return job{route: r, transfer: t, task: task, settings: v.settings[r.Name]}, true, nil
		}
	}
	return job{}, false, nil
}

// candidate returns the oldest ready transfer of a route that no job of this
// process has; v.mu is held.
func (v *view) candidate(ctx context.Context, route string) (hikyaku.Transfer, bool, error) {
	list := v.list(route)
	for {
		for len(list.items) > 0 {
			t := list.items[0]
			list.items = list.items[1:]
			if _, claimed := v.claimedTransfers[t.TransferID]; !claimed {
				return t, true, nil
			}
		}
		if list.drained {
			return hikyaku.Transfer{}, false, nil
		}
		limit := v.readAhead + len(v.claimedTransfers)
		items, err := v.ledger.Ready(ctx, route, v.now(), limit)
		if err != nil {
			return hikyaku.Transfer{}, false, err
		}
		// A full page may have successors; anything that becomes ready later
		// is announced.
		list.items, list.drained = items, len(items) < limit
	}
}

func (v *view) release(j job) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.claimedTasks, j.task.ARN)
	delete(v.claimedTransfers, j.transfer.TransferID)
}

// lease looks at the source, takes the lease in one conditional write, and
// starts the execution.
func (d *Dispatcher) lease(ctx context.Context, j job) (started bool, err error) {
	e := d.edit(j.transfer)
	filter, err := hikyaku.Filter(j.route, e.t.ID, e.t.Paths)
	if err != nil { // the route was changed since the message was accepted
		if err := e.record(ctx, "", &hikyaku.FailedDetail{Failure: hikyaku.FailureOf(err, hikyaku.CodeRouteInvalid)}); err != nil {
			return false, err
		}
		return false, d.ended(ctx, e.t, e.commit(ctx))
	}
	what, err := d.look(ctx, j.route, e)
	if err != nil {
		return false, err
	}
	if what == parked {
		if len(e.change.Events) == 0 {
			return false, nil
		}
		return false, d.ended(ctx, e.t, e.commit(ctx))
	}
	token := j.task.Token
	e.change.Tasks = []hikyaku.TaskWrite{{Task: leased(j.task, e.t.TransferID, e.at, d.StartLease), IfToken: &token}}
	e.change.TakeSlots, e.change.LockActive = j.task.AgentARNs, true
	mode := j.route.TransferMode
	if e.t.Attempt > 0 || e.t.CopyAll {
		mode = hikyaku.ModeAll
	}
	err = e.record(ctx, "", &hikyaku.AssignedDetail{
		TaskARN: j.task.ARN, Token: token + 1, LeaseExpires: e.at.Add(d.StartLease),
		AgentARNs: j.task.AgentARNs, TransferMode: mode,
	})
	if err != nil {
		return false, err
	}
	if err = e.commit(ctx); err != nil {
		return false, d.notLeased(ctx, j, err)
	}
	return d.start(ctx, e.t, hikyaku.Start{
		TaskARN: j.task.ARN, Includes: filter, VerifyMode: j.route.VerifyMode, TransferMode: mode,
		BytesPerSecond: bandwidth(j.route, j.settings), Tags: startTags(e.t),
	})
}

func leased(t hikyaku.Task, transferID string, at time.Time, lease time.Duration) hikyaku.Task {
	t.State, t.Token, t.TransferID = hikyaku.Leased, t.Token+1, transferID
	t.LeasedAt, t.LastUsed, t.LeaseExpires = at, at, at.Add(lease)
	t.BenchedUntil, t.BenchedReason, t.BenchedBy = time.Time{}, "", ""
	return t
}

func bandwidth(r hikyaku.Route, s hikyaku.RouteSettings) int64 {
	if s.BytesPerSecond != nil {
		return *s.BytesPerSecond
	}
	return r.BytesPerSecond
}

// lost makes a conflict harmless: another writer decided about the transfer.
func lost(err error) error {
	if conflict(err) != "" {
		return nil
	}
	return err
}

// notLeased handles a lease that was not granted. Somebody else was faster,
// which is no error; a transfer whose ID runs already, or one that overlaps it,
// is parked behind that one.
func (d *Dispatcher) notLeased(ctx context.Context, j job, err error) error {
	var c *hikyaku.ConflictError
	if !errors.As(err, &c) {
		return err
	}
	switch c.What {
	case "active":
		return d.parkBehind(ctx, j.transfer.TransferID, c.Owner)
	case "task", "agent": // the transfer is still ready: let it be found again
		d.view.announce(j.route.Name)
		return errContended
	}
	return nil
}

// errContended says that another dispatcher took the task or the agent's slot.
var errContended = errors.New("the task was taken by another")

// headOfQueue is how many transfers of a route carry an exact waiting reason
// when the whole route waits: a pause must not cost thousands of writes.
const headOfQueue = 32

// explainWaiting keeps the waiting reason at the head of each route's queue
// true: paused, no agent, or just no free task.
func (d *Dispatcher) explainWaiting(ctx context.Context, routes []hikyaku.Route) error {
	var errs []error
	for _, r := range routes {
		errs = append(errs, d.explainRoute(ctx, r.Name, false))
	}
	return errors.Join(errs...)
}

func (d *Dispatcher) explainRoute(ctx context.Context, route string, always bool) error {
	reason, detail, due, err := d.view.explanation(ctx, route, always)
	if err != nil || !due {
		return err
	}
	head, err := d.Ledger.Ready(ctx, route, d.Now(), headOfQueue)
	if err != nil {
		return fmt.Errorf("read ready transfers of %s: %w", route, err)
	}
	for _, t := range head {
		if t.WaitingReason == reason && t.WaitingDetail == detail {
			continue
		}
		e := d.edit(t)
		if err := e.wait(ctx, hikyaku.WaitingDetail{Reason: reason, Detail: detail}); err != nil {
			return err
		}
		if err := lost(e.commit(ctx)); err != nil {
			return fmt.Errorf("explain why %s waits: %w", t.TransferID, err)
		}
	}
	return nil
}
