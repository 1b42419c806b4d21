package datasync

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"golang.org/x/time/rate"

	"github.com/hikyaku/hikyaku"
)

// Options configure an Executor. The zero value is usable.
type Options struct {
	// Limiter spaces all API calls; nil does not. Several executors may share one.
	Limiter *rate.Limiter
	// Timeout ends one operation, its retries included; 0 is 30 seconds. A
	// start that runs into it is unclear.
	Timeout time.Duration
	// AgentSlots is how many executions an agent may run at once unless its
	// tag hikyaku:slots says otherwise; 0 is 1, as of Amazon's Basic agents,
	// -1 is unlimited.
	AgentSlots int
	// Reports asks for a task report of each start; nil does not.
	Reports *Reports
}

// Reports says where DataSync writes its reports of an execution's files.
type Reports struct {
	// Bucket is the bucket's name; reports come under Prefix, which may be empty.
	Bucket, Prefix string
	// RoleARN is by which DataSync writes them.
	RoleARN string
}

func (o *Options) applyDefaults() {
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	switch {
	case o.AgentSlots == 0:
		o.AgentSlots = 1
	case o.AgentSlots < 0:
		o.AgentSlots = 0 // the domain's word for unlimited
	}
}

// Executor starts and follows task executions through the DataSync API. Its
// methods may be called concurrently.
type Executor struct {
	client *api.Client
	opts   Options
	// adaptive is shared by all calls, so that one throttled call slows all.
	adaptive aws.Retryer

	mu      sync.Mutex        // guards schemes
	schemes map[string]string // location ARN → URI scheme, which never changes
}

var _ hikyaku.Executor = (*Executor)(nil)

// New returns an executor that makes its calls with client.
func New(client *api.Client, o Options) *Executor {
	o.applyDefaults()
	return &Executor{client: client, opts: o, adaptive: retry.NewAdaptiveMode(), schemes: map[string]string{}}
}

// operation is one of the SDK client's methods.
type operation[In, Out any] func(ctx context.Context, in *In, options ...func(*api.Options)) (*Out, error)

// call makes one call: spaced by the limiter, ended by the timeout, its error
// wrapped. It retries unless options say otherwise.
func call[In, Out any](ctx context.Context, e *Executor, op, subject string, do operation[In, Out], in *In,
	options ...func(*api.Options),
) (*Out, error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	if e.opts.Limiter != nil {
		if err := e.opts.Limiter.Wait(ctx); err != nil {
			return nil, wrap(op, subject, err)
		}
	}
	retrying := func(o *api.Options) { o.Retryer = e.adaptive }
	out, err := do(ctx, in, append([]func(*api.Options){retrying}, options...)...)
	if err != nil {
		return nil, wrap(op, subject, err)
	}
	return out, nil
}

// once switches the SDK's retries off for a call that must not be repeated.
func once(o *api.Options) { o.Retryer = aws.NopRetryer{} }

// Describe returns an execution's status, counters and result; KindNotFound
// if there is no such execution.
func (e *Executor) Describe(ctx context.Context, executionARN string) (hikyaku.Execution, error) {
	out, err := call(ctx, e, "describe execution", executionARN, e.client.DescribeTaskExecution,
		&api.DescribeTaskExecutionInput{TaskExecutionArn: &executionARN})
	if err != nil {
		return hikyaku.Execution{}, absent(err)
	}
	return execution(executionARN, out), nil
}

// execution puts Amazon's counters into hikyaku's words. The task is taken
// from the ARN, because the reply does not have it.
func execution(arn string, out *api.DescribeTaskExecutionOutput) hikyaku.Execution {
	task, _, _ := strings.Cut(arn, "/execution/")
	x := hikyaku.Execution{
		ARN: arn, TaskARN: task, Status: string(out.Status),
		EstimatedFiles: out.EstimatedFilesToTransfer, EstimatedBytes: out.EstimatedBytesToTransfer,
		FilesTransferred: out.FilesTransferred, FilesVerified: out.FilesVerified, FilesSkipped: out.FilesSkipped,
		BytesTransferred: out.BytesTransferred, BytesWritten: out.BytesWritten,
		StartTime:  aws.ToTime(out.StartTime).UTC(),
		LaunchTime: aws.ToTime(out.LaunchTime).UTC(),
		EndTime:    aws.ToTime(out.EndTime).UTC(),
	}
	if f := out.FilesFailed; f != nil {
		x.FilesFailed = f.Prepare + f.Transfer + f.Verify + f.Delete
	}
	if r := out.Result; r != nil {
		x.ErrorCode, x.ErrorDetail = aws.ToString(r.ErrorCode), aws.ToString(r.ErrorDetail)
		x.Prepare, x.Transfer = milliseconds(r.PrepareDuration), milliseconds(r.TransferDuration)
		x.Verify, x.TotalTime = milliseconds(r.VerifyDuration), milliseconds(r.TotalDuration)
	}
	return x
}

func milliseconds(n *int64) time.Duration { return time.Duration(aws.ToInt64(n)) * time.Millisecond }

// Current returns the task's most recent execution, ended or not, with its
// tags. It is ok false for a task that never ran, or whose last execution the
// service has forgotten; KindNotFound if there is no such task.
func (e *Executor) Current(ctx context.Context, taskARN string) (hikyaku.Execution, bool, error) {
	task, err := e.describeTask(ctx, taskARN)
	if err != nil {
		return hikyaku.Execution{}, false, err
	}
	arn := aws.ToString(task.CurrentTaskExecutionArn)
	if arn == "" {
		return hikyaku.Execution{}, false, nil
	}
	x, err := e.Describe(ctx, arn)
	if hikyaku.KindOf(err) == hikyaku.KindNotFound {
		return hikyaku.Execution{}, false, nil
	}
	if err != nil {
		return hikyaku.Execution{}, false, err
	}
	if x.Tags, err = e.tags(ctx, arn); err != nil {
		return hikyaku.Execution{}, false, err
	}
	return x, true, nil
}

// Cancel asks an execution to stop. One that has ended, or is being cancelled
// already, is no error; KindNotFound if there is none.
func (e *Executor) Cancel(ctx context.Context, executionARN string) error {
	_, err := call(ctx, e, "cancel execution", executionARN, e.client.CancelTaskExecution,
		&api.CancelTaskExecutionInput{TaskExecutionArn: &executionARN})
	return e.unlessOver(ctx, executionARN, err)
}

// Limit changes an execution's bandwidth, -1 for unlimited. For one that has
// ended there is nothing to do, which is no error.
func (e *Executor) Limit(ctx context.Context, executionARN string, bytesPerSecond int64) error {
	_, err := call(ctx, e, "limit execution", executionARN, e.client.UpdateTaskExecution,
		&api.UpdateTaskExecutionInput{
			TaskExecutionArn: &executionARN,
			Options:          &types.Options{BytesPerSecond: &bytesPerSecond},
		})
	return e.unlessOver(ctx, executionARN, err)
}

// unlessOver returns err unless it is a refusal and the execution is over.
func (e *Executor) unlessOver(ctx context.Context, executionARN string, err error) error {
	if !refused(err) {
		return err
	}
	x, lookErr := e.Describe(ctx, executionARN)
	switch {
	case lookErr != nil:
		return lookErr
	case x.Ended(), x.Status == string(types.TaskExecutionStatusCancelling):
		return nil
	}
	return err
}

// tags returns a resource's tags, all pages.
func (e *Executor) tags(ctx context.Context, arn string) (map[string]string, error) {
	tags := map[string]string{}
	in := &api.ListTagsForResourceInput{ResourceArn: &arn}
	for {
		out, err := call(ctx, e, "list tags of", arn, e.client.ListTagsForResource, in)
		if err != nil {
			return nil, absent(err)
		}
		for _, tag := range out.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		if aws.ToString(out.NextToken) == "" {
			return tags, nil
		}
		in.NextToken = out.NextToken
	}
}

// tagList is tags in Amazon's form, sorted by key.
func tagList(tags map[string]string) []types.TagListEntry {
	list := make([]types.TagListEntry, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.TagListEntry{Key: &key, Value: aws.String(tags[key])})
	}
	return list
}
