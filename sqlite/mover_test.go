package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

func TestMover(t *testing.T) {
	t.Parallel()
	movertest.TestStore(t, func(t *testing.T) func() mover.Store {
		t.Helper()
		path := filepath.Join(t.TempDir(), "mover.db")
		var last *sqlite.Mover
		shut := func() {
			if last != nil {
				if err := last.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		t.Cleanup(shut)
		return func() mover.Store {
			shut()
			m, err := sqlite.OpenMover(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			last = m
			return m
		}
	})
}
