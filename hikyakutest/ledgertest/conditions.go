package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/hikyaku/hikyaku"
)

func testTransfer(s suite) {
	t := s.t
	if _, err := s.Transfer(t.Context(), transferID(1)); !errors.Is(err, hikyaku.ErrNotFound) {
		t.Errorf("unknown transfer: got %v, want ErrNotFound", err)
	}
	want := full()
	given := *want
	s.must(t, hikyaku.Change{Transfer: want})
	if given.Version != 0 || want.Version != 1 {
		t.Errorf("commit changed what it was given: version %d", given.Version)
	}
	same(t, "stored transfer", s.stored(t, want.TransferID), *want)

	minimal := &hikyaku.Transfer{SchemaVersion: 1, ID: "B", TransferID: transferID(2), State: hikyaku.Rejected, CreatedAt: at(2)}
	s.must(t, hikyaku.Change{Transfer: minimal})
	same(t, "transfer without a route", s.stored(t, minimal.TransferID), *minimal)
}

// full is a transfer with every field set.
func full() *hikyaku.Transfer {
	counters := hikyaku.Files{Total: 5, Transferred: 4, Verified: 3, Skipped: 2, Failed: 1}
	volume := hikyaku.Bytes{Total: 1 << 50, Transferred: 2 << 40, Written: 3}
	took := hikyaku.Durations{Queued: 1, Launching: 2, Preparing: 3, Transferring: 4, Verifying: 5, Total: 6}
	failure := &hikyaku.Failure{Code: "HKY-2001", Kind: hikyaku.KindTransient, Message: "m", Remedy: "r", Detail: "d\n\"quoted\""}
	exact := at(0).Add(123456789 * time.Nanosecond)
	return &hikyaku.Transfer{
		SchemaVersion: 1, ID: "注文 A|*\\'\"%_", TransferID: transferID(1), Route: "orders",
		Paths: []string{"x/y", "ü"}, Metadata: map[string]string{"k": "v", "": "empty"},
		Key: "key", MessageID: "m-1", Body: "{\"id\":\"\\u0000\"}\u2028",
		State: hikyaku.Running, Outcome: hikyaku.Delivered, WaitingDetail: "detail",
		NotBefore: exact.Add(1), CancelRequested: true,
		Attempt: 4, BudgetFrom: 2, Free: 1, MaxAttempts: 3, CopyAll: true,
		TaskARN: "arn:task", Token: 1 << 60, LeaseExpires: exact.Add(2), ExecutionARN: "arn:execution",
		ExecutionStatus: "TRANSFERRING", AgentARNs: []string{"arn:agent-1", "arn:agent-2"},
		Files: counters, Bytes: volume, Rate: 7, ETA: 8, Durations: took, ProgressAt: exact.Add(3), PhaseAt: exact.Add(4),
		Failure: failure, LogURL: "https://example.com/log", DeadLetter: hikyaku.DeadLetterOwed,
		CreatedAt: exact, QueuedAt: exact.Add(5), StartedAt: exact.Add(6), EndedAt: exact.Add(7), UpdatedAt: exact.Add(8),
		Attempts: []hikyaku.Attempt{{
			Number: 4, TaskARN: "arn:task", Token: 9, ExecutionARN: "arn:execution", AgentARNs: []string{"arn:agent-1"},
			TransferMode: "ALL", StartedAt: exact, EndedAt: exact.Add(1), Status: "ERROR", Files: counters, Bytes: volume,
			Durations: took, Failure: failure, Free: true,
		}},
	}
}

func testVersion(s suite) {
	t := s.t
	tr := queued(1)
	missing := *tr
	missing.Version = 1
	s.conflict(t, hikyaku.Change{Transfer: &missing}, "transfer", tr.TransferID, "")
	s.add(t, tr)

	again := queued(1)
	s.conflict(t, hikyaku.Change{Transfer: again}, "transfer", tr.TransferID, "")
	in(hikyaku.Starting)(tr)
	s.add(t, tr)
	if got := s.stored(t, tr.TransferID); got.Version != 2 || got.State != hikyaku.Starting {
		t.Errorf("after the second write: version %d, state %s", got.Version, got.State)
	}
	for _, stale := range []int64{0, 1, 3} {
		old := *tr
		old.Version, old.State = stale, hikyaku.Failed
		s.conflict(t, hikyaku.Change{Transfer: &old}, "transfer", tr.TransferID, "")
	}
	same(t, "transfer after refused writes", s.stored(t, tr.TransferID), *tr)
}

func testSchemaVersion(s suite) {
	t := s.t
	tr := queued(1, func(t *hikyaku.Transfer) { t.SchemaVersion = 41 })
	e := event(tr.TransferID, 1)
	e.SchemaVersion = 42
	o := entry(1)
	o.SchemaVersion = 43
	s.must(t, hikyaku.Change{Transfer: tr, Events: []hikyaku.Event{e}, Outbox: []hikyaku.OutboxEntry{o}})
	if got := s.stored(t, tr.TransferID).SchemaVersion; got != 41 {
		t.Errorf("transfer has schema version %d, want 41", got)
	}
	events, err := s.Events(t.Context(), tr.TransferID, 0)
	if err != nil || len(events) != 1 || events[0].SchemaVersion != 42 {
		t.Errorf("got events %+v, %v; want one of schema version 42", events, err)
	}
	eventually(t, func() error {
		due, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Due: at(100), Limit: 10})
		if err == nil && (len(due) != 1 || due[0].SchemaVersion != 43) {
			t.Fatalf("got outbox %+v, want one entry of schema version 43", due)
		}
		return err
	})
}

func testEvents(s suite) {
	t := s.t
	tr, other := queued(1), queued(2)
	first, second, third := event(tr.TransferID, 1), event(tr.TransferID, 2), event(tr.TransferID, 10)
	second.By, second.Detail = "", json.RawMessage(`{"nested":{"list":[1,"二",null]}}`)
	s.must(t, hikyaku.Change{Transfer: tr, Events: []hikyaku.Event{first, second}})
	s.must(t, hikyaku.Change{Transfer: tr, Events: []hikyaku.Event{third}})
	s.must(t, hikyaku.Change{Transfer: other, Events: []hikyaku.Event{event(other.TransferID, 1)}})
	s.conflict(t, hikyaku.Change{Transfer: tr, Events: []hikyaku.Event{event(tr.TransferID, 2)}}, "event", "", "")

	for after, want := range map[int64][]hikyaku.Event{
		0: {first, second, third}, 1: {second, third}, 2: {third}, 9: {third}, 10: nil, 99: nil,
	} {
		got, err := s.Events(t.Context(), tr.TransferID, after)
		if err != nil {
			t.Fatalf("events after %d: %v", after, err)
		}
		same(t, "events", got, want)
	}
	got, err := s.Events(t.Context(), transferID(99), 0)
	if len(got) > 0 || err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		t.Errorf("events of an unknown transfer: got %v, %v", got, err)
	}
}

func testUnique(s suite) {
	t := s.t
	first, second := queued(1), queued(2)
	message, key := hikyaku.MessageKey("m", "orders", "A"), hikyaku.ProducerKey("orders", "k")
	s.must(t, hikyaku.Change{Transfer: first, Unique: []string{message, key}})
	s.conflict(t, hikyaku.Change{Transfer: second, Unique: []string{message}}, "unique", message, first.TransferID)
	s.conflict(t, hikyaku.Change{Transfer: second, Unique: []string{"other", key}}, "unique", key, first.TransferID)
	if _, err := s.Transfer(t.Context(), second.TransferID); !errors.Is(err, hikyaku.ErrNotFound) {
		t.Errorf("a refused accept left its transfer: %v", err)
	}
	s.must(t, hikyaku.Change{Transfer: second, Unique: []string{"other"}})
	s.must(t, hikyaku.Change{Transfer: first, Unique: []string{"joined"}})
	in(hikyaku.Succeeded)(first)
	s.add(t, first)
	s.conflict(t, hikyaku.Change{Transfer: queued(3), Unique: []string{"joined"}}, "unique", "joined", first.TransferID)
}

func testActive(s suite) {
	t := s.t
	first, second := queued(1, withID("A")), queued(2, withID("A"))
	elsewhere := queued(3, withID("A"), onRoute("invoices"))
	s.add(t, first, second, elsewhere)
	s.must(t, hikyaku.Change{Transfer: first, LockActive: true})
	s.must(t, hikyaku.Change{Transfer: first, LockActive: true}) // its own
	s.must(t, hikyaku.Change{Transfer: elsewhere, LockActive: true})
	refused := func() {
		t.Helper()
		err := s.Commit(t.Context(), hikyaku.Change{Transfer: second, LockActive: true})
		var c *hikyaku.ConflictError
		if !errors.As(err, &c) || c.What != "active" || c.Owner != first.TransferID {
			t.Fatalf("second lock of the ID: got %v, want a conflict held by %s", err, first.TransferID)
		}
	}
	refused()
	s.must(t, hikyaku.Change{Transfer: second, UnlockActive: true}) // not its own: nothing happens
	refused()
	s.must(t, hikyaku.Change{Transfer: first, UnlockActive: true})
	s.must(t, hikyaku.Change{Transfer: second, LockActive: true})
}

func testCancelledContext(s suite) {
	t := s.t
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tr := queued(1)
	err := s.Commit(ctx, hikyaku.Change{Transfer: tr})
	_, read := s.Transfer(t.Context(), tr.TransferID)
	if stored := read == nil; stored != (err == nil) {
		t.Errorf("commit under a cancelled context said %v, reading says %v", err, read)
	}
}
