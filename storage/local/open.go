package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// Stat returns one entry; a path with a trailing slash must be a directory.
func (d *Driver) Stat(ctx context.Context, path string) (storage.Entry, error) {
	if err := ctx.Err(); err != nil {
		return storage.Entry{}, err
	}
	e := storage.Entry{Path: path}
	if path == "" {
		err := d.folders.with("", func(f *folder) error { return f.stat(".", &e, new(storage.POSIX)) })
		return e, pathError("stat", path, err)
	}
	if err := d.checkPath("stat", path, true); err != nil {
		return storage.Entry{}, err
	}
	trimmed, wantDir := strings.CutSuffix(path, "/")
	dir, name := split(trimmed)
	err := d.folders.with(dir, func(f *folder) error { return f.stat(name, &e, new(storage.POSIX)) })
	if err != nil {
		return storage.Entry{}, pathError("stat", path, gone(err))
	}
	if wantDir && e.Kind != storage.Dir {
		return storage.Entry{}, pathError("stat", path, fs.ErrNotExist)
	}
	if !wantDir && e.Kind == storage.Dir {
		e.Path += "/"
	}
	return e, nil
}

// gone turns "a parent is a file" into "does not exist", which it implies.
func gone(err error) error {
	if errors.Is(kindOf(err), storage.ErrConflict) || errors.Is(err, storage.ErrConflict) {
		return fs.ErrNotExist
	}
	return err
}

// Open reads a file, or a symbolic link's target. The file is pinned by size,
// mtime and ctime (which tells also when mtime was set back); a zero time in e
// pins nothing until the file is open.
func (d *Driver) Open(ctx context.Context, e storage.Entry, offset, length int64) (*storage.Content, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := d.checkPath("open", e.Path, false); err != nil {
		return nil, err
	}
	dir, name := split(e.Path)
	if e.Kind == storage.Symlink {
		return d.openLink(e, dir, name, offset, length)
	}
	var file *os.File
	err := d.folders.with(dir, func(f *folder) (err error) {
		file, err = f.openFile(name, readFlags, 0)
		return err
	})
	if err != nil {
		if isLoop(err) {
			return nil, changed(e.Path, "is a symbolic link now")
		}
		return nil, pathError("open", e.Path, gone(err))
	}
	got := storage.Entry{Path: e.Path}
	if err := statFile(file, &got, new(storage.POSIX)); err != nil {
		_ = file.Close()
		return nil, pathError("open", e.Path, err)
	}
	if err := sameVersion(e, got); err != nil {
		_ = file.Close()
		return nil, err
	}
	end, err := rangeEnd(e, offset, length)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &storage.Content{
		Body:  &body{ctx: ctx, file: file, entry: got, off: offset, end: end},
		Entry: got,
	}, nil
}

// rangeEnd returns where reading ends, and refuses ranges outside e.
func rangeEnd(e storage.Entry, offset, length int64) (int64, error) {
	if length < 0 {
		length = e.Size - offset
	}
	if offset < 0 || length < 0 || offset+length > e.Size {
		return 0, &storage.PathError{
			Op: "open", Path: e.Path, Kind: storage.ErrChanged,
			Err: fmt.Errorf("range %d+%d lies outside the file's %d bytes", offset, length, e.Size),
		}
	}
	return offset + length, nil
}

// sameVersion reports how got differs from the entry that was listed.
func sameVersion(want, got storage.Entry) error {
	switch {
	case got.Kind != storage.File:
		return changed(want.Path, "is no regular file now")
	case got.Size != want.Size:
		return changed(want.Path, fmt.Sprintf("has %d bytes, not %d", got.Size, want.Size))
	case !want.ModTime.IsZero() && !got.ModTime.Equal(want.ModTime):
		return changed(want.Path, "was modified since it was listed")
	case !want.ChangeTime.IsZero() && !got.ChangeTime.Equal(want.ChangeTime):
		return changed(want.Path, "was changed since it was listed")
	}
	return nil
}

func changed(path, how string) error {
	return &storage.PathError{Op: "read", Path: path, Kind: storage.ErrChanged, Err: errors.New(how)}
}

func (d *Driver) openLink(e storage.Entry, dir, name string, offset, length int64) (*storage.Content, error) {
	var target string
	got := storage.Entry{Path: e.Path}
	err := d.folders.with(dir, func(f *folder) (err error) {
		if target, err = f.readlink(name); err != nil {
			return err
		}
		return f.stat(name, &got, new(storage.POSIX))
	})
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, pathError("read link", e.Path, err)
		}
		return nil, &storage.PathError{Op: "read link", Path: e.Path, Kind: storage.ErrChanged, Err: bare(err)}
	}
	if int64(len(target)) != e.Size {
		return nil, changed(e.Path, "points elsewhere now")
	}
	end, err := rangeEnd(e, offset, length)
	if err != nil {
		return nil, err
	}
	return &storage.Content{Body: io.NopCloser(strings.NewReader(target[offset:end])), Entry: got}, nil
}

// body reads a range of a file that must not change meanwhile.
type body struct {
	ctx      context.Context //nolint:containedctx // a reader lives within the call it was opened for
	file     *os.File
	entry    storage.Entry
	off, end int64
	done     bool
}

// Read ends with io.EOF only after the whole range was read and the file was
// still the same version.
func (b *body) Read(p []byte) (int, error) {
	if b.off >= b.end {
		return 0, b.finish()
	}
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if rest := b.end - b.off; int64(len(p)) > rest {
		p = p[:rest]
	}
	n, err := b.file.ReadAt(p, b.off)
	b.off += int64(n)
	switch {
	case errors.Is(err, io.EOF) && n < len(p):
		return n, changed(b.entry.Path, "became shorter while it was read")
	case err != nil && !errors.Is(err, io.EOF):
		return n, pathError("read", b.entry.Path, err)
	case b.off == b.end:
		return n, b.finish()
	}
	return n, nil
}

// finish looks once whether the file changed while it was read.
func (b *body) finish() error {
	if b.done {
		return io.EOF
	}
	now := storage.Entry{Path: b.entry.Path}
	if err := statFile(b.file, &now, nil); err != nil {
		return pathError("read", b.entry.Path, err)
	}
	if err := sameVersion(b.entry, now); err != nil {
		return err
	}
	b.done = true
	return io.EOF
}

// Close releases the file.
func (b *body) Close() error { return b.file.Close() }

// Remove deletes a file, link or empty directory.
func (d *Driver) Remove(ctx context.Context, e storage.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	isDir := e.Kind == storage.Dir
	if err := d.checkPath("remove", e.Path, isDir); err != nil {
		return err
	}
	trimmed := strings.TrimSuffix(e.Path, "/")
	dir, name := split(trimmed)
	if isDir {
		d.folders.drop(trimmed)
	}
	// Not from the cache: a folder kept open may have another name by now.
	f, err := d.folder(dir)
	if err == nil {
		err = f.remove(name, isDir)
		f.close()
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return pathError("remove", e.Path, err)
}

// Origin returns what was recorded when path was published, unless the file
// has been modified since.
func (d *Driver) Origin(ctx context.Context, path string) (storage.Origin, bool, error) {
	if err := ctx.Err(); err != nil {
		return storage.Origin{}, false, err
	}
	if err := d.checkPath("read origin", path, false); err != nil {
		return storage.Origin{}, false, err
	}
	var rec record
	var found bool
	now := storage.Entry{Path: path}
	dir, name := split(path)
	err := d.folders.with(dir, func(f *folder) (err error) {
		rec, found, err = readOrigin(f, name, &now)
		return err
	})
	switch {
	case errors.Is(gone(err), fs.ErrNotExist), isLoop(err), errors.Is(err, fs.ErrPermission):
		return storage.Origin{}, false, nil // nothing known: it will be copied
	case err != nil:
		return storage.Origin{}, false, pathError("read origin", path, err)
	}
	if !found {
		if rec, found, err = d.index.lookup(path); err != nil {
			return storage.Origin{}, false, pathError("read origin", path, err)
		}
	}
	if !found || now.Kind != storage.File || rec.size != now.Size || !rec.modTime.Equal(now.ModTime) {
		return storage.Origin{}, false, nil
	}
	return rec.origin, true, nil
}
