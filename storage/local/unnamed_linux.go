package local

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// unnamedFiles is how many files of a stage are made without a name. Such a
// file costs one more flush than a named one, and saves a stage of few files
// its work folder; what a killed process leaves of it the system removes.
const unnamedFiles = 4

const ownDescriptors = "/proc/self/fd/"

// canLink says whether files without a name can be given one here.
func canLink() bool {
	_, err := os.Stat(ownDescriptors)
	return err == nil
}

// openUnnamed makes a file in the folder's file system that has no name.
func (f *folder) openUnnamed(perm uint32) (*os.File, error) {
	return f.openFile(".", os.O_RDWR|unix.O_TMPFILE, perm)
}

// link gives a file without a name one in this folder.
func (f *folder) link(file *os.File, name string) error {
	from := ownDescriptors + strconv.Itoa(int(file.Fd()))
	return unix.Linkat(unix.AT_FDCWD, from, f.fd, name, unix.AT_SYMLINK_FOLLOW)
}

// linkRefused says whether a file system, or the rules of this one, are
// against linking files without a name.
func linkRefused(err error) bool {
	for _, e := range []error{unix.EPERM, unix.EXDEV, unix.ENOENT, unix.ENOTSUP, unix.ENOSYS, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
