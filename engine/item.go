package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Budgets of one file.
const (
	maxRestarts   = 3 // because the source changed
	maxRecopies   = 1 // because content did not match its checksum
	maxTransients = 5
)

// item is one file under way, from opening to publication.
type item struct {
	src     storage.Entry // the version being copied
	node    *dirNode
	started time.Time

	file   storage.StagedFile
	want   storage.Entry // what the destination is to hold
	sum    storage.Sum   // of what was read from the source
	dstSum storage.Sum   // of what was read back
	meter  meter
	// wasReadBack: dstSum was taken while the file was written.
	wasReadBack bool
	// overwrites: the destination's listing had it.
	overwrites bool

	mu                             sync.Mutex
	restarts, recopies, transients int
}

// meter counts a file's bytes for progress. Bytes sent again after a failure
// count once.
type meter struct {
	mu        sync.Mutex
	sent, max int64
	total     *atomicCounters
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent += n
	if m.sent > m.max {
		m.total.bytesTransferred.Add(m.sent - m.max)
		m.max = m.sent
	}
}

func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = 0
}

// mismatch says that content differs from its checksum.
func mismatch(text string) error {
	return &itemError{code: ChecksumMismatch, step: Verifying, err: fmt.Errorf("%s: %w", text, storage.ErrCorrupt)}
}

// again decides whether the file is worth another try after err, and gets it
// ready: the new version looked up, the pause kept. It returns the error to
// report if not.
func (r *run) again(ctx context.Context, it *item, err error) error {
	if ctx.Err() != nil || fatal(err) {
		return err
	}
	code := classify(err)
	switch {
	case code == SourceChanged && it.spend(&it.restarts, maxRestarts):
		return r.restat(ctx, it)
	case code == ChecksumMismatch && it.spend(&it.recopies, maxRecopies):
		return nil
	case code == Transient:
		if n, ok := it.transient(); ok {
			return r.pause(ctx, n)
		}
	}
	return err
}

func (it *item) spend(n *int, limit int) bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	*n++
	return *n <= limit
}

// transient takes one of the file's retries and returns which.
func (it *item) transient() (int, bool) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.transients++
	return it.transients, it.transients <= maxTransients
}

// restat looks up the version of a source file that changed.
func (r *run) restat(ctx context.Context, it *item) error {
	e, err := r.src.Stat(ctx, it.src.Path)
	switch {
	case err != nil:
		return coded(SourceReadFailed, err)
	case e.Kind != it.src.Kind:
		return coded(SourceChanged, errors.New("is no longer of the kind that was listed"))
	}
	e.Path = it.src.Path
	it.src = e
	return r.refused(&e)
}

// retry calls f until it succeeds, fails for good or has used its tries.
func (r *run) retry(ctx context.Context, f func() error) error {
	for n := 1; ; n++ {
		err := f()
		if err == nil || n > maxTransients || !errors.Is(err, storage.ErrTransient) {
			return err
		}
		if pauseErr := r.pause(ctx, n); pauseErr != nil {
			return errors.Join(pauseErr, err)
		}
	}
}

// Back-off with full jitter.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

func (r *run) pause(ctx context.Context, n int) error {
	limit := min(firstPause<<min(n-1, 10), lastPause)
	t := time.NewTimer(time.Duration(r.random() * float64(limit)))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
