package datasyncapi_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// reportConfig is one with every member set.
func reportConfig(bucket string) *types.TaskReportConfig {
	override := func(level types.ReportLevel) *types.ReportOverride { return &types.ReportOverride{ReportLevel: level} }
	return &types.TaskReportConfig{
		Destination: &types.ReportDestination{S3: &types.ReportDestinationS3{
			S3BucketArn: aws.String("arn:aws:s3:::" + bucket), BucketAccessRoleArn: aws.String(roleARN), Subdirectory: aws.String("orders"),
		}},
		OutputType: types.ReportOutputTypeStandard, ReportLevel: types.ReportLevelErrorsOnly, ObjectVersionIds: types.ObjectVersionIdsInclude,
		Overrides: &types.ReportOverrides{
			Transferred: override(types.ReportLevelSuccessesAndErrors), Verified: override(types.ReportLevelErrorsOnly),
			Deleted: override(types.ReportLevelSuccessesAndErrors), Skipped: override(types.ReportLevelErrorsOnly),
		},
	}
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	unexported := cmpopts.IgnoreUnexported(types.TaskReportConfig{}, types.ReportDestination{}, types.ReportDestinationS3{}, types.ReportOverrides{},
		types.ReportOverride{}, types.ReportResult{})
	if diff := cmp.Diff(want, got, unexported); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestServer_TaskReport is the round trip of TaskReportConfig and ReportResult.
func TestServer_TaskReport(t *testing.T) {
	t.Parallel()
	fake := movertest.NewEngine()
	buckets := map[string]*storagetest.Memory{}
	for _, name := range []string{"from", "to", "reports"} {
		buckets[name] = storagetest.NewMemory(storagetest.MemoryOptions{Objects: true})
	}
	c := client(t, movertest.Start(t, mover.Config{Run: fake.Run, Open: func(_ context.Context, l mover.Location) (storage.Driver, error) {
		if d := buckets[l.Bucket]; d != nil {
			return d, nil
		}
		return nil, &storage.PathError{Op: "open", Path: l.Bucket, Kind: storage.ErrNotExist}
	}}))
	from, to := locations(t, c)
	arn := must[*datasync.CreateTaskOutput](t)(c.CreateTask(t.Context(), &datasync.CreateTaskInput{
		SourceLocationArn: &from, DestinationLocationArn: &to, TaskReportConfig: reportConfig("reports"),
	})).TaskArn
	ofTask := func() *types.TaskReportConfig {
		t.Helper()
		return must[*datasync.DescribeTaskOutput](t)(c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: arn})).TaskReportConfig
	}
	same(t, "created", reportConfig("reports"), ofTask())
	run := func(asked *types.TaskReportConfig) (running, ended *datasync.DescribeTaskExecutionOutput) {
		t.Helper()
		e := must[*datasync.StartTaskExecutionOutput](t)(c.StartTaskExecution(t.Context(), &datasync.StartTaskExecutionInput{TaskArn: arn, TaskReportConfig: asked}))
		r := fake.Next(t)
		look := func() *datasync.DescribeTaskExecutionOutput {
			return must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: e.TaskExecutionArn}))
		}
		running = look()
		r.Finish(engine.Result{}, nil)
		movertest.Until(t, "ended", func() bool {
			ended = look()
			return ended.Status == types.TaskExecutionStatusSuccess
		})
		return running, ended
	}
	running, ended := run(nil)
	same(t, "running", reportConfig("reports"), running.TaskReportConfig)
	same(t, "running", &types.ReportResult{Status: types.PhaseStatusPending}, running.ReportResult)
	same(t, "ended", &types.ReportResult{Status: types.PhaseStatusSuccess}, ended.ReportResult)
	if len(buckets["reports"].Tree()) == 0 {
		t.Error("nothing was written")
	}
	_, ended = run(reportConfig("missing"))
	same(t, "overridden", reportConfig("missing"), ended.TaskReportConfig)
	same(t, "without a bucket", &types.ReportResult{
		Status: types.PhaseStatusError, ErrorCode: aws.String(mover.CodeReportNotWritten),
		ErrorDetail: aws.String("Task report could not be written: open bucket missing: open missing: does not exist"),
	}, ended.ReportResult)
	running, ended = run(&types.TaskReportConfig{})
	if running.TaskReportConfig != nil || running.ReportResult != nil || ended.ReportResult != nil {
		t.Errorf("a run without a report = %+v, %+v, %+v", running.TaskReportConfig, running.ReportResult, ended.ReportResult)
	}
	least := &types.TaskReportConfig{Destination: reportConfig("b").Destination}
	must[*datasync.UpdateTaskOutput](t)(c.UpdateTask(t.Context(), &datasync.UpdateTaskInput{TaskArn: arn, TaskReportConfig: least}))
	least.OutputType, least.ReportLevel, least.ObjectVersionIds = types.ReportOutputTypeStandard, types.ReportLevelErrorsOnly, types.ObjectVersionIdsNone
	same(t, "updated", least, ofTask())
	must[*datasync.UpdateTaskOutput](t)(c.UpdateTask(t.Context(), &datasync.UpdateTaskInput{TaskArn: arn, TaskReportConfig: &types.TaskReportConfig{}}))
	if r := ofTask(); r != nil {
		t.Errorf("removed = %+v", r)
	}
}

// TestServer_RefusedTaskReports: every member is checked, at each of the three
// operations that take it.
func TestServer_RefusedTaskReports(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	from, to := locations(t, c)
	arn := task(t, c)
	for fragment, change := range map[string]func(*types.TaskReportConfig){
		"TaskReportConfig.Destination.S3 is required":       func(r *types.TaskReportConfig) { r.Destination = nil },
		"S3BucketArn \"bucket\" does not match the pattern": func(r *types.TaskReportConfig) { r.Destination.S3.S3BucketArn = aws.String("bucket") },
		"S3BucketArn is required":                           func(r *types.TaskReportConfig) { r.Destination.S3.S3BucketArn = aws.String("") },
		"are not supported by this server": func(r *types.TaskReportConfig) {
			r.Destination.S3.S3BucketArn = aws.String("arn:aws:s3:eu-west-1:123456789012:accesspoint/x")
		},
		"BucketAccessRoleArn \"x\" does not match":                     func(r *types.TaskReportConfig) { r.Destination.S3.BucketAccessRoleArn = aws.String("x") },
		"Subdirectory \"a*\" does not match":                           func(r *types.TaskReportConfig) { r.Destination.S3.Subdirectory = aws.String("a*") },
		"Subdirectory a/../b must not hold":                            func(r *types.TaskReportConfig) { r.Destination.S3.Subdirectory = aws.String("a/../b") },
		"OutputType \"ALL\" must be one of SUMMARY_ONLY, STANDARD":     func(r *types.TaskReportConfig) { r.OutputType = "ALL" },
		"TaskReportConfig.ReportLevel \"ALL\" must be one of":          func(r *types.TaskReportConfig) { r.ReportLevel = "ALL" },
		"ObjectVersionIds \"ALL\" must be one of":                      func(r *types.TaskReportConfig) { r.ObjectVersionIds = "ALL" },
		"TaskReportConfig.Overrides.Verified.ReportLevel \"ALL\" must": func(r *types.TaskReportConfig) { r.Overrides.Verified.ReportLevel = "ALL" },
		"TaskReportConfig.Overrides.Deleted.ReportLevel \"ALL\" must":  func(r *types.TaskReportConfig) { r.Overrides.Deleted.ReportLevel = "ALL" },
	} {
		bad := reportConfig("bucket")
		change(bad)
		_, err := c.CreateTask(t.Context(), &datasync.CreateTaskInput{SourceLocationArn: &from, DestinationLocationArn: &to, TaskReportConfig: bad})
		refused(t, err, fragment)
		_, err = c.UpdateTask(t.Context(), &datasync.UpdateTaskInput{TaskArn: &arn, TaskReportConfig: bad})
		refused(t, err, fragment)
		_, err = c.StartTaskExecution(t.Context(), &datasync.StartTaskExecutionInput{TaskArn: &arn, TaskReportConfig: bad})
		refused(t, err, fragment)
	}
	if d := must[*datasync.DescribeTaskOutput](t)(c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: &arn})); d.TaskReportConfig != nil {
		t.Errorf("task's report = %+v", d.TaskReportConfig)
	}
}
