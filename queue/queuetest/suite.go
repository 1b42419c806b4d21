package queuetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/queue"
)

// epoch is the suite's clock at its start.
func epoch() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// forever is a retention that ends nothing in the suite.
func forever() time.Time { return epoch().Add(-24 * time.Hour) }

// Run checks a store against the contract. open returns an empty one.
func Run(t *testing.T, open func(testing.TB) queue.Store) {
	t.Helper()
	tests := map[string]func(*testing.T, *bundle){
		"Queues":              testQueues,
		"UnknownQueue":        testUnknownQueue,
		"SendAndReceive":      testSendAndReceive,
		"ReceiveOrder":        testReceiveOrder,
		"ReceiveNext":         testReceiveNext,
		"ReceiveVisibleAgain": testReceiveVisibleAgain,
		"ReceiveExpired":      testReceiveExpired,
		"DeadLetter":          testDeadLetter,
		"DeadLetterGone":      testDeadLetterGone,
		"Delete":              testDelete,
		"ChangeVisibility":    testChangeVisibility,
		"Counts":              testCounts,
		"Sweep":               testSweep,
		"SweepDrop":           testSweepDrop,
		"Move":                testMove,
		"MoveToSource":        testMoveToSource,
		"MoveFailures":        testMoveFailures,
		"MoveKept":            testMoveKept,
		"Concurrency":         testConcurrency,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &bundle{store: open(t)})
		})
	}
}

// bundle is a store with short words.
type bundle struct{ store queue.Store }

func (b *bundle) queue(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		if err := b.store.SaveQueue(tb.Context(), queue.Queue{Name: name, CreatedAt: epoch(), ModifiedAt: epoch()}); err != nil {
			tb.Fatalf("save queue %s: %v", name, err)
		}
	}
}

// send sends messages whose IDs are also their bodies, visible from then on.
func (b *bundle) send(tb testing.TB, name string, at time.Time, ids ...string) {
	tb.Helper()
	var messages []queue.Message
	for _, id := range ids {
		messages = append(messages, queue.Message{ID: id, Body: id, SentAt: at, VisibleAt: at})
	}
	if err := b.store.Send(tb.Context(), name, messages); err != nil {
		tb.Fatalf("send %v to %s: %v", ids, name, err)
	}
}

// receive takes up to n messages at a time, invisible for a minute.
func (b *bundle) receive(tb testing.TB, name string, at time.Time, n int) queue.ReceiveResult {
	tb.Helper()
	return b.call(tb, queue.ReceiveCall{Queue: name, Now: at, VisibleAt: at.Add(time.Minute), Max: n, SentAfter: forever()})
}

func (b *bundle) call(tb testing.TB, call queue.ReceiveCall) queue.ReceiveResult {
	tb.Helper()
	result, err := b.store.Receive(tb.Context(), call)
	if err != nil {
		tb.Fatalf("receive from %s: %v", call.Queue, err)
	}
	return result
}

func (b *bundle) change(tb testing.TB, name string, changes ...queue.Change) []queue.Outcome {
	tb.Helper()
	outcomes, err := b.store.Change(tb.Context(), name, changes)
	if err != nil {
		tb.Fatalf("change messages of %s: %v", name, err)
	}
	return outcomes
}

func (b *bundle) counts(tb testing.TB, name string, at time.Time) queue.Counts {
	tb.Helper()
	c, err := b.store.Counts(tb.Context(), name, at)
	if err != nil {
		tb.Fatalf("count messages of %s: %v", name, err)
	}
	return c
}

func ids(messages []queue.Message) []string {
	out := []string{}
	for _, m := range messages {
		out = append(out, m.ID)
	}
	return out
}

func equal(tb testing.TB, what string, got, want any) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func testQueues(t *testing.T, b *bundle) {
	t.Helper()
	q := queue.Queue{
		Name: "orders", Tags: map[string]string{"team": "blue"}, CreatedAt: epoch(), ModifiedAt: epoch(),
		Settings: queue.Settings{
			VisibilityTimeout: 5, Retention: 60, Redrive: &queue.Redrive{TargetARN: "arn", MaxReceives: 3},
			RedriveAllow: &queue.RedriveAllow{Permission: "byQueue", SourceARNs: []string{"a"}},
		},
	}
	if err := b.store.SaveQueue(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	b.send(t, "orders", epoch(), "a")
	q.Settings.VisibilityTimeout = 6
	if err := b.store.SaveQueue(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	records, err := b.store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "queues", records.Queues, []queue.Queue{q})
	equal(t, "counts after the record was replaced", b.counts(t, "orders", epoch()), queue.Counts{Visible: 1})
}

func testUnknownQueue(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	calls := map[string]func() error{
		"Send":    func() error { return b.store.Send(ctx, "none", []queue.Message{{ID: "a", Body: "a"}}) },
		"Receive": func() error { _, err := b.store.Receive(ctx, queue.ReceiveCall{Queue: "none", Max: 1}); return err },
		"Change": func() error {
			_, err := b.store.Change(ctx, "none", []queue.Change{{Key: 1, Delete: true}})
			return err
		},
		"Sweep":  func() error { _, err := b.store.Sweep(ctx, "none", queue.Sweep{}); return err },
		"Counts": func() error { _, err := b.store.Counts(ctx, "none", epoch()); return err },
		"Move": func() error {
			_, err := b.store.Move(ctx, queue.MoveStep{Task: queue.MoveTask{ID: "t", Source: "none"}})
			return err
		},
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, queue.NoQueue()) {
			t.Errorf("%s: got %v, want %v", name, err, queue.NoQueue())
		}
	}
}

func testSendAndReceive(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	sent := queue.Message{
		ID: "a", Body: "body\n\U0001F680", TraceHeader: "trace", GroupID: "group", SenderID: "sender", SentAt: epoch(), VisibleAt: epoch(),
		Attributes: map[string]queue.Attribute{"s": {DataType: "String", String: "x"}, "b": {DataType: "Binary", Binary: []byte{0, 255}}},
	}
	if err := b.store.Send(t.Context(), "q", []queue.Message{sent}); err != nil {
		t.Fatal(err)
	}
	at := epoch().Add(5 * time.Second)
	got := b.receive(t, "q", at, 10)
	if len(got.Messages) != 1 || got.Messages[0].Key == 0 {
		t.Fatalf("got %+v, want one message with a key", got)
	}
	want := sent
	want.Key, want.Receives, want.TotalReceives = got.Messages[0].Key, 1, 1
	want.FirstReceivedAt, want.ReceivedAt, want.VisibleAt = at, at, at.Add(time.Minute)
	equal(t, "message", got.Messages[0], want)
	equal(t, "receive while invisible", ids(b.receive(t, "q", at, 10).Messages), []string{})
}

func testReceiveOrder(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q", "other")
	b.send(t, "q", epoch().Add(2*time.Millisecond), "c", "d")
	b.send(t, "q", epoch(), "a", "b")
	b.send(t, "other", epoch(), "x")
	at := epoch().Add(time.Second)
	equal(t, "first", ids(b.receive(t, "q", at, 3).Messages), []string{"a", "b", "c"})
	equal(t, "rest", ids(b.receive(t, "q", at, 3).Messages), []string{"d"})
}

func testReceiveNext(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	equal(t, "next of an empty queue", b.receive(t, "q", epoch(), 1).Next, time.Time{})
	b.send(t, "q", epoch().Add(3*time.Second), "later")
	equal(t, "next with a delayed message", b.receive(t, "q", epoch(), 1).Next, epoch().Add(3*time.Second))
	b.send(t, "q", epoch(), "a", "b")
	equal(t, "next with one left", b.receive(t, "q", epoch(), 1).Next, epoch())
	equal(t, "next with none left", b.receive(t, "q", epoch(), 1).Next, epoch().Add(3*time.Second))
}

func testReceiveVisibleAgain(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	b.send(t, "q", epoch(), "a")
	b.receive(t, "q", epoch(), 1)
	equal(t, "just before", ids(b.receive(t, "q", epoch().Add(time.Minute-time.Millisecond), 1).Messages), []string{})
	again := b.receive(t, "q", epoch().Add(time.Minute), 1).Messages
	if len(again) != 1 || again[0].Receives != 2 || again[0].TotalReceives != 2 || !again[0].FirstReceivedAt.Equal(epoch()) {
		t.Errorf("got %+v, want the second receive of a message first received at %v", again, epoch())
	}
	// Invisible for no time at all: still handed out once per call.
	at := epoch().Add(time.Hour)
	got := b.call(t, queue.ReceiveCall{Queue: "q", Now: at, VisibleAt: at, Max: 10, SentAfter: forever()})
	equal(t, "with a timeout of zero", ids(got.Messages), []string{"a"})
}

func testReceiveExpired(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	b.send(t, "q", epoch(), "old1", "old2")
	b.send(t, "q", epoch().Add(time.Minute), "new")
	at := epoch().Add(2 * time.Minute)
	got := b.call(t, queue.ReceiveCall{Queue: "q", Now: at, VisibleAt: at.Add(time.Minute), Max: 1, SentAfter: epoch().Add(time.Second)})
	equal(t, "messages", ids(got.Messages), []string{"new"})
	equal(t, "counts", b.counts(t, "q", at), queue.Counts{InFlight: 1})
}

func testDeadLetter(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q", "dlq")
	b.send(t, "q", epoch(), "bad")
	call := queue.ReceiveCall{Queue: "q", Max: 5, SentAfter: forever(), DeadLetter: "dlq", MaxReceives: 2}
	for i := range 2 {
		call.Now = epoch().Add(time.Duration(i) * time.Hour)
		call.VisibleAt = call.Now.Add(time.Minute)
		equal(t, fmt.Sprintf("receive %d", i+1), ids(b.call(t, call).Messages), []string{"bad"})
	}
	b.send(t, "q", epoch(), "good")
	call.Now = epoch().Add(3 * time.Hour)
	call.VisibleAt = call.Now.Add(time.Minute)
	got := b.call(t, call)
	equal(t, "messages", ids(got.Messages), []string{"good"})
	equal(t, "dead-lettered", got.DeadLettered, 1)
	dead := b.receive(t, "dlq", call.Now, 5).Messages
	if len(dead) != 1 || dead[0].ID != "bad" || dead[0].Source != "q" || dead[0].Receives != 1 || dead[0].TotalReceives != 3 ||
		!dead[0].SentAt.Equal(epoch()) || !dead[0].FirstReceivedAt.Equal(epoch()) {
		t.Errorf("got %+v, want bad from q with its history", dead)
	}
}

func testDeadLetterGone(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	b.send(t, "q", epoch(), "bad")
	for i := range 3 {
		at := epoch().Add(time.Duration(i) * time.Hour)
		got := b.call(t, queue.ReceiveCall{
			Queue: "q", Now: at, VisibleAt: at.Add(time.Minute), Max: 1, SentAfter: forever(), DeadLetter: "none", MaxReceives: 1,
		})
		equal(t, "messages", ids(got.Messages), []string{"bad"})
	}
}

func testDelete(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q", "other")
	b.send(t, "q", epoch(), "a", "b")
	m := b.receive(t, "q", epoch(), 2).Messages
	b.receive(t, "q", epoch().Add(time.Hour), 2)
	equal(t, "wrong queue", b.change(t, "other", queue.Change{Key: m[0].Key, ID: m[0].ID, Delete: true}), []queue.Outcome{queue.Gone})
	equal(t, "outcomes", b.change(t, "q",
		queue.Change{Key: m[0].Key, ID: m[0].ID, Delete: true}, // by a stale receipt
		queue.Change{Key: m[0].Key, ID: m[0].ID, Delete: true},
		queue.Change{Key: m[1].Key, ID: "wrong", Delete: true},
		queue.Change{Key: 1 << 40, ID: "a", Delete: true},
	), []queue.Outcome{queue.Done, queue.Gone, queue.Gone, queue.Gone})
	equal(t, "counts", b.counts(t, "q", epoch().Add(time.Hour)), queue.Counts{InFlight: 1})
}

func testChangeVisibility(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	b.send(t, "q", epoch(), "a")
	first := b.receive(t, "q", epoch(), 1).Messages[0]
	at := epoch().Add(10 * time.Second)
	to := func(visibleAt, now time.Time, generation int) queue.Change {
		return queue.Change{Key: first.Key, ID: first.ID, VisibleAt: visibleAt, Now: now, Generation: generation, Limit: time.Hour}
	}
	equal(t, "too long", b.change(t, "q", to(epoch().Add(time.Hour+time.Millisecond), at, 1)), []queue.Outcome{queue.TooLong})
	equal(t, "longer", b.change(t, "q", to(epoch().Add(time.Hour), at, 1)), []queue.Outcome{queue.Done})
	equal(t, "still invisible", ids(b.receive(t, "q", epoch().Add(2*time.Minute), 1).Messages), []string{})
	equal(t, "to zero", b.change(t, "q", to(at, at, 1)), []queue.Outcome{queue.Done})
	equal(t, "not in flight", b.change(t, "q", to(at.Add(time.Minute), at, 1)), []queue.Outcome{queue.NotInFlight})
	second := b.receive(t, "q", at, 1).Messages
	equal(t, "visible at once", ids(second), []string{"a"})
	equal(t, "stale", b.change(t, "q", to(at, at, 1)), []queue.Outcome{queue.Stale})
	equal(t, "current", b.change(t, "q", to(at, at, second[0].TotalReceives)), []queue.Outcome{queue.Done})
	b.change(t, "q", queue.Change{Key: first.Key, ID: first.ID, Delete: true})
	equal(t, "gone", b.change(t, "q", to(at, at, 2)), []queue.Outcome{queue.Gone})
}

func testCounts(t *testing.T, b *bundle) {
	t.Helper()
	b.queue(t, "q")
	b.send(t, "q", epoch(), "a", "b", "c")
	b.send(t, "q", epoch().Add(time.Minute), "delayed")
	b.receive(t, "q", epoch(), 2)
	equal(t, "now", b.counts(t, "q", epoch()), queue.Counts{Visible: 1, InFlight: 2, Delayed: 1})
	equal(t, "later", b.counts(t, "q", epoch().Add(time.Hour)), queue.Counts{Visible: 4})
}
