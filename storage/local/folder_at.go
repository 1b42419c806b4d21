//go:build linux || darwin

package local

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
)

const (
	posixMetadata = true
	symlinks      = true
)

// folder is an open directory. Its methods take one component of a path, never
// follow it when it is a symbolic link, and so cannot leave the directory.
type folder struct {
	f  *os.File
	fd int
}

// openFolder resolves rel inside root, following no link.
func openFolder(root *os.Root, rel string) (*folder, error) {
	top, err := root.OpenFile(".", os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	f := newFolder(top)
	for rel != "" && rel != "." {
		var name string
		name, rel, _ = strings.Cut(rel, "/")
		next, err := f.sub(name)
		f.close()
		if err != nil {
			return nil, err
		}
		f = next
	}
	return f, nil
}

func newFolder(f *os.File) *folder { return &folder{f: f, fd: int(f.Fd())} }

// close releases the directory; a later call fails instead of meeting a
// descriptor that has been given to somebody else.
func (f *folder) close() {
	f.fd = -1
	_ = f.f.Close()
}

func (f *folder) sync() error {
	if err := f.f.Sync(); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	return nil
}

// sub opens the directory name below f; a link is none.
func (f *folder) sub(name string) (*folder, error) {
	fd, err := openat(f.fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ELOOP) {
		err = unix.ENOTDIR
	}
	if err != nil {
		return nil, err
	}
	return newFolder(os.NewFile(uintptr(fd), name)), nil
}

// hold locks the directory until f is closed, against claim. It is for
// nobody else, so it waits for no longer than a removal takes. Where there are
// no locks it does nothing.
func (f *folder) hold() {
	for errors.Is(unix.Flock(f.fd, unix.LOCK_SH), unix.EINTR) {
	}
}

// claim locks the directory unless somebody holds it; false also where nobody
// can tell.
func (f *folder) claim() bool { return unix.Flock(f.fd, unix.LOCK_EX|unix.LOCK_NB) == nil }

// is reports whether f is what name stands for in parent.
func (f *folder) is(parent *folder, name string) bool {
	var a, b unix.Stat_t
	return unix.Fstat(f.fd, &a) == nil && unix.Fstatat(parent.fd, name, &b, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		a.Dev == b.Dev && a.Ino == b.Ino
}

func (f *folder) openFile(name string, flag int, perm uint32) (*os.File, error) {
	fd, err := openat(f.fd, name, flag, perm)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func openat(dir int, name string, flag int, perm uint32) (int, error) {
	for {
		fd, err := unix.Openat(dir, name, flag|unix.O_NOFOLLOW|unix.O_CLOEXEC, perm)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// stat fills e from name, whose path is e.Path; posix, if not nil, becomes
// e.POSIX.
func (f *folder) stat(name string, e *storage.Entry, posix *storage.POSIX) error {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(f.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			return err
		}
	}
	fillEntry(&st, e, posix)
	return nil
}

// statFile fills e from an open file.
func statFile(file *os.File, e *storage.Entry, posix *storage.POSIX) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &st); err != nil {
		return err
	}
	fillEntry(&st, e, posix)
	return nil
}

func fillEntry(st *unix.Stat_t, e *storage.Entry, posix *storage.POSIX) {
	e.Kind = kindOfMode(uint32(st.Mode)) //nolint:unconvert // the types differ by platform
	e.Size = 0
	if e.Kind == storage.File || e.Kind == storage.Symlink {
		e.Size = st.Size
	}
	e.ModTime = time.Unix(st.Mtim.Unix())
	e.ChangeTime = time.Unix(st.Ctim.Unix())
	e.POSIX = posix
	if posix != nil {
		*posix = storage.POSIX{
			UID: int(st.Uid), GID: int(st.Gid), Mode: uint32(st.Mode) & 0o7777, //nolint:unconvert // the types differ by platform
			Atime: time.Unix(st.Atim.Unix()),
		}
	}
}

func kindOfMode(mode uint32) storage.Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return storage.File
	case unix.S_IFDIR:
		return storage.Dir
	case unix.S_IFLNK:
		return storage.Symlink
	}
	return storage.Other
}

func (f *folder) rename(name string, to *folder, newName string) error {
	return unix.Renameat(f.fd, name, to.fd, newName)
}

func (f *folder) mkdir(name string, perm uint32) error { return unix.Mkdirat(f.fd, name, perm) }

func (f *folder) remove(name string, dir bool) error {
	flags := 0
	if dir {
		flags = unix.AT_REMOVEDIR
	}
	return unix.Unlinkat(f.fd, name, flags)
}

func (f *folder) symlink(target, name string) error { return unix.Symlinkat(target, f.fd, name) }

func (f *folder) readlink(name string) (string, error) {
	buf := make([]byte, maxPath+1)
	n, err := unix.Readlinkat(f.fd, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// setMetadata sets owner, mode and times of the directory itself.
func (f *folder) setMetadata(e storage.Entry) error {
	return errors.Join(setFileTimes(f.f, e), setOwnerMode(f.f, e.POSIX))
}

// setLinkMetadata sets owner and times of a symbolic link, best effort: not
// every system can.
func (f *folder) setLinkMetadata(name string, e storage.Entry) error {
	if p := e.POSIX; p != nil && (p.UID != storage.KeepID || p.GID != storage.KeepID) {
		if err := unix.Fchownat(f.fd, name, p.UID, p.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
	}
	if e.ModTime.IsZero() {
		return nil
	}
	times, err := timespecs(e)
	if err != nil {
		return err
	}
	err = unix.UtimesNanoAt(f.fd, name, times[:], unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

// setOwnerMode sets owner and mode of an open file or directory: owner first,
// because a change of owner clears set-id bits.
func setOwnerMode(file *os.File, p *storage.POSIX) error {
	if p == nil {
		return nil
	}
	fd := int(file.Fd())
	if p.UID != storage.KeepID || p.GID != storage.KeepID {
		if err := unix.Fchown(fd, p.UID, p.GID); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if p.Mode == storage.KeepMode {
		return nil
	}
	if err := unix.Fchmod(fd, p.Mode&0o7777); err != nil {
		return fmt.Errorf("set mode: %w", err)
	}
	return nil
}

// setFileTimes sets mtime and atime of an open file or directory.
func setFileTimes(file *os.File, e storage.Entry) error {
	if e.ModTime.IsZero() {
		return nil
	}
	times, err := timespecs(e)
	if err != nil {
		return err
	}
	if err := setTimes(int(file.Fd()), &times); err != nil {
		return fmt.Errorf("set times: %w", err)
	}
	return nil
}

// timespecs returns atime and mtime for utimensat; an unknown atime becomes
// the mtime, because leaving it needs a flag that not all systems have.
func timespecs(e storage.Entry) (ts [2]unix.Timespec, err error) {
	atime := e.ModTime
	if e.POSIX != nil && !e.POSIX.Atime.IsZero() {
		atime = e.POSIX.Atime
	}
	if ts[0], err = unix.TimeToTimespec(atime); err != nil {
		return ts, err
	}
	ts[1], err = unix.TimeToTimespec(e.ModTime)
	return ts, err
}
