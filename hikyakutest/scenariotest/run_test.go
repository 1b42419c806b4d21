package scenariotest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

const small = `
group ok   3 files 1..2 bytes 0..2KiB
group none 2
group both 1 files 1..1 bytes 10..10
poison bad HKY-1001 ` + "`{`" + `
cannot memory lose-events: there are none
pool 1
upload ok both
send bad ok none
send both twice
break lose-events 2
mend lose-events
wait none FAILED
settle
expect ok both SUCCEEDED delivered transfers 1 attempts 1..1
expect none FAILED HKY-2001 transfers 1 attempts 0..0
`

// memory is a dispatcher in memory whose executions copy at once.
type memory struct {
	root     string
	ledger   *hikyakutest.Ledger
	executor *hikyakutest.Executor
	source   *hikyakutest.Source
	dlq      *hikyakutest.Queue
	d        *dispatch.Dispatcher

	mu       sync.Mutex
	messages int
	objects  map[string][]scenariotest.Object
	// spoil changes what Executions and Transfers tell.
	spoil func(m *memory)
	extra []scenariotest.Execution
	lie   func([]hikyaku.Transfer) []hikyaku.Transfer
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	m := &memory{
		root: t.TempDir(), ledger: hikyakutest.NewLedger(), source: hikyakutest.NewSource(), dlq: hikyakutest.NewQueue("dlq"),
		executor: hikyakutest.NewExecutor(time.Now), objects: map[string][]scenariotest.Object{},
		lie: func(ts []hikyaku.Transfer) []hikyaku.Transfer { return ts },
	}
	m.source.Set("none-001", hikyaku.Look{Listed: true})
	m.source.Set("none-002", hikyaku.Look{Listed: true})
	m.d = dispatch.New(dispatch.Options{
		Ledger: m.ledger, Executor: m.executor, Source: m.source, DeadLetters: map[string]hikyaku.Queue{"inbox": m.dlq},
		Routes: []hikyaku.Route{{Name: "orders", Queue: "inbox", Source: "s3://outbox/", Destination: "file:///x"}}, DefaultRoute: "orders",
		Now: time.Now, NewID: hikyakutest.IDs(),
	})
	return m
}

func (*memory) Name() string { return "memory" }

func (m *memory) Upload(_ context.Context, o scenariotest.Object) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	id, _, _ := strings.Cut(o.Key, "/")
	m.objects[id] = append(m.objects[id], o)
	return nil
}

func (m *memory) Send(ctx context.Context, body string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.messages++
	if err := m.d.Accept(ctx, hikyaku.Message{ID: fmt.Sprint("m", m.messages), Body: body, Receives: 1, Queue: "inbox"}); err != nil {
		return err
	}
	return m.work(ctx)
}

// work starts and ends what can be started; m.mu is held.
func (m *memory) work(ctx context.Context) error {
	for {
		n, err := m.d.AssignAll(ctx)
		if err != nil {
			return err
		}
		for arn, x := range m.executor.Executions() {
			if x.Ended() {
				continue
			}
			n++
			id := strings.Split(m.include(arn), "/")[1]
			for _, o := range m.objects[id] {
				path := filepath.Join(m.root, filepath.FromSlash(o.Key))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					return err
				}
				if err := os.WriteFile(path, o.Content, 0o600); err != nil {
					return err
				}
			}
			m.executor.Succeed(arn, 1, 1)
			if err := m.d.Refresh(ctx, arn); err != nil {
				return err
			}
		}
		if _, err := m.d.DrainOutbox(ctx); err != nil || n == 0 {
			return err
		}
	}
}

// include is an execution's filter.
func (m *memory) include(arn string) string {
	tag := m.executor.Executions()[arn].Tags[hikyaku.TagTransfer]
	for _, s := range m.executor.Starts() {
		if s.Tags[hikyaku.TagTransfer] == tag {
			return s.Includes
		}
	}
	return "/?/*"
}

func (m *memory) Transfers(ctx context.Context) ([]hikyaku.Transfer, error) {
	page, err := m.ledger.Transfers(ctx, hikyaku.Query{Limit: 1000})
	return m.lie(page.Transfers), err
}

func (m *memory) Events(ctx context.Context, id string) ([]hikyaku.Event, error) {
	return m.ledger.Events(ctx, id, 0)
}

func (m *memory) Executions(context.Context) ([]scenariotest.Execution, error) {
	if m.spoil != nil {
		m.spoil(m)
	}
	all := m.extra
	at := time.Now()
	for arn := range m.executor.Executions() {
		all = append(all, scenariotest.Execution{ARN: arn, Include: m.include(arn), Start: at, End: at.Add(time.Second)})
	}
	return all, nil
}

func (m *memory) DeadLetters(context.Context) ([]map[string]string, error) {
	var all []map[string]string
	for _, x := range m.dlq.Messages() {
		all = append(all, x.Attributes)
	}
	return all, nil
}

func (m *memory) Do(ctx context.Context, c scenariotest.Command) error {
	if c.Verb != scenariotest.Pool {
		return fmt.Errorf("%s %s: not here", c.Verb, c.Fault)
	}
	return m.d.Reconcile(ctx, map[string][]hikyaku.TaskDescription{"orders": {m.executor.AddTask(1)}})
}

// recorder takes what a run reports.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	log, bad strings.Builder
}

func (r *recorder) Helper() {}
func (r *recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.log, format+"\n", args...)
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(&r.bad, format+"\n", args...)
}
func (r *recorder) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) { r.Errorf("%s", fmt.Sprint(args...)); runtime.Goexit() }
func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// run runs the small scenario and returns what was logged and what was wrong.
func run(t *testing.T, m *memory, timeout time.Duration) (log, bad string) {
	t.Helper()
	s, err := scenariotest.Parse(small)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	r := &recorder{TB: t}
	var done sync.WaitGroup
	done.Go(func() {
		scenariotest.Run(ctx, r, scenariotest.Options{Scenario: s, Edition: m, Root: m.root, Now: time.Now, Poll: time.Millisecond})
	})
	done.Wait()
	return r.log.String(), r.bad.String()
}

func TestRun(t *testing.T) {
	t.Parallel()
	log, bad := run(t, newMemory(t), time.Minute)
	if bad != "" {
		t.Error(bad)
	}
	for _, want := range []string{"SKIPPED, NOT TESTED on memory", "there are none", "4 executions", "3 dead letters"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
}

// TestRun_notices: whatever went wrong is an error.
func TestRun_notices(t *testing.T) {
	t.Parallel()
	first := func(m *memory) scenariotest.Object { return m.objects["both-001"][0] }
	for name, tc := range map[string]struct {
		spoil func(m *memory)
		want  string
	}{
		"a byte is wrong": {func(m *memory) {
			_ = os.WriteFile(filepath.Join(m.root, first(m).Key), []byte("0123456789"), 0o600)
		}, "that are not the 10 sent"},
		"a file is missing": {func(m *memory) { _ = os.Remove(filepath.Join(m.root, first(m).Key)) }, "was not delivered"},
		"a file is too many": {func(m *memory) {
			_ = os.WriteFile(filepath.Join(m.root, "left.tmp"), nil, 0o600)
		}, "nobody sent left.tmp"},
		"a link": {func(m *memory) {
			_ = os.Remove(filepath.Join(m.root, first(m).Key))
			_ = os.Symlink("/dev/null", filepath.Join(m.root, first(m).Key))
		}, "nobody sent both-001"},
		"executions overlap": {func(m *memory) {
			m.extra = []scenariotest.Execution{{ARN: "other", Include: "/both-001/*", Start: time.Now().Add(-time.Second), End: time.Now().Add(time.Hour)}}
		}, "executions overlap"},
		"an execution is left": {func(m *memory) {
			m.extra = []scenariotest.Execution{{ARN: "other", Include: "/both-001/*", Start: time.Now()}}
		}, "has not ended"},
		"a letter is lost": {func(m *memory) {
			letters, _ := m.dlq.Receive(context.Background(), 1, 0)
			_ = m.dlq.Delete(context.Background(), []string{letters[0].Handle})
		}, "want one with HKY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory(t)
			m.spoil = tc.spoil
			if _, bad := run(t, m, time.Minute); !strings.Contains(bad, tc.want) {
				t.Errorf("reported %q, want %q", bad, tc.want)
			}
		})
	}
}

// TestRun_noticesRecords: so does a record that is not what it should be.
func TestRun_noticesRecords(t *testing.T) {
	t.Parallel()
	change := func(id string, do func(*hikyaku.Transfer)) func([]hikyaku.Transfer) []hikyaku.Transfer {
		return func(ts []hikyaku.Transfer) []hikyaku.Transfer {
			for i := range ts {
				if ts[i].ID == id {
					do(&ts[i])
				}
			}
			return ts
		}
	}
	for name, tc := range map[string]struct {
		lie     func([]hikyaku.Transfer) []hikyaku.Transfer
		timeout time.Duration
		want    string
	}{
		"a doubled one": {func(ts []hikyaku.Transfer) []hikyaku.Transfer { return append(ts, ts[len(ts)-1]) }, time.Minute, "want"},
		"a strange one": {func(ts []hikyaku.Transfer) []hikyaku.Transfer {
			return append(ts, hikyaku.Transfer{ID: "x", State: hikyaku.Cancelled})
		}, time.Minute, "which nobody asked for"},
		"another outcome":   {change("ok-001", func(t *hikyaku.Transfer) { t.Outcome = hikyaku.AlreadyThere }), time.Minute, "want SUCCEEDED delivered"},
		"another log":       {change("ok-001", func(t *hikyaku.Transfer) { t.Bytes.Transferred++ }), time.Minute, "its log tells"},
		"too many attempts": {change("ok-002", func(t *hikyaku.Transfer) { t.Attempt = 2 }), time.Minute, "2 attempts, want 1 to 1"},
		"one never ends":    {change("ok-003", func(t *hikyaku.Transfer) { t.State = hikyaku.Running }), 300 * time.Millisecond, "never: settle"},
		"one was lost": {func(ts []hikyaku.Transfer) []hikyaku.Transfer {
			if len(ts) > 5 {
				return ts[1:]
			}
			return ts
		}, 300 * time.Millisecond, "never: settle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory(t)
			m.lie = tc.lie
			if _, bad := run(t, m, tc.timeout); !strings.Contains(bad, tc.want) {
				t.Errorf("reported %q, want %q", bad, tc.want)
			}
		})
	}
}
