package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

//nolint:gochecknoglobals // flags must exist before the testing package parses them
var writeFixture = flag.String("ledger.fixture", "", "write a ledger of the current schema to this new file")

// fixture is what every ledger in testdata holds: three transfers, one of them
// settled, one in a task, one accepted.
func fixture() []hikyaku.Change {
	task := hikyaku.Task{ARN: "task-0", Route: "orders", State: hikyaku.Idle, AgentARNs: []string{"agent"}, Version: 1}
	first := ledgertest.Changes(1, task)
	task = first[4].Tasks[0].Task
	task.Version++
	second, third := ledgertest.Changes(2, task), ledgertest.Changes(3, task)
	prepare := hikyaku.Change{
		Agents:   []hikyaku.Agent{{ARN: "agent", Name: "embedded", Online: true, Slots: 2}},
		Settings: []hikyaku.RouteSettings{{Route: "orders", Paused: true, By: "somebody"}},
	}
	idle := first[1].Tasks[0].Task
	idle.State, idle.Version, idle.Token, idle.TransferID = hikyaku.Idle, 0, 0, ""
	prepare.Tasks = []hikyaku.TaskWrite{{Task: idle}}
	changes := append([]hikyaku.Change{prepare}, first...)
	changes = append(changes, second[:3]...)
	return append(changes, third[0])
}

func commitAll(tb testing.TB, l *sqlite.Ledger, changes []hikyaku.Change) {
	tb.Helper()
	for i, c := range changes {
		if err := l.Commit(tb.Context(), c); err != nil {
			tb.Fatalf("change %d: %v", i, err)
		}
	}
}

// contents is all that can be read of a ledger.
type contents struct {
	Transfers []hikyaku.Transfer
	Events    map[string][]hikyaku.Event
	Pool      hikyaku.Pool
	Outbox    []hikyaku.OutboxEntry
	Stats     hikyaku.Stats
}

func read(tb testing.TB, l *sqlite.Ledger) contents {
	tb.Helper()
	ctx := tb.Context()
	page, err1 := l.Transfers(ctx, hikyaku.Query{Limit: 1000})
	pool, err2 := l.Pool(ctx, "")
	outbox, err3 := l.Outbox(ctx, hikyaku.OutboxQuery{Limit: 1000})
	stats, err4 := l.Stats(ctx)
	c := contents{Transfers: page.Transfers, Events: map[string][]hikyaku.Event{}, Pool: pool, Outbox: outbox, Stats: stats}
	err := errors.Join(err1, err2, err3, err4)
	for _, t := range c.Transfers {
		events, readErr := l.Events(ctx, t.TransferID, 0)
		c.Events[t.TransferID] = events
		err = errors.Join(err, readErr)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func copied(t *testing.T, from string) string {
	t.Helper()
	fixture, err := os.ReadFile(from) //nolint:gosec // a file of testdata
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ledger.db")
	if err := os.WriteFile(path, fixture, 0o600); err != nil { //nolint:gosec // a temporary folder
		t.Fatal(err)
	}
	return path
}

// TestOpenLedger_Migrates opens the ledgers that earlier releases left. A new
// schema adds its fixture with -ledger.fixture=sqlite/testdata/ledger-vN.db.
func TestOpenLedger_Migrates(t *testing.T) {
	t.Parallel()
	if *writeFixture != "" {
		l := reopenLedger(t, *writeFixture, sqlite.LedgerOptions{})
		commitAll(t, l, fixture())
	}
	fresh := openLedger(t, sqlite.LedgerOptions{})
	commitAll(t, fresh, fixture())
	want := read(t, fresh)
	if len(want.Transfers) != 3 || len(want.Outbox) != 1 || len(want.Events) != 3 {
		t.Fatalf("the fixture holds %d transfers and %d outbox entries", len(want.Transfers), len(want.Outbox))
	}
	files, err := filepath.Glob("testdata/ledger-v*.db")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	for _, file := range files {
		path := copied(t, file)
		l := reopenLedger(t, path, sqlite.LedgerOptions{})
		want := want
		if file == "testdata/ledger-v1.db" { // which did not count by day
			want.Pool.Agents = slices.Clone(want.Pool.Agents)
			want.Pool.Agents[0].Today = hikyaku.Carried{}
		}
		if diff := cmp.Diff(want, read(t, l), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
		rest := ledgertest.Changes(3, hikyaku.Task{})[0]
		rest.Transfer.TransferID, rest.Events = "another", nil
		var conflict *hikyaku.ConflictError
		if err := l.Commit(t.Context(), rest); !errors.As(err, &conflict) || conflict.What != "unique" {
			t.Errorf("%s: the same message again: got %v, want a conflict on its name", file, err)
		}
		checkIntegrity(t, path)
	}
}

func TestOpenLedger_RefusesNewer(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	exec := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(t.Context(), statement)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	l, err := sqlite.OpenLedger(t.Context(), path, sqlite.LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	commitAll(t, l, fixture())
	want := read(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	current := userVersion(t, path)
	exec("PRAGMA user_version = 1000")
	if _, err := sqlite.OpenLedger(t.Context(), path, sqlite.LedgerOptions{}); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Fatalf("open a ledger of schema 1000: got %v, want it refused as newer", err)
	}
	exec("PRAGMA user_version = " + strconv.Itoa(current))
	again := reopenLedger(t, path, sqlite.LedgerOptions{})
	if diff := cmp.Diff(want, read(t, again)); diff != "" {
		t.Errorf("the refused ledger was changed (-want +got):\n%s", diff)
	}
}

// userVersion is the schema's version.
func userVersion(t *testing.T, path string) (version int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version), db.Close()); err != nil {
		t.Fatal(err)
	}
	return version
}

func TestOpenLedger_Reopens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "with space & 100%?.db")
	l, err := sqlite.OpenLedger(t.Context(), path, sqlite.LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	commitAll(t, l, fixture())
	want := read(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(t.Context(), hikyaku.Change{OutboxDone: []string{"x"}}); err == nil {
		t.Error("a commit after Close was acknowledged")
	}
	if diff := cmp.Diff(want, read(t, reopenLedger(t, path, sqlite.LedgerOptions{}))); diff != "" {
		t.Errorf("reopened ledger (-want +got):\n%s", diff)
	}
}

// TestLedger_TransfersText finds substrings of what people see of a transfer.
func TestLedger_TransfersText(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{})
	commitAll(t, l, fixture())
	failed := ledgertest.Changes(4, hikyaku.Task{})[0]
	failed.Transfer.State = hikyaku.Failed
	failed.Transfer.Failure = &hikyaku.Failure{Code: "HKY-2001", Message: "nothing there", Detail: "ディスク 100% full"}
	commitAll(t, l, []hikyaku.Change{failed})
	for text, want := range map[string]int{
		"-4": 1, "exec-0000000000000000": 2, "task-0": 0, "01KDZ": 0, "01KDZ0000000": 4, "nothing": 1, "ディスク": 1, "100%": 1, "HKY-2001": 1, "%": 1, "_": 0, "*": 0,
	} {
		page, err := l.Transfers(t.Context(), hikyaku.Query{Text: text})
		if err != nil || len(page.Transfers) != want {
			t.Errorf("text %q: got %d transfers, %v; want %d", text, len(page.Transfers), err, want)
		}
	}
}

// TestLedger_TransfersBounded pages through a search that may look at few
// transfers per call.
func TestLedger_TransfersBounded(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{SearchRows: 7})
	f := ledgertest.Filled{N: 100}
	if err := f.Fill(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	for _, q := range []hikyaku.Query{
		{Text: f.ID(50)},
		{Text: f.TransferID(99)},
		{Text: f.ID(0), Code: f.Code(0)},
		{Code: f.Code(0), Route: f.Route(0)},
		{Text: "ORDER-0000009", Route: f.Route(1), Limit: 1},
	} {
		calls, found := 0, 0
		for {
			page, err := l.Transfers(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			calls++
			found += len(page.Transfers)
			if q.Token = page.NextToken; q.Token == "" {
				break
			}
		}
		want := 1
		if q.Limit == 1 {
			want = 2 // 93 and 97
		}
		if found != want || calls > 20 {
			t.Errorf("query %+v: found %d in %d calls, want %d", q, found, calls, want)
		}
	}
}

func TestLedger_Prune(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{})
	f := ledgertest.Filled{N: 400}
	if err := f.Fill(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	commitAll(t, l, ledgertest.Changes(1000, hikyaku.Task{})[:1]) // a year later, and still waiting
	queued, before := read(t, l).Stats.Counts["orders"], f.At(300).Add(time.Second)
	for _, want := range []int{150, 150, 0} { // the n-th ended a second after At(n)
		if got, err := l.Prune(t.Context(), before, 150); err != nil || got != want {
			t.Fatalf("prune: got %d, %v; want %d", got, err, want)
		}
	}
	after := read(t, l)
	if len(after.Transfers) != 101 {
		t.Errorf("%d transfers are left, want 101", len(after.Transfers))
	}
	counted := map[string]map[hikyaku.State]int64{"orders": queued}
	for n := 300; n < 400; n++ {
		if counted[f.Route(n)] == nil {
			counted[f.Route(n)] = map[hikyaku.State]int64{}
		}
		state := hikyaku.Succeeded
		if f.Code(n) != "" {
			state = hikyaku.Failed
		}
		counted[f.Route(n)][state]++
	}
	if diff := cmp.Diff(counted, after.Stats.Counts); diff != "" {
		t.Errorf("counters (-want +got):\n%s", diff)
	}
	if events, err := l.Events(t.Context(), f.TransferID(10), 0); err != nil || len(events) > 0 {
		t.Errorf("a pruned transfer has %d events, %v", len(events), err)
	}
	takeName := func(n int) error {
		tr := &hikyaku.Transfer{ID: "again", TransferID: fmt.Sprintf("again-%d", n), State: hikyaku.Queued, CreatedAt: f.At(1e8)}
		key := hikyaku.MessageKey(fmt.Sprintf("message-%d", n), f.Route(n), f.ID(n))
		return l.Commit(context.Background(), hikyaku.Change{Transfer: tr, Unique: []string{key}})
	}
	if err := takeName(10); err != nil {
		t.Errorf("a name older than 14 days is still taken: %v", err)
	}
	if err := takeName(350); err == nil {
		t.Error("the name of a transfer that is still there was taken again")
	}
}

// TestLedger_PruneKeepsNames prunes right away what has just ended.
func TestLedger_PruneKeepsNames(t *testing.T) {
	t.Parallel()
	l := openLedger(t, sqlite.LedgerOptions{})
	commitAll(t, l, fixture())
	if n, err := l.Prune(t.Context(), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 10); err != nil || n != 1 {
		t.Fatalf("prune: got %d, %v; want the one that ended", n, err)
	}
	again := ledgertest.Changes(1, hikyaku.Task{})[0]
	var conflict *hikyaku.ConflictError
	if err := l.Commit(t.Context(), again); !errors.As(err, &conflict) || conflict.What != "unique" {
		t.Errorf("the message of a pruned transfer again: got %v, want a conflict on its name", err)
	}
}
