package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// openWork makes and opens the work folder of an execution. Another stage that
// closes may remove the parent in between; then it is made again.
func (d *Driver) openWork(execution string) (*folder, error) {
	root, err := d.rootFolder(true)
	if err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		f, err := makeWork(root, execution)
		if err == nil || try == 20 || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
}

func makeWork(root *os.Root, execution string) (*folder, error) {
	if err := root.Mkdir(storage.WorkFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	work, err := openFolder(root, storage.WorkFolder)
	if err != nil {
		return nil, err
	}
	defer work.close()
	if err := work.mkdir(execution, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	f, err := work.sub(execution)
	if err != nil || !strings.HasPrefix(execution, storage.OneOff) {
		return f, err
	}
	if f.hold(); !f.is(work, execution) { // swept before it was held
		f.close()
		return nil, fs.ErrNotExist
	}
	return f, nil
}

// removeLeftover removes what an earlier process left of an execution. That
// there is nothing is the normal case, and found out with one look.
func removeLeftover(root *os.Root, execution string) error {
	work, err := openFolder(root, storage.WorkFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var e storage.Entry
	err = work.stat(execution, &e, nil)
	work.close()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = root.RemoveAll(storage.WorkFolder + "/" + execution); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// removeWork removes an execution's work folder with everything in it, and the
// parent if that leaves it empty.
func (d *Driver) removeWork(execution string) error {
	root, err := d.rootFolder(false)
	if err != nil {
		return err
	}
	return removeWork(root, execution)
}

func removeWork(root *os.Root, execution string) error {
	err := root.RemoveAll(storage.WorkFolder + "/" + execution)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	top, openErr := openFolder(root, ".")
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	defer top.close()
	// Not empty is the normal case while others work.
	_ = top.remove(storage.WorkFolder, true)
	return err
}

// Sweep removes the work folders of executions that are not alive, and those
// of one-off executions that nobody holds.
func (d *Driver) Sweep(ctx context.Context, alive func(execution string) bool) error {
	f, err := d.folder(storage.WorkFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return pathError("sweep", storage.WorkFolder, err)
	}
	l := new(listing)
	err = f.list(l)
	f.close()
	if err != nil {
		return pathError("sweep", storage.WorkFolder, err)
	}
	var errs []error
	for i := range l.items {
		if err := ctx.Err(); err != nil {
			return err
		}
		name, dir := strings.CutSuffix(string(l.name(i)), "/")
		if !dir || !validExecution(name) {
			continue
		}
		var err error
		if strings.HasPrefix(name, storage.OneOff) {
			err = d.sweepOneOff(name)
		} else if !alive(name) {
			err = d.removeWork(name)
		}
		if err != nil {
			errs = append(errs, pathError("sweep", storage.WorkFolder+"/"+name, err))
		}
	}
	return errors.Join(errs...)
}

// sweepOneOff removes the work folder of a one-off execution if nobody holds it.
func (d *Driver) sweepOneOff(execution string) error {
	f, err := d.folder(storage.WorkFolder + "/" + execution)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.close()
	if !f.claim() {
		return nil
	}
	return d.removeWork(execution)
}

// validExecution holds execution names to letters, digits and "-".
func validExecution(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return s != "" && len(s) <= maxComponent
}

// MakeSymlink makes or replaces the link e.Path, and sets owner and times.
func (d *Driver) MakeSymlink(ctx context.Context, e storage.Entry, target string) error {
	return d.makeSymlink(ctx, e, target, d.placeLink)
}

// makeSymlink makes the link by place, which gives it its name, unless it is
// there as it should be.
func (d *Driver) makeSymlink(ctx context.Context, e storage.Entry, target string, place func(*folder, string, string) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.checkPath("make link", e.Path, false); err != nil {
		return err
	}
	root, err := d.rootFolder(true)
	if err != nil {
		return pathError("make link", e.Path, err)
	}
	dir, name := split(e.Path)
	b := newBatch(root)
	defer b.close()
	parent, err := b.folder(dir)
	if err != nil {
		return pathError("make link", e.Path, err)
	}
	if old, err := parent.readlink(name); err != nil || old != target {
		if err := place(parent.folder, name, target); err != nil {
			return pathError("make link", e.Path, err)
		}
		parent.dirty = true
	}
	if err := parent.setLinkMetadata(name, e); err != nil {
		return pathError("set metadata", e.Path, err)
	}
	return pathError("make link", e.Path, b.sync())
}

// placeLink makes the link, or a new one that takes the place of what is there.
func (d *Driver) placeLink(parent *folder, name, target string) error {
	err := parent.symlink(target, name)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	execution := d.oneOff("link")
	work, err := d.openWork(execution)
	if err != nil {
		return err
	}
	const temp = "link"
	if err = work.symlink(target, temp); err == nil {
		err = work.rename(temp, parent, name)
	}
	work.close()
	return errors.Join(err, d.removeWork(execution))
}

// oneOff names an execution of this driver's own.
func (d *Driver) oneOff(purpose string) string {
	return fmt.Sprintf("%s%s-%d-%d", storage.OneOff, purpose, os.Getpid(), d.counter.Add(1))
}
