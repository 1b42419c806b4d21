package local

import "golang.org/x/sys/unix"

// renameNew renames unless the new name is taken.
func (f *folder) renameNew(name string, to *folder, newName string) error {
	err := unix.Renameat2(f.fd, name, to.fd, newName, unix.RENAME_NOREPLACE)
	switch err {
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP: // not on this file system (NFS)
		return f.renameByLink(name, to, newName)
	}
	return err
}
