package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Follower is what Refresh drives; *dispatch.Dispatcher is one.
type Follower interface {
	// Refresh brings one execution's transfer up to date, RefreshAll all.
	Refresh(ctx context.Context, executionARN string) error
	RefreshAll(ctx context.Context) error
	// Reap looks after expired leases and orphans.
	Reap(ctx context.Context) error
	// AssignAll starts what can be started now.
	AssignAll(ctx context.Context) (started int, err error)
	// DrainOutbox sends what is owed.
	DrainOutbox(ctx context.Context) (sent int, err error)
	// CollectDeadLetters records what the queue dead-lettered by itself.
	CollectDeadLetters(ctx context.Context) (collected int, err error)
}

// The events of EventBridge that Refresh knows.
const (
	eventSource      = "aws.datasync"
	executionChanged = "DataSync Task Execution State Change"
)

// collectEvery is how often an environment looks into the dead-letter queue:
// each look costs every letter a receive.
const collectEvery = 5 * time.Minute

// Refresh follows executions: on DataSync's events, which may be late, lost,
// doubled and out of order, and by sweeping everything on a schedule.
type Refresh struct {
	Common
	Dispatcher Follower
	// Pool keeps the ledger's pool equal to the deployed tasks; nil does not.
	Pool *PoolKeeper
	// Parked lets executions of the state machine go that wait for nothing; nil
	// where there are none.
	Parked *ParkedKeeper
	// Levels reads what the sweep's metrics say of the ledger.
	Levels *Levels

	mu        sync.Mutex // guards collected
	collected time.Time
}

// Summary is what an invocation of Refresh or Agents did, for the person who
// invoked it by hand.
type Summary struct {
	Swept     bool `json:"swept,omitempty"`
	Refreshed int  `json:"refreshed,omitempty"`
	Started   int  `json:"started"`
	Sent      int  `json:"sent"`
}

// event is what is needed of an EventBridge event. A schedule's own input has
// none of it.
type event struct {
	Source     string   `json:"source"`
	DetailType string   `json:"detail-type"` //nolint:tagliatelle // EventBridge's name
	Resources  []string `json:"resources"`
	Detail     struct {
		State string `json:"State"` //nolint:tagliatelle // EventBridge's name
	} `json:"detail"`
}

// executions are those whose state changed; none for anything but such an event.
func (e event) executions() []string {
	if e.Source != eventSource || e.DetailType != executionChanged {
		return nil
	}
	return e.Resources
}

// Handle refreshes the executions that an event names; anything else is taken
// for the schedule and sweeps. The error tells of what could not be done and
// is found again by the next sweep.
func (h *Refresh) Handle(ctx context.Context, raw json.RawMessage) (Summary, error) {
	defer h.begin(ctx)()
	work, cancel := h.work(ctx)
	defer cancel()
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		e = event{} // a schedule may send any text
	}
	var s Summary
	arns := e.executions()
	err := h.within(ctx, "refresh", func(context.Context) (err error) {
		if len(arns) > 0 {
			s, err = h.changed(work, arns, e.Detail.State)
			return err
		}
		s, err = h.sweep(work)
		return err
	})
	if work.Err() == nil {
		return s, err
	}
	h.Logger.WarnContext(ctx, "out of time; the next invocation goes on", errorAttrs("refresh", err)...)
	if len(arns) > 0 { // nothing is lost: the sweep is the truth
		return Summary{}, nil
	}
	return Summary{}, err
}

// changed refreshes executions and, when one has ended, uses what it freed.
func (h *Refresh) changed(ctx context.Context, arns []string, state string) (Summary, error) {
	var s Summary
	var errs []error
	for _, arn := range arns {
		h.Logger.DebugContext(ctx, "execution state changed", slog.String("execution_arn", arn), slog.String("status", state))
		err := h.guard(ctx, "refresh", func(ctx context.Context) error { return h.Dispatcher.Refresh(ctx, arn) })
		switch hikyaku.KindOf(err) {
		case "":
			s.Refreshed++
		case hikyaku.KindConflict: // another invocation was at it
			h.Logger.InfoContext(ctx, "execution refreshed by another", slog.String("execution_arn", arn), slog.Any("error", err))
		default:
			errs = append(errs, fmt.Errorf("refresh execution %s: %w", arn, err))
		}
	}
	if (hikyaku.Execution{Status: state}).Ended() {
		errs = append(errs, h.use(ctx, &s))
	}
	return s, errors.Join(errs...)
}

// use gives free tasks work and sends what is owed.
func (h *Refresh) use(ctx context.Context, s *Summary) error {
	return errors.Join(
		h.guard(ctx, "assign", func(ctx context.Context) (err error) {
			s.Started, err = h.Dispatcher.AssignAll(ctx)
			return err
		}),
		h.guard(ctx, "outbox", func(ctx context.Context) (err error) {
			s.Sent, err = h.Dispatcher.DrainOutbox(ctx)
			return err
		}),
	)
}

// sweep looks at everything. One step that fails, or panics, does not keep the
// others from running.
func (h *Refresh) sweep(ctx context.Context) (Summary, error) {
	s := Summary{Swept: true}
	var errs []error
	step := func(name string, do func(context.Context) error) {
		if err := h.guard(ctx, name, do); err != nil {
			h.Logger.ErrorContext(ctx, "step of the sweep failed", errorAttrs(name, err)...)
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if h.Pool != nil {
		step("pool", h.Pool.Reconcile)
	}
	step("refresh_all", h.Dispatcher.RefreshAll)
	step("reap", h.Dispatcher.Reap)
	step("use", func(ctx context.Context) error { return h.use(ctx, &s) })
	if h.due() {
		step("collect", func(ctx context.Context) error {
			collected, err := h.Dispatcher.CollectDeadLetters(ctx)
			if collected == 0 || err != nil {
				return err
			}
			_, err = h.Dispatcher.DrainOutbox(ctx) // each owes a letter that says why
			return err
		})
		if h.Parked != nil {
			step("parked", h.Parked.Release)
		}
	}
	if h.Levels != nil {
		step("levels", h.Levels.Measure)
	}
	return s, errors.Join(errs...)
}

// due reports whether this environment is to look into the dead-letter queue.
func (h *Refresh) due() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	if !h.collected.IsZero() && now.Sub(h.collected) < collectEvery {
		return false
	}
	h.collected = now
	return true
}
