package ledgertest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
)

// readyIs waits until the ready order of a route is exactly this.
func (s suite) readyIs(t *testing.T, route string, now, limit int, want ...int) {
	t.Helper()
	names := make([]string, len(want))
	for i, n := range want {
		names[i] = transferID(n)
	}
	eventually(t, func() error {
		list, err := s.Ready(t.Context(), route, at(now), limit)
		if err != nil {
			return err
		}
		if diff := cmp.Diff(names, ids(list), cmpopts.EquateEmpty()); diff != "" {
			return fmt.Errorf("ready of %s at %d (-want +got):\n%s", route, now, diff)
		}
		return nil
	})
}

func queuedAt(n int) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) { t.QueuedAt = at(n) }
}

func notBefore(n int) func(*hikyaku.Transfer) {
	return func(t *hikyaku.Transfer) { t.NotBefore, t.WaitingReason = at(n), hikyaku.BackingOff }
}

func testReady(s suite) {
	t := s.t
	first := queued(3, queuedAt(1))
	s.add(t, queued(1, queuedAt(3)), queued(2, queuedAt(2)), first, queued(4, onRoute("invoices")),
		queued(5, in(hikyaku.Running)), queued(6, in(hikyaku.Failed)))
	s.readyIs(t, "orders", 10, 10, 3, 2, 1)
	s.readyIs(t, "orders", 10, 2, 3, 2)
	s.readyIs(t, "invoices", 10, 10, 4)
	s.readyIs(t, "none", 10, 10)
	if list, err := s.Ready(t.Context(), "orders", at(10), 1); err == nil && len(list) == 1 {
		same(t, "ready transfer", list[0], *first)
	}
	in(hikyaku.Starting)(first)
	s.add(t, first)
	s.readyIs(t, "orders", 10, 10, 2, 1)
	in(hikyaku.Queued)(first)
	first.QueuedAt = at(9)
	s.add(t, first)
	s.readyIs(t, "orders", 10, 10, 2, 1, 3)
}

func testReadyParked(s suite) {
	t := s.t
	parked := queued(1, notBefore(50))
	s.add(t, parked, queued(2), queued(3, notBefore(20)))
	s.readyIs(t, "orders", 19, 10, 2)
	s.readyIs(t, "orders", 20, 10, 2, 3)
	s.readyIs(t, "orders", 50, 10, 1, 2, 3)
	s.readyIs(t, "orders", 50, 1, 1)
	s.readyIs(t, "orders", 49, 10, 2, 3)
	parked.NotBefore = time.Time{}
	s.add(t, parked)
	s.readyIs(t, "orders", 19, 10, 1, 2)
	parked.NotBefore = at(30)
	s.add(t, parked)
	s.readyIs(t, "orders", 29, 10, 2, 3)
}

// testReadyManyParked has many come due at once, among them old and new ones.
func testReadyManyParked(s suite) {
	t := s.t
	const n = 1200
	for i := range n {
		s.add(t, queued(i, notBefore(2000), queuedAt(n-i)))
	}
	last := queued(5000)
	s.add(t, last)
	s.readyIs(t, "orders", 1999, 3, 5000)
	s.readyIs(t, "orders", 2000, 3, n-1, n-2, n-3)
	again := s.stored(t, transferID(n-1))
	again.NotBefore = at(3000)
	s.add(t, &again)
	s.readyIs(t, "orders", 2000, 2, n-2, n-3)
	s.readyIs(t, "orders", 3000, 2, n-1, n-2)
}

func entry(n int) hikyaku.OutboxEntry {
	return hikyaku.OutboxEntry{
		SchemaVersion: 1, ID: fmt.Sprintf("dead_letter/%s/1", transferID(n)), Kind: hikyaku.OutboxDeadLetter,
		TransferID: transferID(n), Route: "orders", Queue: "hikyaku", Body: "A", CreatedAt: at(n),
		Attributes: map[string]string{"hikyaku-code": "HKY-1"},
	}
}

// outboxIs waits until exactly these entries are due.
func (s suite) outboxIs(t *testing.T, now int, want ...string) {
	t.Helper()
	eventually(t, func() error {
		due, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Due: at(now), Limit: 100})
		if err != nil {
			return err
		}
		var got []string
		for _, e := range due {
			got = append(got, e.ID)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			return fmt.Errorf("outbox at %d (-want +got):\n%s", now, diff)
		}
		return nil
	})
}

func testOutbox(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{entry(3), entry(1)}})
	again := entry(1)
	again.Body = "changed"
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{entry(2), again}})
	s.outboxIs(t, 100, entry(1).ID, entry(2).ID, entry(3).ID)
	due, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Due: at(100), Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "two oldest entries", due, []hikyaku.OutboxEntry{entry(1), entry(2)})
	s.must(t, hikyaku.Change{OutboxDone: []string{entry(2).ID, "unknown"}})
	s.outboxIs(t, 100, entry(1).ID, entry(3).ID)
}

func testOutboxLater(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{entry(1), entry(2)}})
	later := entry(1)
	later.NotBefore, later.Tries = at(60), 3
	s.must(t, hikyaku.Change{OutboxLater: []hikyaku.OutboxEntry{later}})
	s.outboxIs(t, 59, entry(2).ID)
	s.must(t, hikyaku.Change{OutboxDone: []string{entry(2).ID}})
	s.outboxIs(t, 60, later.ID)
	due, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Due: at(60), Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "entry that was put off", due, []hikyaku.OutboxEntry{later})
	s.must(t, hikyaku.Change{OutboxDone: []string{later.ID}})
	s.must(t, hikyaku.Change{OutboxLater: []hikyaku.OutboxEntry{later}}) // delivered already: stays gone
	s.outboxIs(t, 100)
}
