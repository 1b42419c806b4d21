package local

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
)

// setTimes sets atime and mtime of an open file, to the microsecond.
func setTimes(fd int, ts *[2]unix.Timespec) error {
	return unix.Futimes(fd, []unix.Timeval{
		unix.NsecToTimeval(ts[0].Nano()),
		unix.NsecToTimeval(ts[1].Nano()),
	})
}

// preallocate is left to the file system.
func preallocate(*os.File, int64) error { return nil }

// canSyncAll says whether syncAll does anything.
const canSyncAll = false

// syncAll has no equivalent here.
func syncAll(*folder) (supported bool, err error) { return false, nil }

// list reads all names of the directory with their kinds.
func (f *folder) list(l *listing) error {
	if _, err := f.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	for {
		names, err := f.f.Readdirnames(1024)
		for _, name := range names {
			var e storage.Entry
			if serr := f.stat(name, &e, nil); serr != nil && errors.Is(serr, unix.ENOENT) {
				continue
			}
			l.add([]byte(name), e.Kind == storage.Dir)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
