package local

import (
	"context"
	"errors"
	"io/fs"

	"github.com/hikyaku/hikyaku/storage"
)

// KeepExisting implements [storage.Keeper].
func (s *Stage) KeepExisting() { s.keep = true }

// MakeNewSymlink implements [storage.NewSymlinkMaker].
func (d *Driver) MakeNewSymlink(ctx context.Context, e storage.Entry, target string) error {
	return d.makeSymlink(ctx, e, target, func(parent *folder, name, target string) error {
		err := parent.symlink(target, name)
		if errors.Is(err, fs.ErrExist) {
			return existsError("make link", e.Path)
		}
		return err
	})
}

// existsError is the error for a name that is taken at the destination.
func existsError(op, path string) error {
	return &storage.PathError{Op: op, Path: path, Kind: storage.ErrExists, Err: storage.ErrExists}
}

// placeNew gives a finished file its final name, which must be free. The file
// system decides that, so nobody can be overwritten.
func (s *Stage) placeNew(b *batch, f *stagedFile, to *folder, name string) error {
	var err error
	if f.unnamed {
		if err = to.link(f.file, name); linkRefused(err) {
			s.driver.named.Store(true) // another try takes the other way
			return &storage.PathError{Op: "publish", Path: f.path, Kind: storage.ErrTransient, Err: err}
		}
		if err == nil {
			f.unnamed = false
			b.linked = append(b.linked, f)
		}
	} else {
		f.closeHandle()
		var work *folder
		if work, err = s.workFolder(); err == nil {
			err = work.renameNew(f.name, to, name)
		}
		if err == nil {
			f.name = ""
		}
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	_ = f.remove() // closing the stage removes what is left
	var e storage.Entry
	if to.stat(name, &e, nil) == nil && e.Kind == storage.Dir {
		return err // a conflict like any other
	}
	return existsError("publish", f.path)
}

// renameByLink renames where the system has no rename that refuses to replace:
// a second name, made only if it is free, and the first one removed.
func (f *folder) renameByLink(name string, to *folder, newName string) error {
	if err := f.linkName(name, to, newName); !linksMissing(err) {
		if err != nil {
			return err
		}
		return f.remove(name, false)
	}
	// Without links (FAT, some shares) a look is all there is.
	var e storage.Entry
	switch err := to.stat(newName, &e, nil); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return f.rename(name, to, newName)
}
