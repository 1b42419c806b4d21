package ledgertest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
)

// owedTo is a completion event of a transfer that a target is owed.
func owedTo(target string, n int, seq int64) hikyaku.OutboxEntry {
	return hikyaku.OutboxEntry{
		SchemaVersion: 1, ID: hikyaku.OutboxID(hikyaku.OutboxCompletion, transferID(n), seq, target), Kind: hikyaku.OutboxCompletion,
		TransferID: transferID(n), Route: "orders", Queue: "hikyaku", Target: target, Body: `{"id":"A"}`, CreatedAt: at(n),
		Attributes: map[string]string{"hikyaku-state": "SUCCEEDED"},
	}
}

// putOff is an entry that was tried in vain.
func putOff(e hikyaku.OutboxEntry, until int) hikyaku.OutboxEntry {
	e.Tries++
	e.NotBefore, e.TriedAt, e.LastError, e.LastStatus = at(until), at(until-1), "answered 503 Service Unavailable", 503
	return e
}

// selects waits until a query finds exactly these entries, in any order where
// more than one is due at the same time.
func (s suite) selects(t *testing.T, q hikyaku.OutboxQuery, want ...hikyaku.OutboxEntry) {
	t.Helper()
	if q.Limit == 0 {
		q.Limit = 100
	}
	eventually(t, func() error {
		got, err := s.Outbox(t.Context(), q)
		if err != nil {
			return err
		}
		byID := cmpopts.SortSlices(func(a, b hikyaku.OutboxEntry) bool { return a.ID < b.ID })
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), byID); diff != "" {
			return fmt.Errorf("%+v (-want +got):\n%s", q, diff)
		}
		return nil
	})
}

// testOutboxQuery: each way out of the outbox sees its own entries, however
// many of the others there are, and a transfer's are found alone.
func testOutboxQuery(s suite) {
	t := s.t
	letter, old := entry(1), owedTo("", 1, 4)
	var hook []hikyaku.OutboxEntry
	for n := range 40 {
		hook = append(hook, owedTo("hook", n+10, 2))
	}
	queue := []hikyaku.OutboxEntry{owedTo("queue", 10, 2), owedTo("queue", 10, 12), owedTo("queue", 3, 2)}
	s.must(t, hikyaku.Change{Outbox: append(append([]hikyaku.OutboxEntry{letter, old}, hook...), queue...)})
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxDeadLetter}, letter)
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, Target: "queue", Due: at(1000)}, queue...)
	s.selects(t, hikyaku.OutboxQuery{Target: "hook"}, hook...)
	s.selects(t, hikyaku.OutboxQuery{Target: "none"})
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, Except: []string{"hook", "queue"}}, old)
	s.selects(t, hikyaku.OutboxQuery{Except: []string{"hook"}, Due: at(60)}, letter, old, queue[0], queue[1], queue[2])
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: transferID(10)}, hook[0], queue[0], queue[1])
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: transferID(1)}, old)
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxDeadLetter, TransferID: transferID(10)})
	s.selects(t, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: transferID(10)[:len(transferID(10))-1]})
	few, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Target: "hook", Limit: 7})
	if err != nil || len(few) != 7 {
		t.Fatalf("got %d entries, %v, want 7", len(few), err)
	}
	if none, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{}); err != nil || len(none) != 0 {
		t.Errorf("got %d entries, %v, want none with limit 0", len(none), err)
	}

	queue[1] = putOff(queue[1], 500)
	s.must(t, hikyaku.Change{OutboxLater: queue[1:2]})
	s.selects(t, hikyaku.OutboxQuery{Target: "queue", Due: at(499)}, queue[0], queue[2])
	s.selects(t, hikyaku.OutboxQuery{Target: "queue", Due: at(500)}, queue...)
	queue[1].NotBefore = at(20) // sooner, after all
	s.must(t, hikyaku.Change{OutboxLater: queue[1:2]})
	s.selects(t, hikyaku.OutboxQuery{Target: "queue", Due: at(20)}, queue...)
}

// testOutboxOwed: what is owed to whom, since when, and what fails.
func testOutboxOwed(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{
		owedTo("hook", 5, 2), owedTo("hook", 2, 2), owedTo("hook", 9, 2), owedTo("queue", 7, 2), owedTo("", 1, 2), entry(1),
	}})
	want := hikyaku.Stats{OutboxPending: 6, Owed: map[string]hikyaku.Owed{
		"hook": {Events: 3, Since: at(2).UTC()}, "queue": {Events: 1, Since: at(7).UTC()},
	}}
	s.statsAre(t, want)
	s.must(t, hikyaku.Change{OutboxLater: []hikyaku.OutboxEntry{putOff(owedTo("hook", 9, 2), 60), putOff(owedTo("gone", 9, 2), 60)}})
	want.Owed["hook"] = hikyaku.Owed{Events: 3, Since: at(2).UTC(), Failing: 1}
	s.statsAre(t, want)
	s.must(t, hikyaku.Change{OutboxDone: []string{owedTo("hook", 2, 2).ID, owedTo("hook", 9, 2).ID, owedTo("queue", 7, 2).ID}})
	s.statsAre(t, hikyaku.Stats{OutboxPending: 3, Owed: map[string]hikyaku.Owed{"hook": {Events: 1, Since: at(5).UTC()}}})
}
