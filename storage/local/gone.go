package local

import (
	"os"

	"github.com/hikyaku/hikyaku/storage"
)

// here reports whether an open root still is what the driver's path names.
func (d *Driver) here(root *os.Root) bool {
	open, err := root.Stat(".")
	if err != nil {
		return false
	}
	named, err := os.Stat(d.path)
	return err == nil && os.SameFile(open, named)
}

// renew forgets the root, and all folders below it, if it is no longer what
// the path names: a folder that was removed and made again is another one.
func (d *Driver) renew() {
	d.mu.Lock()
	root := d.root
	if root == nil || d.here(root) {
		d.mu.Unlock()
		return
	}
	d.root = nil
	d.mu.Unlock()
	d.folders.clear()
	_ = root.Close() // nothing was written through it
}

// located says of a failure that the root is gone, if it is.
func (s *Stage) located(op, path string, err error) error {
	if err == nil || s.driver.here(s.root) {
		return err
	}
	return &storage.PathError{Op: op, Path: path, Kind: storage.ErrGone, Err: err}
}
