package queuetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

// sweep sweeps the queue q.
func (b *bundle) sweep(tb testing.TB, sweep queue.Sweep) int {
	tb.Helper()
	n, err := b.store.Sweep(tb.Context(), "q", sweep)
	if err != nil {
		tb.Fatalf("sweep: %v", err)
	}
	return n
}

func testSweep(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q", "other")
	b.send(t, "other", epoch(), "x")
	b.send(t, "q", epoch(), "a", "b", "c")
	b.send(t, "q", epoch().Add(time.Minute), "delayed")
	b.receive(t, "q", epoch(), 2)
	at := epoch().Add(time.Second)
	equal(t, "released", b.sweep(t, queue.Sweep{Kind: queue.SweepRelease, Now: at}), 2)
	equal(t, "counts after release", b.counts(t, "q", at), queue.Counts{Visible: 3, Delayed: 1})
	expired := queue.Sweep{Kind: queue.SweepExpired, SentBefore: at, Limit: 2}
	equal(t, "expired", []int{b.sweep(t, expired), b.sweep(t, expired), b.sweep(t, expired)}, []int{2, 1, 0})
	equal(t, "purged", b.sweep(t, queue.Sweep{Kind: queue.SweepPurge}), 1)
	equal(t, "counts after purge", b.counts(t, "q", at), queue.Counts{})
	equal(t, "counts of the other", b.counts(t, "other", at), queue.Counts{Visible: 1})
}

func testSweepDrop(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q", "other")
	b.send(t, "q", epoch(), "a")
	b.step(t, queue.MoveStep{Task: queue.MoveTask{ID: "t", Source: "q", Status: queue.MoveRunning, StartedAt: epoch()}, Now: epoch()})
	b.sweep(t, queue.Sweep{Kind: queue.SweepDrop})
	records, err := b.store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(records.Queues) != 1 || records.Queues[0].Name != "other" || len(records.Moves) != 0 {
		t.Errorf("got %+v, want the other queue only", records)
	}
	b.queue(t, "q")
	equal(t, "counts of a queue created anew", b.counts(t, "q", epoch()), queue.Counts{})
}

func (b *bundle) step(tb testing.TB, step queue.MoveStep) queue.MoveResult {
	tb.Helper()
	result, err := b.store.Move(tb.Context(), step)
	if err != nil {
		tb.Fatalf("move from %s: %v", step.Task.Source, err)
	}
	return result
}

func testMove(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "dlq", "q")
	b.send(t, "dlq", epoch(), "a", "b", "c")
	b.send(t, "dlq", epoch().Add(time.Hour), "delayed")
	b.receive(t, "dlq", epoch(), 1)
	at := epoch().Add(time.Second)
	task := queue.MoveTask{ID: "t", Source: "dlq", Destination: "q", Status: queue.MoveRunning, StartedAt: epoch()}
	started := b.step(t, queue.MoveStep{Task: task, Now: at})
	if started.Task.LastKey == 0 || started.Task.Moved != 0 {
		t.Fatalf("got %+v, want the last key set and nothing moved", started.Task)
	}
	b.send(t, "dlq", at, "later")
	moved := b.step(t, queue.MoveStep{Task: started.Task, IDs: []string{"n1"}, Now: at})
	equal(t, "first step", []any{moved.Task.Moved, moved.Arrived, moved.Failure}, []any{1, map[string]int{"q": 1}, ""})
	moved = b.step(t, queue.MoveStep{Task: moved.Task, IDs: []string{"n2", "n3", "n4"}, Now: at})
	equal(t, "second step", []any{moved.Task.Moved, moved.Arrived}, []any{2, map[string]int{"q": 1}})
	got := b.receive(t, "q", at, 10).Messages
	equal(t, "moved", ids(got), []string{"n1", "n2"})
	if got[0].Body != "b" || !got[0].SentAt.Equal(at) || got[0].TotalReceives != 1 || got[0].Source != "" {
		t.Errorf("got %+v, want a new message with the body b", got[0])
	}
	equal(t, "left", b.counts(t, "dlq", at), queue.Counts{Visible: 1, InFlight: 1, Delayed: 1})
	records, err := b.store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "task", records.Moves, []queue.MoveTask{moved.Task})
}

func testMoveToSource(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "dlq", "q1", "q2")
	for _, name := range []string{"q1", "q2"} {
		b.send(t, name, epoch(), name)
		b.receive(t, name, epoch(), 1)
		at := epoch().Add(time.Hour)
		b.call(t, queue.ReceiveCall{Queue: name, Now: at, VisibleAt: at, Max: 1, SentAfter: forever(), DeadLetter: "dlq", MaxReceives: 1})
	}
	result := b.step(t, queue.MoveStep{
		Task: queue.MoveTask{ID: "t", Source: "dlq", Status: queue.MoveRunning, StartedAt: epoch()}, IDs: []string{"n1", "n2"}, Now: epoch().Add(2 * time.Hour),
	})
	equal(t, "arrived", result.Arrived, map[string]int{"q1": 1, "q2": 1})
	got := b.receive(t, "q2", epoch().Add(3*time.Hour), 1).Messages
	if len(got) != 1 || got[0].Body != "q2" || got[0].Receives != 1 {
		t.Errorf("got %+v, want the message back in its queue", got)
	}
}

func testMoveFailures(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "dlq")
	b.send(t, "dlq", epoch(), "direct")
	task := queue.MoveTask{ID: "t", Source: "dlq", Status: queue.MoveRunning, StartedAt: epoch()}
	result := b.step(t, queue.MoveStep{Task: task, IDs: []string{"n1"}, Now: epoch()})
	equal(t, "without a source", []any{result.Failure, result.Task.Moved}, []any{queue.FailureNoSource, 0})
	task.Destination = "none"
	result = b.step(t, queue.MoveStep{Task: task, IDs: []string{"n1"}, Now: epoch()})
	equal(t, "without a destination", []any{result.Failure, result.Task.Moved}, []any{queue.FailureNoQueue, 0})
	equal(t, "counts", b.counts(t, "dlq", epoch()), queue.Counts{Visible: 1})
}

func testMoveKept(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "dlq")
	for i := range queue.KeptMoves + 3 {
		status := queue.MoveCompleted
		if i == 0 {
			status = queue.MoveRunning
		}
		b.step(t, queue.MoveStep{Task: queue.MoveTask{
			ID: fmt.Sprintf("t%02d", i), Source: "dlq", Status: status, StartedAt: epoch().Add(time.Duration(i) * time.Second),
		}})
	}
	records, err := b.store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range records.Moves {
		got = append(got, m.ID)
	}
	slices.Sort(got)
	want := []string{"t00"}
	for i := 3; i < queue.KeptMoves+3; i++ {
		want = append(want, fmt.Sprintf("t%02d", i))
	}
	equal(t, "tasks kept", got, want)
}
