package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// Listings travel in batches that grow, so that a short one is not held back
// and a long one costs little.
const (
	firstBatch = 16
	lastBatch  = 512
	batchAhead = 3
)

// scanned is one item of a listing.
type scanned struct {
	entry storage.Entry
	// err marks an item that cannot be read or represented.
	err error
	// excluded marks an item outside the selection.
	excluded bool
}

// stream is a listing under way, read by one goroutine.
type stream struct {
	batches chan []scanned
	free    chan []scanned
	batch   []scanned
	next    int
	err     error // why it ended; valid once batches is closed
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// scan lists the ranges of d in order. keep passes excluded items on, marked.
// seen, if set, is told how many items each batch holds. The caller closes it.
func scan(ctx context.Context, d storage.Driver, ranges []scanRange, sel selection, keep bool, seen func(n int)) *stream {
	ctx, stop := context.WithCancel(ctx)
	s := &stream{batches: make(chan []scanned, batchAhead), free: make(chan []scanned, batchAhead+2), stop: stop}
	s.ended.Go(func() {
		defer close(s.batches)
		p := producer{s: s, d: d, sel: sel, keep: keep, seen: seen, size: firstBatch}
		for _, r := range ranges {
			if s.err = p.list(ctx, r); s.err != nil {
				return
			}
		}
		s.err = p.flush(ctx)
	})
	return s
}

// close ends the listing and waits for it.
func (s *stream) close() {
	s.stop()
	s.ended.Wait()
}

// peek returns the next item without consuming it, or nil at the end. It is
// valid until advance is called.
func (s *stream) peek() (*scanned, error) {
	for s.next >= len(s.batch) {
		if s.batch != nil {
			select {
			case s.free <- s.batch[:0]:
			default:
			}
		}
		batch, ok := <-s.batches
		if !ok {
			s.batch, s.next = nil, 0
			return nil, s.err
		}
		s.batch, s.next = batch, 0
	}
	return &s.batch[s.next], nil
}

func (s *stream) advance() { s.next++ }

type producer struct {
	s    *stream
	d    storage.Driver
	sel  selection
	keep bool
	seen func(n int)
	buf  []scanned
	size int
	n    int
	last string
	any  bool
}

func (p *producer) list(ctx context.Context, r scanRange) error {
	for e, err := range p.d.List(ctx, storage.List{Prefix: r.prefix}) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.exact && e.Path != r.prefix {
			if err == nil && e.Path > r.prefix {
				return nil
			}
			if err == nil || e.Path != "" {
				continue
			}
		}
		switch {
		case err != nil && (e.Path == "" || !errors.Is(err, storage.ErrName) && !errors.Is(err, storage.ErrDenied)):
			return fmt.Errorf("list %s: %w", p.d.Properties().Name, err)
		case err == nil && e.Path == "":
			continue
		case err == nil && p.any && e.Path <= p.last:
			return fmt.Errorf("list %s: %q after %q: not in order", p.d.Properties().Name, e.Path, p.last)
		case err == nil:
			p.last, p.any = e.Path, true
		}
		if sendErr := p.add(ctx, e, err); sendErr != nil {
			return sendErr
		}
	}
	return nil
}

func (p *producer) add(ctx context.Context, e storage.Entry, err error) error {
	it := scanned{entry: e, err: err}
	dir := e.Kind == storage.Dir || strings.HasSuffix(e.Path, "/")
	switch {
	case alwaysExcluded(e.Path):
		it.excluded = true
	case !p.sel.includes.Empty() && !p.sel.includes.Match(e.Path, dir):
		it.excluded = true
	default:
		p.n++
		it.excluded = p.sel.excludes.Match(e.Path, dir)
	}
	if it.excluded && !p.keep {
		return nil
	}
	if p.buf == nil {
		select {
		case p.buf = <-p.s.free:
		default:
			p.buf = make([]scanned, 0, p.size)
		}
	}
	p.buf = append(p.buf, it)
	if len(p.buf) < p.size {
		return nil
	}
	p.size = min(2*p.size, lastBatch)
	return p.flush(ctx)
}

func (p *producer) flush(ctx context.Context) error {
	if p.seen != nil && p.n > 0 {
		p.seen(p.n)
		p.n = 0
	}
	if len(p.buf) == 0 {
		return nil
	}
	select {
	case p.s.batches <- p.buf:
		p.buf = nil
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unread are items that a listing could not give, in its order.
type unread []scanned

func (u *unread) add(it *scanned) { *u = append(*u, *it) }

// covers returns why path, or a directory it lies in, could not be listed; nil
// if it was. Paths must come in order: what lies behind is forgotten.
func (u *unread) covers(path string) (err error) {
	live := (*u)[:0]
	for _, bad := range *u {
		dir := strings.TrimSuffix(bad.entry.Path, "/") + "/"
		switch {
		case strings.HasPrefix(path, dir), path+"/" == dir:
			err = bad.err
		case path > dir: // nothing below it can follow
			continue
		}
		live = append(live, bad)
	}
	*u = live
	return err
}
