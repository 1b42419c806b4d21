package sqlite_test

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/sqlite"
)

// TestDB_synchronous: that an acknowledged write survives a power cut cannot be
// tried out here, so the setting it hangs on is looked at.
func TestDB_synchronous(t *testing.T) {
	t.Parallel()
	const normal, full = 1, 2
	folder := t.TempDir()
	ledger, err := sqlite.OpenLedger(t.Context(), filepath.Join(folder, "ledger.db"), sqlite.LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	queues, err := sqlite.OpenQueues(t.Context(), filepath.Join(folder, "queue.db"))
	if err != nil {
		t.Fatal(err)
	}
	mover, err := sqlite.OpenMover(t.Context(), filepath.Join(folder, "mover.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		db   *sqlite.DB
		file io.Closer
		want int
	}{{"ledger", ledger.DB(), ledger, full}, {"queues", queues.DB(), queues, full}, {"mover", mover.DB(), mover, normal}} {
		if got, err := tc.db.Synchronous(t.Context()); err != nil || got != tc.want {
			t.Errorf("%s: synchronous=%d (%v), want %d", tc.name, got, err, tc.want)
		}
		if err := tc.file.Close(); err != nil {
			t.Errorf("close %s: %v", tc.name, err)
		}
	}
}
