package ledgertest

import (
	"errors"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// everything is a change of every kind whose conditions hold on a ledger
// prepared by prepare.
func everything() hikyaku.Change {
	tr := queued(5, withID("E"))
	leased := task("task", "orders")
	leased.Version, leased.State, leased.Token = 1, hikyaku.Leased, 1
	token := int64(0)
	return hikyaku.Change{
		Transfer: tr, Events: []hikyaku.Event{event(tr.TransferID, 1)}, Unique: []string{"name-e"}, LockActive: true,
		Tasks:     []hikyaku.TaskWrite{{Task: leased, IfToken: &token}, {Task: task("task-new", "orders")}},
		TakeSlots: []string{"agent"}, FreeSlots: []string{"agent-2"}, Agents: []hikyaku.Agent{agent("agent-3", true, 1)},
		Settings: []hikyaku.RouteSettings{{Route: "orders", Paused: true}}, Outbox: []hikyaku.OutboxEntry{entry(5)},
		OutboxDone: []string{entry(1).ID},
	}
}

func prepare(t *testing.T, s suite) {
	t.Helper()
	taken := queued(1)
	s.must(t, hikyaku.Change{
		Transfer: taken, Events: []hikyaku.Event{event(taken.TransferID, 1)}, Unique: []string{"taken"},
		Tasks:  []hikyaku.TaskWrite{{Task: task("task", "orders")}},
		Agents: []hikyaku.Agent{agent("agent", true, 1), agent("agent-2", true, 1), agent("full", true, 1)},
		Outbox: []hikyaku.OutboxEntry{entry(1)},
	})
	s.must(t, hikyaku.Change{TakeSlots: []string{"agent-2", "full"}})
	locked := queued(2, withID("locked"))
	s.must(t, hikyaku.Change{Transfer: locked, LockActive: true})
	s.must(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{{Route: "invoices"}}})
}

// testAtomicity breaks one condition of a large change at a time.
func testAtomicity(s suite) {
	t := s.t
	prepare(t, s)
	before := s.pool(t)
	for what, spoil := range map[string]func(*hikyaku.Change){
		"transfer": func(c *hikyaku.Change) { c.Transfer.Version = 3 },
		"event":    func(c *hikyaku.Change) { c.Events = append(c.Events, event(transferID(1), 1)) },
		"unique":   func(c *hikyaku.Change) { c.Unique = append(c.Unique, "taken") },
		"active":   func(c *hikyaku.Change) { c.Transfer.ID = "locked" },
		"task":     func(c *hikyaku.Change) { c.Tasks[1].Task.Version = 8 },
		"agent":    func(c *hikyaku.Change) { c.TakeSlots = append(c.TakeSlots, "full") },
		"settings": func(c *hikyaku.Change) {
			c.Settings = append(c.Settings, hikyaku.RouteSettings{Route: "invoices", Version: 7})
		},
	} {
		c := everything()
		spoil(&c)
		err := s.Commit(t.Context(), c)
		var conflict *hikyaku.ConflictError
		if !errors.As(err, &conflict) || conflict.What != what {
			t.Errorf("%s spoiled: got %v, want a conflict on it", what, err)
		}
		checkNothing(t, s, c.Transfer.TransferID, before)
	}
	c := everything()
	s.must(t, c) // and unspoiled it goes through, so nothing was left behind
	same(t, "transfer", s.stored(t, c.Transfer.TransferID), *c.Transfer)
	same(t, "busy slots", s.busy(t), map[string]int{"agent": 1, "agent-2": 0, "agent-3": 0, "full": 1})
	s.outboxIs(t, 100, entry(5).ID)
	after := s.pool(t)
	if len(after.Tasks) != 2 || len(after.Settings) != 2 {
		t.Errorf("got %d tasks and %d settings, want 2 and 2", len(after.Tasks), len(after.Settings))
	}
}

// checkNothing fails if a refused change left a trace.
func checkNothing(t *testing.T, s suite, transferID string, before hikyaku.Pool) {
	t.Helper()
	if _, err := s.Transfer(t.Context(), transferID); !errors.Is(err, hikyaku.ErrNotFound) {
		t.Errorf("a refused change left its transfer: %v", err)
	}
	if events, _ := s.Events(t.Context(), transferID, 0); len(events) > 0 {
		t.Errorf("a refused change left %d events", len(events))
	}
	same(t, "pool after a refused change", s.pool(t), before)
	s.outboxIs(t, 100, entry(1).ID)
	s.lists(t, hikyaku.Query{}, ids([]hikyaku.Transfer{*queued(2), *queued(1)})...)
}

// testNothingKept changes what was given to Commit afterwards.
func testNothingKept(s suite) {
	t := s.t
	tr := full()
	a := task("task", "orders")
	e := entry(1)
	e.Attributes = map[string]string{"k": "v"}
	s.must(t, hikyaku.Change{Transfer: tr, Tasks: []hikyaku.TaskWrite{{Task: a}}, Outbox: []hikyaku.OutboxEntry{e}})
	tr.Paths[0], tr.Metadata["k"], tr.Failure.Code, tr.Attempts[0].AgentARNs[0] = "changed", "changed", "changed", "changed"
	a.AgentARNs[0], e.Attributes["k"] = "changed", "changed"

	want := full()
	want.Version = 1
	got := s.stored(t, tr.TransferID)
	same(t, "transfer", got, *want)
	got.Paths[0], got.Metadata["k"], got.Failure.Code = "changed", "changed", "changed"
	same(t, "transfer read again", s.stored(t, tr.TransferID), *want)
	if stored, _ := s.task(t, "task"); stored.AgentARNs[0] != "agent" {
		t.Error("the stored task changed with the one that was given")
	}
	due, err := s.Outbox(t.Context(), hikyaku.OutboxQuery{Due: at(100), Limit: 1})
	if err != nil || len(due) != 1 || due[0].Attributes["k"] != "v" {
		t.Errorf("got outbox %v, %v; want the entry as it was given", due, err)
	}
}
