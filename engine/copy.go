package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hikyaku/hikyaku/storage"
)

// enginePart is the unit of parallel copying where the destination leaves the choice.
const enginePart = 32 << 20

// partSize returns the destination's unit of writing for a file.
func (r *run) partSize() int64 {
	if r.dstP.PartSize > 0 {
		return r.dstP.PartSize
	}
	return enginePart
}

// transfer copies a file into the stage and finishes it, trying again as the
// kind of failure allows. On error nothing of it is left staged.
func (r *run) transfer(ctx context.Context, it *item) error {
	for {
		err := r.transferOnce(ctx, it)
		if err == nil {
			return nil
		}
		r.discard(ctx, it)
		if err := r.again(ctx, it, err); err != nil {
			return err
		}
	}
}

// discard drops what is staged of a file, also when ctx has ended. A failure
// needs no report: closing the stage removes the file with its folder.
func (r *run) discard(ctx context.Context, it *item) {
	if it.file == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = it.file.Discard(ctx)
	it.file = nil
}

// fileCopy is one try to copy a file.
type fileCopy struct {
	r     *run
	it    *item
	part  int64
	parts int
	sums  partSums // of the run's algorithm
	// other holds part checksums of the algorithm the source's own checksum
	// has, if that differs from the run's.
	other    partSums
	hasOther bool
	// stated is the source's own checksum of the whole.
	stated storage.Sum
	// backs holds part checksums of what was read back while it was written,
	// if readsBack.
	backs     partSums
	readsBack bool
}

func (r *run) transferOnce(ctx context.Context, it *item) error {
	it.meter.reset()
	it.wasReadBack = false
	st, err := r.stage(ctx)
	if err != nil {
		return err
	}
	c := fileCopy{r: r, it: it}
	first, err := c.open(ctx, r.partSize())
	if err != nil {
		return err
	}
	it.want = delivered(complete(it.src, first.Entry), r.opt.preserve, r.srcP, r.dstP)
	it.want.Kind = storage.File
	if err := r.addTags(ctx, it.want, first.Entry.Object); err != nil {
		_ = first.Body.Close() // nothing was read
		return err
	}
	if it.file, err = st.Create(ctx, it.want); err != nil {
		_ = first.Body.Close() // nothing was read
		return err
	}
	if p, ok := it.file.(storage.PartSizer); ok && p.PartSize() > 0 && p.PartSize() != c.part {
		_ = first.Body.Close() // nothing was read
		if first, err = c.open(ctx, p.PartSize()); err != nil {
			return err
		}
	}
	if c.stated, err = c.wholeSum(ctx, first); err != nil {
		_ = first.Body.Close() // nothing was read
		return err
	}
	c.sums = newPartSums(c.parts)
	if a := c.stated.Algorithm; a != storage.NoSum && a != r.sums.primary {
		c.other, c.hasOther = newPartSums(c.parts), true
	}
	if _, ok := it.file.(storage.BackReader); ok && c.parts > 1 && r.opt.verify {
		c.backs, c.readsBack = newPartSums(c.parts), true
	}
	if err := c.copyParts(ctx, first); err != nil {
		return err
	}
	return c.finish(ctx)
}

// addTags gives want the tags of the source's object, if it has any that are
// to be preserved.
func (r *run) addTags(ctx context.Context, want storage.Entry, opened *storage.Object) error {
	if r.tags == nil || opened == nil || opened.TagCount == 0 || want.Object == nil {
		return nil
	}
	return r.retry(ctx, func() (err error) {
		want.Object.Tags, err = r.tags.Tags(ctx, want.Path)
		return coded(SourceReadFailed, err)
	})
}

// wholeSum returns the source's own checksum. A store that sends it with whole
// contents only is asked once for a file in parts.
func (c *fileCopy) wholeSum(ctx context.Context, first *storage.Content) (sum storage.Sum, err error) {
	s, ok := c.r.src.(storage.Summer)
	if c.parts == 1 || first.Sum.Algorithm != storage.NoSum || !ok {
		return first.Sum, nil
	}
	err = c.r.retry(ctx, func() error {
		sum, err = s.Sum(ctx, c.it.src)
		return coded(SourceReadFailed, err)
	})
	return sum, err
}

// open decides on parts and opens the first.
func (c *fileCopy) open(ctx context.Context, part int64) (*storage.Content, error) {
	c.part, c.parts = part, 1
	length := int64(-1)
	if size := c.it.src.Size; size > part {
		c.parts = int((size + part - 1) / part)
		length = part
	}
	first, err := c.r.src.Open(ctx, c.it.src, 0, length)
	return first, coded(SourceReadFailed, err)
}

// complete joins what the listing and the opening of a source item told.
func complete(listed, opened storage.Entry) storage.Entry {
	opened.Path, opened.Kind, opened.Size, opened.Implicit = listed.Path, listed.Kind, listed.Size, listed.Implicit
	if opened.ModTime.IsZero() {
		opened.ModTime = listed.ModTime
	}
	if opened.POSIX == nil {
		opened.POSIX = listed.POSIX
	}
	if opened.Object == nil {
		opened.Object = listed.Object
	}
	return opened
}

// finish checks the content against the source's checksum and completes the
// staged file.
func (c *fileCopy) finish(ctx context.Context) error {
	it := c.it
	it.sum = c.sums.whole()
	if c.sumsOnce() {
		it.sum = c.stated
	}
	if it.dstSum = c.backs.whole(); c.readsBack && it.dstSum != it.sum {
		return mismatch("content read back differs from the source's")
	}
	it.wasReadBack = c.readsBack
	have := it.sum
	if c.hasOther {
		have = c.other.whole()
	}
	if c.stated.Algorithm != storage.NoSum && have != c.stated {
		return &itemError{code: ChecksumMismatch, step: Transferring, err: fmt.Errorf("content read differs from the source's own checksum: %w", storage.ErrCorrupt)}
	}
	origin := storage.Origin{Size: it.src.Size, ETag: it.src.ETag, ModTime: it.src.ModTime}
	return it.file.Finish(ctx, it.want, origin, it.sum)
}

// sumsOnce: what is read back is held against the source's own checksum, so
// that what is read there need not be summed as well.
func (c *fileCopy) sumsOnce() bool {
	return c.readsBack && c.stated.Algorithm == c.r.sums.primary
}

// copyParts copies the first part from its open content and the others from
// their own, several at a time.
func (c *fileCopy) copyParts(ctx context.Context, first *storage.Content) error {
	if c.parts == 1 {
		return c.copyPart(ctx, 0, first)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(c.parts, c.r.partSlots.most()) {
		wg.Go(func() {
			for n := int(next.Add(1)) - 1; n < c.parts; n = int(next.Add(1)) - 1 {
				content := first
				if n > 0 {
					content = nil
				}
				if err := c.slotted(ctx, n, content); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

func (c *fileCopy) slotted(ctx context.Context, n int, content *storage.Content) error {
	select {
	case c.r.partSlots.slots <- struct{}{}:
		began := c.r.job.Now()
		defer func() { c.r.partSlots.release(began, c.r.job.Now(), min(c.part, c.it.src.Size-int64(n)*c.part)) }()
		return c.copyPart(ctx, n, content)
	case <-ctx.Done():
		if content != nil {
			_ = content.Body.Close()
		}
		return context.Cause(ctx)
	}
}

// copyPart copies one part, again and again while failures are temporary.
func (c *fileCopy) copyPart(ctx context.Context, n int, content *storage.Content) error {
	for {
		sent, err := c.copyPartOnce(ctx, n, content)
		if err == nil || ctx.Err() != nil || classify(err) != Transient {
			return err
		}
		content = nil
		turn, ok := c.it.transient()
		if !ok {
			return &itemError{code: Transient, step: Transferring, err: err}
		}
		c.it.meter.add(-sent)
		if pauseErr := c.r.pause(ctx, turn); pauseErr != nil {
			return errors.Join(pauseErr, err)
		}
	}
}

func (c *fileCopy) copyPartOnce(ctx context.Context, n int, content *storage.Content) (sent int64, err error) {
	it := c.it
	offset := int64(n) * c.part
	size := min(c.part, it.src.Size-offset)
	if content == nil {
		length := size
		if c.parts == 1 {
			length = -1
		}
		if content, err = c.r.src.Open(ctx, it.src, offset, length); err != nil {
			return 0, coded(SourceReadFailed, err)
		}
	}
	rd := &sourceReader{ctx: ctx, r: c.r, it: it, body: content.Body}
	if !c.sumsOnce() {
		rd.primary = c.r.sums.start(c.r.sums.primary)
	}
	if c.hasOther {
		rd.other = c.r.sums.start(c.stated.Algorithm)
	}
	back, err := c.write(ctx, offset, size, rd)
	if err == nil && rd.err == nil {
		rd.drain(size)
	}
	closeErr := content.Body.Close()
	switch {
	case rd.err != nil:
		return rd.n, coded(SourceReadFailed, rd.err)
	case err != nil:
		return rd.n, err
	case rd.n < size:
		return rd.n, fmt.Errorf("write part at %d: %d of %d bytes taken", offset, rd.n, size)
	case closeErr != nil:
		return rd.n, coded(SourceReadFailed, closeErr)
	}
	if rd.primary != nil {
		c.sums.set(n, rd.primary.sum(), size)
	}
	if c.hasOther {
		c.other.set(n, rd.other.sum(), size)
	}
	if back != nil {
		c.backs.set(n, back.sum(), size)
	}
	return rd.n, nil
}

// write stores a part and returns the checksum of what was read back, if that
// is done at once.
func (c *fileCopy) write(ctx context.Context, offset, size int64, rd io.Reader) (*running, error) {
	f, ok := c.it.file.(storage.BackReader)
	if !ok || !c.readsBack {
		return nil, c.it.file.WritePart(ctx, offset, size, rd)
	}
	back := c.r.sums.start(c.r.sums.primary)
	return back, f.WritePartBack(ctx, offset, size, rd, back.add)
}

// sourceReader passes a body on: limited, counted, summed. It keeps the
// source's error apart from the destination's.
type sourceReader struct {
	ctx     context.Context //nolint:containedctx // lives as long as the part it reads
	r       *run
	it      *item
	body    io.Reader
	primary *running
	other   *running
	n       int64
	err     error
	one     [1]byte
}

// Read implements [io.Reader].
func (s *sourceReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	limit := s.r.job.Limit
	n, err := s.body.Read(p[:limit.allowed(len(p))])
	if n > 0 {
		s.n += int64(n)
		if s.primary != nil {
			s.primary.add(p[:n])
		}
		if s.other != nil {
			s.other.add(p[:n])
		}
		s.it.meter.add(int64(n))
		if waitErr := limit.take(s.ctx, s.r.job.Now, n); waitErr != nil && err == nil {
			err = waitErr
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err //nolint:wrapcheck // io.Reader
}

// drain reads the body's end, for the connection's sake and to notice a
// source that is longer than it was listed.
func (s *sourceReader) drain(size int64) {
	if s.n != size {
		return
	}
	for s.err == nil {
		n, err := s.body.Read(s.one[:])
		switch {
		case n > 0:
			s.err = storage.ErrChanged
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			s.err = err
		}
	}
}
