package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

const (
	// lookahead is how many tasks the plan may be ahead of the work.
	lookahead = 4096
	// maxLargeStreams bounds the parts of large files in flight.
	maxLargeStreams = 16
	// maxPutOff bounds the items that wait for deletions.
	maxPutOff = 10_000
	// maxFirstErrors is Result's promise.
	maxFirstErrors = 100
	// flushesToFolder and flushesToObjects are batches under way at once.
	flushesToFolder  = 2
	flushesToObjects = 8
)

// run is a Job under way.
type run struct {
	job        Job
	opt        options
	src, dst   storage.Driver
	srcP, dstP storage.Properties
	sel        selection
	cmp        comparer
	links      storage.SymlinkMaker // nil if the destination makes none
	tags       storage.TagReader    // nil if no tags are to be preserved
	versions   storage.Versioner    // nil if nobody asks for versions
	sums       sums
	random     func() float64
	prog       *Progress
	known      *knownItems // what was verified on delivery; nil unless all is compared afterwards
	blocks     sync.Pool

	ctx    context.Context //nolint:containedctx // the run itself; set once before anything starts
	cancel context.CancelCauseFunc

	staging  sync.Mutex
	staged   storage.Stage
	stageErr error

	finished  chan *item    // copied, to be published
	upcoming  atomic.Int64  // tasks that may still yield such files, and the planner
	idle      chan struct{} // told when upcoming falls to 0
	partSlots streams
	// backSlots bounds the parts of large files being read back.
	backSlots chan struct{}

	mu        sync.Mutex
	first     []FileResult
	cause     Code // of the last item that failed
	mixed     bool // items failed for different causes
	deferred  []task
	deferring bool
	marks     [3]time.Time // when each phase began
}

// Run carries out job and keeps progress (may be nil) up to date. The error
// is for runs that could not be carried through (source unreadable, ctx
// ended: context.Cause(ctx)); Result is filled as far as the run came. Errors
// other than ctx's are a [*RunError].
//
// When Run returns, nothing of it is running and its work folder is gone.
func Run(ctx context.Context, job Job, progress *Progress) (Result, error) {
	if progress == nil {
		progress = new(Progress)
	}
	start := job.Now()
	r, err := newRun(job, progress)
	if err != nil {
		return r.result(start, err)
	}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	defer r.cancel(nil)
	r.marks[0] = start
	if err = r.guardSource(); err == nil {
		err = r.carryOut()
	}
	if closeErr := r.closeStage(ctx); err == nil && closeErr != nil {
		err = atDestination(fmt.Errorf("close stage at %s: %w", r.dstP.Name, closeErr))
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r.result(start, err)
}

func newRun(job Job, progress *Progress) (*run, error) {
	r := &run{job: job, prog: progress, src: job.Source, dst: job.Destination}
	var err error
	if r.opt, err = job.Options.decide(); err != nil {
		return r, err
	}
	if r.sel.includes, err = ParseFilter(job.Includes, true); err != nil {
		return r, &RunError{Code: InvalidOptions, Err: fmt.Errorf("includes: %w", err)}
	}
	if r.sel.excludes, err = ParseFilter(job.Excludes, false); err != nil {
		return r, &RunError{Code: InvalidOptions, Err: fmt.Errorf("excludes: %w", err)}
	}
	r.srcP, r.dstP = r.src.Properties(), r.dst.Properties()
	if err := r.guardOverlap(); err != nil {
		return r, err
	}
	if r.opt.remove && folds(r.dstP) {
		return r, invalid("PreserveDeletedFiles=REMOVE is not possible at %s, which takes names for one that differ in case or Unicode form", r.dstP.Name)
	}
	r.opt.concurrency = chosen(job.Concurrency, r.srcP, r.dstP)
	if r.random = job.Random; r.random == nil {
		r.random = rand.Float64
	}
	r.sums = newSums(job.CRC64)
	r.cmp = comparer{src: r.src, dst: r.dst, srcP: r.srcP, dstP: r.dstP, preserve: r.opt.preserve}
	r.cmp.origins, _ = r.dst.(storage.OriginReader)
	if r.dstP.Symlinks {
		r.links, _ = r.dst.(storage.SymlinkMaker)
	}
	if r.opt.tags && r.dstP.UserMetadata {
		r.tags, _ = r.src.(storage.TagReader)
	}
	if job.Versions {
		r.versions, _ = r.dst.(storage.Versioner)
	}
	if r.opt.verifyAll && !job.DryRun {
		r.known = newKnownItems()
	}
	r.blocks.New = func() any { return new([blockSize]byte) }
	width := min(r.opt.concurrency, maxLargeStreams)
	r.partSlots = newStreams(width, width)
	r.backSlots = r.partSlots.slots
	if r.dstP.POSIXMetadata {
		// A folder is read back from memory: more readers than processors only
		// get into each other's way, and cost more than they read.
		r.backSlots = make(chan struct{}, min(width, runtime.GOMAXPROCS(0)))
		if job.Concurrency == 0 {
			r.partSlots = newStreams(min(width, firstStreams), width)
		}
	}
	r.idle = make(chan struct{}, 1)
	return r, nil
}

// carryOut plans and works, then works off what had to wait for deletions,
// then compares everything if that was asked for.
func (r *run) carryOut() error {
	r.deferring = r.opt.remove
	err := r.work(func(send func(task) bool) error { return r.plan(r.ctx, send) })
	if err == nil && r.ctx.Err() == nil {
		r.mu.Lock()
		waiting := r.deferred
		r.deferred, r.deferring = nil, false
		r.mu.Unlock()
		if len(waiting) > 0 {
			err = r.work(func(send func(task) bool) error {
				for _, t := range waiting {
					if !send(t) {
						break
					}
				}
				return nil
			})
		}
	}
	if err == nil {
		err = context.Cause(r.ctx)
	}
	if err != nil || r.job.DryRun {
		return err
	}
	if r.opt.verify {
		r.enter(phaseVerifying)
	}
	if r.opt.verifyAll {
		return r.verifyEverything()
	}
	return nil
}

// work runs feed and does the tasks it sends, until all are done.
func (r *run) work(feed func(send func(task) bool) error) error {
	tasks := make(chan *task, lookahead)
	r.finished = make(chan *item, fullBatch)
	r.upcoming.Store(1)
	var workers, publishing sync.WaitGroup
	for range r.opt.concurrency {
		workers.Go(func() {
			for t := range tasks {
				r.do(r.ctx, t)
				r.settled()
			}
		})
	}
	flushes := flushesToObjects
	if r.dstP.POSIXMetadata {
		flushes = flushesToFolder
	}
	p := publisher{r: r, slots: make(chan struct{}, flushes)}
	publishing.Go(func() { p.loop(r.ctx) })
	err := feed(func(t task) bool {
		r.upcoming.Add(1)
		select {
		case tasks <- &t:
			return true
		case <-r.ctx.Done():
			r.settled()
			return false
		}
	})
	if err != nil {
		r.cancel(err)
	}
	r.enter(phaseTransferring)
	r.settled()
	close(tasks)
	workers.Wait()
	if r.opt.verify && !r.job.DryRun && !r.deferring {
		r.enter(phaseVerifying)
	}
	close(r.finished)
	publishing.Wait()
	return err
}

// settled notes that one of the upcoming is no more.
func (r *run) settled() {
	if r.upcoming.Add(-1) == 0 {
		select {
		case r.idle <- struct{}{}:
		default:
		}
	}
}

// enter begins a phase, if it is not past.
func (r *run) enter(phase int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.prog.advance(phase) {
		r.marks[phase] = r.job.Now()
	}
}

// do works on one task.
func (r *run) do(ctx context.Context, t *task) {
	if ctx.Err() != nil {
		if t.op == opDir {
			r.release(ctx, t.node)
		}
		return
	}
	switch t.op {
	case opDir:
		r.release(ctx, t.node)
	case opDelete:
		if r.job.DryRun {
			r.report(FileResult{Path: t.dst.Path, Kind: t.dst.Kind, Action: ActionDeleted, Size: t.dst.Size})
		} else {
			r.enter(phaseTransferring)
			r.remove(ctx, t.dst, t.node)
		}
		r.release(ctx, t.node)
	case opCheck:
		r.check(ctx, t)
	case opCopy:
		r.copy(ctx, t)
	}
}

// check settles a doubtful item and copies it if need be.
func (r *run) check(ctx context.Context, t *task) {
	if t.src.Kind == storage.Symlink {
		r.copy(ctx, t)
		return
	}
	var v verdict
	err := r.retry(ctx, func() (err error) {
		v, err = r.cmp.slow(ctx, t.src, t.dst)
		return err
	})
	switch {
	case gone(err) && t.src.Kind == storage.Dir:
		r.skip(&t.src) // what is in it implies it
		r.release(ctx, t.node)
	case gone(err), err == nil && v == changed:
		r.expect(&t.src)
		if t.src.Kind == storage.Dir {
			t.node.changed.Store(true)
			r.release(ctx, t.node)
			return
		}
		r.copy(ctx, t) // reports a source that is gone
	case err != nil:
		r.failed(ctx, t.src, phasePreparing, err)
		r.release(ctx, t.node)
	default:
		r.skip(&t.src)
		r.release(ctx, t.node)
	}
}

// copy transfers a file or link.
func (r *run) copy(ctx context.Context, t *task) {
	started := r.job.Now()
	if err := r.sameButCase(ctx, t); err != nil {
		r.failed(ctx, t.src, phasePreparing, err)
		r.release(ctx, t.node)
		return
	}
	if t.src.Kind == storage.Symlink {
		r.link(ctx, t, started)
		return
	}
	if r.job.DryRun {
		r.report(FileResult{Path: t.src.Path, Kind: t.src.Kind, Action: ActionTransferred, Size: t.src.Size})
		r.release(ctx, t.node)
		return
	}
	r.enter(phaseTransferring)
	it := &item{src: t.src, node: t.node, started: started, overwrites: t.dst.Path != ""}
	it.meter.total = &r.prog.c
	if err := r.transfer(ctx, it); err != nil {
		r.ended(ctx, it, err)
		return
	}
	r.finished <- it
}

func (r *run) link(ctx context.Context, t *task, started time.Time) {
	skip, err := r.copyLink(ctx, t)
	if t.op == opCheck && !skip {
		r.expect(&t.src)
	}
	switch {
	case errors.Is(err, storage.ErrConflict) && r.putOff(*t):
		return
	case err != nil:
		r.failed(ctx, t.src, phaseTransferring, err)
	case skip:
		r.skip(&t.src)
	default:
		if !r.job.DryRun {
			t.node.touched.Store(true)
			r.prog.c.transferred.Add(1)
			if r.opt.verify && !r.opt.verifyAll {
				r.prog.c.verified.Add(1)
			}
		}
		r.report(r.details(FileResult{
			Path: t.src.Path, Kind: t.src.Kind, Action: ActionTransferred, Size: t.src.Size, Overwrote: t.dst.Path != "",
			Verified: r.opt.verify && !r.job.DryRun, Recheck: r.known != nil, Duration: r.job.Now().Sub(started),
		}, &t.src, &t.src))
	}
	r.release(ctx, t.node)
}

// putOff keeps a task that conflicts with an item still to be deleted until
// all deletions are done; false if it must fail now.
func (r *run) putOff(t task) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.deferring || len(r.deferred) >= maxPutOff || r.ctx.Err() != nil {
		return false
	}
	if t.op == opCheck {
		t.op = opCopy
	}
	r.deferred = append(r.deferred, t)
	return true
}
