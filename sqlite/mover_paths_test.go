package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/sqlite"
)

const pathsTask = "arn:aws:datasync:local:000000000000:task/task-0aaaaaaaaaaaaaaaa"

// endedWith is the end of execution n with this many files.
func endedWith(n, files int) mover.Change {
	e := mover.Execution{
		ARN: fmt.Sprintf("%s/execution/exec-%017d", pathsTask, n), Seq: int64(n), Status: mover.StatusSuccess,
		EndedAt: time.Date(2026, 11, 23, 0, 0, n, 0, time.UTC),
	}
	c := mover.Change{Executions: []mover.Execution{e}, Files: map[string][]mover.FileOutcome{}}
	for i := range files {
		c.Files[e.ARN] = append(c.Files[e.ARN], mover.FileOutcome{
			Path: fmt.Sprintf("orders/%07d/%02d.csv", n, i), Size: 1024, Action: "TRANSFERRED", Verified: true, Duration: 12345678,
			SourceSum: "crc64nvme:0123456789abcdef", DestinationSum: "crc64nvme:0123456789abcdef",
		})
	}
	return c
}

// fillPaths commits the ends of n executions with so many files each.
func fillPaths(ctx context.Context, m *sqlite.Mover, n, files int) error {
	for i := range n {
		if err := m.Commit(ctx, endedWith(i+1, files)); err != nil {
			return err
		}
	}
	return nil
}

// TestMover_ExecutionsWithFile_many finds what is in the index and what is not
// yet, in a file of an earlier version too.
func TestMover_ExecutionsWithFile_many(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mover.db")
	m, err := sqlite.OpenMover(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := fillPaths(t.Context(), m, 600, 2); err != nil {
		t.Fatal(err)
	}
	holds := func(when string) {
		t.Helper()
		for text, want := range map[string]int{
			"orders/0000001/": 1, "0000300/01.csv": 1, "0000599": 1, "0000600/00.csv": 1, "000006": 11, "/02.csv": 0, "rders/": 100,
		} {
			ids, err := m.ExecutionsWithFile(t.Context(), text, 100)
			if err != nil || len(ids) != want || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
				t.Errorf("%s, %q: %d, want %d: %v, %v", when, text, len(ids), want, ids, err)
			}
		}
	}
	holds("filled")
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "DROP TABLE paths; DROP TABLE pathed; PRAGMA user_version = 1"); err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if m, err = sqlite.OpenMover(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	holds("brought to this version")
}

// TestLedger_TransfersOfExecutions finds transfers by executions beside those that
// hold the text, each once, under the other conditions.
func TestLedger_TransfersOfExecutions(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{})
	f := ledgertest.Filled{N: 30}
	if err := f.Fill(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	page, err := l.Transfers(t.Context(), hikyaku.Query{States: []hikyaku.State{hikyaku.Succeeded}, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var executions, ids []string
	for _, x := range page.Transfers {
		if x.ExecutionARN != "" && len(ids) < 3 {
			executions, ids = append(executions, x.ExecutionARN[len(x.ExecutionARN)-22:]), append(ids, x.ID)
		}
	}
	if len(ids) != 3 {
		t.Fatalf("%d transfers with executions, want 3", len(ids))
	}
	if got := found(t, l, hikyaku.Query{Text: "no such text", Executions: executions}); !slices.Equal(got, ids) {
		t.Errorf("found %v, want %v", got, ids)
	}
	if got := found(t, l, hikyaku.Query{Text: ids[0], Executions: executions, Limit: 1}); !slices.Equal(got, ids) {
		t.Errorf("with a text, in pages of one: %v, want %v", got, ids)
	}
	if got := found(t, l, hikyaku.Query{Text: "no such text", Executions: executions, States: []hikyaku.State{hikyaku.Failed}}); len(got) != 0 {
		t.Errorf("of another state: %v, want none", got)
	}
}

// BenchmarkMover_ExecutionsWithFile searches 100,000 executions of ten files.
func BenchmarkMover_ExecutionsWithFile(b *testing.B) {
	m, err := sqlite.OpenMover(b.Context(), filepath.Join(b.TempDir(), "mover.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := m.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := fillPaths(b.Context(), m, 100_000, 10); err != nil {
		b.Fatal(err)
	}
	for _, text := range []string{"0050000/05", "orders/", "0000", "no such file", "99999/"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := m.ExecutionsWithFile(b.Context(), text, 1000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
