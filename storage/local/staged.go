package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// preallocateFrom is the size from which space is reserved ahead.
const preallocateFrom = 4 << 20

// bufferSize is the unit of writing: large enough that system calls do not
// count, small enough to stay in the cache.
const bufferSize = 256 << 10

// stagedFile is a temporary file in the work folder.
type stagedFile struct {
	stage *Stage
	path  string
	size  int64

	// writing is held while a block is written.
	writing sync.Mutex

	mu sync.Mutex
	// name is the temporary name; empty once published or discarded, and for a
	// file that has none.
	name string
	// unnamed files go with their last handle, which so stays open until they
	// are published or discarded.
	unnamed bool
	file    *os.File
	// parts holds the lengths of the parts written, by offset.
	parts    map[int64]int64
	finished bool
	// indexed is set when the origin must go to the index.
	indexed *record
}

// writeAt writes one block. Parts take turns: the kernel lets one writer at a
// time into a file anyway, and those who wait for it there burn a core.
func (f *stagedFile) writeAt(file *os.File, b []byte, offset int64) error {
	f.writing.Lock()
	defer f.writing.Unlock()
	_, err := file.WriteAt(b, offset)
	return err
}

// handle returns the open file, opening it again if it was closed early.
func (f *stagedFile) handle(ctx context.Context) (*os.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		return f.file, nil
	}
	if f.name == "" {
		return nil, &storage.PathError{Op: "use staged file", Path: f.path, Err: os.ErrClosed}
	}
	leave, err := f.stage.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	work, err := f.stage.workFolder()
	if err != nil {
		return nil, err
	}
	file, err := work.openFile(f.name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	f.file = file
	f.stage.open.Add(1)
	return file, nil
}

func (f *stagedFile) closeHandle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.file != nil {
		_ = f.file.Close() // synced or thrown away: nothing is lost
		f.file = nil
		f.stage.open.Add(-1)
	}
}

// WritePart copies size bytes from r to offset.
func (f *stagedFile) WritePart(ctx context.Context, offset, size int64, r io.Reader) error {
	return f.WritePartBack(ctx, offset, size, r, nil)
}

// WritePartBack is WritePart; each block is read again from the file after it
// was written and handed to back, if there is one.
func (f *stagedFile) WritePartBack(ctx context.Context, offset, size int64, r io.Reader, back func([]byte)) error {
	if offset < 0 || size < 0 || offset+size > f.size {
		return &storage.PathError{Op: "write", Path: f.path, Err: fmt.Errorf("part %d+%d lies outside the file's %d bytes", offset, size, f.size)}
	}
	file, err := f.handle(ctx)
	if err != nil {
		return pathError("write", f.path, err)
	}
	buf := f.stage.driver.buffer()
	defer f.stage.driver.buffers.Put(buf)
	for done := int64(0); done < size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, (*buf)[:min(bufferSize, size-done)])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return pathError("read part of", f.path, err)
		}
		if err := f.writeAt(file, (*buf)[:n], offset+done); err != nil {
			return pathError("write", f.path, err)
		}
		if back != nil {
			// The block was handed over: its memory is free for what the file has.
			if _, err := file.ReadAt((*buf)[:n], offset+done); err != nil {
				return pathError("read back", f.path, err)
			}
			back((*buf)[:n])
		}
		done += int64(n)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.parts == nil {
		f.parts = make(map[int64]int64, 1)
	}
	f.parts[offset] = size
	return nil
}

// complete reports whether the parts cover the file.
func (f *stagedFile) complete() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var sum int64
	for _, n := range f.parts {
		sum += n
	}
	return sum == f.size && len(f.parts) > 0
}

// Finish sets metadata and records the origin.
func (f *stagedFile) Finish(ctx context.Context, e storage.Entry, origin storage.Origin, _ storage.Sum) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !f.complete() {
		return &storage.PathError{Op: "finish", Path: f.path, Kind: storage.ErrCorrupt, Err: errors.New("parts are missing")}
	}
	file, err := f.handle(ctx)
	if err != nil {
		return pathError("finish", f.path, err)
	}
	if err := setFileTimes(file, e); err != nil {
		return pathError("finish", f.path, err)
	}
	if origin != (storage.Origin{}) {
		if err := f.setOrigin(file, origin); err != nil {
			return pathError("finish", f.path, err)
		}
	}
	// The mode comes last: it may take away the right to set attributes.
	if err := setOwnerMode(file, e.POSIX); err != nil {
		return pathError("finish", f.path, err)
	}
	f.finished = true
	readable := e.POSIX == nil || e.POSIX.Mode&0o400 != 0
	if f.stage.open.Load() > openLimit && readable && !f.unnamed {
		f.closeHandle()
	}
	return nil
}

func (f *stagedFile) setOrigin(file *os.File, origin storage.Origin) error {
	var now storage.Entry
	if err := statFile(file, &now, nil); err != nil {
		return err
	}
	rec := record{origin: origin, size: now.Size, modTime: now.ModTime}
	if !f.stage.driver.noXattr {
		if ok, err := writeOrigin(file, rec); ok || err != nil {
			return err
		}
	}
	f.indexed = &rec
	return nil
}

// sync makes content and metadata durable.
func (f *stagedFile) sync(ctx context.Context) error {
	file, err := f.handle(ctx)
	if err != nil {
		return err
	}
	return file.Sync()
}

// ReadBack reads from the staged file.
func (f *stagedFile) ReadBack(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !f.finished {
		return nil, &storage.PathError{Op: "read back", Path: f.path, Err: errors.New("not finished")}
	}
	if length < 0 {
		length = f.size - offset
	}
	file, err := f.handle(ctx)
	if err != nil {
		return nil, pathError("read back", f.path, err)
	}
	return &readBack{ctx: ctx, file: file, path: f.path, off: offset, end: offset + length}, nil
}

// Discard removes the temporary file.
func (f *stagedFile) Discard(ctx context.Context) error {
	f.closeHandle()
	leave, err := f.stage.enter(context.WithoutCancel(ctx))
	if err != nil {
		return nil // the stage is closed, and took the file with it
	}
	defer leave()
	return pathError("discard", f.path, f.remove())
}

// remove closes and removes the temporary file; the stage is open.
func (f *stagedFile) remove() error {
	f.closeHandle()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unnamed = false
	if f.name == "" {
		return nil
	}
	work, err := f.stage.workFolder()
	if err == nil {
		err = work.remove(f.name, false)
	}
	f.name = ""
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// readBack reads a range of a staged file; the file's handle stays with it.
type readBack struct {
	ctx      context.Context //nolint:containedctx // a reader lives within the call it was opened for
	file     *os.File
	path     string
	off, end int64
}

func (r *readBack) Read(p []byte) (int, error) {
	if r.off >= r.end {
		return 0, io.EOF
	}
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	if rest := r.end - r.off; int64(len(p)) > rest {
		p = p[:rest]
	}
	n, err := r.file.ReadAt(p, r.off)
	r.off += int64(n)
	if err != nil && n < len(p) {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return n, &storage.PathError{Op: "read back", Path: r.path, Kind: storage.ErrCorrupt, Err: err}
	}
	return n, nil
}

func (r *readBack) Close() error { return nil }
