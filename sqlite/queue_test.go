package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
	"github.com/hikyaku/hikyaku/sqlite"
)

func TestQueueStore(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(tb testing.TB) queue.Store {
		tb.Helper()
		return openQueues(tb, filepath.Join(tb.TempDir(), "queue.db"))
	})
}

func openQueues(tb testing.TB, path string) *sqlite.QueueStore {
	tb.Helper()
	store, err := sqlite.OpenQueues(tb.Context(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	return store
}
