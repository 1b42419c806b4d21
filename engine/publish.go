package engine

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Batches: as many files as there are when the stage is free, and not before
// some have gathered if more are sure to come soon.
const (
	fullBatch   = 256
	largeBatch  = 64 << 20
	batchWait   = 20 * time.Millisecond
	hardBatch   = 4 * fullBatch
	cleanupTime = 30 * time.Second
	blockSize   = 256 << 10
)

// publisher gathers finished files into batches.
type publisher struct {
	r     *run
	slots chan struct{} // batches being synced, verified and published
	batch []*item
	bytes int64
	wg    sync.WaitGroup
}

// loop runs until r.finished is closed and all batches are done.
func (p *publisher) loop(ctx context.Context) {
	defer p.wg.Wait()
	var timer *time.Timer
	var expired <-chan time.Time
	in := p.r.finished
	late := false
	for in != nil || len(p.batch) > 0 {
		var slot chan struct{}
		coming := p.r.upcoming.Load() > 0 && in != nil
		if len(p.batch) > 0 && (!coming || late || len(p.batch) >= fullBatch || p.bytes >= largeBatch) {
			slot = p.slots
		}
		if slot == nil && len(p.batch) > 0 && timer == nil {
			timer = time.NewTimer(batchWait)
			expired = timer.C
		}
		input := in
		if len(p.batch) >= hardBatch {
			input = nil
		}
		select {
		case it, ok := <-input:
			if !ok {
				in = nil
				continue
			}
			p.batch = append(p.batch, it)
			p.bytes += it.src.Size
		case slot <- struct{}{}:
			p.start(ctx)
			if timer != nil {
				timer.Stop()
			}
			timer, expired, late = nil, nil, false
		case <-expired:
			late, expired = true, nil
		case <-p.r.idle:
		}
	}
	if timer != nil {
		timer.Stop()
	}
}

func (p *publisher) start(ctx context.Context) {
	batch := p.batch
	p.batch, p.bytes = nil, 0
	p.wg.Go(func() {
		defer func() { <-p.slots }()
		p.r.flush(ctx, batch)
	})
}

// flush takes finished files to their end: durable, verified, published. A
// file that deserves another try gets it here, alone.
func (r *run) flush(ctx context.Context, batch []*item) {
	st, err := r.stage(ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		files := make([]storage.StagedFile, len(batch))
		for i, it := range batch {
			files[i] = it.file
		}
		err = st.Sync(ctx, files)
	}
	if err != nil {
		for _, it := range batch {
			r.redo(ctx, it, err)
		}
		return
	}
	errs := r.verifyBatch(ctx, batch)
	var good []*item
	var files []storage.StagedFile
	for i, it := range batch {
		if errs[i] == nil && ctx.Err() == nil {
			good = append(good, it)
			files = append(files, it.file)
		}
	}
	if len(good) > 0 {
		for i, err := range st.Publish(ctx, files) {
			good[i].file = nil // consumed
			if err != nil {
				r.redo(ctx, good[i], err)
				continue
			}
			r.published(ctx, good[i])
		}
	}
	for i, it := range batch {
		switch {
		case errs[i] != nil:
			r.redo(ctx, it, errs[i])
		case it.file != nil:
			r.redo(ctx, it, context.Cause(ctx))
		}
	}
}

// redo gives a file that failed after copying another try, or ends it. Where
// a finished file has its final name already it has replaced what was there:
// it is removed only if its content is proven bad, and else stays, whole as
// the store took it.
func (r *run) redo(ctx context.Context, it *item, err error) {
	if r.dstP.VisibleAtFinish && !errors.Is(err, storage.ErrCorrupt) {
		it.file = nil
	}
	r.discard(ctx, it)
	if err = r.again(ctx, it, err); err == nil {
		if err = r.transfer(ctx, it); err == nil {
			r.flush(ctx, []*item{it})
			return
		}
	}
	r.ended(ctx, it, err)
}

// ended reports a file that will not be published.
func (r *run) ended(ctx context.Context, it *item, err error) {
	if errors.Is(err, storage.ErrConflict) && r.putOff(task{op: opCopy, src: it.src, node: it.node}) {
		return
	}
	r.failedItem(ctx, it, phaseTransferring, err)
	r.release(ctx, it.node)
}

// published reports a file that is at its place.
func (r *run) published(ctx context.Context, it *item) {
	it.node.touched.Store(true)
	r.prog.c.bytesWritten.Add(it.src.Size)
	var err error
	if r.opt.verify && r.dstP.POSIXMetadata {
		err = r.checkFile(ctx, it.want)
	}
	if err != nil {
		r.failedItem(ctx, it, phaseVerifying, err)
		r.release(ctx, it.node)
		return
	}
	r.prog.c.transferred.Add(1)
	if r.opt.verify && !r.opt.verifyAll {
		r.prog.c.verified.Add(1)
	}
	version := ""
	if r.versions != nil {
		version, _ = r.versions.Version(ctx, it.src.Path) // the file is there all the same
	}
	recheck := r.known != nil && !r.known.put(it.src)
	r.report(r.details(FileResult{
		Path: it.src.Path, Kind: it.src.Kind, Action: ActionTransferred, Size: it.src.Size, Overwrote: it.overwrites,
		SourceSum: it.sum, DestinationSum: it.dstSum, Verified: r.opt.verify, Recheck: recheck, Version: version,
		Duration: r.job.Now().Sub(it.started),
	}, &it.src, &it.want))
	r.release(ctx, it.node)
}

// checkFile compares a published file's size and metadata with what was asked for.
func (r *run) checkFile(ctx context.Context, want storage.Entry) error {
	have, err := r.dst.Stat(ctx, want.Path)
	switch {
	case err != nil:
		return coded(DestinationReadFailed, err)
	case have.Size != want.Size || !samePOSIX(want, have):
		return coded(MetadataMismatch, errors.New("metadata at the destination differs from what was set"))
	}
	return nil
}

// verifyBatch reads the batch back, several files and ranges at a time.
func (r *run) verifyBatch(ctx context.Context, batch []*item) []error {
	errs := make([]error, len(batch))
	if !r.opt.verify {
		return errs
	}
	if len(batch) == 1 {
		errs[0] = r.readBack(ctx, batch[0])
		return errs
	}
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(len(batch), r.opt.concurrency) {
		wg.Go(func() {
			for i := range next {
				errs[i] = r.readBack(ctx, batch[i])
			}
		})
	}
	for i := range batch {
		next <- i
	}
	close(next)
	wg.Wait()
	return errs
}

// readBack sums what the destination stored and compares.
func (r *run) readBack(ctx context.Context, it *item) error {
	if it.wasReadBack {
		return nil // and compared
	}
	part := r.partSize()
	parts := int(max(1, (it.src.Size+part-1)/part))
	sums := newPartSums(parts)
	one := func(n int) error {
		offset := int64(n) * part
		size := min(part, it.src.Size-offset)
		return r.retry(ctx, func() error {
			sum, err := r.sumBack(ctx, it.file, offset, size)
			sums.set(n, sum, size)
			return err
		})
	}
	if err := inParallel(ctx, parts, r.backSlots, one); err != nil {
		return &itemError{code: DestinationReadFailed, step: Verifying, err: err}
	}
	if it.dstSum = sums.whole(); it.dstSum != it.sum {
		return mismatch("content read back differs from what was read at the source")
	}
	return nil
}

// inParallel calls f for 0 to n-1, each under a slot if there are several.
func inParallel(ctx context.Context, n int, slots chan struct{}, f func(int) error) error {
	if n == 1 {
		return f(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case <-ctx.Done():
		case slots <- struct{}{}:
			wg.Go(func() {
				defer func() { <-slots }()
				if err := f(i); err != nil {
					cancel(err)
				}
			})
		}
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (r *run) sumBack(ctx context.Context, f storage.StagedFile, offset, size int64) (storage.Sum, error) {
	body, err := f.ReadBack(ctx, offset, size)
	if err != nil {
		return storage.Sum{}, err
	}
	sum, n, err := r.sumOf(body)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && n != size {
		err = mismatch("destination stored another number of bytes")
	}
	return sum, err
}

// sumOf reads a body to its end.
func (r *run) sumOf(body io.Reader) (storage.Sum, int64, error) {
	buf, ok := r.blocks.Get().(*[blockSize]byte)
	if !ok {
		buf = new([blockSize]byte)
	}
	defer r.blocks.Put(buf)
	sum := r.sums.start(r.sums.primary)
	for {
		n, err := body.Read(buf[:])
		sum.add(buf[:n])
		if errors.Is(err, io.EOF) {
			return sum.sum(), sum.n, nil
		}
		if err != nil {
			return storage.Sum{}, sum.n, err
		}
	}
}
