// Package consoletest provides a console over an in-memory ledger with sample
// transfers, and an Operator that records what it was asked. Imported by tests
// only.
package consoletest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Call is one action that the Operator was asked for.
type Call struct {
	Name    string
	Subject string
	Act     hikyaku.Act
}

// Operator changes the ledger as dispatch would, as far as tests need it.
type Operator struct {
	Ledger hikyaku.Ledger
	Now    func() time.Time
	// Err, when set, is what every action fails with.
	Err error

	mu    sync.Mutex
	calls []Call
	next  int
}

var _ console.Operator = (*Operator)(nil)

// Calls returns what was asked so far.
func (o *Operator) Calls() []Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Call(nil), o.calls...)
}

func (o *Operator) called(name, subject string, a hikyaku.Act) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, Call{name, subject, a})
	return o.Err
}

// Send accepts an ID; one that begins with a slash is refused.
func (o *Operator) Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	if err := o.called("send", s.ID, a); err != nil {
		return hikyaku.Transfer{}, err
	}
	if strings.HasPrefix(s.ID, "/") {
		return hikyaku.Transfer{}, &hikyaku.Error{Kind: hikyaku.KindInvalid, Code: hikyaku.CodeIDRefused, Message: "it begins with a slash"}
	}
	o.mu.Lock()
	o.next++
	id := fmt.Sprintf("01JSENT%019d", o.next)
	o.mu.Unlock()
	route := s.Route
	if route == "" {
		route = "orders"
	}
	now := o.Now()
	t := hikyaku.Transfer{
		SchemaVersion: 1, ID: s.ID, TransferID: id, Route: route, Key: s.Key, State: hikyaku.Queued,
		WaitingReason: hikyaku.NoFreeTask, MaxAttempts: 3, CreatedAt: now, QueuedAt: now, UpdatedAt: now,
	}
	if err := o.Ledger.Commit(ctx, hikyaku.Change{Transfer: &t}); err != nil {
		return t, fmt.Errorf("send %s: %w", s.ID, err)
	}
	return o.Ledger.Transfer(ctx, id)
}

func (o *Operator) set(ctx context.Context, id string, change func(*hikyaku.Transfer) error) (hikyaku.Transfer, error) {
	t, err := o.Ledger.Transfer(ctx, id)
	if err != nil {
		return t, fmt.Errorf("act on %s: %w", id, err)
	}
	if err := change(&t); err != nil {
		return t, err
	}
	t.UpdatedAt = o.Now()
	if err := o.Ledger.Commit(ctx, hikyaku.Change{Transfer: &t}); err != nil {
		return t, fmt.Errorf("act on %s: %w", id, err)
	}
	return o.Ledger.Transfer(ctx, id)
}

// Rerun queues a transfer again; a SUCCEEDED one needs Force.
func (o *Operator) Rerun(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	if err := o.called("rerun", id, a); err != nil {
		return hikyaku.Transfer{}, err
	}
	return o.set(ctx, id, func(t *hikyaku.Transfer) error {
		if t.State == hikyaku.Succeeded && !a.Force {
			return &hikyaku.Error{Kind: hikyaku.KindConflict, Message: "it SUCCEEDED; force is needed"}
		}
		t.State, t.Outcome, t.EndedAt, t.QueuedAt = hikyaku.Queued, "", time.Time{}, o.Now()
		return nil
	})
}

// Cancel ends a transfer.
func (o *Operator) Cancel(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	if err := o.called("cancel", id, a); err != nil {
		return hikyaku.Transfer{}, err
	}
	return o.set(ctx, id, func(t *hikyaku.Transfer) error {
		t.State, t.WaitingReason, t.EndedAt = hikyaku.Cancelled, "", o.Now()
		return nil
	})
}

// ResendCompletion notes which event is sent again, and to whom.
func (o *Operator) ResendCompletion(ctx context.Context, id string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error) {
	if err := o.called("resend", fmt.Sprintf("%s %d %s", id, r.Event, r.Target), a); err != nil {
		return hikyaku.Transfer{}, err
	}
	return o.Ledger.Transfer(ctx, id)
}

// Routes returns the two sample routes.
func (o *Operator) Routes() []hikyaku.Route {
	return []hikyaku.Route{
		{
			Name: "orders", Queue: "hikyaku", Source: "s3://outbox/orders/", Destination: "file:///srv/filer/orders",
			Include: "/{id}/*", Pool: 4, VerifyMode: "ONLY_FILES_TRANSFERRED", TransferMode: "ALL", BytesPerSecond: -1, MaxAttempts: 3,
			Ready: hikyaku.Ready{Quiet: 30 * time.Second},
		},
		{
			Name: "images", Queue: "images", Source: "s3://outbox/images/", Destination: "nfs://nas-2/images",
			Include: "/{id}/*", Pool: 2, VerifyMode: "POINT_IN_TIME_CONSISTENT", TransferMode: "CHANGED", BytesPerSecond: 50 << 20, MaxAttempts: 5,
		},
	}
}

func (o *Operator) settings(ctx context.Context, name string, change func(*hikyaku.RouteSettings)) (hikyaku.RouteSettings, error) {
	p, err := o.Ledger.Pool(ctx, name)
	if err != nil {
		return hikyaku.RouteSettings{}, fmt.Errorf("set route %s: %w", name, err)
	}
	s := hikyaku.RouteSettings{Route: name}
	if len(p.Settings) > 0 {
		s = p.Settings[0]
	}
	known := false
	for _, r := range o.Routes() {
		known = known || r.Name == name
	}
	if !known {
		return s, &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: "no route " + name}
	}
	change(&s)
	s.UpdatedAt = o.Now()
	if err := o.Ledger.Commit(ctx, hikyaku.Change{Settings: []hikyaku.RouteSettings{s}}); err != nil {
		return s, fmt.Errorf("set route %s: %w", name, err)
	}
	return s, nil
}

// PauseRoute pauses a route.
func (o *Operator) PauseRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	if err := o.called("pause", name, a); err != nil {
		return hikyaku.RouteSettings{}, err
	}
	return o.settings(ctx, name, func(s *hikyaku.RouteSettings) { s.Paused, s.PausedReason, s.By = true, a.Reason, a.By })
}

// ResumeRoute resumes a route.
func (o *Operator) ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	if err := o.called("resume", name, a); err != nil {
		return hikyaku.RouteSettings{}, err
	}
	return o.settings(ctx, name, func(s *hikyaku.RouteSettings) { s.Paused, s.PausedReason = false, "" })
}

// LimitRoute limits a route.
func (o *Operator) LimitRoute(ctx context.Context, name string, bps int64, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	if err := o.called("limit", name, a); err != nil {
		return hikyaku.RouteSettings{}, err
	}
	return o.settings(ctx, name, func(s *hikyaku.RouteSettings) { s.BytesPerSecond = &bps })
}

// Bench records the call.
func (o *Operator) Bench(_ context.Context, taskARN string, a hikyaku.Act) error {
	return o.called("bench", taskARN, a)
}

// Unbench records the call.
func (o *Operator) Unbench(_ context.Context, taskARN string, a hikyaku.Act) error {
	return o.called("unbench", taskARN, a)
}

// RedriveDeadLetters marks them as redriven.
func (o *Operator) RedriveDeadLetters(ctx context.Context, ids []string, a hikyaku.Act) (int, error) {
	for i, id := range ids {
		if err := o.called("redrive", id, a); err != nil {
			return i, err
		}
		if _, err := o.set(ctx, id, func(t *hikyaku.Transfer) error {
			t.DeadLetter, t.State, t.EndedAt, t.QueuedAt = hikyaku.DeadLetterRedriven, hikyaku.Queued, time.Time{}, o.Now()
			t.Reruns++
			return nil
		}); err != nil {
			return i, err
		}
	}
	return len(ids), nil
}

// DiscardDeadLetter marks it as discarded.
func (o *Operator) DiscardDeadLetter(ctx context.Context, id string, a hikyaku.Act) error {
	if err := o.called("discard", id, a); err != nil {
		return err
	}
	_, err := o.set(ctx, id, func(t *hikyaku.Transfer) error { t.DeadLetter = hikyaku.DeadLetterDiscarded; return nil })
	return err
}
