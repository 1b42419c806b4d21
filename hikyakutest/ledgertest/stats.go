package ledgertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
)

// statsAre waits until the statistics are exactly these.
func (s suite) statsAre(t *testing.T, want hikyaku.Stats) {
	t.Helper()
	eventually(t, func() error {
		got, err := s.Stats(t.Context())
		if err != nil {
			return err
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Errorf("stats (-want +got):\n%s", diff)
		}
		return nil
	})
}

func testStats(s suite) {
	t := s.t
	s.statsAre(t, hikyaku.Stats{})
	moving := queued(3, notBefore(100), queuedAt(1))
	s.add(t, queued(1), queued(2), moving, queued(4, onRoute("invoices"), in(hikyaku.Failed)))
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{entry(1), entry(2)}})
	want := hikyaku.Stats{
		Counts: map[string]map[hikyaku.State]int64{"orders": {hikyaku.Queued: 3}, "invoices": {hikyaku.Failed: 1}},
		Waiting: map[string]map[hikyaku.WaitingReason]int64{
			"orders": {hikyaku.NoFreeTask: 2, hikyaku.BackingOff: 1},
		},
		OldestQueued: map[string]time.Time{"orders": at(1)}, OutboxPending: 2,
	}
	s.statsAre(t, want)
	s.conflict(t, hikyaku.Change{Transfer: queued(1)}, "transfer", transferID(1), "")
	moving.WaitingReason, moving.QueuedAt = hikyaku.Throttled, at(7)
	s.must(t, hikyaku.Change{Transfer: moving, OutboxDone: []string{entry(1).ID}})
	want.Waiting["orders"] = map[hikyaku.WaitingReason]int64{hikyaku.NoFreeTask: 2, hikyaku.Throttled: 1}
	want.OutboxPending = 1
	s.statsAre(t, want)
	in(hikyaku.Running)(moving)
	s.add(t, moving)
	s.add(t, moving) // a refresh
	want.Counts["orders"] = map[hikyaku.State]int64{hikyaku.Queued: 2, hikyaku.Running: 1}
	want.Waiting["orders"] = map[hikyaku.WaitingReason]int64{hikyaku.NoFreeTask: 2}
	s.statsAre(t, want)
}

// testSubscribe is for ledgers that can tell of commits.
func testSubscribe(s suite) {
	t := s.t
	ledger, ok := s.Ledger.(hikyaku.Subscriber)
	if !ok {
		return // an ability, not a duty
	}
	var mu sync.Mutex
	seen := map[string][]int64{}
	stop := ledger.Subscribe(func(tr hikyaku.Transfer) {
		mu.Lock()
		defer mu.Unlock()
		seen[tr.TransferID] = append(seen[tr.TransferID], tr.Version)
	})
	last := func(n int) int64 {
		mu.Lock()
		defer mu.Unlock()
		if versions := seen[transferID(n)]; len(versions) > 0 {
			return versions[len(versions)-1]
		}
		return 0
	}
	const transfers, writes = 8, 20
	var all sync.WaitGroup
	for n := range transfers {
		all.Go(func() {
			tr := queued(n)
			for range writes {
				if err := s.Commit(t.Context(), hikyaku.Change{Transfer: tr}); err != nil {
					t.Error(err)
					return
				}
				tr.Version++
			}
		})
	}
	all.Wait()
	s.conflict(t, hikyaku.Change{Transfer: queued(0)}, "transfer", transferID(0), "")
	for n := range transfers {
		eventually(t, func() error {
			if got := last(n); got != writes {
				return fmt.Errorf("transfer %d: last version told is %d, want %d", n, got, writes)
			}
			return nil
		})
		mu.Lock()
		versions := seen[transferID(n)]
		mu.Unlock()
		if !slices.IsSorted(versions) || len(slices.Compact(slices.Clone(versions))) != len(versions) {
			t.Errorf("transfer %d: versions told are %v, want each once and in order", n, versions)
		}
	}
	stop()
	s.add(t, queued(90))
	if got := last(90); got != 0 {
		t.Errorf("told of version %d after the subscription ended", got)
	}
}
