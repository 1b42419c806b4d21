package local

import (
	"errors"
	"io/fs"
	"os"
	"strconv"

	"github.com/hikyaku/hikyaku/storage"
)

// workFolder makes the work folder on first use.
func (s *Stage) workFolder() (*folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.work != nil {
		return s.work, nil
	}
	work, err := s.driver.openWork(s.execution)
	if err != nil {
		return nil, err
	}
	s.work = work
	return work, nil
}

// createFile opens the n-th file of this stage: one of the first few without a
// name, unless it is to replace another, which takes a rename; else one in the
// work folder.
func (s *Stage) createFile(f *stagedFile, n uint64, replaces bool) (err error) {
	if n <= unnamedFiles && !replaces && !s.driver.named.Load() {
		if f.file, err = s.top.openUnnamed(0o666); err == nil {
			f.unnamed = true
			return nil
		}
		s.driver.named.Store(true) // what is really wrong shows again below
	}
	work, err := s.workFolder()
	if err != nil {
		return err
	}
	f.name = "f" + strconv.FormatUint(n, 10)
	f.file, err = work.openFile(f.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return err
}

func (s *Stage) rename(f *stagedFile, to *folder, name string) error {
	work, err := s.workFolder()
	if err != nil {
		return err
	}
	if err := work.rename(f.name, to, name); err != nil {
		return err
	}
	f.name = ""
	return nil
}

// link gives a file without a name its name. If somebody has put something
// there meanwhile the file is renamed over it.
func (s *Stage) link(b *batch, f *stagedFile, to *folder, name string) error {
	err := to.link(f.file, name)
	if errors.Is(err, fs.ErrExist) {
		temp := "f0-" + strconv.FormatUint(s.next.Add(1), 10)
		var work *folder
		if work, err = s.workFolder(); err == nil {
			err = work.link(f.file, temp)
		}
		if err == nil {
			f.name, f.unnamed = temp, false
			if err = s.rename(f, to, name); err != nil {
				return err
			}
		}
	}
	if linkRefused(err) {
		s.driver.named.Store(true) // another try takes the other way
		return &storage.PathError{Op: "publish", Path: f.path, Kind: storage.ErrTransient, Err: err}
	}
	if err != nil {
		return err
	}
	f.unnamed = false
	b.linked = append(b.linked, f)
	return nil
}
