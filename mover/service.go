package mover

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

// Limits of the service.
const (
	// MaxQueued is how many executions may wait behind one task's running one.
	MaxQueued = 50
	// MaxRestarts is how often an execution is begun again after the process
	// went away under it; the next time it ends with an error.
	MaxRestarts = 3
	// defaultRetention is how long ended executions stay listed.
	defaultRetention = 30 * 24 * time.Hour
	// housekeeping is the time between two rounds of pruning and sweeping.
	housekeeping = time.Hour
	// watchEvery is the time between two looks at running executions for
	// state-change events.
	watchEvery = 200 * time.Millisecond
)

// OpenFunc opens the driver of a location. It is called at most once at a
// time per location; drivers are kept and shared between executions. The
// context ends opening, not the driver. For OBJECT_STORAGE locations it must
// dial with [EndpointPolicy.Control].
type OpenFunc func(ctx context.Context, location Location) (storage.Driver, error)

// RunFunc carries out one job: [engine.Run] or something with its contract.
type RunFunc func(ctx context.Context, job engine.Job, progress *engine.Progress) (engine.Result, error)

// Config configures a service. Account, Region, Store, Open, Now and Rand are
// required.
type Config struct {
	// Account is 12 digits; Region a Region's name; Partition defaults to "aws".
	Account, Region, Partition string
	Store                      Store
	Open                       OpenFunc
	Now                        func() time.Time
	// Rand is the source of identifiers, safe for concurrent use:
	// crypto/rand.Reader outside tests.
	Rand io.Reader
	// Logger defaults to discarding.
	Logger *slog.Logger
	// Endpoints says which servers locations may name.
	Endpoints EndpointPolicy
	// Version is the embedded agent's platform version; default "dev".
	Version string
	// Retention is how long ended executions are kept; 0 is 30 days.
	Retention time.Duration
	// Concurrency is handed to each run's [engine.Job]; 0 lets the engine choose.
	Concurrency int
	// KeptFiles is how many of an execution's items that did not fail are kept,
	// the first ones, beside the failed; 0 or less keeps failed ones only.
	KeptFiles int
	// CRC64 is handed to each run's [engine.Job]; nil means CRC32C.
	CRC64 func() hash.Hash64
	// Spool is the folder in which task reports are gathered while their runs
	// go on; empty is the system's for temporary files.
	Spool string
	// Run carries out jobs; nil is [engine.Run].
	Run RunFunc
}

func (o *Config) applyDefaults() error {
	if o.Store == nil || o.Open == nil || o.Now == nil || o.Rand == nil {
		return errors.New("mover config: Store, Open, Now and Rand are required")
	}
	if o.Partition == "" {
		o.Partition = "aws"
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Retention <= 0 {
		o.Retention = defaultRetention
	}
	if o.Run == nil {
		o.Run = engine.Run
	}
	return nil
}

// Service is the mover. Its methods may be called concurrently, after Start
// returned and before Stop is called; outside that they refuse with an
// [Error] of kind Internal.
//
// Errors are [*Error]s.
type Service struct {
	opts    Config
	mint    minter
	log     *slog.Logger
	drivers *driverCache
	events  broker

	// admin serializes changes to agents, locations, tasks and tags.
	admin sync.Mutex

	// mu guards what follows. It is never held across a commit.
	mu        sync.Mutex
	started   bool
	stopping  bool
	agents    map[string]Agent
	locations map[string]Location
	tasks     map[string]*taskState
	live      map[string]*run
	recent    recent
	lastSeq   int64

	// Set by Start. launch sends off the run that is its task's active one
	// (mu must be held); record says that the launch itself has yet to be
	// committed. interrupt ends all runs and closes ending.
	launch    func(r *run, record bool)
	interrupt context.CancelCauseFunc
	ending    <-chan struct{}

	workers sync.WaitGroup
}

// taskState is a task and its unended executions; guarded by Service.mu.
type taskState struct {
	task   Task
	active *run
	queue  []*run // FIFO
	latest string
	// deleting refuses new executions while the deletion is being committed.
	deleting bool
}

// New returns a service that has not been started.
func New(opts Config) (*Service, error) {
	if err := opts.applyDefaults(); err != nil {
		return nil, err
	}
	m, err := newMinter(opts.Partition, opts.Region, opts.Account, opts.Rand)
	if err != nil {
		return nil, fmt.Errorf("mover config: %w", err)
	}
	return &Service{
		opts: opts, mint: m, log: opts.Logger, drivers: newDriverCache(opts.Open),
		agents: map[string]Agent{}, locations: map[string]Location{}, tasks: map[string]*taskState{}, live: map[string]*run{},
	}, nil
}

// Start loads the records and begins again what had not ended. ctx bounds
// starting only. A service is started once.
func (s *Service) Start(ctx context.Context) error {
	snap, err := s.opts.Store.Load(ctx)
	if err != nil {
		return fmt.Errorf("load mover records: %w", err)
	}
	agents := snap.Agents
	if len(agents) == 0 {
		arn, err := s.mint.agent()
		if err != nil {
			return fmt.Errorf("create embedded agent: %w", err)
		}
		agents = []Agent{{ARN: arn, Name: "embedded", CreatedAt: s.opts.Now()}}
		if err := s.opts.Store.Commit(ctx, Change{Agents: agents}); err != nil {
			return fmt.Errorf("create embedded agent: %w", err)
		}
	}
	resumed, err := s.revive(ctx, snap.Live)
	if err != nil {
		return err
	}
	base, interrupt := context.WithCancelCause(context.WithoutCancel(ctx))

	s.mu.Lock()
	defer s.mu.Unlock()
	s.launch, s.interrupt, s.ending = s.launcher(base), interrupt, base.Done()
	for _, a := range agents {
		s.agents[a.ARN] = a
	}
	for _, l := range snap.Locations {
		s.locations[l.ARN] = l
	}
	for _, t := range snap.Tasks {
		s.tasks[t.ARN] = &taskState{task: t, latest: snap.Latest[t.ARN]}
	}
	s.lastSeq = snap.LastSeq
	s.started = true
	s.workers.Go(func() { s.watch(base) })
	s.workers.Go(func() { s.keepHouse(base) })
	s.adopt(resumed)
	return nil
}

// Stop interrupts all runs and waits for them, until ctx ends. Runs that had
// not ended stay unended in the store and begin again at the next start.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	if !s.started || s.stopping {
		s.mu.Unlock()
		return nil
	}
	s.stopping = true
	s.mu.Unlock()
	s.interrupt(errStopping)
	done := make(chan struct{})
	go func() { // ends when the workers do; there is no other way to wait with a limit
		s.workers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("stop mover: %w", context.Cause(ctx))
	}
	s.events.close()
	if err := s.drivers.close(); err != nil {
		return fmt.Errorf("stop mover: %w", err)
	}
	return nil
}

// usable refuses calls outside the service's life. s.mu must be held.
func (s *Service) usable() error {
	if !s.started || s.stopping {
		return internal("accept the call", errStopping)
	}
	return nil
}

// commit writes a change, as an Error if it fails.
func (s *Service) commit(ctx context.Context, operation string, c Change) error {
	if err := s.opts.Store.Commit(ctx, c); err != nil {
		return internal(operation, err)
	}
	return nil
}

// keepHouse prunes and sweeps now and then until ctx ends.
func (s *Service) keepHouse(ctx context.Context) {
	tick := time.NewTicker(housekeeping)
	defer tick.Stop()
	for {
		n, err := s.opts.Store.Prune(ctx, s.opts.Now().Add(-s.opts.Retention))
		if ctx.Err() != nil {
			return // interrupted: what did not end is no failure
		}
		if err != nil {
			s.log.WarnContext(ctx, "prune executions failed", slog.Any("error", err))
		} else if n > 0 {
			s.mu.Lock()
			s.recent = recent{}
			s.mu.Unlock()
			s.log.InfoContext(ctx, "executions pruned", slog.Int("count", n))
		}
		s.sweep(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep removes the work folders of ended executions at all destinations.
// Folders of executions this server does not know are somebody else's and stay.
func (s *Service) sweep(ctx context.Context) {
	s.mu.Lock()
	destinations := map[string]string{} // location → some task that writes there
	for arn, ts := range s.tasks {
		destinations[ts.task.DestinationARN] = arn
	}
	locations := make([]Location, 0, len(destinations))
	for arn := range destinations {
		locations = append(locations, s.locations[arn].clone())
	}
	s.mu.Unlock()
	slices.SortFunc(locations, func(a, b Location) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, l := range locations {
		if ctx.Err() != nil {
			return
		}
		if err := s.sweepLocation(ctx, l); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sweep failed", slog.String("location_arn", l.ARN), slog.Any("error", err))
		}
	}
}

func (s *Service) sweepLocation(ctx context.Context, l Location) error {
	d, release, err := s.drivers.acquire(ctx, l)
	if err != nil {
		return err
	}
	defer release()
	sweeper, ok := d.(storage.Sweeper)
	if !ok {
		return nil
	}
	return sweeper.Sweep(ctx, func(id string) bool { return !s.dead(ctx, id) })
}

// dead says whether id is an execution of this server that has ended.
func (s *Service) dead(ctx context.Context, id string) bool {
	s.mu.Lock()
	for _, r := range s.live {
		if r.exec.ID() == id {
			s.mu.Unlock()
			return false
		}
	}
	s.mu.Unlock()
	ended, err := s.opts.Store.Ended(ctx, id)
	return err == nil && ended
}
