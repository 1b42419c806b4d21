package sqlite_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hikyaku/hikyaku/sqlite"
)

// TestOpenMover_mode: what the database holds is its owner's to read.
func TestOpenMover_mode(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // folders decide there, not files' modes
	}
	path := filepath.Join(t.TempDir(), "mover.db")
	m, err := sqlite.OpenMover(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(name), got)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}
