package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

const (
	crashPath  = "HIKYAKU_TEST_CRASH_LEDGER"
	crashRound = "HIKYAKU_TEST_CRASH_ROUND"
	crashKills = 12
	// crashWorkers commit at the same time, each in a task of its own.
	crashWorkers = 8
)

// TestMain is also the process that TestLedger_Crash kills.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		if err := commitForever(path, os.Getenv(crashRound), os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return
	}
	m.Run()
}

// crashTask is a worker's task in a round.
func crashTask(round string, worker int) hikyaku.Task {
	return hikyaku.Task{ARN: fmt.Sprintf("task-%s-%d", round, worker), Route: "orders", State: hikyaku.Idle, Version: 1}
}

// commitForever takes transfers through their changes, and acknowledges each
// change by a line "transfer step" once Commit returned.
func commitForever(path, round string, acks io.Writer) error {
	ctx := context.Background()
	l, err := sqlite.OpenLedger(ctx, path, sqlite.LedgerOptions{})
	if err != nil {
		return err
	}
	c := hikyaku.Change{Agents: []hikyaku.Agent{{ARN: "agent", Online: true}}}
	for w := range crashWorkers {
		task := crashTask(round, w)
		task.Version = 0
		c.Tasks = append(c.Tasks, hikyaku.TaskWrite{Task: task})
	}
	if err := l.Commit(ctx, c); err != nil {
		return err
	}
	var first int
	if _, err := fmt.Sscan(round, &first); err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(int64(first) * 1_000_000)
	var all sync.WaitGroup
	errs := make([]error, crashWorkers)
	for w := range crashWorkers {
		all.Go(func() {
			task := crashTask(round, w)
			for errs[w] == nil {
				task, errs[w] = commitLife(ctx, l, int(next.Add(1)), task, acks)
			}
		})
	}
	all.Wait()
	return fmt.Errorf("commits failed: %v", errs)
}

// commitLife commits one transfer's changes and returns the task as they left it.
func commitLife(ctx context.Context, l *sqlite.Ledger, n int, task hikyaku.Task, acks io.Writer) (hikyaku.Task, error) {
	for i, c := range ledgertest.Changes(n, task) {
		c.Audit = &hikyaku.AuditRecord{SchemaVersion: 1, Op: hikyaku.AuditRerun, TransferID: c.Transfer.TransferID, Count: int64(i)}
		if err := l.Commit(ctx, c); err != nil {
			return task, err
		}
		for _, w := range c.Tasks {
			task = w.Task
			task.Version++
		}
		if _, err := fmt.Fprintf(acks, "%s %d\n", c.Transfer.TransferID, i+1); err != nil {
			return task, err
		}
	}
	return task, nil
}

// TestLedger_Crash kills a process that commits as fast as it can, at random
// moments, and looks at what it left.
func TestLedger_Crash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	for round := range crashKills {
		acked := killWhileCommitting(t, path, round)
		checkIntegrity(t, path)
		checkCrashed(t, path, acked)
		if t.Failed() {
			t.Fatalf("after kill %d", round+1)
		}
	}
}

// killWhileCommitting returns the last acknowledged step of each transfer.
func killWhileCommitting(t *testing.T, path string, round int) map[string]int64 {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), crashPath+"="+path, fmt.Sprintf("%s=%d", crashRound, round))
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acked := map[string]int64{}
	last := 1 + rand.IntN(600) //nolint:gosec // a moment, not a secret
	lines := bufio.NewReader(out)
	for n := 1; ; n++ {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // the process is dead, and a torn line acknowledges nothing
		}
		var id string
		var step int64
		if _, err := fmt.Sscan(line, &id, &step); err != nil {
			t.Fatalf("unexpected line %q", line)
		}
		acked[id] = max(acked[id], step)
		if n == last {
			// Somewhere within the commits that follow.
			<-time.After(time.Duration(rand.IntN(2000)) * time.Microsecond) //nolint:gosec // as above
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || complaint.Len() > 0 {
		t.Fatalf("the process ended by itself: %s", complaint.String())
	}
	return acked
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var result string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&result); err != nil || result != "ok" {
		t.Fatalf("integrity check: %s, %v", result, err)
	}
}

// checkCrashed holds what is stored against what was acknowledged, and each
// change against itself: all of it or nothing.
func checkCrashed(t *testing.T, path string, acked map[string]int64) {
	t.Helper()
	l, err := sqlite.OpenLedger(t.Context(), path, sqlite.LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for id, step := range acked {
		tr, err := l.Transfer(t.Context(), id)
		if err != nil || tr.Version < step {
			t.Errorf("transfer %s: got version %d, %v; version %d was acknowledged", id, tr.Version, err, step)
		}
	}
	checkAudit(t, l, slices.Collect(maps.Keys(acked)))
	pool, err := l.Pool(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	leases := map[string]string{}
	for _, task := range pool.Tasks {
		if task.State == hikyaku.Leased {
			leases[task.TransferID] = task.ARN
		}
	}
	if busy := pool.Agents[0].Busy; busy != len(leases) {
		t.Errorf("%d busy slots for %d leases", busy, len(leases))
	}
	due, err := l.Outbox(t.Context(), hikyaku.OutboxQuery{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	owed := map[string]bool{}
	for _, e := range due {
		owed[e.TransferID] = true
	}
	counts := map[hikyaku.State]int64{}
	q := hikyaku.Query{Limit: 1000}
	for {
		page, err := l.Transfers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range page.Transfers {
			counts[tr.State]++
			checkWhole(t, l, tr, leases[tr.TransferID], owed[tr.TransferID])
		}
		if q.Token = page.NextToken; q.Token == "" {
			break
		}
	}
	stats, err := l.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for state, n := range stats.Counts["orders"] {
		if counts[state] != n {
			t.Errorf("counter of %s is %d, there are %d", state, n, counts[state])
		}
	}
}

// checkWhole fails if only a part of a transfer's last change is there.
func checkWhole(t *testing.T, l *sqlite.Ledger, tr hikyaku.Transfer, task string, owed bool) {
	t.Helper()
	events, err := l.Events(t.Context(), tr.TransferID, 0)
	if err != nil || int64(len(events)) != tr.Version {
		t.Errorf("transfer %s of version %d has %d events, %v", tr.TransferID, tr.Version, len(events), err)
	}
	running := tr.State == hikyaku.Starting || tr.State == hikyaku.Running
	if running != (task != "") || running && task != tr.TaskARN {
		t.Errorf("transfer %s is %s in task %q, and leases %q", tr.TransferID, tr.State, tr.TaskARN, task)
	}
	if ended := tr.State == hikyaku.Succeeded; ended != owed {
		t.Errorf("transfer %s is %s, in the outbox: %v", tr.TransferID, tr.State, owed)
	}
}
