package daemon

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Dispatcher is what the daemon drives; *dispatch.Dispatcher is one. Its
// methods are called concurrently.
type Dispatcher interface {
	// Accept records a message; nil means that it may be acknowledged.
	Accept(ctx context.Context, m hikyaku.Message) error
	// AssignAll starts what can be started now.
	AssignAll(ctx context.Context) (int, error)
	// Refresh brings one execution's transfer up to date.
	Refresh(ctx context.Context, executionARN string) error
	// RefreshAll does so for all running ones.
	RefreshAll(ctx context.Context) error
	// Reap looks after expired leases.
	Reap(ctx context.Context) error
	// Watch looks at the agents.
	Watch(ctx context.Context) error
	// DrainOutbox sends what is owed.
	DrainOutbox(ctx context.Context) (int, error)
	// Recover reconciles every lease after a restart.
	Recover(ctx context.Context) error
}

// scheduler is a Dispatcher that knows when a parked transfer comes due; the
// zero time is not before something else happens.
type scheduler interface {
	Next(ctx context.Context) time.Time
}

// collector is a Dispatcher that records what the queues dead-lettered by
// themselves.
type collector interface {
	CollectDeadLetters(ctx context.Context) (collected int, err error)
}

// lanes is a Dispatcher whose outbox has several ways out, so that a slow one
// does not hold up the others.
type lanes interface {
	OutboxLanes() []string
	DrainLane(ctx context.Context, name string) (sent int, err error)
}

// Daemon runs the loops. Start it once, stop it once or more often.
type Daemon struct {
	dispatcher Dispatcher
	queues     []hikyaku.Queue
	opts       Options
	log        *slog.Logger
	intake     *intake
	assign     signal
	drains     []drain

	mu       sync.Mutex // guards what follows
	started  bool
	stopping context.CancelFunc // ends receiving and new work
	abort    context.CancelFunc // ends work in progress
	running  sync.WaitGroup
	stopped  chan struct{} // closed when everything has ended
}

// New returns a daemon that has not been started. Several queues may share a
// name; each is received from on its own.
func New(d Dispatcher, queues []hikyaku.Queue, o Options) *Daemon {
	o.applyDefaults()
	return &Daemon{
		dispatcher: d, queues: queues, opts: o, log: o.Logger,
		intake: newIntake(o.EventDelay), assign: newSignal(), drains: drainsOf(d), stopped: make(chan struct{}),
	}
}

// ErrStarted is returned by a second Start; a daemon that was stopped does not
// start again.
var ErrStarted = errors.New("daemon was started before")

// Start recovers, looks at the agents, and then starts the loops; it returns once they run. ctx
// bounds recovering only and gives the loops its values.
func (d *Daemon) Start(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started {
		return ErrStarted
	}
	if err := d.guard(ctx, "recover", d.dispatcher.Recover); err != nil {
		return err
	}
	// Work goes where an agent can take it, and people look as soon as it is up.
	if err := d.guard(ctx, "watch", d.dispatcher.Watch); err != nil {
		d.failed(ctx, "watch", err)
	}
	d.started = true
	values := context.WithoutCancel(ctx)
	work, abort := context.WithCancel(values)
	until, stopping := context.WithCancel(work)
	d.abort, d.stopping = abort, stopping

	for _, q := range d.queues {
		for range d.opts.Receivers {
			d.running.Go(func() { d.receive(until, work, q) })
		}
	}
	d.running.Go(func() { d.assigning(until, work) })
	for range d.opts.Refreshers {
		d.running.Go(func() { d.refreshing(until, work) })
	}
	for _, drain := range d.drains {
		d.running.Go(func() { d.draining(until, work, drain) })
	}
	d.every(until, work, "refresh_all", d.opts.RefreshEvery, func(ctx context.Context) error {
		err := d.dispatcher.RefreshAll(ctx)
		d.Kick()
		return err
	})
	d.every(until, work, "reap", d.opts.ReapEvery, func(ctx context.Context) error {
		err := d.dispatcher.Reap(ctx)
		d.Kick()
		return err
	})
	d.every(until, work, "watch", d.opts.WatchEvery, func(ctx context.Context) error {
		err := d.dispatcher.Watch(ctx)
		d.Kick()
		return err
	})
	if c, ok := d.dispatcher.(collector); ok {
		d.running.Go(func() { d.collecting(until, work, c) })
	}
	if d.opts.Retain != nil {
		d.every(until, work, "retain", d.opts.RetainEvery, d.opts.Retain)
	}
	go func() { // ends with the loops
		d.running.Wait()
		close(d.stopped)
	}()
	d.Kick()
	return nil
}

// Stop stops receiving, lets what is in progress finish for Options.Drain at
// most, then aborts it, and returns when every loop has ended. It may be
// called by several at once and again; a daemon that never started has
// nothing to stop.
func (d *Daemon) Stop() {
	d.mu.Lock()
	started, stopping, abort := d.started, d.stopping, d.abort
	d.started = true // never again
	d.mu.Unlock()
	if !started || stopping == nil {
		return
	}
	stopping()
	d.intake.close()
	timer := time.NewTimer(d.opts.Drain)
	defer timer.Stop()
	select {
	case <-d.stopped:
	case <-timer.C:
		d.log.Warn("work in progress is aborted", slog.Duration("drain", d.opts.Drain))
	}
	abort()
	<-d.stopped
}

// Notify takes a state-change event of an execution. It never blocks and may
// be called at any time, also from the code that an event is about. Events of
// one execution are coalesced; the end of one is acted on at once.
func (d *Daemon) Notify(executionARN, status string) {
	d.intake.notify(executionARN, hikyaku.Execution{Status: status}.Ended())
}

// Kick signals that something may be ready to be started or sent: call it
// after a command of a person's. It never blocks.
func (d *Daemon) Kick() {
	d.assign.raise()
	d.owed()
}
