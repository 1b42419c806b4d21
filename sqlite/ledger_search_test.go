package sqlite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// found are the IDs that a query finds, over all its pages.
func found(t *testing.T, l *sqlite.Ledger, q hikyaku.Query) (ids []string) {
	t.Helper()
	for {
		page, err := l.Transfers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range page.Transfers {
			ids = append(ids, x.ID)
		}
		if q.Token = page.NextToken; q.Token == "" {
			return ids
		}
	}
}

// TestLedger_TransfersTextIndexed looks for texts among more transfers than
// are looked through, so that most are found by the index of IDs only.
func TestLedger_TransfersTextIndexed(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{SearchRows: 10})
	f := ledgertest.Filled{N: 1300}
	if err := f.Fill(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	late := ledgertest.Changes(5000, hikyaku.Task{})[0] // created before those that are indexed
	late.Transfer.ID, late.Transfer.CreatedAt = "遅れた-注文", f.At(5)
	commitAll(t, l, []hikyaku.Change{late})
	execution := fmt.Sprintf("arn:aws:datasync:local:000000000000:task/task-%017d/execution/exec-%017d", 3, 11)
	for text, want := range map[string]int{
		f.ID(7): 1, "0000007": 11, "0000123": 11, f.ID(1299)[4:]: 1, "ORDER": 1300, "order": 0, "遅れた": 1, "-注文": 1, "-注": 1,
		f.TransferID(12): 1, execution: 1, execution[len(execution)-22:]: 1, "exec-": 0, "nothing under ORDER-000004": 1, "HKY-1203": 1,
		`"`: 0, `" OR "`: 0, "R-0%": 0, strings.Repeat("ORDER-", 60): 0,
	} {
		if ids := found(t, l, hikyaku.Query{Text: text}); len(ids) != want {
			t.Errorf("text %q: found %d, want %d: %.5v", text, len(ids), want, ids)
		}
	}
	if n, err := l.Prune(t.Context(), f.At(100).Add(time.Second), 1000); err != nil || n != 100 {
		t.Fatalf("prune: %d, %v", n, err)
	}
	for text, want := range map[string]int{f.ID(7): 0, f.ID(107): 1, f.TransferID(12): 0, execution: 0, "under ORDER-00000000": 0} {
		if ids := found(t, l, hikyaku.Query{Text: text}); len(ids) != want {
			t.Errorf("after pruning, text %q: found %v, want %d", text, ids, want)
		}
	}
}

// TestLedger_Failures lists what failed, from before a migration too, and no
// longer what was delivered in the end.
func TestLedger_Failures(t *testing.T) {
	t.Parallel()
	path := copied(t, "testdata/failed-v2.db")
	l := reopenLedger(t, path, sqlite.LedgerOptions{})
	f := ledgertest.Filled{N: 402}
	again := f
	for n := range 2 { // which the file holds already
		if _, err := l.Transfer(t.Context(), again.TransferID(n)); err != nil {
			t.Fatal(err)
		}
	}
	bad := []hikyaku.State{hikyaku.Failed, hikyaku.Rejected}
	list, more, err := l.Failures(t.Context(), hikyaku.FailureQuery{States: bad, Limit: 10})
	if err != nil || more || len(list) != 1 {
		t.Fatalf("migrated: %+v, %v, %v", list, more, err)
	}
	want := hikyaku.FailedTransfer{
		ID: f.ID(0), Route: f.Route(0), State: hikyaku.Failed, DeadLetter: hikyaku.DeadLetterSent, EndedAt: f.At(0).Add(time.Second),
		Failure: hikyaku.Failure{Code: f.Code(0), Message: "there is nothing under " + f.ID(0)},
	}
	if list[0] != want {
		t.Errorf("migrated: %+v, want %+v", list[0], want)
	}
	for text, want := range map[string]int{"nothing under ORDER-00000000": 1, f.ID(1)[3:]: 1, "exec-" + strings.Repeat("0", 16): 2} {
		if ids := found(t, l, hikyaku.Query{Text: text}); len(ids) != want {
			t.Errorf("migrated, text %q: found %v, want %d", text, ids, want)
		}
	}
	x, err := l.Transfer(t.Context(), f.TransferID(0))
	if err != nil {
		t.Fatal(err)
	}
	x.State, x.Failure, x.DeadLetter = hikyaku.Succeeded, nil, ""
	second := ledgertest.Changes(7, hikyaku.Task{})[0]
	second.Transfer.State, second.Transfer.Failure = hikyaku.Rejected, &hikyaku.Failure{Code: "HKY-1001", Message: "no"}
	commitAll(t, l, []hikyaku.Change{{Transfer: &x}, second})
	if list, _, err = l.Failures(t.Context(), hikyaku.FailureQuery{Limit: 10}); err != nil || len(list) != 1 || list[0].State != hikyaku.Rejected {
		t.Errorf("after a delivery and a rejection: %+v, %v", list, err)
	}
	if list, more, err = l.Failures(t.Context(), hikyaku.FailureQuery{}); err != nil || len(list) != 0 || !more {
		t.Errorf("none of one: %+v, %v, %v", list, more, err)
	}
}
