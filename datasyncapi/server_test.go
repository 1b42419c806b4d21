package datasyncapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

const (
	accessKey = "AKIATESTTESTTESTTEST"
	secretKey = "secret"
	roleARN   = "arn:aws:iam::123456789012:role/datasync"
)

// serve returns the URL of a server over s.
func serve(tb testing.TB, s *mover.Service) string {
	tb.Helper()
	server := httptest.NewServer(datasyncapi.New(datasyncapi.Options{
		Mover: s, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Verifier: awsjson.NewVerifier(awsjson.VerifierOptions{
			Now: time.Now, Region: "us-east-1",
			Lookup: func(_ context.Context, id string) (awsjson.Key, bool) {
				return awsjson.Key{Secret: secretKey, Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, id == accessKey
			},
		}),
	}))
	tb.Cleanup(server.Close)
	return server.URL
}

// client returns an SDK client of a server over s.
func client(t *testing.T, s *mover.Service) *datasync.Client {
	t.Helper()
	return datasync.New(datasync.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(serve(t, s)), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	})
}

func must[T any](t *testing.T) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// refused checks that err is an InvalidRequestException with the fragment.
func refused(t *testing.T, err error, fragment string) {
	t.Helper()
	var invalid *types.InvalidRequestException
	if !errors.As(err, &invalid) {
		t.Errorf("got %v, want an InvalidRequestException", err)
		return
	}
	if !strings.Contains(invalid.ErrorMessage(), fragment) {
		t.Errorf("message %q lacks %q", invalid.ErrorMessage(), fragment)
	}
	if aws.ToString(invalid.ErrorCode_) == "" || aws.ToString(invalid.DatasyncErrorCode) == "" {
		t.Errorf("error codes are missing: %+v", invalid)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorFault() != smithy.FaultClient {
		t.Errorf("fault = %v, want client", api.ErrorFault())
	}
}

// locations makes two S3 locations.
func locations(t *testing.T, c *datasync.Client) (source, destination string) {
	t.Helper()
	for i, arn := range []*string{&source, &destination} {
		out := must[*datasync.CreateLocationS3Output](t)(c.CreateLocationS3(t.Context(), &datasync.CreateLocationS3Input{
			S3BucketArn: aws.String("arn:aws:s3:::" + []string{"from", "to"}[i]), Subdirectory: aws.String("/a/b"),
			S3Config: &types.S3Config{BucketAccessRoleArn: aws.String(roleARN)},
		}))
		*arn = *out.LocationArn
	}
	return source, destination
}

func task(t *testing.T, c *datasync.Client) string {
	t.Helper()
	from, to := locations(t, c)
	return *must[*datasync.CreateTaskOutput](t)(c.CreateTask(t.Context(), &datasync.CreateTaskInput{
		SourceLocationArn: &from, DestinationLocationArn: &to, Name: aws.String("orders 1"),
	})).TaskArn
}

func TestServer_Execution(t *testing.T) {
	t.Parallel()
	c := client(t, movertest.Start(t, mover.Config{}))
	taskARN := task(t, c)
	started := must[*datasync.StartTaskExecutionOutput](t)(c.StartTaskExecution(t.Context(), &datasync.StartTaskExecutionInput{
		TaskArn: &taskARN, OverrideOptions: &types.Options{VerifyMode: types.VerifyModeOnlyFilesTransferred, BytesPerSecond: aws.Int64(1 << 20)},
		Includes: []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: aws.String("/A-1/*")}},
		Tags:     []types.TagListEntry{{Key: aws.String("transfer_id"), Value: aws.String("x")}},
	}))
	var e *datasync.DescribeTaskExecutionOutput
	movertest.Until(t, "execution ended", func() bool {
		e = must[*datasync.DescribeTaskExecutionOutput](t)(c.DescribeTaskExecution(t.Context(), &datasync.DescribeTaskExecutionInput{TaskExecutionArn: started.TaskExecutionArn}))
		return e.Status == types.TaskExecutionStatusSuccess || e.Status == types.TaskExecutionStatusError
	})
	if e.Status != types.TaskExecutionStatusSuccess || e.FilesTransferred != 1 || e.BytesWritten != 5 || e.TaskMode != types.TaskModeBasic {
		t.Errorf("execution = %+v", e)
	}
	if e.StartTime.IsZero() || e.LaunchTime.IsZero() || e.EndTime.Before(*e.StartTime) {
		t.Errorf("times = %v %v %v", e.StartTime, e.LaunchTime, e.EndTime)
	}
	if r := e.Result; aws.ToInt64(r.PrepareDuration) != 1 || aws.ToInt64(r.TotalDuration) != 6 || r.VerifyStatus != types.PhaseStatusSuccess || r.ErrorCode != nil {
		t.Errorf("result = %+v", r)
	}
	if o := e.Options; o.VerifyMode != types.VerifyModeOnlyFilesTransferred || aws.ToInt64(o.BytesPerSecond) != 1<<20 || o.TransferMode != types.TransferModeChanged {
		t.Errorf("options = %+v", o)
	}
	if len(e.Includes) != 1 || *e.Includes[0].Value != "/A-1/*" || e.Excludes != nil {
		t.Errorf("filters = %v, %v", e.Includes, e.Excludes)
	}
	d := must[*datasync.DescribeTaskOutput](t)(c.DescribeTask(t.Context(), &datasync.DescribeTaskInput{TaskArn: &taskARN}))
	if *d.CurrentTaskExecutionArn != *started.TaskExecutionArn || d.Status != types.TaskStatusAvailable || *d.Name != "orders 1" {
		t.Errorf("task = %+v", d)
	}
	if d.CreationTime == nil || time.Since(*d.CreationTime) > time.Minute {
		t.Errorf("creation time = %v", d.CreationTime)
	}
	tags := must[*datasync.ListTagsForResourceOutput](t)(c.ListTagsForResource(t.Context(), &datasync.ListTagsForResourceInput{ResourceArn: started.TaskExecutionArn}))
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "transfer_id" || *tags.Tags[0].Value != "x" {
		t.Errorf("tags = %+v", tags.Tags)
	}
	list := must[*datasync.ListTaskExecutionsOutput](t)(c.ListTaskExecutions(t.Context(), &datasync.ListTaskExecutionsInput{TaskArn: &taskARN}))
	if len(list.TaskExecutions) != 1 || list.TaskExecutions[0].Status != types.TaskExecutionStatusSuccess || list.NextToken != nil {
		t.Errorf("executions = %+v", list)
	}
	_, err := c.CancelTaskExecution(t.Context(), &datasync.CancelTaskExecutionInput{TaskExecutionArn: started.TaskExecutionArn})
	refused(t, err, "cannot be cancelled in its current status: SUCCESS")
}
