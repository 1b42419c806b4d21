package datasync_test

import (
	"context"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

const (
	noTask      = "arn:aws:datasync:eu-central-1:111122223333:task/task-00000000000000000"
	noExecution = noTask + "/execution/exec-00000000000000000"
)

func TestExecutor_startToEnd(t *testing.T) {
	t.Parallel()
	s := own(t)
	task := s.task(t)
	e := datasync.New(s.client, datasync.Options{})

	if x, ok, err := e.Current(t.Context(), task); ok || err != nil {
		t.Errorf("Current of a task that never ran = %+v, %v, %v", x, ok, err)
	}
	in := startOf(task)
	in.Excludes = "*.tmp"
	in.BytesPerSecond = 1 << 20
	arn, err := e.Start(t.Context(), in)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	running, ok, err := e.Current(t.Context(), task)
	if err != nil || !ok || running.ARN != arn || running.TaskARN != task || running.Ended() {
		t.Errorf("Current = %+v, %v, %v; want %s running", running, ok, err, arn)
	}
	if diff := cmp.Diff(in.Tags, running.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
	stored, err := s.client.DescribeTaskExecution(t.Context(), &api.DescribeTaskExecutionInput{TaskExecutionArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(stored.Includes[0].Value) + " " + aws.ToString(stored.Excludes[0].Value); got != "/A-123/* *.tmp" {
		t.Errorf("filters = %s", got)
	}
	o := stored.Options
	if o.VerifyMode != types.VerifyModeOnlyFilesTransferred || o.TransferMode != types.TransferModeAll ||
		o.PreserveDeletedFiles != types.PreserveDeletedFilesPreserve || aws.ToInt64(o.BytesPerSecond) != 1<<20 {
		t.Errorf("options = %+v", o)
	}

	s.ends <- end{result: engine.Result{
		Counters: engine.Counters{
			EstimatedFilesToTransfer: 3, EstimatedBytesToTransfer: 300, FilesTransferred: 2, FilesVerified: 1, FilesSkipped: 4,
			BytesTransferred: 250, BytesWritten: 200,
		},
		Prepare: 10 * time.Millisecond, Transfer: 20 * time.Millisecond, Verify: 30 * time.Millisecond, Total: 60 * time.Millisecond,
	}}
	x := until(t, e, arn, hikyaku.Execution.Ended)
	if x.StartTime.IsZero() || x.LaunchTime.IsZero() || x.EndTime.IsZero() || x.TotalTime <= 0 {
		t.Errorf("times are missing: %+v", x)
	}
	want := hikyaku.Execution{
		ARN: arn, TaskARN: task, Status: "SUCCESS",
		EstimatedFiles: 3, EstimatedBytes: 300, FilesTransferred: 2, FilesVerified: 1, FilesSkipped: 4,
		BytesTransferred: 250, BytesWritten: 200,
		StartTime: x.StartTime, LaunchTime: x.LaunchTime, EndTime: x.EndTime,
		Prepare: x.Prepare, Transfer: x.Transfer, Verify: x.Verify, TotalTime: x.TotalTime,
	}
	if diff := cmp.Diff(want, x); diff != "" {
		t.Errorf("execution (-want +got):\n%s", diff)
	}
	last, ok, err := e.Current(t.Context(), task)
	if err != nil || !ok || last.ARN != arn || last.Status != "SUCCESS" || last.Tags[hikyaku.TagToken] != "7" {
		t.Errorf("Current afterwards = %+v, %v, %v; want the ended one", last, ok, err)
	}
}

func TestExecutor_Describe_failedExecution(t *testing.T) {
	t.Parallel()
	s := own(t)
	e := datasync.New(s.client, datasync.Options{})
	arn, err := e.Start(t.Context(), startOf(s.task(t)))
	if err != nil {
		t.Fatal(err)
	}
	s.ends <- end{err: errors.New("the disk is full")}
	x := until(t, e, arn, hikyaku.Execution.Ended)
	if x.Status != "ERROR" || x.ErrorCode == "" || x.ErrorDetail == "" {
		t.Errorf("execution = %+v, want ERROR with code and detail", x)
	}
}

func TestExecutor_Start_refusals(t *testing.T) {
	t.Parallel()
	s := own(t)
	e := datasync.New(s.client, datasync.Options{})
	task := s.task(t)

	_, err := e.Start(t.Context(), startOf(noTask))
	wantKind(t, err, hikyaku.KindNotFound, noTask)

	all := startOf(task)
	all.Includes = ""
	_, err = e.Start(t.Context(), all)
	wantKind(t, err, hikyaku.KindInvalid, task)

	wrong := startOf(task)
	wrong.VerifyMode = "SOMETIMES"
	_, err = e.Start(t.Context(), wrong)
	wantKind(t, err, hikyaku.KindInvalid, task)

	_, err = datasync.New(client(s.url, "AKVIEWER"), datasync.Options{}).Start(t.Context(), startOf(task))
	wantKind(t, err, hikyaku.KindDenied, task)

	if _, err := e.Start(t.Context(), startOf(task)); err != nil {
		t.Fatal(err)
	}
	_, err = e.Start(t.Context(), startOf(task)) // the same again while it runs
	wantKind(t, err, hikyaku.KindBusy, task)
	if isUnclear(err) {
		t.Error("a refusal is unclear")
	}
}

func TestExecutor_Cancel(t *testing.T) {
	t.Parallel()
	s := own(t)
	e := datasync.New(s.client, datasync.Options{})
	arn, err := e.Start(t.Context(), startOf(s.task(t)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // running, then cancelling or over
		if err := e.Cancel(t.Context(), arn); err != nil {
			t.Fatalf("Cancel: %v", err)
		}
	}
	until(t, e, arn, hikyaku.Execution.Ended)
	if err := e.Cancel(t.Context(), arn); err != nil {
		t.Errorf("Cancel of an ended execution: %v", err)
	}
	wantKind(t, e.Cancel(t.Context(), noExecution), hikyaku.KindNotFound, noExecution)
}

func TestExecutor_Limit(t *testing.T) {
	t.Parallel()
	s := own(t)
	e := datasync.New(s.client, datasync.Options{})
	arn, err := e.Start(t.Context(), startOf(s.task(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int64{5 << 20, -1} {
		if err := e.Limit(t.Context(), arn, limit); err != nil {
			t.Fatalf("Limit %d: %v", limit, err)
		}
		out, err := s.client.DescribeTaskExecution(t.Context(), &api.DescribeTaskExecutionInput{TaskExecutionArn: &arn})
		if err != nil {
			t.Fatal(err)
		}
		if got := aws.ToInt64(out.Options.BytesPerSecond); got != limit {
			t.Errorf("BytesPerSecond = %d, want %d", got, limit)
		}
	}
	wantKind(t, e.Limit(t.Context(), arn, -2), hikyaku.KindInvalid, arn)
	s.ends <- end{}
	until(t, e, arn, hikyaku.Execution.Ended)
	if err := e.Limit(t.Context(), arn, 1); err != nil {
		t.Errorf("Limit of an ended execution: %v", err)
	}
	wantKind(t, e.Limit(t.Context(), noExecution, 1), hikyaku.KindNotFound, noExecution)
}

func TestExecutor_notFound(t *testing.T) {
	t.Parallel()
	e := datasync.New(own(t).client, datasync.Options{})
	_, err := e.Describe(t.Context(), noExecution)
	wantKind(t, err, hikyaku.KindNotFound, noExecution)
	_, _, err = e.Current(t.Context(), noTask)
	wantKind(t, err, hikyaku.KindNotFound, noTask)
	_, err = e.Task(t.Context(), noTask)
	wantKind(t, err, hikyaku.KindNotFound, noTask)
}

func TestExecutor_Agents(t *testing.T) {
	t.Parallel()
	s := own(t)
	for tag, want := range map[string]int{"": 1, "8": 8, "0": 0, "many": 1, "-3": 1} {
		agents, err := datasync.New(s.client, datasync.Options{}).Agents(t.Context())
		if err != nil || len(agents) != 1 {
			t.Fatalf("Agents = %+v, %v; want the embedded one", agents, err)
		}
		a := agents[0]
		if tag != "" {
			if err := s.TagResource(t.Context(), a.ARN, map[string]string{datasync.TagSlots: tag}); err != nil {
				t.Fatal(err)
			}
			if agents, err = datasync.New(s.client, datasync.Options{}).Agents(t.Context()); err != nil {
				t.Fatal(err)
			}
			a = agents[0]
			if err := s.UntagResource(t.Context(), a.ARN, []string{datasync.TagSlots}); err != nil {
				t.Fatal(err)
			}
		}
		if a.Slots != want || !a.Online || a.Name == "" || a.Platform != "1.2.3" || time.Since(a.LastContact) > time.Hour {
			t.Errorf("with tag %q the agent is %+v, want %d slots, online, named, in contact", tag, a, want)
		}
	}
	agents, err := datasync.New(s.client, datasync.Options{AgentSlots: -1}).Agents(t.Context())
	if err != nil || agents[0].Slots != 0 {
		t.Errorf("Agents with unlimited slots = %+v, %v", agents, err)
	}
}

func TestExecutor_Task(t *testing.T) {
	t.Parallel()
	s := own(t)
	e := datasync.New(s.client, datasync.Options{})
	agents, err := e.Agents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.EnsureFileLocation(t.Context(), t.TempDir(), fileOptions())
	if err != nil {
		t.Fatal(err)
	}
	object, err := s.client.CreateLocationObjectStorage(t.Context(), &api.CreateLocationObjectStorageInput{
		ServerHostname: aws.String("store.example.com"), BucketName: aws.String("outbox"), AgentArns: []string{agents[0].ARN},
	})
	if err != nil {
		t.Fatal(err)
	}
	created, err := s.client.CreateTask(t.Context(), &api.CreateTaskInput{
		Name: aws.String("by hand"), SourceLocationArn: object.LocationArn, DestinationLocationArn: &file,
		Options: &types.Options{
			TransferMode: types.TransferModeChanged, PreserveDeletedFiles: types.PreserveDeletedFilesRemove,
		},
		Tags: []types.TagListEntry{{Key: aws.String("team"), Value: aws.String("blue")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Task(t.Context(), *created.TaskArn)
	if err != nil {
		t.Fatalf("Task: %v", err)
	}
	want := hikyaku.TaskDescription{
		ARN: *created.TaskArn, Name: "by hand", Status: "AVAILABLE",
		SourceLocation: *object.LocationArn, DestinationLocation: file, AgentARNs: []string{agents[0].ARN},
		Removes: true, Tags: map[string]string{"team": "blue"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Task (-want +got):\n%s", diff)
	}
}

func TestExecutor_limiterAndTimeout(t *testing.T) {
	t.Parallel()
	s := own(t)
	none := datasync.New(s.client, datasync.Options{Limiter: rate.NewLimiter(0, 0)})
	_, err := none.Start(t.Context(), startOf(noTask))
	wantKind(t, err, hikyaku.KindTransient, noTask)
	if isUnclear(err) {
		t.Error("a start that was never sent is unclear")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = datasync.New(s.client, datasync.Options{}).Start(ctx, startOf(noTask))
	if isUnclear(err) {
		t.Error("a start under an ended context is unclear")
	}
	wantKind(t, err, hikyaku.KindTransient, noTask)
}

func isUnclear(err error) bool {
	_, ok := errors.AsType[*hikyaku.UnclearError](err)
	return ok
}

// TestTags holds the tags against the pattern of the API for keys.
func TestTags(t *testing.T) {
	t.Parallel()
	legal := regexp.MustCompile(`^[a-zA-Z0-9\s+=._:/-]{1,256}$`)
	for _, key := range []string{
		hikyaku.TagTransfer, hikyaku.TagAttempt, hikyaku.TagToken,
		datasync.TagRoute, datasync.TagIndex, datasync.TagSide, datasync.TagSlots,
	} {
		if !legal.MatchString(key) {
			t.Errorf("tag key %q is not legal", key)
		}
	}
}

// TestExecutor_moto holds requests against somebody else's reading of the API.
// moto knows no tags, no agents, no includes.
func TestExecutor_moto(t *testing.T) {
	t.Parallel()
	c := client(mototest.Start(t), "AKADMIN")
	location := func(bucket string) *string {
		out, err := c.CreateLocationS3(t.Context(), &api.CreateLocationS3Input{
			S3BucketArn: aws.String("arn:aws:s3:::" + bucket),
			S3Config:    &types.S3Config{BucketAccessRoleArn: aws.String("arn:aws:iam::111122223333:role/r")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out.LocationArn
	}
	task, err := c.CreateTask(t.Context(), &api.CreateTaskInput{
		SourceLocationArn: location("outbox"), DestinationLocationArn: location("archive"),
	})
	if err != nil {
		t.Fatal(err)
	}
	e := datasync.New(c, datasync.Options{})
	arn, err := e.Start(t.Context(), startOf(*task.TaskArn))
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	_, err = e.Start(t.Context(), startOf(*task.TaskArn))
	wantKind(t, err, hikyaku.KindBusy, *task.TaskArn)
	if err := e.Cancel(t.Context(), arn); err != nil {
		t.Errorf("Cancel: %v", err)
	}
	if err := e.Cancel(t.Context(), arn); err != nil {
		t.Errorf("Cancel of an ended execution: %v", err)
	}
	if x, err := e.Describe(t.Context(), arn); err != nil || x.Status != "ERROR" || x.TaskARN != *task.TaskArn {
		t.Errorf("Describe = %+v, %v; want the cancelled execution", x, err)
	}
	_, err = e.Start(t.Context(), startOf(noTask))
	wantKind(t, err, hikyaku.KindNotFound, noTask)
}
