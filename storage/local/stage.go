package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hikyaku/hikyaku/storage"
)

// openLimit bounds the staged files whose handles stay open from Finish to
// Publish; beyond it they are closed and opened again when needed.
const openLimit = 256

// fewFiles is up to how many files a Sync syncs one by one: beyond it, one
// sync of the whole file system is faster.
const fewFiles = 4

// Stage writes on behalf of one execution. An execution has one Stage at a
// time: what an earlier one left in the work folder is removed when the next
// begins.
type Stage struct {
	driver    *Driver
	execution string
	root      *os.Root
	top       *folder // the root
	next      atomic.Uint64
	open      atomic.Int32
	keep      bool // KeepExisting

	// made is set when MakeDir changed something that Close must make durable.
	made atomic.Bool

	// gate is held for reading while the work folder is in use, and for
	// writing by Close.
	gate   sync.RWMutex
	closed bool

	mu   sync.Mutex // guards work
	work *folder    // nil until something needs it
}

// enter keeps the stage open until leave is called, or says that it is closed.
func (s *Stage) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return nil, fmt.Errorf("stage %s: %w", s.execution, fs.ErrClosed)
	}
	return s.gate.RUnlock, nil
}

// Stage begins writing; the root is made if it is missing.
func (d *Driver) Stage(ctx context.Context, execution string) (storage.Stage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !validExecution(execution) {
		return nil, &storage.PathError{Op: "stage", Path: execution, Kind: storage.ErrName, Err: errors.New("not a name of letters, digits and -")}
	}
	d.renew()
	root, err := d.rootFolder(true)
	if err != nil {
		return nil, pathError("stage", d.path, err)
	}
	if err := removeLeftover(root, execution); err != nil {
		return nil, pathError("stage", storage.WorkFolder+"/"+execution, err)
	}
	own, err := root.OpenRoot(".")
	if err != nil {
		return nil, pathError("stage", d.path, err)
	}
	s := &Stage{driver: d, execution: execution, root: own}
	if s.top, err = openFolder(own, ""); err != nil {
		_ = own.Close()
		return nil, pathError("stage", d.path, err)
	}
	if strings.HasPrefix(execution, storage.OneOff) {
		// Nobody else may ever look; a failure here is not this execution's.
		_ = d.Sweep(ctx, func(string) bool { return true })
		if _, err := s.workFolder(); err != nil { // held from the beginning
			s.top.close()
			_ = own.Close()
			return nil, pathError("stage", storage.WorkFolder+"/"+execution, err)
		}
	}
	return s, nil
}

// Create opens a temporary file for e, of exactly e.Size bytes.
func (s *Stage) Create(ctx context.Context, e storage.Entry) (storage.StagedFile, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.driver.checkPath("create", e.Path, false); err != nil {
		return nil, err
	}
	if e.Size < 0 {
		return nil, &storage.PathError{Op: "create", Path: e.Path, Err: fmt.Errorf("size %d", e.Size)}
	}
	exists, err := s.conflict(e.Path)
	if err != nil {
		return nil, s.located("create", e.Path, pathError("create", e.Path, err))
	}
	if exists && s.keep {
		return nil, existsError("create", e.Path)
	}
	f := &stagedFile{stage: s, path: e.Path, size: e.Size}
	if err := s.createFile(f, s.next.Add(1), exists); err != nil {
		return nil, s.located("create", e.Path, pathError("create", e.Path, err))
	}
	s.open.Add(1)
	if e.Size >= preallocateFrom {
		if err := preallocate(f.file, e.Size); err != nil {
			_ = f.remove()
			return nil, pathError("create", e.Path, err)
		}
	}
	return f, nil
}

// conflict reports a directory at path, or a file among its parents, and else
// whether there is something that a file would replace.
func (s *Stage) conflict(path string) (exists bool, err error) {
	dir, name := split(path)
	var e storage.Entry
	err = s.driver.folders.with(dir, func(f *folder) error { return f.stat(name, &e, nil) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case e.Kind == storage.Dir:
		return true, &storage.PathError{Op: "create", Path: path, Kind: storage.ErrConflict, Err: errors.New("is a directory")}
	}
	return true, nil
}

// own returns f as this stage's file.
func (s *Stage) own(f storage.StagedFile) (*stagedFile, error) {
	if own, ok := f.(*stagedFile); ok && own.stage == s {
		return own, nil
	}
	return nil, errors.New("file of another stage")
}

// Sync makes finished files durable.
func (s *Stage) Sync(ctx context.Context, files []storage.StagedFile) error {
	if len(files) > fewFiles && canSyncAll {
		leave, err := s.enter(ctx)
		if err != nil {
			return err
		}
		defer leave()
		_, err = syncAll(s.top)
		return pathError("sync", storage.WorkFolder+"/"+s.execution, err)
	}
	for _, f := range files {
		own, err := s.own(f)
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := own.sync(ctx); err != nil {
			return pathError("sync", own.path, err)
		}
	}
	return nil
}

// Publish renames finished files into place.
func (s *Stage) Publish(ctx context.Context, files []storage.StagedFile) []error {
	errs := make([]error, len(files))
	leave, err := s.enter(ctx)
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer leave()
	if !s.driver.here(s.root) { // nobody would find what is published there
		for i := range errs {
			errs[i] = &storage.PathError{Op: "publish", Path: s.driver.path, Kind: storage.ErrGone}
		}
		return errs
	}
	b := newBatch(s.root)
	defer b.close()
	from := 0
	settle := func(to int) {
		err := b.sync()
		for i := from; i < to && err != nil; i++ {
			if errs[i] == nil {
				errs[i] = pathError("sync folder", "", err)
			}
		}
		b.close()
		from = to
	}
	for i, f := range files {
		if b.full() {
			settle(i)
		}
		errs[i] = s.publish(ctx, b, f)
	}
	settle(len(files))
	s.recordOrigins(files, errs)
	return errs
}

func (s *Stage) publish(ctx context.Context, b *batch, file storage.StagedFile) error {
	f, err := s.own(file)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !f.finished {
		return &storage.PathError{Op: "publish", Path: f.path, Err: errors.New("not finished")}
	}
	dir, name := split(f.path)
	to, err := b.folder(dir)
	if err != nil {
		return pathError("publish", f.path, err)
	}
	if s.keep {
		err = s.placeNew(b, f, to.folder, name)
	} else if f.unnamed {
		err = s.link(b, f, to.folder, name)
	} else {
		f.closeHandle()
		err = s.rename(f, to.folder, name)
	}
	if err != nil {
		return pathError("publish", f.path, err)
	}
	to.dirty = true
	return nil
}

// recordOrigins writes to the index what extended attributes could not hold.
// The files are published by then; without the record they are copied again.
func (s *Stage) recordOrigins(files []storage.StagedFile, errs []error) {
	var records map[string]record
	for i, file := range files {
		f, err := s.own(file)
		if err != nil || errs[i] != nil || f.indexed == nil {
			continue
		}
		if records == nil {
			records = make(map[string]record)
		}
		records[f.path] = *f.indexed
	}
	if records == nil {
		return
	}
	if _, err := s.workFolder(); err != nil { // with its parent
		return
	}
	work, err := openFolder(s.root, storage.WorkFolder)
	if err != nil {
		return
	}
	defer work.close()
	_ = s.driver.index.append(work, records)
}

// MakeDir makes a directory, or sets the metadata of one that exists.
func (s *Stage) MakeDir(ctx context.Context, e storage.Entry) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := s.driver.checkPath("make folder", e.Path, true); err != nil {
		return err
	}
	b := newBatch(s.root)
	defer b.close()
	dir, err := b.folder(strings.TrimSuffix(e.Path, "/"))
	if err != nil {
		return s.located("make folder", e.Path, pathError("make folder", e.Path, err))
	}
	if err := dir.setMetadata(e); err != nil {
		return pathError("set metadata", e.Path, err)
	}
	s.made.Store(true)
	if canSyncAll {
		return nil // Close does it once for all
	}
	return pathError("make folder", e.Path, b.sync())
}

// Close removes the work folder. What MakeDir did is durable afterwards.
func (s *Stage) Close(context.Context) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.made.Load() {
		_, err = syncAll(s.top)
	}
	s.top.close()
	if s.work != nil {
		s.work.close()
		err = errors.Join(err, removeWork(s.root, s.execution))
	}
	err = errors.Join(err, s.root.Close())
	return pathError("close stage", storage.WorkFolder+"/"+s.execution, err)
}
