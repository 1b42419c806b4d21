package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku"
)

func modelRoutes() []string { return []string{"orders", "invoices"} }

func differ(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// testModel makes random changes, most of which hold, to a ledger and to the
// model, and expects the same answers from both.
func testModel(s suite) {
	t := s.t
	var failures []string
	defer func() { // last, because what comes before is long, and says nothing where it cannot be had again
		if len(failures) > 0 {
			t.Logf("what differed, of the first and of the last sequence that failed:\n%s\n%s", failures[0], failures[len(failures)-1])
		}
	}()
	rapid.Check(t, func(r *rapid.T) {
		failed := func(format string, args ...any) {
			failures = append(failures, fmt.Sprintf(format, args...))
			r.Fatal(failures[len(failures)-1])
		}
		ledger := s
		ledger.Ledger = s.open(t)
		m := newModel()
		for range rapid.IntRange(1, 30).Draw(r, "changes") {
			c := drawChange(r, m)
			broken := m.commit(c)
			err := ledger.Commit(t.Context(), c)
			if len(broken) == 0 {
				if err != nil {
					failed("commit %+v: %v, the model accepts it", c, err)
				}
				continue
			}
			var got *hikyaku.ConflictError
			if !errors.As(err, &got) {
				failed("commit %+v: got %v, the model refuses it for %v", c, err, broken)
			}
			if !slices.ContainsFunc(conflicts(broken), func(want hikyaku.ConflictError) bool { return agrees(*got, want) }) {
				failed("commit %+v: got conflict %+v, the model has %v", c, *got, broken)
			}
		}
		queries := []hikyaku.Query{{}, drawQuery(r), drawQuery(r), drawQuery(r)}
		if err := m.agrees(t.Context(), ledger, queries); err != nil {
			failed("%v", err)
		}
	})
}

// agrees compares a ledger with the model until they agree, or patience ends. A
// comparison that takes longer than that is not the last one.
func (m *model) agrees(ctx context.Context, s suite, queries []hikyaku.Query) error {
	var deadline *time.Timer
	for looks := 1; ; looks++ {
		err := m.compare(ctx, s, queries)
		if err == nil {
			return nil
		}
		if _, prompt := s.Ledger.(hikyaku.Subscriber); prompt {
			return err // a ledger of this process lags behind nothing
		}
		if deadline == nil {
			deadline = time.NewTimer(patience)
			defer deadline.Stop()
		}
		select {
		case <-deadline.C:
			if looks > 2 {
				return fmt.Errorf("after %d looks: %w", looks, err)
			}
			deadline.Reset(patience)
		default:
		}
	}
}

func conflicts(broken map[hikyaku.ConflictError]bool) []hikyaku.ConflictError {
	var list []hikyaku.ConflictError
	for c := range broken {
		list = append(list, c)
	}
	return list
}

func agrees(got, want hikyaku.ConflictError) bool {
	return got.What == want.What && (want.Key == "" || got.Key == want.Key) && (want.Owner == "" || got.Owner == want.Owner)
}

// mostly draws true nine times in ten.
func mostly(r *rapid.T, label string) bool { return rapid.IntRange(0, 9).Draw(r, label) > 0 }

func rarely(r *rapid.T, label string) bool { return rapid.IntRange(0, 4).Draw(r, label) == 0 }

// drawChange touches no item twice.
func drawChange(r *rapid.T, m *model) hikyaku.Change {
	var c hikyaku.Change
	if mostly(r, "transfer") {
		drawTransfer(r, m, &c)
	}
	if rarely(r, "task") {
		drawTask(r, m, &c)
	}
	switch agent := fmt.Sprintf("agent-%d", rapid.IntRange(0, 1).Draw(r, "agent")); rapid.IntRange(0, 5).Draw(r, "agent change") {
	case 0:
		c.Agents = []hikyaku.Agent{{ARN: agent, Online: mostly(r, "online"), Slots: rapid.IntRange(0, 2).Draw(r, "slots")}}
	case 1:
		c.TakeSlots = []string{agent}
	case 2:
		c.FreeSlots = []string{agent}
		if mostly(r, "carried") {
			c.Carried = hikyaku.Carried{Day: rapid.SampledFrom([]string{"2026-11-21", "2026-11-22"}).Draw(r, "day"), Transfers: 1, Bytes: rapid.Int64Range(0, 9).Draw(r, "carried bytes")}
		}
	}
	if rarely(r, "settings") {
		route := rapid.SampledFrom(modelRoutes()).Draw(r, "settings route")
		version := m.settings[route].Version
		if !mostly(r, "settings version") {
			version++
		}
		c.Settings = []hikyaku.RouteSettings{{Route: route, Paused: rarely(r, "paused"), Version: version}}
	}
	drawOutbox(r, &c)
	return c
}

func drawTransfer(r *rapid.T, m *model, c *hikyaku.Change) {
	n := rapid.IntRange(0, 9).Draw(r, "n")
	t := *queued(n, withID(rapid.SampledFrom([]string{"A", "B", "A/1", "A/1/x", "A/10", "A-1"}).Draw(r, "id")))
	t.Route = rapid.SampledFrom(modelRoutes()).Draw(r, "route")
	if old, there := m.transfers[t.TransferID]; there {
		t.ID, t.Route, t.Version = old.ID, old.Route, old.Version
	}
	if !mostly(r, "version") {
		t.Version += 1 - 2*(t.Version%2)
	}
	in(rapid.SampledFrom([]hikyaku.State{
		hikyaku.Queued, hikyaku.Queued, hikyaku.Starting, hikyaku.Running, hikyaku.Succeeded, hikyaku.Failed, hikyaku.Rejected,
	}).Draw(r, "state"))(&t)
	t.QueuedAt = at(100*rapid.IntRange(0, 9).Draw(r, "queued") + n)
	if t.State == hikyaku.Queued {
		t.WaitingReason = rapid.SampledFrom([]hikyaku.WaitingReason{hikyaku.NoFreeTask, hikyaku.BackingOff}).Draw(r, "reason")
		if rarely(r, "parked") {
			t.NotBefore = at(rapid.IntRange(0, 50).Draw(r, "not before"))
		}
	}
	if rarely(r, "failure") {
		failing(rapid.SampledFrom([]string{"HKY-1", "HKY-2"}).Draw(r, "code"), "why")(&t)
	}
	t.DeadLetter = rapid.SampledFrom([]hikyaku.DeadLetterState{"", "", hikyaku.DeadLetterOwed, hikyaku.DeadLetterSent}).Draw(r, "dead letter")
	c.Transfer = &t
	if mostly(r, "event") {
		seq := t.Version + 1
		if !mostly(r, "event seq") {
			seq = 1
		}
		c.Events = []hikyaku.Event{event(t.TransferID, seq)}
	}
	if rarely(r, "unique") {
		c.Unique = []string{fmt.Sprintf("name-%d", rapid.IntRange(0, 20).Draw(r, "name"))}
	}
	switch rapid.IntRange(0, 5).Draw(r, "active") {
	case 0:
		c.LockActive = true
	case 1:
		c.UnlockActive = true
	}
}

func drawTask(r *rapid.T, m *model, c *hikyaku.Change) {
	t := task(fmt.Sprintf("task-%d", rapid.IntRange(0, 2).Draw(r, "task n")), "orders")
	stored := m.tasks[t.ARN]
	t.Version, t.Token = stored.Version, stored.Token+int64(rapid.IntRange(0, 1).Draw(r, "token"))
	if !mostly(r, "task version") {
		t.Version++
	}
	w := hikyaku.TaskWrite{Task: t, Delete: t.Version > 0 && rarely(r, "delete")}
	if mostly(r, "if token") && stored.Version > 0 {
		token := stored.Token
		if !mostly(r, "right token") {
			token++
		}
		w.IfToken = &token
	}
	c.Tasks = []hikyaku.TaskWrite{w}
}

func drawOutbox(r *rapid.T, c *hikyaku.Change) {
	n := rapid.IntRange(0, 5).Draw(r, "entry")
	e := entry(n)
	if rapid.Bool().Draw(r, "completion") {
		e = owedTo(rapid.SampledFrom([]string{"hook", "queue"}).Draw(r, "target"), n, 3)
	}
	switch rapid.IntRange(0, 5).Draw(r, "outbox change") {
	case 0:
		e.Body = rapid.SampledFrom([]string{"x", "y"}).Draw(r, "body")
		c.Outbox = []hikyaku.OutboxEntry{e}
	case 1:
		e = putOff(e, 50)
		c.OutboxLater = []hikyaku.OutboxEntry{e}
	case 2:
		c.OutboxDone = []string{e.ID}
	}
}

func drawQuery(r *rapid.T) hikyaku.Query {
	var q hikyaku.Query
	q.ID = rapid.SampledFrom([]string{"", "", "A", "A/1", "C"}).Draw(r, "query id")
	q.Route = rapid.SampledFrom([]string{"", "", "orders", "invoices"}).Draw(r, "query route")
	q.Code = rapid.SampledFrom([]string{"", "", "", "HKY-1"}).Draw(r, "query code")
	states := []hikyaku.State{hikyaku.Queued, hikyaku.Running, hikyaku.Failed, hikyaku.Succeeded}
	q.States = states[:rapid.IntRange(0, 3).Draw(r, "query states")]
	if rarely(r, "query dead letters") {
		q.DeadLetters = []hikyaku.DeadLetterState{hikyaku.DeadLetterOwed}
	}
	if rarely(r, "query since") {
		q.Since = at(rapid.IntRange(0, 9).Draw(r, "since"))
	}
	if rarely(r, "query until") {
		q.Until = at(rapid.IntRange(0, 9).Draw(r, "until"))
	}
	q.Limit = rapid.IntRange(0, 4).Draw(r, "query limit")
	return q
}
