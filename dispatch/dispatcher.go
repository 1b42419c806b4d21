package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Options configure a Dispatcher. Ledger, Executor, Now and NewID are
// required; zero values of the rest have the meaning given.
type Options struct {
	Ledger   hikyaku.Ledger
	Executor hikyaku.Executor
	// Source lists IDs of all routes; nil: sources cannot be listed from here.
	Source hikyaku.Source
	// DeadLetters are the dead-letter queues by the name of the queue they
	// belong to; the entry "" takes what has none. Without one, a dead letter
	// is kept in the ledger only.
	DeadLetters map[string]hikyaku.Queue
	// Completions take a message for every ended transfer of their routes.
	Completions []Target
	// Routes, with DefaultRoute, as SetRoutes takes them.
	Routes       []hikyaku.Route
	DefaultRoute string

	Now func() time.Time
	// Random returns numbers in [0, 1) for jitter; nil: math/rand. It must be
	// safe for concurrent use.
	Random func() float64
	// NewID returns a new ULID; safe for concurrent use.
	NewID func() string
	// Logger; nil discards.
	Logger *slog.Logger
	// Owner names this dispatcher in logs.
	Owner string
	// LogURL returns where an execution's log is; nil: unknown.
	LogURL func(executionARN string) string
	// Exclusive promises that no other dispatcher uses the ledger (serve holds
	// a lock on its data folder): Recover then frees leases of starts that
	// cannot be in flight any more without waiting for their expiry, and its
	// own absence does not count as a standstill of what runs.
	Exclusive bool

	// LateStarts leaves it to the first Refresh, or RefreshAll, to write down
	// that an execution was started: a short one's start and end are then one
	// commit. It wants events, or RefreshAll every second or so; until then a
	// transfer shows STARTING.
	LateStarts bool

	// Workers bounds concurrent looks, starts and refreshes; 0: 16.
	Workers int
	// ReadAhead is how many ready transfers of a route are read at once; 0: 128.
	// Where reads are paid for, about as many as there are tasks is enough.
	ReadAhead int
	// StartTimeout bounds one StartTaskExecution, StartLease (longer) how long
	// a lease without an execution lasts; 0: 30 s and 2 min.
	StartTimeout, StartLease time.Duration
	// Lease is how long a lease with an execution lasts before reap looks; 0: 5 min.
	Lease time.Duration
	// BenchFor is how long a task is benched by itself; 0: 10 min.
	BenchFor time.Duration
	// PhaseEvery and ProgressEvery bound how often a running transfer's record
	// is written; 0: 250 ms and 1 s.
	PhaseEvery, ProgressEvery time.Duration
}

func (o *Options) applyDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.StartTimeout, 30*time.Second)
	set(&o.StartLease, 2*time.Minute)
	set(&o.Lease, 5*time.Minute)
	set(&o.BenchFor, 10*time.Minute)
	set(&o.PhaseEvery, 250*time.Millisecond)
	set(&o.ProgressEvery, time.Second)
	if o.Workers == 0 {
		o.Workers = 16
	}
	if o.ReadAhead == 0 {
		o.ReadAhead = 128
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Owner != "" {
		o.Logger = o.Logger.With(slog.String("owner", o.Owner))
	}
}

// Dispatcher carries out the use cases. Its methods may be called concurrently.
type Dispatcher struct {
	Options // read only after New

	routesMu sync.RWMutex
	routes   hikyaku.Routes

	view   view
	timers timers
	behind behind
	slots  chan struct{} // bounds concurrent jobs
	lanes  []*lane       // never changed

	refreshing refreshing
	late       lateStarts
	awake      awake
}

// New returns a Dispatcher. It panics when a required option is missing,
// because that is a mistake in the wiring.
func New(o Options) *Dispatcher {
	if o.Ledger == nil || o.Executor == nil || o.Now == nil || o.NewID == nil {
		panic("dispatch: Ledger, Executor, Now and NewID are required")
	}
	o.applyDefaults()
	d := &Dispatcher{Options: o, slots: make(chan struct{}, o.Workers), lanes: newLanes(o.Completions)}
	d.view.init(o.Ledger, o.Now, o.ReadAhead)
	d.SetRoutes(o.Routes, o.DefaultRoute)
	return d
}

// SetRoutes replaces the routes for what follows; see ReloadRoutes for what
// runs. Transfers of a removed route finish if they run and stay visible if
// they are queued.
func (d *Dispatcher) SetRoutes(routes []hikyaku.Route, defaultRoute string) {
	list := make([]hikyaku.Route, len(routes))
	for i, r := range routes {
		list[i] = r.WithDefaults()
	}
	d.routesMu.Lock()
	defer d.routesMu.Unlock()
	d.routes = hikyaku.Routes{List: list, Default: defaultRoute}
}

// Routes returns the routes in use.
func (d *Dispatcher) Routes() []hikyaku.Route {
	return slices.Clone(d.currentRoutes().List)
}

func (d *Dispatcher) currentRoutes() hikyaku.Routes {
	d.routesMu.RLock()
	defer d.routesMu.RUnlock()
	return d.routes
}

func (d *Dispatcher) route(name string) (hikyaku.Route, error) {
	r, ok := d.currentRoutes().Find(name)
	if !ok {
		return hikyaku.Route{}, hikyaku.NewError(hikyaku.CodeNoRoute, "find route", name, "no such route")
	}
	return r, nil
}

// each runs fn for every item, at most Workers at a time, and joins the errors.
func each[T any](d *Dispatcher, items []T, fn func(T) error) error {
	var wg sync.WaitGroup
	errs := make([]error, len(items))
	limit := make(chan struct{}, d.Workers)
	for i, item := range items {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			errs[i] = fn(item)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// settleTimeout bounds writes that must not be cut off by a cancelled caller,
// because the outside already acted.
const settleTimeout = 10 * time.Second

// unhurried returns a context that outlives the caller's cancellation.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}
