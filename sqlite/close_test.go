package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/sqlite"
)

// TestLedger_Commit_afterClose is refused every time and never waits for a
// writer that is gone, whichever way the race between the two goes.
func TestLedger_Commit_afterClose(t *testing.T) {
	t.Parallel()
	for range 20 {
		l, err := sqlite.OpenLedger(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.LedgerOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			if err := l.Commit(t.Context(), hikyaku.Change{OutboxDone: []string{"x"}}); err == nil {
				t.Fatal("a commit after Close was acknowledged")
			}
		}
	}
}
