package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// TestTaskReports has our DataSync carry files between buckets of our S3 and
// reads its reports as those of AWS are read on a stack.
func TestTaskReports(t *testing.T) {
	b := &bed{moto: mototest.Start(t)}
	b.serve(t)
	b.cfg = aws.Config{
		Region: bedRegion, Credentials: credentials.NewStaticCredentialsProvider(b.own.AccessKeyID, b.own.SecretAccessKey, ""), BaseEndpoint: &b.moto,
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	task := b.tasks(t, 1)[0]
	b.dlqURL, b.queueURL = b.queue(t, "orders-dlq", nil), b.queue(t, "orders", nil)
	b.stack(t, bedStack, b.outputs())
	for _, v := range b.env() {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	reader, err := stack.Open(ctx, stack.Options{Name: bedStack, Region: bedRegion, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	put := func(bucket string, keys ...string) {
		t.Helper()
		for _, key := range keys {
			if _, err := b.s3().PutObject(ctx, &s3sdk.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("hello\n")}); err != nil {
				t.Fatal(err)
			}
		}
	}
	run := func(bucket string) (*datasyncsdk.DescribeTaskExecutionOutput, []string) {
		t.Helper()
		e := b.execute(ctx, t, task, bucket)
		list, err := reader.Files().Files(ctx, hikyaku.Transfer{Route: "orders", ExecutionARN: *e.TaskExecutionArn}, console.FileQuery{})
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, f := range list.Files {
			line := f.Path + " " + f.State
			if f.Failure != nil {
				line += " " + f.Failure.Code
			}
			if f.State == "verified" && (f.Bytes != 6 || f.SourceChecksum == "" || f.SourceChecksum != f.DestinationChecksum) {
				t.Errorf("%+v lacks its size or checksums", f)
			}
			if f.Path != "R-1" { // the folder itself
				lines = append(lines, line)
			}
		}
		return e, lines
	}
	put("stack-outbox", "R-1/a.txt", "R-1/b.txt", "R-1/sub/c.txt")
	put("stack-archive", "R-1/extra.txt", "R-2/else.txt")
	e, got := run(bedReports)
	want := []string{"R-1/a.txt verified", "R-1/b.txt verified", "R-1/extra.txt deleted", "R-1/sub/c.txt verified"}
	got = slices.DeleteFunc(got, func(line string) bool { return strings.HasPrefix(line, "R-1/sub ") })
	if diff := cmp.Diff(want, got); diff != "" || e.Status != types.TaskExecutionStatusSuccess || e.ReportResult.Status != types.PhaseStatusSuccess {
		t.Errorf("%s, report %+v (-want +got):\n%s", e.Status, e.ReportResult, diff)
	}
	put("stack-outbox", "R-1/d.txt")
	e, got = run("no-such-bucket")
	if r := e.ReportResult; e.Status != types.TaskExecutionStatusSuccess || e.FilesTransferred == 0 || r.Status != types.PhaseStatusError ||
		aws.ToString(r.ErrorCode) != "ReportNotWritten" || !strings.Contains(aws.ToString(r.ErrorDetail), "no-such-bucket") || got != nil {
		t.Errorf("%s, report %+v, files %q", e.Status, r, got)
	}
	// A file stands where a folder is needed, in a folder that nothing else is in.
	put("stack-archive", "R-1/way/in")
	put("stack-outbox", "R-1/way")
	e, got = run(bedReports)
	if e.ReportResult.Status != types.PhaseStatusSuccess || !slices.Contains(got, "R-1/a.txt skipped") || !slices.Contains(got, "R-1/d.txt skipped") || !slices.Contains(got, "R-1/way/in deleted") {
		t.Errorf("%s, report %+v: %q", e.Status, e.ReportResult, got)
	}
}

// execute runs a task for the ID R-1, with everything in a report, and
// deletes what only the destination has.
func (b *bed) execute(ctx context.Context, t *testing.T, task, bucket string) *datasyncsdk.DescribeTaskExecutionOutput {
	t.Helper()
	out, err := b.dataSync().StartTaskExecution(ctx, &datasyncsdk.StartTaskExecutionInput{
		TaskArn: &task, Includes: []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: aws.String("/R-1/*")}},
		OverrideOptions: &types.Options{VerifyMode: types.VerifyModeOnlyFilesTransferred, PreserveDeletedFiles: types.PreserveDeletedFilesRemove},
		TaskReportConfig: &types.TaskReportConfig{
			Destination: &types.ReportDestination{S3: &types.ReportDestinationS3{
				S3BucketArn: aws.String("arn:aws:s3:::" + bucket), BucketAccessRoleArn: aws.String("arn:aws:iam::" + bedAccount + ":role/report"), Subdirectory: aws.String("orders"),
			}},
			OutputType: types.ReportOutputTypeStandard, ReportLevel: types.ReportLevelSuccessesAndErrors,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var e *datasyncsdk.DescribeTaskExecutionOutput
	eventually(ctx, t, "the execution has ended", func() bool {
		e, err = b.dataSync().DescribeTaskExecution(ctx, &datasyncsdk.DescribeTaskExecutionInput{TaskExecutionArn: out.TaskExecutionArn})
		return err == nil && (e.Status == types.TaskExecutionStatusSuccess || e.Status == types.TaskExecutionStatusError)
	})
	return e
}
