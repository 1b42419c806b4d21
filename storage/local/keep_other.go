//go:build !linux

package local

// renameNew renames unless the new name is taken.
func (f *folder) renameNew(name string, to *folder, newName string) error {
	return f.renameByLink(name, to, newName)
}
