//go:build linux || darwin

package local

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
)

// originAttribute is the extended attribute that holds a record.
const originAttribute = "user.hikyaku.origin"

// readFlags open a file for reading; a FIFO does not block.
const readFlags = os.O_RDONLY | unix.O_NONBLOCK

// isLoop reports the error of opening a symbolic link without following it.
func isLoop(err error) bool { return errors.Is(err, unix.ELOOP) }

// writeOrigin stores rec with the file; ok is false where files have no
// extended attributes.
func writeOrigin(file *os.File, rec record) (ok bool, err error) {
	err = unix.Fsetxattr(int(file.Fd()), originAttribute, []byte(rec.encode()), 0)
	var errno syscall.Errno
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &errno) && (errno == unix.ENOSPC || errno == unix.EDQUOT || errno == unix.EIO):
		return false, err
	}
	return false, nil
}

// readOrigin reads the record of name and fills now with the file's state.
func readOrigin(f *folder, name string, now *storage.Entry) (rec record, found bool, err error) {
	fd, err := openat(f.fd, name, readFlags, 0)
	if err != nil {
		return record{}, false, err
	}
	defer unix.Close(fd) //nolint:errcheck // opened for reading only
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return record{}, false, err
	}
	fillEntry(&st, now, nil)
	var buf [512]byte
	n, err := unix.Fgetxattr(fd, originAttribute, buf[:])
	if err != nil {
		return record{}, false, nil // no attribute, or none possible
	}
	rec, found = decodeRecord(string(buf[:n]))
	return rec, found, nil
}
