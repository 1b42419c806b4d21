package sqs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hikyaku/hikyaku"
)

// Tries of batch entries that failed through the service's own fault.
const (
	entryTries = 3
	entryPause = 100 * time.Millisecond
)

// Delete acknowledges messages, ten a call. Messages already deleted are no
// error. Entries that fail on the service's side are tried three times. The
// error joins one *hikyaku.Error per handle or call that failed in the end;
// the other handles are deleted.
func (q *Queue) Delete(ctx context.Context, handles []string) error {
	return q.inBatches(ctx, "delete from queue", handles,
		func(ctx context.Context, batch []string) ([]types.BatchResultErrorEntry, error) {
			entries := make([]types.DeleteMessageBatchRequestEntry, len(batch))
			for i := range batch {
				entries[i] = types.DeleteMessageBatchRequestEntry{Id: entryID(i), ReceiptHandle: &batch[i]}
			}
			out, err := q.client.DeleteMessageBatch(ctx, &api.DeleteMessageBatchInput{QueueUrl: &q.url, Entries: entries})
			if err != nil {
				return nil, err
			}
			return out.Failed, nil
		})
}

// Release makes messages visible again after delay (whole seconds, rounded
// up, at most 12 hours). Messages no longer in flight are no error. Failures
// are reported as by Delete.
func (q *Queue) Release(ctx context.Context, handles []string, delay time.Duration) error {
	timeout := seconds(min(delay, maxVisibility))
	return q.inBatches(ctx, "release to queue", handles,
		func(ctx context.Context, batch []string) ([]types.BatchResultErrorEntry, error) {
			entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
			for i := range batch {
				entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
					Id: entryID(i), ReceiptHandle: &batch[i], VisibilityTimeout: timeout,
				}
			}
			out, err := q.client.ChangeMessageVisibilityBatch(ctx,
				&api.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
			if err != nil {
				return nil, err
			}
			return out.Failed, nil
		})
}

// entryID names the i-th entry of a batch.
func entryID(i int) *string { return aws.String(strconv.Itoa(i)) }

// batchCall makes one call for at most ten handles and returns the entries
// that failed; their Id is the index of the handle.
type batchCall func(ctx context.Context, batch []string) ([]types.BatchResultErrorEntry, error)

// inBatches calls call for all handles, ten at a time. A failed batch does not
// keep the others from being tried, unless ctx is over.
func (q *Queue) inBatches(ctx context.Context, op string, handles []string, call batchCall) error {
	var failures []error
	for batch := range slices.Chunk(handles, maxBatch) {
		if err := q.inTries(ctx, op, batch, call); err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// inTries makes one batch's call and repeats it for the entries that failed
// through the service's fault.
func (q *Queue) inTries(ctx context.Context, op string, batch []string, call batchCall) error {
	var failures []error
	for try := 1; ; try++ {
		failed, err := call(ctx, batch)
		if err != nil {
			return errors.Join(append(failures, wrap(op, q.name, err))...)
		}
		var again []string
		for _, entry := range failed {
			handle, failure := q.judge(op, batch, entry)
			switch {
			case failure == nil:
			case failure.Kind == hikyaku.KindTransient && handle != "" && try < entryTries:
				again = append(again, handle)
			default:
				failures = append(failures, failure)
			}
		}
		if len(again) == 0 {
			return errors.Join(failures...)
		}
		batch = again
		if err := pause(ctx, time.Duration(try)*entryPause); err != nil {
			return errors.Join(append(failures, wrap(op, q.name, err))...)
		}
	}
}

// judge says which handle an entry's failure is about and what it means; a
// nil failure means that the wanted state holds already.
func (q *Queue) judge(op string, batch []string, entry types.BatchResultErrorEntry) (handle string, failure *hikyaku.Error) {
	i, err := strconv.Atoi(aws.ToString(entry.Id))
	if err == nil && i >= 0 && i < len(batch) {
		handle = batch[i]
	}
	code := aws.ToString(entry.Code)
	switch code {
	case "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight":
		return handle, nil
	}
	kind := kindOfCode(code)
	switch {
	case kind != "":
	case entry.SenderFault:
		kind = hikyaku.KindInvalid
	default:
		kind = hikyaku.KindTransient
	}
	return handle, &hikyaku.Error{
		Kind: kind, Op: op, Subject: q.name,
		Message: fmt.Sprintf("entry %s was refused", aws.ToString(entry.Id)),
		Err:     fmt.Errorf("%s: %s", code, aws.ToString(entry.Message)),
	}
}

// pause waits for d or until ctx is over.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
