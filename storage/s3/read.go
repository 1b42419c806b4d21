package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// Stat asks for one object (HEAD). A directory exists when it has a marker or
// keys lie below it.
func (d *Driver) Stat(ctx context.Context, path string) (storage.Entry, error) {
	if path == "" {
		return storage.Entry{Kind: storage.Dir, Implicit: true}, ctx.Err()
	}
	isDir := strings.HasSuffix(path, "/")
	key, err := d.key("stat", path, isDir)
	if err != nil {
		return storage.Entry{}, err
	}
	h, err := d.discard(ctx, request{method: http.MethodHead, key: key})
	switch {
	case err == nil:
		return statEntry(path, isDir, h)
	case !isDir || !errors.Is(kindOf(err), storage.ErrNotExist):
		return storage.Entry{}, pathError("stat", path, err)
	}
	p, err := d.page(ctx, key, "", 1)
	if err != nil {
		return storage.Entry{}, pathError("stat", path, err)
	}
	if len(p.items) == 0 {
		return storage.Entry{}, &storage.PathError{Op: "stat", Path: path, Kind: storage.ErrNotExist}
	}
	return storage.Entry{Path: path, Kind: storage.Dir, Implicit: true}, nil
}

func statEntry(path string, isDir bool, h http.Header) (storage.Entry, error) {
	e := entryOf(storage.Entry{Path: path}, h)
	if isDir {
		e.Kind = storage.Dir
		return e, nil
	}
	size, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return storage.Entry{}, &storage.PathError{Op: "stat", Path: path, Err: errors.New("answer has no length")}
	}
	e.Size = size
	return e, nil
}

// Open gets an object, or a range of it, in the version e names.
func (d *Driver) Open(ctx context.Context, e storage.Entry, offset, length int64) (*storage.Content, error) {
	if e.Kind != storage.File {
		return nil, &storage.PathError{Op: "open", Path: e.Path, Err: errors.New("not an object")}
	}
	key, err := d.key("open", e.Path, false)
	if err != nil {
		return nil, err
	}
	if length < 0 {
		length = e.Size - offset
	}
	if offset < 0 || length < 0 || offset+length > e.Size {
		return nil, &storage.PathError{
			Op: "open", Path: e.Path, Kind: storage.ErrChanged,
			Err: fmt.Errorf("range %d+%d lies outside the object's %d bytes", offset, length, e.Size),
		}
	}
	return d.get(ctx, key, e, offset, length)
}

// get is Open of a range that lies within e.
func (d *Driver) get(ctx context.Context, key string, e storage.Entry, offset, length int64) (*storage.Content, error) {
	r := request{method: http.MethodGet, key: key, header: make(http.Header, 6)}
	whole := offset == 0 && length == e.Size
	switch {
	case length == 0 && e.Size > 0:
		// No range is empty: HEAD pins the version all the same.
		r.method = http.MethodHead
	case whole:
		if !d.opts.NoChecksums {
			r.header["X-Amz-Checksum-Mode"] = []string{"ENABLED"}
		}
	default:
		r.header["Range"] = []string{"bytes=" + strconv.FormatInt(offset, 10) + "-" + strconv.FormatInt(offset+length-1, 10)}
	}
	if e.ETag != "" {
		r.header["If-Match"] = []string{e.ETag}
	}
	resp, err := d.do(ctx, r)
	if err != nil {
		return nil, pathError("open", e.Path, err)
	}
	if r.method == http.MethodHead {
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	} else if err := checkRange(resp, e, offset, length, whole); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	got := entryOf(e, resp.Header)
	if e.ETag == "" && !e.ModTime.IsZero() && !got.ModTime.Equal(e.ModTime) {
		_ = resp.Body.Close()
		return nil, &storage.PathError{Op: "open", Path: e.Path, Kind: storage.ErrChanged, Err: errors.New("was modified since it was listed")}
	}
	c := &storage.Content{Entry: got, Body: &body{ctx: ctx, src: resp.Body, path: e.Path, left: length}}
	if whole && r.method == http.MethodGet {
		c.Sum = sumOf(resp.Header)
	}
	return c, nil
}

// Sum asks for the checksum that the service keeps of an object.
func (d *Driver) Sum(ctx context.Context, e storage.Entry) (storage.Sum, error) {
	key, err := d.key("read checksum of", e.Path, false)
	if err != nil || d.opts.NoChecksums {
		return storage.Sum{}, err
	}
	r := request{method: http.MethodHead, key: key, header: http.Header{"X-Amz-Checksum-Mode": {"ENABLED"}}}
	if e.ETag != "" {
		r.header["If-Match"] = []string{e.ETag}
	}
	h, err := d.discard(ctx, r)
	if err != nil {
		return storage.Sum{}, pathError("read checksum of", e.Path, err)
	}
	return sumOf(h), nil
}

// checkRange holds the answer against what was asked for.
func checkRange(resp *http.Response, e storage.Entry, offset, length int64, whole bool) error {
	total := resp.ContentLength
	if resp.StatusCode == http.StatusPartialContent {
		_, after, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
		n, err := strconv.ParseInt(after, 10, 64)
		if err != nil || !strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/", offset, offset+length-1)) {
			return &storage.PathError{Op: "open", Path: e.Path, Err: fmt.Errorf("answered range %q", resp.Header.Get("Content-Range"))}
		}
		total = n
	} else if !whole {
		return &storage.PathError{Op: "open", Path: e.Path, Err: errors.New("service ignores ranges")}
	}
	if total >= 0 && total != e.Size {
		return &storage.PathError{
			Op: "open", Path: e.Path, Kind: storage.ErrChanged, Err: fmt.Errorf("has %d bytes, not %d", total, e.Size),
		}
	}
	return nil
}

// body reads an answer that must have exactly the length asked for.
type body struct {
	ctx  context.Context //nolint:containedctx // a reader lives within the call it was opened for
	src  io.ReadCloser
	path string
	left int64
	done bool
}

// Read ends with io.EOF only after the whole length. The answer is read to
// its very end then, so that its connection is used again.
func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, b.finish()
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.src.Read(p)
	b.left -= int64(n)
	switch {
	case b.left == 0:
		if errors.Is(err, io.EOF) {
			b.done = true
			return n, io.EOF
		}
		return n, nil
	case errors.Is(err, io.EOF):
		return n, &storage.PathError{Op: "read", Path: b.path, Kind: storage.ErrTransient, Err: io.ErrUnexpectedEOF}
	case err != nil:
		return n, pathError("read", b.path, requestError(b.ctx, err))
	}
	return n, nil
}

// finish sees that nothing follows.
func (b *body) finish() error {
	if b.done {
		return io.EOF
	}
	b.done = true
	var one [1]byte
	if n, _ := b.src.Read(one[:]); n > 0 {
		return &storage.PathError{Op: "read", Path: b.path, Kind: storage.ErrTransient, Err: errors.New("answer is longer than asked for")}
	}
	return io.EOF
}

// Close ends the answer; what was not read costs the connection.
func (b *body) Close() error { return b.src.Close() }

// Remove deletes an object or a directory's marker.
func (d *Driver) Remove(ctx context.Context, e storage.Entry) error {
	key, err := d.key("remove", e.Path, e.Kind == storage.Dir)
	if err != nil {
		return err
	}
	_, err = d.discard(ctx, request{method: http.MethodDelete, key: key})
	if err == nil || errors.Is(kindOf(err), storage.ErrNotExist) {
		return nil
	}
	return pathError("remove", e.Path, err)
}
