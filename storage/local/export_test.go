package local

import (
	"errors"
	"os"
)

// RenameByLink renames within a folder the way it is done where the system has
// no rename that refuses to replace.
func RenameByLink(dir, from, to string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := openFolder(root, "")
	if err != nil {
		return err
	}
	defer f.close()
	return f.renameByLink(from, f, to)
}
