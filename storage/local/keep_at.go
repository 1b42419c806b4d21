//go:build linux || darwin

package local

import (
	"errors"

	"golang.org/x/sys/unix"
)

// linkName gives a file a second name.
func (f *folder) linkName(name string, to *folder, newName string) error {
	return unix.Linkat(f.fd, name, to.fd, newName, 0)
}

// linksMissing says whether an error means that the file system has no links.
func linksMissing(err error) bool {
	for _, e := range []error{unix.EPERM, unix.ENOTSUP, unix.ENOSYS, unix.EINVAL, unix.EMLINK} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
