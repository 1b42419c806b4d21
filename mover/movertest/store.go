package movertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
)

const (
	account = "arn:aws:datasync:us-east-1:123456789012:"
	taskA   = account + "task/task-0000000000000000a"
	taskB   = account + "task/task-0000000000000000b"
)

func execARN(task string, n int) string { return fmt.Sprintf("%s/execution/exec-%017x", task, n) }

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC) }

// execution returns a full execution; ended at noon plus its number of minutes.
func execution(task string, n int, status mover.Status) mover.Execution {
	e := mover.Execution{
		ARN: execARN(task, n), Seq: int64(n), Status: status,
		Options:  mover.Options{VerifyMode: "NONE", BytesPerSecond: new(int64(-1))},
		Includes: "/a\\*b*", Excludes: "*/tmp", StartedAt: noon(), LaunchedAt: noon().Add(time.Second),
		Restarts: 1, Counters: mover.Counters{FilesTransferred: 3, BytesWritten: 1 << 40},
		Result: mover.Result{PrepareStatus: mover.PhaseSuccess, Total: time.Minute, ErrorDetail: "x"},
		Tags:   map[string]string{"transfer_id": "1"}, FailedFiles: 7,
	}
	if status.Ended() {
		e.EndedAt = noon().Add(time.Duration(n) * time.Minute)
	}
	return e
}

// TestStore is the suite every mover.Store passes. open returns a store over
// the same records each time it is called within one subtest; what it opened
// before has been left as it is.
func TestStore(t *testing.T, open func(t *testing.T) (reopen func() mover.Store)) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, reopen func() mover.Store)
	}{
		{"keeps everything across reopening", keeps},
		{"replaces and deletes", replaces},
		{"lists executions newest first", lists},
		{"prunes ended executions", prunes},
		{"finds executions by the paths of their files", finds},
		{"refuses an ended context", refuses},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	secrets := cmp.Comparer(func(a, b mover.Secret) bool { return a.Reveal() == b.Reveal() })
	if d := cmp.Diff(want, got, secrets, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(time.Millisecond)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

func keeps(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	ctx := t.Context()
	first := reopen()
	s, err := first.Load(ctx)
	must(t, err)
	same(t, "empty store", s, mover.Snapshot{})
	agent := mover.Agent{ARN: account + "agent/agent-1", Name: "a", CreatedAt: noon(), Tags: map[string]string{"k": "v"}}
	location := mover.Location{
		ARN: account + "location/loc-1", Type: mover.TypeObjectStorage, CreatedAt: noon(), Revision: 4, Bucket: "b", Prefix: "p/",
		Server: "s3.example.com", Port: 9000, Protocol: "HTTP", AccessKey: "key", SecretKey: mover.NewSecret("s3cr3t"),
		Certificate: []byte{1, 2}, AgentARNs: []string{agent.ARN}, Tags: map[string]string{"k": "v"},
	}
	task := mover.Task{
		ARN: taskA, Name: "n", SourceARN: location.ARN, DestinationARN: "d", Includes: "/x", CreatedAt: noon(),
		Options: mover.Options{Atime: "NONE", BytesPerSecond: new(int64(5))},
	}
	ended, live, queued := execution(taskA, 1, mover.StatusError), execution(taskA, 2, mover.StatusLaunching), execution(taskA, 3, mover.StatusQueued)
	files := []mover.FileOutcome{{Path: "a/b", Step: engine.Verifying, Size: 5, Code: "X", Detail: "differs"}, {Path: "c"}}
	must(t, first.Commit(ctx, mover.Change{
		Agents: []mover.Agent{agent}, Locations: []mover.Location{location}, Tasks: []mover.Task{task},
		Executions: []mover.Execution{queued, live, ended}, Files: map[string][]mover.FileOutcome{ended.ARN: files},
	}))
	second := reopen()
	s, err = second.Load(ctx)
	must(t, err)
	same(t, "snapshot", s, mover.Snapshot{
		Agents: []mover.Agent{agent}, Locations: []mover.Location{location}, Tasks: []mover.Task{task},
		Live: []mover.Execution{live, queued}, Latest: map[string]string{taskA: queued.ARN}, LastSeq: 3,
	})
	got, err := second.Execution(ctx, ended.ARN)
	must(t, err)
	same(t, "execution", got, ended)
	gotFiles, err := second.Files(ctx, ended.ARN)
	must(t, err)
	same(t, "files", gotFiles, files)
	none, err := second.Files(ctx, live.ARN)
	must(t, err)
	same(t, "files of another", none, []mover.FileOutcome(nil))
	for _, unknown := range []string{execARN(taskA, 9), execARN(taskB, 1), "x"} {
		if _, err := second.Execution(ctx, unknown); !errors.Is(err, mover.ErrNotFound) {
			t.Errorf("Execution(%s) = %v, want ErrNotFound", unknown, err)
		}
	}
	for id, want := range map[string]bool{ended.ID(): true, live.ID(): false, "exec-unknown": false} {
		if got, err := second.Ended(ctx, id); err != nil || got != want {
			t.Errorf("Ended(%s) = %v, %v, want %v", id, got, err, want)
		}
	}
}

func replaces(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	ctx := t.Context()
	s := reopen()
	l1, l2 := mover.Location{ARN: "l/1", Bucket: "a"}, mover.Location{ARN: "l/2"}
	run := execution(taskA, 1, mover.StatusQueued)
	must(t, s.Commit(ctx, mover.Change{
		Locations: []mover.Location{l1, l2}, Tasks: []mover.Task{{ARN: taskA}, {ARN: taskB}}, Executions: []mover.Execution{run},
	}))
	l1.Bucket, l1.SecretKey = "b", mover.NewSecret("new")
	run.Status, run.EndedAt, run.Tags = mover.StatusSuccess, noon(), nil
	must(t, s.Commit(ctx, mover.Change{
		Locations: []mover.Location{l1}, Tasks: []mover.Task{{ARN: taskB, Name: "b"}}, Executions: []mover.Execution{run},
		DeletedLocations: []string{l2.ARN}, DeletedTasks: []string{taskA},
	}))
	snap, err := s.Load(ctx)
	must(t, err)
	same(t, "snapshot", snap, mover.Snapshot{Locations: []mover.Location{l1}, Tasks: []mover.Task{{ARN: taskB, Name: "b"}}, LastSeq: 1})
	got, err := s.Execution(ctx, run.ARN)
	must(t, err)
	same(t, "execution of a deleted task", got, run)
}

func lists(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	ctx := t.Context()
	s := reopen()
	var c mover.Change
	for n := 1; n <= 9; n++ {
		c.Executions = append(c.Executions, execution([]string{taskA, taskB}[n%2], n, mover.StatusSuccess))
	}
	must(t, s.Commit(ctx, c))
	for _, q := range []struct {
		query mover.ExecutionQuery
		want  []int64
	}{
		{mover.ExecutionQuery{Limit: 3}, []int64{9, 8, 7}},
		{mover.ExecutionQuery{Limit: 100, BeforeSeq: 4}, []int64{3, 2, 1}},
		{mover.ExecutionQuery{Limit: 2, TaskARN: taskA}, []int64{8, 6}},
		{mover.ExecutionQuery{Limit: 9, TaskARN: taskB, BeforeSeq: 7}, []int64{5, 3, 1}},
		{mover.ExecutionQuery{Limit: 9, TaskARN: "x"}, nil},
	} {
		found, err := s.Executions(ctx, q.query)
		must(t, err)
		var got []int64
		for _, e := range found {
			got = append(got, e.Seq)
		}
		same(t, fmt.Sprintf("%+v", q.query), got, q.want)
	}
}

func prunes(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	ctx := t.Context()
	s := reopen()
	must(t, s.Commit(ctx, mover.Change{
		Tasks: []mover.Task{{ARN: taskA}},
		Executions: []mover.Execution{
			execution(taskA, 1, mover.StatusSuccess), execution(taskA, 2, mover.StatusError), execution(taskA, 3, mover.StatusLaunching),
			execution(taskA, 4, mover.StatusSuccess), // the most recent of its task: stays
			execution(taskB, 5, mover.StatusSuccess), // its task is gone: goes
			execution(taskB, 60, mover.StatusSuccess),
		},
		Files: map[string][]mover.FileOutcome{execARN(taskA, 1): {{Path: "x"}}},
	}))
	n, err := s.Prune(ctx, noon().Add(10*time.Minute))
	must(t, err)
	same(t, "pruned", n, 3)
	left, err := s.Executions(ctx, mover.ExecutionQuery{Limit: 10})
	must(t, err)
	var got []int64
	for _, e := range left {
		got = append(got, e.Seq)
	}
	same(t, "left", got, []int64{60, 4, 3})
	files, err := s.Files(ctx, execARN(taskA, 1))
	must(t, err)
	same(t, "files of a pruned execution", files, []mover.FileOutcome(nil))
}

func finds(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	ctx := t.Context()
	s := reopen()
	odd := "lists/請求書 \"a\"\\<b>%_*.pdf"
	must(t, s.Commit(ctx, mover.Change{
		Tasks: []mover.Task{{ARN: taskA}},
		Executions: []mover.Execution{
			execution(taskA, 1, mover.StatusSuccess), execution(taskA, 2, mover.StatusError), execution(taskA, 3, mover.StatusSuccess),
			execution(taskA, 4, mover.StatusLaunching),
		},
		Files: map[string][]mover.FileOutcome{
			execARN(taskA, 1): {{Path: "orders/1/invoice.pdf"}, {Path: odd}},
			execARN(taskA, 2): {{Path: "orders/2/invoice.csv", Detail: "no place left"}},
			execARN(taskA, 3): {{Path: "orders/3/inv"}, {Path: "oice.txt"}},
		},
	}))
	id := func(n int) string { return execution(taskA, n, mover.StatusSuccess).ID() }
	for _, open := range []string{"at once", "opened again"} {
		for text, want := range map[string][]string{
			"invoice": {id(2), id(1)}, "invoice.pdf": {id(1)}, "2/inv": {id(2)}, "in": nil, "": nil, "place left": nil, "path": nil, "action": nil,
			"請求書": {id(1)}, odd: {id(1)}, "\"a\"\\<b>": {id(1)}, "a%b": nil, "***": nil, "pdf\nlists": nil, "no such": nil, "INVOICE": nil,
		} {
			got, err := s.ExecutionsWithFile(ctx, text, 10)
			must(t, err)
			same(t, open+", "+text, got, want)
		}
		s = reopen()
	}
	// One that ended late, and one whose files are written again.
	must(t, s.Commit(ctx, mover.Change{
		Executions: []mover.Execution{execution(taskA, 4, mover.StatusSuccess)},
		Files:      map[string][]mover.FileOutcome{execARN(taskA, 4): {{Path: "orders/4/invoice.pdf"}}, execARN(taskA, 2): {{Path: "orders/2/other"}}},
	}))
	got, err := s.ExecutionsWithFile(ctx, "invoice", 10)
	must(t, err)
	same(t, "after another end", got, []string{id(4), id(1)})
	got, err = s.ExecutionsWithFile(ctx, "orders/", 2)
	must(t, err)
	same(t, "the newest two", got, []string{id(4), id(3)})
	_, err = s.Prune(ctx, noon().Add(time.Hour))
	must(t, err)
	got, err = s.ExecutionsWithFile(ctx, "orders/", 10)
	must(t, err)
	same(t, "after pruning", got, []string{id(4)})
}

func refuses(t *testing.T, reopen func() mover.Store) {
	t.Helper()
	s := reopen()
	ctx, cancel := contextEnded(t)
	defer cancel()
	if err := s.Commit(ctx, mover.Change{Tasks: []mover.Task{{ARN: taskA}}}); err == nil {
		snap, err := s.Load(t.Context())
		must(t, err)
		if len(snap.Tasks) != 1 {
			t.Error("Commit returned nil but kept nothing")
		}
	} else if snap, err := s.Load(t.Context()); err != nil || len(snap.Tasks) != 0 {
		t.Errorf("a refused commit left %d tasks (%v)", len(snap.Tasks), err)
	}
}
