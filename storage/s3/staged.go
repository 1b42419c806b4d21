package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// state is how far a staged object has come.
type state uint8

const (
	writing state = iota
	finished
	published
	discarded
)

// object is what small and large staged files have in common.
type object struct {
	stage *Stage
	key   string
	path  string
	size  int64
	meta  *storage.Object // as given to Create

	mu    sync.Mutex
	state state
	etag  string
}

func (o *object) errorf(op string, kind error, format string, args ...any) error {
	return &storage.PathError{Op: op, Path: o.path, Kind: kind, Err: fmt.Errorf(format, args...)}
}

func (o *object) publish() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.state != finished {
		return o.errorf("publish", nil, "not finished")
	}
	o.state = published
	return nil
}

// finish records that the service has the object.
func (o *object) finish(etag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.state, o.etag = finished, etag
}

func (o *object) reached() (state, string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.state, o.etag
}

// ReadBack gets the object that Finish stored, pinned to its ETag.
func (o *object) ReadBack(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	st, etag := o.reached()
	if st != finished {
		return nil, o.errorf("read back", nil, "not finished")
	}
	if length < 0 {
		length = o.size - offset
	}
	if offset < 0 || length < 0 || offset+length > o.size {
		return nil, o.errorf("read back", nil, "range %d+%d lies outside the object's %d bytes", offset, length, o.size)
	}
	c, err := o.stage.driver.get(ctx, o.key, storage.Entry{Path: o.path, Size: o.size, ETag: etag}, offset, length)
	if err != nil {
		return nil, err
	}
	return c.Body, nil
}

// drop ends the object's life before publication; an object that is stored
// already is deleted. It reports whether there is an upload to abort.
func (o *object) drop(ctx context.Context) (abort bool, err error) {
	o.mu.Lock()
	before := o.state
	if before == writing || before == finished {
		o.state = discarded
	}
	o.mu.Unlock()
	switch before {
	case writing:
		return true, nil
	case finished:
		_, err = o.stage.driver.discard(ctx, request{method: http.MethodDelete, key: o.key})
		if errors.Is(kindOf(err), storage.ErrNotExist) {
			err = nil
		}
	case published, discarded:
	}
	return false, pathError("discard", o.path, err)
}

// smallFile is an object of one part, held in memory until Finish.
type smallFile struct {
	object
	buf *[]byte // nil until written
}

// WritePart reads the whole content.
func (f *smallFile) WritePart(ctx context.Context, offset, size int64, r io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if offset != 0 || size != f.size {
		return f.errorf("write", nil, "part %d+%d is not the object's %d bytes", offset, size, f.size)
	}
	if st, _ := f.reached(); st != writing {
		return f.errorf("write", nil, "not being written")
	}
	f.release()
	buf := f.stage.driver.buffers.get(size)
	if _, err := io.ReadFull(r, *buf); err != nil {
		f.stage.driver.buffers.put(buf)
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return pathError("read part of", f.path, err)
	}
	f.buf = buf
	return nil
}

func (f *smallFile) release() {
	if f.buf != nil {
		f.stage.driver.buffers.put(f.buf)
		f.buf = nil
	}
}

// Finish stores the object with one PUT. The service checks sum, or a
// checksum made here of what WritePart read.
func (f *smallFile) Finish(ctx context.Context, e storage.Entry, _ storage.Origin, sum storage.Sum) error {
	if f.buf == nil {
		return f.errorf("finish", storage.ErrCorrupt, "parts are missing")
	}
	d := f.stage.driver
	h := make(http.Header, 12)
	setObject(h, firstObject(e.Object, f.meta))
	f.ifNew(h)
	if !d.opts.NoChecksums {
		var err error
		if sum, err = f.checked(sum); err != nil {
			return err
		}
		name, value := sumHeader(sum)
		h[name] = []string{value}
	}
	etag, err := f.put(ctx, request{method: http.MethodPut, key: f.key, header: h, body: *f.buf}, sum)
	if err != nil {
		return pathError("store", f.path, err)
	}
	f.finish(etag)
	f.release()
	return nil
}

// put sends the one request, and again without a condition that the service
// does not know.
func (f *smallFile) put(ctx context.Context, r request, sum storage.Sum) (etag string, err error) {
	for again := true; again; {
		var answer http.Header
		if answer, err = f.stage.driver.discard(ctx, r); err == nil {
			return answer.Get("ETag"), nil
		}
		etag, again, err = f.notNew(ctx, r.header, sum, err)
	}
	return etag, err
}

// checked returns the checksum to store the object with. A given one of that
// algorithm is left to the service to compare, another is compared here.
func (f *smallFile) checked(sum storage.Sum) (storage.Sum, error) {
	want := f.stage.driver.opts.Algorithm
	if sum.Algorithm == want {
		return sum, nil
	}
	if sum.Algorithm != storage.NoSum && sumOfBytes(sum.Algorithm, *f.buf) != sum {
		return storage.Sum{}, f.errorf("finish", storage.ErrCorrupt, "what was read differs from the checksum")
	}
	return sumOfBytes(want, *f.buf), nil
}

// firstObject prefers what Finish was given.
func firstObject(atFinish, atCreate *storage.Object) *storage.Object {
	if atFinish != nil {
		return atFinish
	}
	return atCreate
}

// Discard forgets the content, or deletes the object Finish stored.
func (f *smallFile) Discard(ctx context.Context) error {
	f.release()
	_, err := f.drop(ctx)
	return err
}
