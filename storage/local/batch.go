package local

import (
	"errors"
	"io/fs"
	"os"
	"sync"
)

// batchFolders bounds the folders a batch holds open; when it is reached the
// batch syncs and closes them and goes on.
const batchFolders = 256

// manyFolders is when one sync of the file system beats one per folder.
const manyFolders = 16

// batch is the folders that one publication touches. Each is resolved once.
type batch struct {
	root *os.Root
	open map[string]*touched
	// linked are files that had no name before: that they have one is part of
	// the files themselves, which not every file system writes with the folder.
	linked []*stagedFile
}

type touched struct {
	*folder
	dirty bool
}

func newBatch(root *os.Root) *batch { return &batch{root: root, open: make(map[string]*touched)} }

// folder opens rel ("" is the root), making it and its parents if missing.
func (b *batch) folder(rel string) (*touched, error) {
	if t := b.open[rel]; t != nil {
		return t, nil
	}
	f, err := openFolder(b.root, rel)
	if errors.Is(err, fs.ErrNotExist) && rel != "" {
		dir, name := split(rel)
		parent, perr := b.folder(dir)
		if perr != nil {
			return nil, perr
		}
		if err = parent.mkdir(name, 0o777); err == nil {
			parent.dirty = true
		}
		if err == nil || errors.Is(err, fs.ErrExist) {
			f, err = openFolder(b.root, rel)
		}
	}
	if err != nil {
		return nil, err
	}
	t := &touched{folder: f}
	b.open[rel] = t
	return t, nil
}

func (b *batch) full() bool { return len(b.open) >= batchFolders }

// sync makes the names in the touched folders durable, with one flush of the
// file system if they are many, else with one of each, side by side: what a
// file system can write together is waited for once.
func (b *batch) sync() error {
	linked := b.linked
	b.linked = nil
	defer b.clean()
	var dirty []*touched
	for _, t := range b.open {
		if t.dirty {
			dirty = append(dirty, t)
		}
	}
	errs := make([]error, len(linked)+len(dirty))
	var wg sync.WaitGroup
	for i, f := range linked {
		wg.Go(func() {
			errs[i] = f.file.Sync()
			f.closeHandle()
		})
	}
	if len(dirty) > manyFolders {
		if supported, err := syncAll(dirty[0].folder); supported {
			wg.Wait()
			return errors.Join(append(errs, err)...)
		}
	}
	for i, t := range dirty {
		if i < len(dirty)-1 {
			wg.Go(func() { errs[len(linked)+i] = t.sync() })
			continue
		}
		errs[len(linked)+i] = t.sync()
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (b *batch) clean() {
	for _, t := range b.open {
		t.dirty = false
	}
}

func (b *batch) close() {
	for rel, t := range b.open {
		t.close()
		delete(b.open, rel)
	}
}
