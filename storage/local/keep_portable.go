//go:build !linux && !darwin

package local

import (
	"errors"
	"io/fs"
)

// linkName gives a file a second name.
func (f *folder) linkName(name string, to *folder, newName string) error {
	return f.top.Link(f.at(name), to.at(newName))
}

// linksMissing says whether an error means that the file system has no links:
// each system, and each share, has its own word for that.
func linksMissing(err error) bool {
	return err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist)
}
