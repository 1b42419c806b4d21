package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"

	"github.com/hikyaku/hikyaku"
)

// Send asks for an ID as a message would. Instead of a REJECTED transfer, what
// is not understood is an *Error. If the same key was sent before, or an equal
// request still waits, that transfer is returned.
func (d *Dispatcher) Send(ctx context.Context, s hikyaku.Send, act hikyaku.Act) (hikyaku.Transfer, error) {
	q := hikyaku.Request{ID: s.ID, Route: s.Route, Key: s.Key, Paths: s.Paths, Metadata: s.Metadata}
	if len(q.Paths) == 0 {
		q.Paths = nil
	}
	if len(q.Metadata) == 0 {
		q.Metadata = nil
	}
	r, q, err := d.understand("", q)
	if err != nil {
		return hikyaku.Transfer{}, err
	}
	body := requestBody(q)
	t, err := d.admit(ctx, admission{route: r, request: q, message: d.newMessage(body), body: body, act: &act})
	if err != nil {
		return t, fmt.Errorf("send %q: %w", s.ID, err)
	}
	return t, nil
}

// Rerun sends an ended transfer round again with a new attempt budget and
// TransferMode ALL. A SUCCEEDED one must be forced; a REJECTED one must be
// understood by now.
func (d *Dispatcher) Rerun(ctx context.Context, transferID string, act hikyaku.Act) (hikyaku.Transfer, error) {
	return d.rerun(ctx, transferID, hikyaku.AuditRerun, act)
}

func (d *Dispatcher) rerun(ctx context.Context, transferID string, op hikyaku.AuditOp, act hikyaku.Act) (hikyaku.Transfer, error) {
	var extra []hikyaku.Request
	var m hikyaku.Message
	t, err := d.update(ctx, transferID, func(e *edit) error {
		m = hikyaku.Message{ID: e.t.MessageID, Body: e.t.Body, Queue: e.t.Queue}
		var err error
		switch {
		case e.t.State == hikyaku.Rejected:
			err = d.readable(m)
		case e.t.State.Ended(): // of a removed route it would wait for ever
			_, err = d.route(e.t.Route)
		}
		if err != nil {
			return err
		}
		extra, err = d.sendRound(ctx, e, m, act)
		e.audit(op, act)
		return err
	})
	if err != nil {
		return t, notFound(transferID, err)
	}
	for _, q := range extra {
		if err := d.acceptOne(ctx, m, q, len(extra)+1); err != nil {
			return t, err
		}
	}
	return t, nil
}

// readable reports why a rejected message would be rejected again.
func (d *Dispatcher) readable(m hikyaku.Message) error {
	requests, err := hikyaku.ParseBody(m.Body)
	if err == nil && len(requests) > 0 {
		_, _, err = d.understand(m.Queue, requests[0])
	}
	return err
}

// Cancel records the wish and asks the running execution to stop. A waiting
// transfer is CANCELLED at once; a running one when its execution has ended,
// unless it ends in SUCCESS after all. Asking twice is no error; an ended
// transfer is one of KindConflict.
func (d *Dispatcher) Cancel(ctx context.Context, transferID string, act hikyaku.Act) (hikyaku.Transfer, error) {
	waited := false
	t, err := d.update(ctx, transferID, func(e *edit) error {
		waited = false
		if e.t.CancelRequested && !e.t.State.Ended() {
			return errSkip
		}
		if err := e.record(ctx, act.By, &hikyaku.CancelRequestedDetail{Reason: act.Reason}); err != nil {
			return err
		}
		e.audit(hikyaku.AuditCancel, act)
		if e.t.State != hikyaku.Queued {
			return nil
		}
		waited = e.t.WaitingReason != hikyaku.SameIDRunning
		return e.record(ctx, act.By, &hikyaku.CancelledDetail{Reason: act.Reason})
	})
	if err != nil {
		return t, notFound(transferID, err)
	}
	if waited { // perhaps woken just now, and others wait for it to end
		if err := d.wake(ctx, t.Route, t.ID); err != nil {
			d.Logger.WarnContext(ctx, "transfers parked behind a cancelled one look again later", attrs(t), slog.Any("error", err))
		}
	}
	if t.State == hikyaku.Running {
		if err := d.Executor.Cancel(ctx, t.ExecutionARN); err != nil && hikyaku.KindOf(err) != hikyaku.KindNotFound {
			return t, fmt.Errorf("cancel execution %s: %w", t.ExecutionARN, err)
		}
	}
	return t, nil
}

// notFound gives an unknown transfer its catalogue entry.
func notFound(transferID string, err error) error {
	if errors.Is(err, hikyaku.ErrNotFound) {
		e := hikyaku.NewError(hikyaku.CodeNoTransfer, "find transfer", transferID, "no such transfer")
		e.Err = hikyaku.ErrNotFound
		return e
	}
	return err
}

// PauseRoute lets running transfers of a route finish and starts no other.
func (d *Dispatcher) PauseRoute(ctx context.Context, name string, act hikyaku.Act) (hikyaku.RouteSettings, error) {
	s, err := d.changeSettings(ctx, name, act.By, d.auditRoute(hikyaku.AuditPause, act, name, ""), func(s *hikyaku.RouteSettings) {
		s.Paused, s.PausedReason = true, act.Reason
	})
	if err != nil {
		return s, err
	}
	return s, d.explainRoute(ctx, name, true)
}

// ResumeRoute ends a pause. Call Assign to start what waited.
func (d *Dispatcher) ResumeRoute(ctx context.Context, name string, act hikyaku.Act) (hikyaku.RouteSettings, error) {
	s, err := d.changeSettings(ctx, name, act.By, d.auditRoute(hikyaku.AuditResume, act, name, ""), func(s *hikyaku.RouteSettings) {
		s.Paused, s.PausedReason = false, ""
	})
	if err != nil {
		return s, err
	}
	d.view.announce(name)
	return s, nil
}

// LimitRoute sets a route's bandwidth, in bytes per second for each execution
// (-1: unlimited), for what runs and what follows.
func (d *Dispatcher) LimitRoute(ctx context.Context, name string, bytesPerSecond int64, act hikyaku.Act) (hikyaku.RouteSettings, error) {
	if bytesPerSecond < -1 || bytesPerSecond == 0 {
		return hikyaku.RouteSettings{}, hikyaku.NewError(hikyaku.CodeBandwidthRefused, "limit route", name, fmt.Sprintf("%d bytes per second", bytesPerSecond))
	}
	record := d.auditRoute(hikyaku.AuditLimit, act, name, "bytes_per_second="+strconv.FormatInt(bytesPerSecond, 10))
	s, err := d.changeSettings(ctx, name, act.By, record, func(s *hikyaku.RouteSettings) { s.BytesPerSecond = &bytesPerSecond })
	if err != nil {
		return s, err
	}
	leases, err := d.leases(ctx)
	if err != nil {
		return s, err
	}
	return s, each(d, leases, func(task hikyaku.Task) error {
		if task.Route != name {
			return nil
		}
		return d.limitRunning(ctx, task, bytesPerSecond)
	})
}

// ReloadRoutes replaces the routes as SetRoutes does, and gives what runs on
// a route the bandwidth its configuration now has, unless LimitRoute set
// another.
func (d *Dispatcher) ReloadRoutes(ctx context.Context, routes []hikyaku.Route, defaultRoute string) error {
	before := d.currentRoutes()
	d.SetRoutes(routes, defaultRoute)
	changed := map[string]int64{}
	for _, r := range d.currentRoutes().List {
		old, ok := before.Find(r.Name)
		if !ok || old.BytesPerSecond == r.BytesPerSecond {
			continue
		}
		s, err := d.view.route(ctx, r.Name)
		if err != nil {
			return fmt.Errorf("read settings of route %s: %w", r.Name, err)
		}
		if s.BytesPerSecond == nil {
			changed[r.Name] = r.BytesPerSecond
		}
	}
	if len(changed) == 0 {
		return nil
	}
	leases, err := d.leases(ctx)
	if err != nil {
		return err
	}
	return each(d, leases, func(task hikyaku.Task) error {
		limit, ok := changed[task.Route]
		if !ok {
			return nil
		}
		return d.limitRunning(ctx, task, limit)
	})
}

func (d *Dispatcher) limitRunning(ctx context.Context, task hikyaku.Task, bytesPerSecond int64) error {
	t, err := d.Ledger.Transfer(ctx, task.TransferID)
	if err != nil || t.State != hikyaku.Running {
		return err
	}
	return d.limit(ctx, t.ExecutionARN, bytesPerSecond)
}

// limitStarted gives an execution the bandwidth that was set while it was
// being started with another.
func (d *Dispatcher) limitStarted(ctx context.Context, t hikyaku.Transfer, executionARN string, given int64) error {
	r, ok := d.currentRoutes().Find(t.Route)
	if !ok { // removed meanwhile: it finishes as it began
		return nil
	}
	s, err := d.view.route(ctx, t.Route)
	if err != nil {
		return fmt.Errorf("read settings of route %s: %w", t.Route, err)
	}
	if wanted := bandwidth(r, s); wanted != given {
		return d.limit(ctx, executionARN, wanted)
	}
	return nil
}

func (d *Dispatcher) limit(ctx context.Context, executionARN string, bytesPerSecond int64) error {
	err := d.Executor.Limit(ctx, executionARN, bytesPerSecond)
	if kind := hikyaku.KindOf(err); kind == hikyaku.KindNotFound || kind == hikyaku.KindInvalid || kind == hikyaku.KindConflict {
		return nil // it ended meanwhile
	}
	if err != nil {
		return fmt.Errorf("limit execution %s: %w", executionARN, err)
	}
	return nil
}

func (d *Dispatcher) changeSettings(
	ctx context.Context, name, by string, record *hikyaku.AuditRecord, fn func(*hikyaku.RouteSettings),
) (hikyaku.RouteSettings, error) {
	if _, err := d.route(name); err != nil {
		return hikyaku.RouteSettings{}, err
	}
	var err error
	for range maxTries {
		d.view.stale()
		s, readErr := d.view.route(ctx, name)
		if readErr != nil {
			return s, fmt.Errorf("read settings of route %s: %w", name, readErr)
		}
		fn(&s)
		s.UpdatedAt, s.By = d.Now().UTC(), by
		if err = d.commit(ctx, hikyaku.Change{Settings: []hikyaku.RouteSettings{s}, Audit: record}); err == nil {
			s.Version++
			return s, nil
		}
		if conflict(err) != "settings" {
			break
		}
	}
	return hikyaku.RouteSettings{}, fmt.Errorf("change settings of route %s: %w", name, err)
}
