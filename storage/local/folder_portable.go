//go:build !linux && !darwin

package local

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

const (
	posixMetadata = false
	symlinks      = false
)

// folder is a directory below a root; every call goes through os.Root, which
// resolves the path again and refuses to leave.
type folder struct {
	top *os.Root
	rel string
}

// openFolder resolves rel inside root, following no link.
func openFolder(root *os.Root, rel string) (*folder, error) {
	f := &folder{top: root, rel: "."}
	for rel != "" && rel != "." {
		var name string
		name, rel, _ = strings.Cut(rel, "/")
		next, err := f.sub(name)
		if err != nil {
			return nil, err
		}
		f = next
	}
	return f, nil
}

func (f *folder) at(name string) string {
	if f.rel == "." {
		return name
	}
	return f.rel + "/" + name
}

func (f *folder) close() {}

// sync does nothing: folders cannot be synced here.
func (f *folder) sync() error { return nil }

func (f *folder) sub(name string) (*folder, error) {
	info, err := f.top.Lstat(f.at(name))
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &storage.PathError{Op: "open folder", Path: f.at(name), Kind: storage.ErrConflict, Err: errors.New("not a folder")}
	}
	return &folder{top: f.top, rel: f.at(name)}, nil
}

// hold does nothing: folders have no locks here.
func (f *folder) hold() {}

// claim fails: nobody can tell who uses a folder.
func (f *folder) claim() bool { return false }

// is holds: what it guards against comes from claim.
func (f *folder) is(*folder, string) bool { return true }

func (f *folder) openFile(name string, flag int, perm uint32) (*os.File, error) {
	return f.top.OpenFile(f.at(name), flag, fs.FileMode(perm&0o777))
}

func (f *folder) stat(name string, e *storage.Entry, _ *storage.POSIX) error {
	info, err := f.top.Lstat(f.at(name))
	if err != nil {
		return err
	}
	fillEntry(info, e)
	return nil
}

func statFile(file *os.File, e *storage.Entry, _ *storage.POSIX) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fillEntry(info, e)
	return nil
}

func fillEntry(info fs.FileInfo, e *storage.Entry) {
	e.Size, e.ModTime = 0, info.ModTime()
	switch mode := info.Mode(); {
	case mode.IsRegular():
		e.Kind, e.Size = storage.File, info.Size()
	case mode.IsDir():
		e.Kind = storage.Dir
	case mode&fs.ModeSymlink != 0:
		e.Kind = storage.Symlink
	default:
		e.Kind = storage.Other
	}
}

func (f *folder) rename(name string, to *folder, newName string) error {
	return f.top.Rename(f.at(name), to.at(newName))
}

func (f *folder) mkdir(name string, perm uint32) error {
	return f.top.Mkdir(f.at(name), fs.FileMode(perm&0o777))
}

func (f *folder) remove(name string, dir bool) error {
	info, err := f.top.Lstat(f.at(name))
	if err != nil {
		return err
	}
	if info.IsDir() != dir {
		return &storage.PathError{Op: "remove", Path: f.at(name), Kind: storage.ErrConflict}
	}
	return f.top.Remove(f.at(name))
}

func (f *folder) symlink(target, name string) error { return f.top.Symlink(target, f.at(name)) }

func (f *folder) readlink(name string) (string, error) { return f.top.Readlink(f.at(name)) }

func (f *folder) setLinkMetadata(string, storage.Entry) error { return nil }

// setMetadata sets nothing: a directory's mtime means little here.
func (f *folder) setMetadata(storage.Entry) error { return nil }

// setOwnerMode does nothing: owners and modes have no equivalent here.
func setOwnerMode(*os.File, *storage.POSIX) error { return nil }

// setFileTimes sets the mtime of an open file.
func setFileTimes(file *os.File, e storage.Entry) error {
	if e.ModTime.IsZero() {
		return nil
	}
	if err := setFileTime(file, e.ModTime); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// preallocate is left to the file system.
func preallocate(*os.File, int64) error { return nil }

// canSyncAll says whether syncAll does anything.
const canSyncAll = false

// syncAll has no equivalent here.
func syncAll(*folder) (supported bool, err error) { return false, nil }

// list reads all names of the directory with their kinds.
func (f *folder) list(l *listing) error {
	dir, err := f.top.Open(f.rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		entries, err := dir.ReadDir(1024)
		for _, e := range entries {
			l.add([]byte(e.Name()), e.IsDir())
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
