package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// listing holds the names of one directory in one piece of memory.
type listing struct {
	names []byte
	items []listed
	buf   []byte
}

// listed is one name: its bytes in listing.names, with "/" appended for a
// directory, which is what makes their order that of whole paths.
type listed struct{ start, end int }

func (l *listing) add(name []byte, dir bool) {
	start := len(l.names)
	l.names = append(l.names, name...)
	if dir {
		l.names = append(l.names, '/')
	}
	l.items = append(l.items, listed{start, len(l.names)})
}

func (l *listing) name(i int) []byte { return l.names[l.items[i].start:l.items[i].end] }

func (l *listing) sort() {
	slices.SortFunc(l.items, func(a, b listed) int {
		return bytes.Compare(l.names[a.start:a.end], l.names[b.start:b.end])
	})
}

// direntBuffer is where the kernel puts directory entries.
func (l *listing) direntBuffer() []byte {
	if l.buf == nil {
		l.buf = make([]byte, 32<<10)
	}
	return l.buf
}

// walker is the state of one List.
type walker struct {
	driver *Driver
	ctx    context.Context //nolint:containedctx // lives as long as the List call it belongs to
	yield  func(storage.Entry, error) bool
	// free holds listings to use again, one per depth at most.
	free []*listing
	// posix is handed out in slices of one array: one allocation for many.
	posix []storage.POSIX
}

// List walks the folder in byte order of paths. Symbolic links are entries,
// never followed. Memory holds the names of the directories on the current
// path.
func (d *Driver) List(ctx context.Context, q storage.List) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		if strings.HasPrefix(q.Prefix, "/") {
			return // nothing can have such a path
		}
		w := &walker{driver: d, ctx: ctx, yield: yield}
		dir, partial := "", q.Prefix
		if i := strings.LastIndexByte(q.Prefix, '/'); i >= 0 {
			dir, partial = q.Prefix[:i], q.Prefix[i+1:]
			if d.checkPath("list", dir, true) != nil {
				return // nothing can have such a path
			}
		}
		d.renew()
		f, err := d.folder(dir)
		if err != nil {
			if !missing(err) {
				yield(storage.Entry{}, pathError("list", q.Prefix, err))
			}
			return
		}
		defer f.close()
		if dir != "" && partial == "" && !w.self(f, dir+"/") {
			return
		}
		if dir != "" {
			dir += "/"
		}
		w.walk(f, dir, partial)
	}
}

// missing reports errors that mean there is nothing to list.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(kindOf(err), storage.ErrConflict) || errors.Is(kindOf(err), storage.ErrName)
}

// self yields the directory that f is.
func (w *walker) self(f *folder, path string) bool {
	e := storage.Entry{Path: path}
	if err := f.stat(".", &e, w.newPOSIX()); err != nil {
		return w.failed(path, err)
	}
	return w.yield(e, nil)
}

// walk yields what f holds below prefix, limited to names that begin with
// partial. It reports whether to go on.
func (w *walker) walk(f *folder, prefix, partial string) bool {
	l := w.take()
	defer w.put(l)
	if err := f.list(l); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return true
		}
		w.yield(storage.Entry{}, pathError("list", prefix, err))
		return false
	}
	l.sort()
	for i := range l.items {
		if err := w.ctx.Err(); err != nil {
			w.yield(storage.Entry{}, err)
			return false
		}
		name := l.name(i)
		if partial != "" && !bytes.HasPrefix(name, []byte(partial)) {
			continue
		}
		path := prefix + string(name)
		if prefix == "" && w.driver.inWorkFolder(path) {
			continue
		}
		if !w.item(f, path, path[len(prefix):]) {
			return false
		}
	}
	return true
}

// item yields one entry and, for a directory, what lies below.
func (w *walker) item(f *folder, path, name string) bool {
	name, isDir := strings.CutSuffix(name, "/")
	e := storage.Entry{Path: path}
	if err := f.stat(name, &e, w.newPOSIX()); err != nil {
		return w.failed(path, err)
	}
	if isDir != (e.Kind == storage.Dir) {
		// Somebody put something else here since the directory was read, and
		// its place in the order may have passed.
		return true
	}
	if !isDir {
		return w.yield(e, nil)
	}
	sub, err := f.sub(name)
	if err != nil {
		return w.failed(path, err)
	}
	defer sub.close()
	return w.yield(e, nil) && w.walk(sub, path, "")
}

// failed yields an entry that cannot be read, unless it is gone, and ends the
// listing for errors that are not the entry's own.
func (w *walker) failed(path string, err error) bool {
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	perr := pathError("list", path, err)
	if errors.Is(perr, storage.ErrConflict) {
		return true // no longer what it was: as good as gone
	}
	if errors.Is(perr, storage.ErrDenied) || errors.Is(perr, storage.ErrName) {
		return w.yield(storage.Entry{Path: path}, perr)
	}
	w.yield(storage.Entry{}, perr)
	return false
}

func (w *walker) take() *listing {
	if n := len(w.free); n > 0 {
		l := w.free[n-1]
		w.free = w.free[:n-1]
		return l
	}
	return new(listing)
}

func (w *walker) put(l *listing) {
	l.names, l.items = l.names[:0], l.items[:0]
	w.free = append(w.free, l)
}

// newPOSIX returns room for one entry's metadata.
func (w *walker) newPOSIX() *storage.POSIX {
	if !posixMetadata {
		return nil
	}
	if len(w.posix) == 0 {
		w.posix = make([]storage.POSIX, 64)
	}
	p := &w.posix[0]
	w.posix = w.posix[1:]
	return p
}
