package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// maxKnown bounds what a run remembers of its own deliveries; what is beyond
// is read again on both sides.
const maxKnown = 1 << 17

// knownItems remembers which versions of which items were verified when they
// were delivered, so that comparing everything need not read them again.
type knownItems struct {
	seed maphash.Seed
	mu   sync.Mutex
	m    map[uint64]uint64
}

func newKnownItems() *knownItems {
	return &knownItems{seed: maphash.MakeSeed(), m: map[uint64]uint64{}}
}

func (k *knownItems) version(e storage.Entry) uint64 {
	return maphash.Comparable(k.seed, storage.Origin{Size: e.Size, ETag: e.ETag, ModTime: e.ModTime.UTC().Round(0)})
}

// put returns false if e is beyond what is remembered.
func (k *knownItems) put(e storage.Entry) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.m) >= maxKnown {
		return false
	}
	k.m[maphash.String(k.seed, e.Path)] = k.version(e)
	return true
}

func (k *knownItems) has(e storage.Entry) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.m[maphash.String(k.seed, e.Path)]
	return ok && v == k.version(e)
}

// pair is an item present on both sides.
type pair struct{ src, dst storage.Entry }

// verifyEverything lists both sides again and compares all there is.
func (r *run) verifyEverything() error {
	ranges := r.sel.includes.ranges()
	src := scan(r.ctx, r.src, ranges, r.sel, false, nil)
	defer src.close()
	dst := scan(r.ctx, r.dst, ranges, r.sel, false, nil)
	defer dst.close()
	pairs := make(chan pair, fullBatch)
	var wg sync.WaitGroup
	for range r.opt.concurrency {
		wg.Go(func() {
			for p := range pairs {
				if r.ctx.Err() == nil {
					r.verifyPair(r.ctx, p)
				}
			}
		})
	}
	err := r.pairUp(src, dst, pairs)
	close(pairs)
	wg.Wait()
	if err == nil {
		err = context.Cause(r.ctx)
	}
	return err
}

func (r *run) pairUp(src, dst *stream, pairs chan<- pair) error {
	for {
		s, err := src.peek()
		if err != nil {
			return &RunError{Code: SourceUnavailable, Err: err}
		}
		d, err := dst.peek()
		if err != nil {
			return atDestination(err)
		}
		switch {
		case s == nil && d == nil:
			return nil
		case s != nil && s.err != nil:
			src.advance() // was reported when the run listed it
		case d != nil && d.err != nil:
			dst.advance()
		case d == nil || s != nil && s.entry.Path < d.entry.Path:
			r.onlyAtSource(s.entry)
			src.advance()
		case s == nil || d.entry.Path < s.entry.Path:
			if r.opt.remove {
				r.fail(r.ctx, FileResult{
					Path: d.entry.Path, Kind: d.entry.Kind, Size: d.entry.Size, Destination: r.detailed(d.entry),
					Err: coded(FileNotAtSource, errors.New("is at the destination only")),
				}, phaseVerifying)
			}
			dst.advance()
		default:
			select {
			case pairs <- pair{src: s.entry, dst: d.entry}:
			case <-r.ctx.Done():
				return context.Cause(r.ctx)
			}
			src.advance()
			dst.advance()
		}
	}
}

func (r *run) onlyAtSource(e storage.Entry) {
	if r.refused(&e) != nil || e.Implicit && r.dstP.UserMetadata {
		return // reported already, or nothing to be expected
	}
	r.failed(r.ctx, e, phaseVerifying, coded(FileNotAtDestination, errors.New("is at the source only")))
}

func (r *run) verifyPair(ctx context.Context, p pair) {
	if p.src.Kind == storage.Other {
		return
	}
	sum, err := r.compare(ctx, p)
	if err != nil {
		r.fail(ctx, FileResult{
			Path: p.src.Path, Kind: p.src.Kind, Size: p.src.Size, Err: err, Source: r.detailed(p.src), Destination: r.detailed(p.dst),
		}, phaseVerifying)
		return
	}
	if p.src.Kind == storage.Dir && p.src.Implicit && r.dstP.UserMetadata {
		return // not an item there
	}
	r.prog.c.verified.Add(1)
	if r.job.Details && !r.known.has(p.src) {
		r.report(FileResult{
			Path: p.src.Path, Kind: p.src.Kind, Action: ActionVerified, Size: p.src.Size, Verified: true,
			SourceSum: sum, DestinationSum: sum, Source: r.detailed(p.src), Destination: r.detailed(p.dst),
		})
	}
}

// compare says how the two sides of an item differ, if they do, and what the
// content of both was summed to, if it was read.
func (r *run) compare(ctx context.Context, p pair) (sum storage.Sum, err error) {
	switch {
	case p.src.Kind != p.dst.Kind:
		return sum, coded(MetadataMismatch, errors.New("is of another kind at the destination"))
	case !r.opt.overwrite && !r.known.has(p.src):
		return sum, nil // may have been there before and is to stay as it was
	case p.src.Kind == storage.Dir:
		return sum, r.compareDirs(ctx, p)
	case p.src.Kind == storage.Symlink:
		return sum, r.compareLinks(ctx, p)
	case p.src.Size != p.dst.Size:
		return sum, coded(ChecksumMismatch, fmt.Errorf("%d bytes at the source, %d at the destination", p.src.Size, p.dst.Size))
	case r.known.has(p.src) && r.dstP.POSIXMetadata && !r.srcP.UserMetadata:
		return sum, r.compareMetadata(p)
	case r.known.has(p.src):
		return sum, nil
	}
	return r.compareFiles(ctx, p)
}

func (r *run) compareDirs(ctx context.Context, p pair) error {
	if p.src.Implicit || !r.dstP.POSIXMetadata || !r.opt.overwrite {
		return nil
	}
	if r.srcP.UserMetadata {
		full, err := r.src.Stat(ctx, p.src.Path)
		if err != nil {
			return &itemError{code: SourceReadFailed, step: Verifying, err: err}
		}
		p.src = full
		p.src.Kind = storage.Dir
	}
	return r.compareMetadata(p)
}

func (r *run) compareMetadata(p pair) error {
	differ := coded(MetadataMismatch, errors.New("metadata differs between source and destination"))
	want := delivered(p.src, r.opt.preserve, r.srcP, r.dstP)
	switch {
	case r.dstP.UserMetadata && r.srcP.UserMetadata:
		if !sameObjects(p.src.Object, p.dst.Object) {
			return differ
		}
	case r.dstP.UserMetadata:
		if p.dst.Object != nil && len(p.dst.Object.User) > 0 && !sameUser(want.Object.User, p.dst.Object.User) {
			return differ
		}
	case !samePOSIX(want, p.dst):
		return differ
	}
	return nil
}

func (r *run) compareLinks(ctx context.Context, p pair) error {
	a, err := readLink(ctx, r.src, p.src)
	if err != nil {
		return coded(SourceReadFailed, err)
	}
	b, err := readLink(ctx, r.dst, p.dst)
	if err != nil {
		return coded(DestinationReadFailed, err)
	}
	if a != b {
		return coded(ChecksumMismatch, errors.New("links lead to different targets"))
	}
	return nil
}

// compareFiles reads both sides and returns the sum of their content.
func (r *run) compareFiles(ctx context.Context, p pair) (a storage.Sum, err error) {
	var b storage.Sum
	err = r.retry(ctx, func() (err error) {
		a, p.src, err = r.sumEntry(ctx, r.src, p.src)
		return coded(SourceReadFailed, err)
	})
	if err != nil {
		return storage.Sum{}, err
	}
	err = r.retry(ctx, func() (err error) {
		b, p.dst, err = r.sumEntry(ctx, r.dst, p.dst)
		return coded(DestinationReadFailed, err)
	})
	switch {
	case err != nil:
		return storage.Sum{}, err
	case a != b:
		return storage.Sum{}, coded(ChecksumMismatch, errors.New("content differs between source and destination"))
	}
	return a, r.compareMetadata(p)
}

func (r *run) sumEntry(ctx context.Context, d storage.Driver, e storage.Entry) (storage.Sum, storage.Entry, error) {
	c, err := d.Open(ctx, e, 0, -1)
	if err != nil {
		return storage.Sum{}, e, err
	}
	sum, _, err := r.sumOf(c.Body)
	if closeErr := c.Body.Close(); err == nil {
		err = closeErr
	}
	return sum, complete(e, c.Entry), err
}
