package local

import (
	"bytes"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
)

// setTimes sets atime and mtime of an open file.
func setTimes(fd int, ts *[2]unix.Timespec) error {
	// utimensat(fd, NULL, …) is futimens; x/sys has no name for it.
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(ts)), 0, 0, 0) //nolint:gosec // the kernel reads two timespecs
	if errno != 0 {
		return errno
	}
	return nil
}

// preallocate reserves size bytes, so that a full disk shows at once and the
// file is laid out in one piece. File systems that cannot do it are left alone.
func preallocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	switch err {
	case unix.ENOSPC, unix.EDQUOT, unix.EFBIG:
		return err
	}
	return nil
}

// canSyncAll says whether syncAll does anything.
const canSyncAll = true

// syncAll makes everything of the file system that holds f durable.
func syncAll(f *folder) (supported bool, err error) { return true, unix.Syncfs(f.fd) }

// Layout of struct linux_dirent64, the same on every architecture.
const (
	direntReclen = 16
	direntType   = 18
	direntName   = 19
)

// list reads all names of the directory with their kinds.
func (f *folder) list(l *listing) error {
	if _, err := unix.Seek(f.fd, 0, 0); err != nil {
		return err
	}
	buf := l.direntBuffer()
	for {
		n, err := unix.Getdents(f.fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n <= 0 {
			return nil
		}
		for b := buf[:n]; len(b) > direntName; {
			size := int(b[direntReclen]) | int(b[direntReclen+1])<<8
			if size <= direntName || size > len(b) {
				return syscall.EIO
			}
			name := b[direntName:size]
			if i := bytes.IndexByte(name, 0); i >= 0 {
				name = name[:i]
			}
			if err := f.addDirent(l, name, b[direntType]); err != nil {
				return err
			}
			b = b[size:]
		}
	}
}

func (f *folder) addDirent(l *listing, name []byte, kind byte) error {
	if string(name) == "." || string(name) == ".." {
		return nil
	}
	dir := kind == unix.DT_DIR
	if kind == unix.DT_UNKNOWN {
		var e storage.Entry
		if err := f.stat(string(name), &e, nil); err == nil {
			dir = e.Kind == storage.Dir
		}
	}
	l.add(name, dir)
	return nil
}
