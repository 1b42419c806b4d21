package ledgertest

import (
	"errors"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// testActivePaths: IDs that are paths exclude their ancestors and descendants.
func testActivePaths(s suite) {
	for _, c := range []struct {
		name, held, asked string
		excluded          bool
	}{
		{"Same", "a/b", "a/b", true},
		{"Parent", "a/b", "a", true},
		{"Child", "a", "a/b", true},
		{"Ancestor", "a/b/c/d", "a/b", true},
		{"Descendant", "a", "a/b/c", true},
		{"Sibling", "a/b", "a/c", false},
		{"SiblingByString", "a", "ab", false},
		{"SiblingByStringBelow", "a/b", "a/bc", false},
		{"SiblingBeforeSlash", "a/x", "a-", false}, // "-" and "." sort before "/"
		{"SiblingAfterSlash", "a/x", "a0", false},  // "0" is what follows "/"
		{"SiblingOfAncestor", "a/b", "ab/b", false},
		{"SamePart", "a/b", "b", false},
		{"Escaping", "a%/b_", "a%/b_/c", true}, // no wildcards of a database
		{"EscapingSibling", "a_/b", "ax", false},
		{"Multibyte", "注文/一", "注文/一/二", true},
		{"MultibyteSibling", "注文/一", "注文/一二", false},
	} {
		s.t.Run(c.name, func(t *testing.T) {
			testPair(suite{Ledger: s.open(t), t: t, open: s.open}, c.held, c.asked, c.excluded)
		})
	}
	s.t.Run("Many", func(t *testing.T) { testManyPaths(suite{Ledger: s.open(t), t: t, open: s.open}) })
	s.t.Run("Refused", func(t *testing.T) { testRefusedPath(suite{Ledger: s.open(t), t: t, open: s.open}) })
}

// activeConflict asks for a lock that others hold; the one named, where the
// ledger names one, must be among the owners.
func (s suite) activeConflict(t *testing.T, tr *hikyaku.Transfer, owners ...*hikyaku.Transfer) {
	t.Helper()
	err := s.Commit(t.Context(), hikyaku.Change{Transfer: tr, LockActive: true})
	c, ok := errors.AsType[*hikyaku.ConflictError](err)
	if !ok || c.What != "active" {
		t.Fatalf("lock of %q: got %v, want a conflict on active", tr.ID, err)
	}
	known := c.Owner == ""
	for _, o := range owners {
		known = known || c.Owner == o.TransferID
	}
	if !known {
		t.Errorf("lock of %q: held by %q, which does not hold it", tr.ID, c.Owner)
	}
}

func testPair(s suite, held, asked string, excluded bool) {
	t := s.t
	first, second := queued(1, withID(held)), queued(2, withID(asked))
	elsewhere := queued(3, withID(asked), onRoute("invoices"))
	s.add(t, first, second, elsewhere)
	s.must(t, hikyaku.Change{Transfer: first, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: elsewhere, LockActive: true}) // of another route
	if !excluded {
		s.must(t, hikyaku.Change{Transfer: second, LockActive: true})
		s.must(t, hikyaku.Change{Transfer: first, LockActive: true})
		return
	}
	s.activeConflict(t, second, first)
	s.must(t, hikyaku.Change{Transfer: second, UnlockActive: true}) // not its own: nothing happens
	s.must(t, hikyaku.Change{Transfer: first, LockActive: true})    // its own
	s.activeConflict(t, second, first)
	s.must(t, hikyaku.Change{Transfer: first, UnlockActive: true}) // once, however often it was taken
	s.must(t, hikyaku.Change{Transfer: second, LockActive: true})
	s.activeConflict(t, first, second)
}

// testManyPaths: an ID waits for all below it.
func testManyPaths(s suite) {
	t := s.t
	top, b, c, deep := queued(1, withID("a")), queued(2, withID("a/b")), queued(3, withID("a/c")), queued(4, withID("a/c/d"))
	s.add(t, top, b, c, deep)
	s.must(t, hikyaku.Change{Transfer: b, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: deep, LockActive: true})
	s.activeConflict(t, top, b, deep)
	s.activeConflict(t, c, deep)
	s.must(t, hikyaku.Change{Transfer: b, UnlockActive: true})
	s.activeConflict(t, top, deep)
	s.must(t, hikyaku.Change{Transfer: b, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: deep, UnlockActive: true})
	s.activeConflict(t, top, b)
	s.must(t, hikyaku.Change{Transfer: c, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: b, UnlockActive: true})
	s.must(t, hikyaku.Change{Transfer: c, UnlockActive: true})
	s.must(t, hikyaku.Change{Transfer: top, LockActive: true})
	for _, below := range []*hikyaku.Transfer{b, c, deep} {
		s.activeConflict(t, below, top)
	}
}

// testRefusedPath: a refused change takes and frees nothing.
func testRefusedPath(s suite) {
	t := s.t
	below, top := queued(1, withID("a/b/c")), queued(2, withID("a"))
	s.add(t, below, top)
	stale := *below
	stale.Version--
	s.conflict(t, hikyaku.Change{Transfer: &stale, LockActive: true}, "transfer", below.TransferID, "")
	s.must(t, hikyaku.Change{Transfer: top, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: top, UnlockActive: true})
	s.must(t, hikyaku.Change{Transfer: below, LockActive: true})
	stale = *below
	stale.Version--
	s.conflict(t, hikyaku.Change{Transfer: &stale, UnlockActive: true}, "transfer", below.TransferID, "")
	s.activeConflict(t, top, below)
	s.must(t, hikyaku.Change{Transfer: below, UnlockActive: true})
	s.must(t, hikyaku.Change{Transfer: top, LockActive: true})
}

// testRaceForPaths: of an ID and those below it exactly one gets its lock, and
// so again after that one freed it.
func testRaceForPaths(s suite) {
	t := s.t
	const rounds, racers = 5, 6
	for round := range rounds {
		transfers := make([]*hikyaku.Transfer, racers)
		for i := range transfers {
			id := []string{"a", "a/b", "a/b/c"}[i%3]
			transfers[i] = queued(100*round+i, withID(id), onRoute("orders"))
			s.add(t, transfers[i])
		}
		won := s.crowd(t, racers, func(i int) hikyaku.Change {
			return hikyaku.Change{Transfer: transfers[i], LockActive: true}
		}, "active")
		if won != 1 {
			t.Fatalf("round %d: %d of %d got the lock of overlapping IDs, want 1", round, won, racers)
		}
		for _, tr := range transfers {
			if stored := s.stored(t, tr.TransferID); stored.Version != tr.Version { // the winner
				s.must(t, hikyaku.Change{Transfer: &stored, UnlockActive: true})
			}
		}
	}
}
