package movertest

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/storage"
)

// patience is how long tests wait for what should happen at once.
const patience = 20 * time.Second

// Run is one call of an [Engine].
type Run struct {
	Job engine.Job
	// Ended is closed when the run's context ends, before the engine returns.
	Ended  <-chan struct{}
	finish chan outcome
}

type outcome struct {
	result engine.Result
	err    error
}

// Finish lets the run return.
func (r *Run) Finish(result engine.Result, err error) { r.finish <- outcome{result, err} }

// Engine is a mover.RunFunc that does what a test says.
type Engine struct{ runs chan *Run }

// NewEngine returns an engine whose runs wait for Finish.
func NewEngine() *Engine { return &Engine{runs: make(chan *Run, 1000)} }

// Run implements mover.RunFunc.
func (e *Engine) Run(ctx context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
	r := &Run{Job: job, Ended: ctx.Done(), finish: make(chan outcome, 1)}
	e.runs <- r
	select {
	case o := <-r.finish:
		return o.result, o.err
	case <-ctx.Done():
		return engine.Result{}, context.Cause(ctx)
	}
}

// Next returns the next run that began.
func (e *Engine) Next(t *testing.T) *Run {
	t.Helper()
	select {
	case r := <-e.runs:
		return r
	case <-time.After(patience):
		t.Fatal("no run began")
		return nil
	}
}

// Idle fails the test if a run began that nobody asked for.
func (e *Engine) Idle(t *testing.T) {
	t.Helper()
	select {
	case r := <-e.runs:
		t.Errorf("run %s began unexpectedly", r.Job.Execution)
	default:
	}
}

// Instant is a mover.RunFunc that succeeds at once.
func Instant(context.Context, engine.Job, *engine.Progress) (engine.Result, error) {
	return engine.Result{
		Counters: engine.Counters{EstimatedFilesToTransfer: 1, FilesTransferred: 1, FilesVerified: 1, BytesWritten: 5, BytesTransferred: 5, BytesCompressed: 5},
		Prepare:  time.Millisecond, Transfer: 2 * time.Millisecond, Verify: 3 * time.Millisecond, Total: 6 * time.Millisecond,
	}, nil
}

// Opener opens drivers that can be probed and swept but hold nothing. Its
// methods may be called concurrently.
type Opener struct {
	mu     sync.Mutex
	opened []mover.Location
	closed int
	// Swept has what was asked and answered of the alive function, by execution.
	swept map[string]bool
	// Folders are the work folders that Sweep finds.
	Folders []string
}

// Open implements mover.OpenFunc: the bucket "missing" cannot be probed, the
// bucket "broken" cannot be opened.
func (o *Opener) Open(_ context.Context, l mover.Location) (storage.Driver, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if l.Bucket == "broken" {
		return nil, &storage.PathError{Op: "open", Path: l.Bucket, Kind: storage.ErrDenied}
	}
	o.opened = append(o.opened, l)
	return &driver{opener: o, location: l}, nil
}

// Opened returns what was opened so far.
func (o *Opener) Opened() []mover.Location {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.opened)
}

// Closed returns how many drivers were closed.
func (o *Opener) Closed() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closed
}

// Swept returns what sweeping removed (true) and left (false).
func (o *Opener) Swept() map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return maps.Clone(o.swept)
}

type driver struct {
	storage.Driver // what a test does not use

	opener   *Opener
	location mover.Location
}

// Probe implements storage.Prober.
func (d *driver) Probe(context.Context, bool) error {
	if d.location.Bucket == "missing" {
		return errors.New("NoSuchBucket")
	}
	return nil
}

// Sweep implements storage.Sweeper.
func (d *driver) Sweep(_ context.Context, alive func(string) bool) error {
	for _, f := range d.opener.Folders {
		dead := !alive(f)
		d.opener.mu.Lock()
		if d.opener.swept == nil {
			d.opener.swept = map[string]bool{}
		}
		d.opener.swept[f] = dead
		d.opener.mu.Unlock()
	}
	return nil
}

// Close implements storage.Driver.
func (d *driver) Close() error {
	d.opener.mu.Lock()
	defer d.opener.mu.Unlock()
	d.opener.closed++
	return nil
}

// Start returns a started service that is stopped with the test. What cfg
// leaves empty is filled with a store in memory, an [Opener] and [Instant].
func Start(tb testing.TB, cfg mover.Config) *mover.Service {
	tb.Helper()
	cfg.Account, cfg.Region, cfg.Rand = "123456789012", "us-east-1", rand.Reader
	if cfg.Now == nil {
		cfg.Now = time.Now //nolint:forbidigo // tests that care bring a clock
	}
	if cfg.Store == nil {
		cfg.Store = &Memory{}
	}
	if cfg.Open == nil {
		cfg.Open = (&Opener{}).Open
	}
	if cfg.Run == nil {
		cfg.Run = Instant
	}
	s, err := mover.New(cfg)
	if err == nil {
		err = s.Start(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Until calls look until it returns true, or fails the test.
func Until(t *testing.T, what string, look func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not: %s", what)
		}
	}
}
