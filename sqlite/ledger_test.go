package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// openLedger opens a ledger in a new folder, closed at the end of the test.
func openLedger(tb testing.TB, o sqlite.LedgerOptions) *sqlite.Ledger {
	tb.Helper()
	return reopenLedger(tb, filepath.Join(tb.TempDir(), "ledger.db"), o)
}

// reopenLedger opens the ledger of a path, closed at the end of the test.
func reopenLedger(tb testing.TB, path string, o sqlite.LedgerOptions) *sqlite.Ledger {
	tb.Helper()
	l, err := sqlite.OpenLedger(tb.Context(), path, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Close(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

func TestLedger(t *testing.T) {
	t.Parallel()
	ledgertest.Run(t, func(t *testing.T) hikyaku.Ledger {
		t.Helper()
		return openLedger(t, sqlite.LedgerOptions{})
	})
}
