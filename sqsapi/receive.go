package sqsapi

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
)

type receiveMessageInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
}

type receiveMessageOutput struct{ Messages []message }

type message struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string
	MD5OfMessageAttributes string
	MessageAttributes      map[string]messageAttribute
}

type messageAttribute struct {
	DataType    string
	StringValue string
	BinaryValue []byte
}

// The system attributes of a message.
const (
	attrAll          = "All"
	attrSender       = "SenderId"
	attrSent         = "SentTimestamp"
	attrReceives     = "ApproximateReceiveCount"
	attrFirstReceive = "ApproximateFirstReceiveTimestamp"
	attrTrace        = "AWSTraceHeader"
	attrDeadSource   = "DeadLetterQueueSourceArn"
	attrGroup        = "MessageGroupId"
	attrDedup        = "MessageDeduplicationId"
	attrSequence     = "SequenceNumber"
)

func (a *api) receiveMessage(ctx context.Context, _ *awsjson.Request, in *receiveMessageInput) (*receiveMessageOutput, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	system := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for _, n := range system {
		if !slices.Contains([]string{
			attrAll, attrSender, attrSent, attrReceives, attrFirstReceive, attrTrace, attrDeadSource, attrGroup, attrDedup, attrSequence,
		}, n) {
			return nil, &queue.Error{Code: queue.CodeInvalidAttributeName, Message: "Unknown Attribute " + strconv.Quote(n) + "."}
		}
	}
	received, err := a.queues.Receive(ctx, name, queue.ReceiveOptions{
		Max: in.MaxNumberOfMessages, VisibilityTimeout: in.VisibilityTimeout, WaitSeconds: in.WaitTimeSeconds,
	})
	if err != nil || len(received) == 0 {
		return nil, err
	}
	out := &receiveMessageOutput{Messages: make([]message, len(received))}
	for i, m := range received {
		attributes := selectAttributes(m.Attributes, in.MessageAttributeNames)
		out.Messages[i] = message{
			MessageID: m.ID, ReceiptHandle: m.Handle, MD5OfBody: queue.BodyDigest(m.Body), Body: m.Body,
			Attributes: a.systemAttributes(m, system), MD5OfMessageAttributes: queue.AttributesDigest(attributes),
			MessageAttributes: wireAttributes(attributes),
		}
	}
	return out, nil
}

// systemAttributes returns the attributes that are wanted and have a value.
func (a *api) systemAttributes(m queue.Received, wanted []string) map[string]string {
	if len(wanted) == 0 {
		return nil
	}
	all := map[string]string{
		attrSender: m.SenderID, attrSent: millis(m.SentAt), attrReceives: strconv.Itoa(m.TotalReceives), attrFirstReceive: millis(m.FirstReceivedAt),
		attrTrace: m.TraceHeader, attrGroup: m.GroupID,
	}
	if m.Source != "" {
		all[attrDeadSource] = a.queues.ARN(m.Source)
	}
	out := map[string]string{}
	for name, value := range all {
		if value != "" && (slices.Contains(wanted, attrAll) || slices.Contains(wanted, name)) {
			out[name] = value
		}
	}
	return out
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// selectAttributes returns the attributes named exactly, by prefix ("bar.*")
// or all ("All", ".*").
func selectAttributes(attributes map[string]queue.Attribute, wanted []string) map[string]queue.Attribute {
	var out map[string]queue.Attribute
	for name, v := range attributes {
		if !slices.ContainsFunc(wanted, func(w string) bool {
			prefix, isPrefix := strings.CutSuffix(w, ".*")
			return w == attrAll || w == name || isPrefix && (prefix == "" || strings.HasPrefix(name, prefix+".") || name == prefix)
		}) {
			continue
		}
		if out == nil {
			out = map[string]queue.Attribute{}
		}
		out[name] = v
	}
	return out
}

func wireAttributes(attributes map[string]queue.Attribute) map[string]messageAttribute {
	if len(attributes) == 0 {
		return nil
	}
	out := make(map[string]messageAttribute, len(attributes))
	for name, v := range attributes {
		out[name] = messageAttribute{DataType: v.DataType, StringValue: v.String, BinaryValue: v.Binary}
	}
	return out
}

type deleteMessageInput struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

func (a *api) deleteMessage(ctx context.Context, _ *awsjson.Request, in *deleteMessageInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.DeleteMessage(ctx, name, in.ReceiptHandle)
}

// receiptEntry is an entry of DeleteMessageBatch and of
// ChangeMessageVisibilityBatch.
type receiptEntry struct {
	ID                string `json:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

type receiptBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []receiptEntry
}

type receiptBatchResult struct {
	ID string `json:"Id"`
}

func (a *api) deleteMessageBatch(ctx context.Context, _ *awsjson.Request, in *receiptBatchInput) (*batchOutput[receiptBatchResult], error) {
	return a.receiptBatch(in, func(name string, ids []string) ([]error, error) {
		handles := make([]string, len(in.Entries))
		for i, e := range in.Entries {
			handles[i] = e.ReceiptHandle
		}
		return a.queues.DeleteMessages(ctx, name, ids, handles)
	})
}

func (a *api) changeMessageVisibilityBatch(ctx context.Context, _ *awsjson.Request, in *receiptBatchInput) (*batchOutput[receiptBatchResult], error) {
	return a.receiptBatch(in, func(name string, ids []string) ([]error, error) {
		changes := make([]queue.VisibilityChange, len(in.Entries))
		for i, e := range in.Entries {
			changes[i] = queue.VisibilityChange{Handle: e.ReceiptHandle, Seconds: e.VisibilityTimeout}
		}
		return a.queues.ChangeVisibilities(ctx, name, ids, changes)
	})
}

// receiptBatch does what batches of receipts have in common.
func (a *api) receiptBatch(in *receiptBatchInput, do func(name string, ids []string) ([]error, error)) (*batchOutput[receiptBatchResult], error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(in.Entries))
	for i, e := range in.Entries {
		ids[i] = e.ID
	}
	failed, err := do(name, ids)
	if err != nil {
		return nil, err
	}
	return batch(ids, failed, func(i int) receiptBatchResult { return receiptBatchResult{ID: ids[i]} }), nil
}

type changeMessageVisibilityInput struct {
	QueueURL          string `json:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int
}

func (a *api) changeMessageVisibility(ctx context.Context, _ *awsjson.Request, in *changeMessageVisibilityInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.ChangeVisibility(ctx, name, queue.VisibilityChange{Handle: in.ReceiptHandle, Seconds: in.VisibilityTimeout})
}
