package sqlite

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// holderFile stands beside the lock, because on some systems a locked file
// cannot be read by others.
const (
	lockFile   = "lock"
	holderFile = "lock.holder"
)

// FolderLock is the right of one process to a data folder. The system frees it
// when the process ends, however it ends.
type FolderLock struct {
	lock   *flock.Flock
	holder string
}

// Holder says who holds a folder.
type Holder struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// LockedError is returned by Lock for a folder that another process holds.
type LockedError struct {
	Folder string
	// Holder is who holds it; PID is 0 where that cannot be told.
	Holder Holder
}

// Error names the folder and who holds it.
func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("data folder %s is in use by another process", e.Folder)
	}
	return fmt.Sprintf("data folder %s is in use by process %d on %s since %s",
		e.Folder, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format(time.RFC3339))
}

// Lock takes a data folder for this process, or returns *LockedError at once.
// The folder must exist. now is written down as the time since when.
func Lock(folder string, now time.Time) (*FolderLock, error) {
	l := &FolderLock{
		lock:   flock.New(filepath.Join(folder, lockFile), flock.SetPermissions(0o600)),
		holder: filepath.Join(folder, holderFile),
	}
	taken, err := l.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", folder, err)
	}
	if !taken {
		return nil, &LockedError{Folder: folder, Holder: l.readHolder()}
	}
	if err := l.writeHolder(now); err != nil {
		return nil, errors.Join(fmt.Errorf("lock data folder %s: %w", folder, err), l.lock.Close())
	}
	return l, nil
}

// Unlock gives the folder back.
func (l *FolderLock) Unlock() error {
	removed := os.Remove(l.holder)
	if err := errors.Join(removed, l.lock.Close()); err != nil {
		return fmt.Errorf("unlock data folder: %w", err)
	}
	return nil
}

// readHolder is only asked for a locked folder; what it cannot read, perhaps
// because the other process is just writing it, is left empty.
func (l *FolderLock) readHolder() Holder {
	var h Holder
	text, err := os.ReadFile(l.holder)
	if err != nil || json.Unmarshal(text, &h) != nil {
		return Holder{}
	}
	return h
}

func (l *FolderLock) writeHolder(now time.Time) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	text, err := json.Marshal(Holder{PID: os.Getpid(), Host: host, Since: now.UTC()})
	if err != nil {
		return err
	}
	return os.WriteFile(l.holder, append(text, '\n'), 0o600)
}
