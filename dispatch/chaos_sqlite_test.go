package dispatch_test

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/sqlite"
)

// onDisk is a SQLite ledger in a new file.
func onDisk(t *testing.T) *reopened {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ledger.db")
	var current *sqlite.Ledger
	open := func() (hikyaku.Ledger, error) {
		var err error
		if current != nil {
			err = current.Close()
		}
		l, openErr := sqlite.OpenLedger(t.Context(), path, sqlite.LedgerOptions{})
		if err = errors.Join(err, openErr); err != nil {
			return nil, err
		}
		current = l
		return l, nil
	}
	l, err := open()
	must(t, err)
	t.Cleanup(func() {
		if err := current.Close(); err != nil {
			t.Error(err)
		}
	})
	return &reopened{Ledger: l, again: open, every: 7}
}

// TestDispatcher_holdsInvariantsUnderChaos_sqlite is the property on the
// ledger of the self-hosted edition: each crash closes its file and opens it
// again. A seed that failed is run again with runChaos(…, seed, steps).
func TestDispatcher_holdsInvariantsUnderChaos_sqlite(t *testing.T) {
	t.Parallel()
	const cases, steps = 4, 60
	for range cases {
		seed := rand.Uint64() //nolint:gosec // printed when it fails
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			store := onDisk(t)
			first := store.Ledger
			if err := runChaos(t.Context(), store, seed, steps); err != nil {
				t.Fatal(err)
			}
			if store.Ledger == first {
				t.Log("no process died with this seed")
			}
		})
	}
}
