package mover_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
)

const role = "arn:aws:iam::123456789012:role/r"

// pair makes two locations and a task between them.
func pair(t testing.TB, s *mover.Service, o mover.Options) (task string) {
	t.Helper()
	var arns []string
	for _, bucket := range []string{"from", "to"} {
		arn, err := s.CreateLocationS3(t.Context(), mover.S3Input{BucketARN: "arn:aws:s3:::" + bucket, RoleARN: role})
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, arn)
	}
	task, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: arns[0], DestinationARN: arns[1], Options: o})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// start begins a run with an include filter.
func start(t *testing.T, s *mover.Service, task, include string) string {
	t.Helper()
	arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: &include})
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func describe(t testing.TB, s *mover.Service, arn string) mover.Execution {
	t.Helper()
	e, err := s.DescribeTaskExecution(t.Context(), arn)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ended waits for an execution's end.
func ended(t *testing.T, s *mover.Service, arn string) (e mover.Execution) {
	t.Helper()
	movertest.Until(t, arn+" ended", func() bool {
		e = describe(t, s, arn)
		return e.Status.Ended()
	})
	return e
}

// refused checks an error's kind and text.
func refused(t *testing.T, err error, kind mover.Kind, fragment string) {
	t.Helper()
	var e *mover.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Message, fragment) {
		t.Errorf("error = %v (%+v), want kind %d with %q", err, e, kind, fragment)
	}
}

func stop(t *testing.T, s *mover.Service) {
	t.Helper()
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func TestService_ARNs(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	task := pair(t, s, mover.Options{})
	execution := start(t, s, task, "")
	d, err := s.DescribeTask(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	agents, _, err := s.ListAgents(t.Context(), mover.Page{})
	if err != nil || len(agents) != 1 {
		t.Fatalf("agents = %v, %v", agents, err)
	}
	const prefix = `^arn:aws:datasync:us-east-1:123456789012:`
	for arn, pattern := range map[string]string{
		task: `task/task-[0-9a-f]{17}$`, execution: `task/task-[0-9a-f]{17}/execution/exec-[0-9a-f]{17}$`,
		d.SourceARN: `location/loc-[0-9a-z]{17}$`, agents[0].ARN: `agent/agent-[0-9a-z]{17}$`,
	} {
		if !regexp.MustCompile(prefix + pattern).MatchString(arn) {
			t.Errorf("%s does not match %s", arn, pattern)
		}
	}
	ended(t, s, execution)
}

func TestService_TaskLifecycle(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Run: fake.Run})
	task := pair(t, s, mover.Options{})
	arn := start(t, s, task, "/a")
	run := fake.Next(t)
	if run.Job.Execution != arn[strings.LastIndex(arn, "/")+1:] || run.Job.Includes != "/a" {
		t.Errorf("job = %+v", run.Job)
	}
	if e := describe(t, s, arn); e.Status != mover.StatusPreparing || e.Result.PrepareStatus != mover.PhasePending || e.LaunchedAt.IsZero() {
		t.Errorf("running execution = %+v", e)
	}
	if d, err := s.DescribeTask(t.Context(), task); err != nil || d.Status != mover.TaskRunning || d.CurrentExecution != arn {
		t.Errorf("running task = %+v, %v", d, err)
	}
	refused(t, s.DeleteTask(t.Context(), task), mover.Conflict, "in progress")
	if err := s.UpdateTaskExecution(t.Context(), arn, 1000); err != nil || run.Job.Limit == nil {
		t.Errorf("UpdateTaskExecution = %v, limit %v", err, run.Job.Limit)
	}
	run.Finish(engine.Result{Total: time.Second}, nil)
	if e := ended(t, s, arn); e.Status != mover.StatusSuccess || *e.Options.BytesPerSecond != 1000 || e.EndedAt.IsZero() || e.Result.Total != time.Second {
		t.Errorf("ended execution = %+v", e)
	}
	refused(t, s.UpdateTaskExecution(t.Context(), arn, 5), mover.Conflict, "SUCCESS")
	if err := s.DeleteTask(t.Context(), task); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DescribeTask(t.Context(), task); err == nil {
		t.Error("a deleted task can be described")
	}
	_, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task})
	refused(t, err, mover.NotFound, "not found")
	if e := describe(t, s, arn); e.Status != mover.StatusSuccess {
		t.Errorf("execution of a deleted task = %+v", e)
	}
}

func TestService_Queueing(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Run: fake.Run})
	task := pair(t, s, mover.Options{})
	first := start(t, s, task, "/1")
	run := fake.Next(t)
	_, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/1")})
	refused(t, err, mover.Conflict, "same filters")
	_, err = s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/2"), Override: mover.Options{TaskQueueing: "DISABLED"}})
	refused(t, err, mover.Conflict, "DISABLED")

	queued := []string{}
	for n := range mover.MaxQueued {
		queued = append(queued, start(t, s, task, fmt.Sprintf("/q%d", n)))
	}
	_, err = s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/more")})
	refused(t, err, mover.Conflict, "limit")
	_, err = s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/q7")})
	refused(t, err, mover.Conflict, "same filters")
	if e := describe(t, s, queued[0]); e.Status != mover.StatusQueued || !e.LaunchedAt.IsZero() {
		t.Errorf("queued execution = %+v", e)
	}
	if err := s.UpdateTaskExecution(t.Context(), queued[1], 77); err != nil {
		t.Error(err)
	}
	if err := s.CancelTaskExecution(t.Context(), queued[0]); err != nil {
		t.Error(err)
	}
	if e := describe(t, s, queued[0]); e.Status != mover.StatusError || e.Result.ErrorCode != mover.CodeCancelled {
		t.Errorf("cancelled execution = %+v", e)
	}
	fake.Idle(t)
	run.Finish(engine.Result{}, nil)
	ended(t, s, first)
	for _, want := range queued[1:4] {
		run := fake.Next(t)
		if !strings.HasSuffix(want, run.Job.Execution) {
			t.Fatalf("%s began, want %s: not first in, first out", run.Job.Execution, want)
		}
		run.Finish(engine.Result{}, nil)
		if e := ended(t, s, want); e.LaunchedAt.Before(e.StartedAt) || e.Status != mover.StatusSuccess {
			t.Errorf("execution = %+v", e)
		}
	}
	if e := describe(t, s, queued[1]); *e.Options.BytesPerSecond != 77 {
		t.Errorf("bandwidth set while queued = %d", *e.Options.BytesPerSecond)
	}
}

func TestService_Cancel(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Run: fake.Run})
	task := pair(t, s, mover.Options{})
	arn := start(t, s, task, "/1")
	run := fake.Next(t)
	if err := s.CancelTaskExecution(t.Context(), arn); err != nil {
		t.Fatal(err)
	}
	<-run.Ended
	e := ended(t, s, arn)
	if e.Status != mover.StatusError || e.Result.ErrorCode != mover.CodeCancelled || e.Result.ErrorDetail == "" {
		t.Errorf("cancelled execution = %+v", e)
	}
	refused(t, s.CancelTaskExecution(t.Context(), arn), mover.Conflict, "Sync task cannot be cancelled in its current status: ERROR")
	refused(t, s.CancelTaskExecution(t.Context(), task+"/execution/exec-00000000000000000"), mover.NotFound, "not found")
	if again := start(t, s, task, "/1"); again == arn {
		t.Error("the ARN was used twice")
	}
	fake.Next(t).Finish(engine.Result{}, nil)
}

func TestService_Outcomes(t *testing.T) {
	t.Parallel()
	failedVerify, failedTransfer := engine.Counters{FailedVerify: 1}, engine.Counters{FailedTransfer: 2}
	for name, c := range map[string]struct {
		result       engine.Result
		err          error
		options      mover.Options
		status       mover.Status
		code, detail string
		phases       []mover.PhaseStatus
	}{
		"success": {status: mover.StatusSuccess, phases: []mover.PhaseStatus{"SUCCESS", "SUCCESS", "SUCCESS"}},
		"success without verification": {
			options: mover.Options{VerifyMode: "NONE"}, status: mover.StatusSuccess, phases: []mover.PhaseStatus{"SUCCESS", "SUCCESS", ""},
		},
		"mismatch": {
			result: engine.Result{Counters: failedVerify}, status: mover.StatusError, code: "VerificationFailed",
			detail: "Verification detected mismatches", phases: []mover.PhaseStatus{"SUCCESS", "SUCCESS", "ERROR"},
		},
		"skipped files": {
			result: engine.Result{Counters: failedTransfer}, status: mover.StatusError, code: "FilesSkipped",
			detail: "except for files skipped due to errors", phases: []mover.PhaseStatus{"SUCCESS", "ERROR", "SUCCESS"},
		},
		"the engine's own words": {
			result: engine.Result{Code: "X", Detail: "why"}, status: mover.StatusError, code: "X", detail: "why",
			phases: []mover.PhaseStatus{"SUCCESS", "SUCCESS", "SUCCESS"},
		},
		"not carried through": {
			err: errors.New("source unreadable"), status: mover.StatusError, code: "LocationAccessFailed",
			detail: "source unreadable", phases: []mover.PhaseStatus{"ERROR", "PENDING", "PENDING"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := movertest.Start(t, mover.Config{Run: func(_ context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
				return c.result, c.err
			}})
			e := ended(t, s, start(t, s, pair(t, s, c.options), ""))
			if e.Status != c.status || e.Result.ErrorCode != c.code || !strings.Contains(e.Result.ErrorDetail, c.detail) {
				t.Errorf("got %s %+v", e.Status, e.Result)
			}
			if got := []mover.PhaseStatus{e.Result.PrepareStatus, e.Result.TransferStatus, e.Result.VerifyStatus}; !slices.Equal(got, c.phases) {
				t.Errorf("phases = %v, want %v", got, c.phases)
			}
		})
	}
}

func TestService_LocationCannotBeOpened(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	from, err := s.CreateLocationObjectStorage(t.Context(), mover.ObjectStorageInput{Server: "s3.example.com", Bucket: "broken"})
	if err != nil {
		t.Fatal(err)
	}
	to, err := s.EnsureFileLocation(t.Context(), t.TempDir(), mover.FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	task, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: from, DestinationARN: to})
	if err != nil {
		t.Fatal(err)
	}
	e := ended(t, s, start(t, s, task, ""))
	if e.Result.ErrorCode != "AccessDenied" || !strings.HasPrefix(e.Result.ErrorDetail, "Task failed to access location loc-") {
		t.Errorf("result = %+v", e.Result)
	}
	if o := e.Options; o.UID != "NONE" || o.GID != "NONE" || o.PosixPermissions != "NONE" {
		t.Errorf("options of a folder destination = %+v", o)
	}
	back, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: to, DestinationARN: from})
	if err != nil {
		t.Fatal(err)
	}
	for side, detail := range map[string]string{
		"(source)": e.Result.ErrorDetail, "(destination)": ended(t, s, start(t, s, back, "")).Result.ErrorDetail,
	} {
		if !strings.Contains(detail, side) {
			t.Errorf("detail %q does not name the side %s", detail, side)
		}
	}
}

func TestService_Files(t *testing.T) {
	t.Parallel()
	const total = mover.MaxFiles + 5
	s := movertest.Start(t, mover.Config{Run: func(_ context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
		for n := range total {
			job.OnFile(engine.FileResult{Path: fmt.Sprint(n), Action: engine.ActionFailed, Step: engine.Transferring, Code: engine.SourceGone, Err: errors.New("gone")})
		}
		job.OnFile(engine.FileResult{Path: "fine", Action: engine.ActionTransferred})
		return engine.Result{Counters: engine.Counters{FailedTransfer: total}}, nil
	}})
	arn := start(t, s, pair(t, s, mover.Options{LogLevel: "TRANSFER"}), "")
	ended(t, s, arn)
	files, n, err := s.Files(t.Context(), arn)
	if err != nil || len(files) != mover.MaxFiles || n != total {
		t.Fatalf("Files = %d of %d, %v", len(files), n, err)
	}
	if want := (mover.FileOutcome{Path: "7", Step: engine.Transferring, Code: engine.SourceGone, Detail: "gone"}); files[7] != want {
		t.Errorf("file 7 = %+v, want %+v", files[7], want)
	}
}

func TestService_FilesKept(t *testing.T) {
	t.Parallel()
	sum := storage.Sum{Algorithm: storage.CRC32C, Value: [8]byte{1}}
	reported, release := make(chan struct{}), make(chan struct{})
	s := movertest.Start(t, mover.Config{KeptFiles: 3, Run: func(_ context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
		done := func(path string, a engine.Action) {
			job.OnFile(engine.FileResult{Path: path, Action: a, Size: 5, SourceSum: sum, Duration: time.Second})
		}
		done("a", engine.ActionTransferred)
		done("b", engine.ActionTransferred)
		done("c", engine.ActionDeleted)
		done("d", engine.ActionTransferred) // one too many
		job.OnFile(engine.FileResult{Path: "a", Action: engine.ActionFailed, Step: engine.Verifying, Code: engine.SourceGone, Err: errors.New("gone")})
		close(reported)
		<-release
		return engine.Result{Counters: engine.Counters{FailedVerify: 1}}, nil
	}})
	arn := start(t, s, pair(t, s, mover.Options{}), "")
	<-reported
	for _, when := range []string{"while it runs", "after it ended"} {
		files, failed, err := s.Files(t.Context(), arn)
		var got []string
		for _, f := range files {
			got = append(got, f.Path+string(f.Action))
		}
		if err != nil || failed != 1 || !slices.Equal(got, []string{"a", "bTRANSFERRED", "cDELETED"}) {
			t.Fatalf("%s: Files = %v, %d failed, %v", when, got, failed, err)
		}
		if f := files[1]; f.Failed() || f.Duration != time.Second || f.Size != 5 || f.SourceSum == "" {
			t.Errorf("%s: file b = %+v", when, f)
		}
		if when == "while it runs" {
			close(release)
			ended(t, s, arn)
		}
	}
}
