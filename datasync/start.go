package datasync

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/hikyaku/hikyaku"
)

// Start starts an execution with exactly one request.
//
// An *hikyaku.UnclearError means that it may have started. Any other error
// means that it has not: KindNotFound if there is no such task, KindBusy if
// the task is running, queued or not available now, KindInvalid for what is
// wrong with the request, KindDenied, KindTransient. A start without an
// include filter is refused here, because it would deliver everything.
func (e *Executor) Start(ctx context.Context, s hikyaku.Start) (string, error) {
	const op = "start execution of task"
	if s.Includes == "" {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: op, Subject: s.TaskARN, Message: "no include filter"}
	}
	var sent flight
	out, err := call(sent.trace(ctx), e, op, s.TaskARN, e.client.StartTaskExecution, startInput(s, e.opts.Reports), once, sent.watch)
	switch {
	case err == nil && aws.ToString(out.TaskExecutionArn) == "":
		return "", &hikyaku.UnclearError{Err: wrap(op, s.TaskARN, errors.New("the reply names no execution"))}
	case err == nil:
		return *out.TaskExecutionArn, nil
	case sent.unclear(err):
		return "", &hikyaku.UnclearError{Err: err}
	case refused(err):
		return "", e.whyRefused(ctx, s.TaskARN, err)
	}
	return "", err
}

// startInput is the request. Options that are empty fall back to the task's.
func startInput(s hikyaku.Start, reports *Reports) *api.StartTaskExecutionInput {
	in := &api.StartTaskExecutionInput{
		TaskArn:  &s.TaskARN,
		Includes: filter(s.Includes),
		OverrideOptions: &types.Options{
			PreserveDeletedFiles: types.PreserveDeletedFilesPreserve,
			VerifyMode:           types.VerifyMode(s.VerifyMode),
			TransferMode:         types.TransferMode(s.TransferMode),
		},
		Tags: tagList(s.Tags),
	}
	if s.Excludes != "" {
		in.Excludes = filter(s.Excludes)
	}
	if s.BytesPerSecond != 0 { // 0 is no legal limit but an unset one
		in.OverrideOptions.BytesPerSecond = &s.BytesPerSecond
	}
	if reports != nil {
		in.TaskReportConfig = reports.config()
	}
	return in
}

// config asks for a line on every file, failed or not, without versions of
// objects, whose listing costs a request more a file.
func (r *Reports) config() *types.TaskReportConfig {
	s3 := &types.ReportDestinationS3{S3BucketArn: aws.String("arn:" + partition(r.RoleARN) + ":s3:::" + r.Bucket), BucketAccessRoleArn: &r.RoleARN}
	if r.Prefix != "" {
		s3.Subdirectory = &r.Prefix
	}
	return &types.TaskReportConfig{
		Destination: &types.ReportDestination{S3: s3}, OutputType: types.ReportOutputTypeStandard,
		ReportLevel: types.ReportLevelSuccessesAndErrors, ObjectVersionIds: types.ObjectVersionIdsNone,
	}
}

// partition is that of an ARN: aws, aws-cn, aws-us-gov.
func partition(arn string) string {
	if fields := strings.SplitN(arn, ":", 3); len(fields) == 3 && fields[1] != "" {
		return fields[1]
	}
	return "aws"
}

// filter is a list of the one rule that DataSync allows.
func filter(value string) []types.FilterRule {
	return []types.FilterRule{{FilterType: types.FilterTypeSimplePattern, Value: &value}}
}

// whyRefused asks for the task's state to tell what a refusal means.
func (e *Executor) whyRefused(ctx context.Context, taskARN string, refusal error) error {
	task, err := e.describeTask(ctx, taskARN)
	switch {
	case hikyaku.KindOf(err) == hikyaku.KindNotFound:
		return err
	case err != nil:
		return refusal
	case task.Status == types.TaskStatusAvailable:
		return refusal
	}
	return &hikyaku.Error{
		Kind: hikyaku.KindBusy, Op: "start execution of task", Subject: taskARN,
		Message: "the task is " + string(task.Status), Err: refusal,
	}
}

// flight tells how far a request got.
type flight struct{ handed, dialling, connected atomic.Bool }

// trace reports on connecting, as far as the HTTP client is Go's.
func (f *flight) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { f.dialling.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { f.connected.Store(true) },
	})
}

// watch notes when the signed request is handed to the HTTP client.
func (f *flight) watch(o *api.Options) {
	noting := middleware.DeserializeMiddlewareFunc("hikyakuFlight",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			f.handed.Store(true)
			return next.HandleDeserialize(ctx, in)
		})
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(noting, middleware.After)
	})
}

// unclear reports whether the service may have acted although the call
// failed: it answered with anything but a client error, or did not answer a
// request that may have reached it.
func (f *flight) unclear(err error) bool {
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() != 0 {
		status := response.HTTPStatusCode()
		return status < http.StatusBadRequest || status >= http.StatusInternalServerError || status == http.StatusRequestTimeout
	}
	if !f.handed.Load() {
		return false
	}
	neverConnected := f.dialling.Load() && !f.connected.Load()
	return !neverConnected
}
