package lambdatest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// PollerOptions say what a Poller connects. Client, QueueURL and Function are
// required.
type PollerOptions struct {
	Client   *sqs.Client
	QueueURL string
	Function *Function
	// Workers is how many invocations run at once, MaximumConcurrency; 0 is 2.
	Workers int
	// Batch is BatchSize, 1 to 10; 0 is 10.
	Batch int
	// Wait is the long poll; 0 is 1 s, so that a poller stops quickly.
	Wait time.Duration
	// OnDelivery hears of every batch; it is called from several goroutines.
	OnDelivery func(Delivery)
}

// Delivery is one batch, and what became of it.
type Delivery struct {
	Messages []events.SQSMessage
	Result   Result
	// Failed are the IDs of messages that were left on the queue.
	Failed []string
}

// Poller is the event source mapping of a queue, with ReportBatchItemFailures.
// What the function does not report as failed is deleted; after an error, a
// timeout or a response that says nothing sensible everything is left alone.
// When a message comes again, and how often, is the queue's business.
type Poller struct {
	opts PollerOptions
	arn  string
	stop context.CancelFunc
	done sync.WaitGroup

	mu   sync.Mutex // guards errs
	errs []error
}

// StartPoller starts polling until Stop.
func StartPoller(ctx context.Context, o PollerOptions) (*Poller, error) {
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Batch <= 0 {
		o.Batch = 10
	}
	if o.Wait <= 0 {
		o.Wait = time.Second
	}
	out, err := o.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &o.QueueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return nil, fmt.Errorf("describe queue %s: %w", o.QueueURL, err)
	}
	p := &Poller{opts: o, arn: out.Attributes[string(types.QueueAttributeNameQueueArn)]}
	ctx, p.stop = context.WithCancel(ctx)
	for range o.Workers {
		p.done.Go(func() {
			for ctx.Err() == nil {
				p.once(ctx)
			}
		})
	}
	return p, nil
}

// Stop ends polling, lets invocations that run finish, and returns what went
// wrong with the queue meanwhile.
func (p *Poller) Stop() []error {
	p.stop()
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errs)
}

func (p *Poller) failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// once receives a batch and has it handled.
func (p *Poller) once(ctx context.Context) {
	out, err := p.opts.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &p.opts.QueueURL, MaxNumberOfMessages: int32(min(max(p.opts.Batch, 1), 10)), WaitTimeSeconds: int32(min(max(p.opts.Wait/time.Second, 0), 20)),
		MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		p.failed(ctx, fmt.Errorf("receive: %w", err))
		return
	}
	if len(out.Messages) == 0 {
		return
	}
	// What was received is handled, and acknowledged, also when Stop was called.
	ctx = context.WithoutCancel(ctx)
	d := Delivery{}
	handles := map[string]string{}
	for _, m := range out.Messages {
		r := p.record(m)
		d.Messages = append(d.Messages, r)
		handles[r.MessageId] = r.ReceiptHandle
	}
	payload, err := json.Marshal(events.SQSEvent{Records: d.Messages})
	if err != nil {
		p.failed(ctx, fmt.Errorf("encode event: %w", err))
		return
	}
	if d.Result, err = p.opts.Function.Invoke(ctx, payload); err != nil {
		p.failed(ctx, fmt.Errorf("invoke: %w", err))
		return
	}
	d.Failed = leftOver(d.Result, handles)
	for _, id := range d.Failed {
		delete(handles, id)
	}
	p.acknowledge(ctx, handles)
	if p.opts.OnDelivery != nil {
		p.opts.OnDelivery(d)
	}
}

// leftOver are the messages that must come again.
func leftOver(r Result, handles map[string]string) []string {
	all := make([]string, 0, len(handles))
	for id := range handles {
		all = append(all, id)
	}
	slices.Sort(all)
	if r.ErrorType != "" {
		return all
	}
	if text := bytes.TrimSpace(r.Payload); len(text) == 0 || string(text) == "null" {
		return nil
	}
	var response struct {
		Failures []map[string]any `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(r.Payload, &response); err != nil {
		return all
	}
	var failed []string
	for _, f := range response.Failures {
		id, _ := f["itemIdentifier"].(string)
		if _, known := handles[id]; !known { // empty, null, or not of this batch
			return all
		}
		failed = append(failed, id)
	}
	slices.Sort(failed)
	return slices.Compact(failed)
}

func (p *Poller) acknowledge(ctx context.Context, handles map[string]string) {
	in := sqs.DeleteMessageBatchInput{QueueUrl: &p.opts.QueueURL}
	for _, handle := range handles {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(len(in.Entries))), ReceiptHandle: aws.String(handle)})
	}
	if len(in.Entries) == 0 {
		return
	}
	out, err := p.opts.Client.DeleteMessageBatch(ctx, &in)
	if err != nil {
		p.failed(ctx, fmt.Errorf("delete: %w", err))
		return
	}
	for _, f := range out.Failed {
		p.failed(ctx, fmt.Errorf("delete: %s: %s", aws.ToString(f.Code), aws.ToString(f.Message)))
	}
}

// record is a received message as the event has it.
func (p *Poller) record(m types.Message) events.SQSMessage {
	r := events.SQSMessage{
		MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes), Attributes: m.Attributes,
		MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSourceARN: p.arn, EventSource: "aws:sqs",
		AWSRegion: strings.SplitN(p.arn, ":", 6)[3],
	}
	for name, v := range m.MessageAttributes {
		r.MessageAttributes[name] = events.SQSMessageAttribute{
			StringValue: v.StringValue, BinaryValue: v.BinaryValue, DataType: aws.ToString(v.DataType), StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	return r
}
