package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/sqlite"
)

func TestLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	first, err := sqlite.Lock(folder, since)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqlite.Lock(folder, since)
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("second lock: got %v, want *LockedError", err)
	}
	host, _ := os.Hostname()
	if want := (sqlite.Holder{PID: os.Getpid(), Host: host, Since: since}); locked.Holder != want || locked.Folder != folder {
		t.Errorf("got %+v, want %s held by %+v", locked, folder, want)
	}
	if !strings.Contains(err.Error(), "since 2026-01-02T03:04:05Z") {
		t.Errorf("the error %q does not say since when", err)
	}
	if err := first.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.Lock(folder, since)
	if err != nil {
		t.Fatalf("lock after unlock: %v", err)
	}
	if err := os.WriteFile(filepath.Join(folder, "lock.holder"), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = sqlite.Lock(folder, since); !errors.As(err, &locked) || locked.Holder.PID != 0 {
		t.Errorf("with a torn holder file: got %v, want *LockedError without a holder", err)
	}
	if err := again.Unlock(); err != nil {
		t.Error(err)
	}
	if _, err := sqlite.Lock(filepath.Join(folder, "missing"), since); err == nil || errors.As(err, &locked) {
		t.Errorf("lock of a missing folder: got %v, want an error that is not *LockedError", err)
	}
}
