package sqsapi

import (
	"context"
	"errors"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
)

// attributeValue is a message attribute on the wire.
type attributeValue struct {
	DataType         string
	StringValue      string
	BinaryValue      []byte
	StringListValues []string
	BinaryListValues [][]byte
}

// draft is what SendMessage and the entries of SendMessageBatch share.
type draft struct {
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attributeValue
	MessageSystemAttributes map[string]attributeValue
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
	MessageGroupID          string `json:"MessageGroupId"`
}

type sendMessageInput struct {
	QueueURL string `json:"QueueUrl"`
	draft
}

type sendMessageOutput struct {
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string
	MD5OfMessageSystemAttributes string
}

func (a *api) sendMessage(ctx context.Context, r *awsjson.Request, in *sendMessageInput) (*sendMessageOutput, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	d, err := in.toDraft(r)
	if err != nil {
		return nil, err
	}
	sent, err := a.queues.Send(ctx, name, d)
	if err != nil {
		return nil, err
	}
	return sentOutput(sent), nil
}

func sentOutput(s queue.Sent) *sendMessageOutput {
	return &sendMessageOutput{
		MessageID: s.MessageID, MD5OfMessageBody: s.BodyDigest, MD5OfMessageAttributes: s.AttributesDigest, MD5OfMessageSystemAttributes: s.SystemDigest,
	}
}

// toDraft puts a message into the domain's words.
func (d *draft) toDraft(r *awsjson.Request) (queue.Draft, error) {
	out := queue.Draft{
		Body: d.MessageBody, DelaySeconds: d.DelaySeconds, GroupID: d.MessageGroupID, DeduplicationID: d.MessageDeduplicationID,
		SenderID: r.Identity.AccessKey,
	}
	for name, v := range d.MessageAttributes {
		if len(v.StringListValues) > 0 || len(v.BinaryListValues) > 0 {
			return out, &queue.Error{Code: queue.CodeUnsupportedOperation, Message: "Message attribute list values in SendMessage operation are not supported."}
		}
		if out.Attributes == nil {
			out.Attributes = make(map[string]queue.Attribute, len(d.MessageAttributes))
		}
		out.Attributes[name] = queue.Attribute{DataType: v.DataType, String: v.StringValue, Binary: v.BinaryValue}
	}
	for name, v := range d.MessageSystemAttributes {
		if name != attrTrace || v.DataType != "String" || v.StringValue == "" {
			return out, &queue.Error{
				Code:    queue.CodeInvalidParameterValue,
				Message: "The only message system attribute that can be sent is AWSTraceHeader, a non-empty String.",
			}
		}
		out.TraceHeader = v.StringValue
	}
	return out, nil
}

type sendMessageBatchEntry struct {
	ID string `json:"Id"`
	draft
}

type sendMessageBatchInput struct {
	QueueURL string `json:"QueueUrl"`
	Entries  []sendMessageBatchEntry
}

// batchOutput is the output of all batch operations. Both lists are always
// sent.
type batchOutput[T any] struct {
	Successful []T
	Failed     []batchError
}

type batchError struct {
	ID          string `json:"Id"`
	SenderFault bool
	Code        string
	Message     string
}

type sendMessageBatchResult struct {
	ID                           string `json:"Id"`
	MessageID                    string `json:"MessageId"`
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string
	MD5OfMessageSystemAttributes string
}

func (a *api) sendMessageBatch(ctx context.Context, r *awsjson.Request, in *sendMessageBatchInput) (*batchOutput[sendMessageBatchResult], error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	ids, drafts := make([]string, len(in.Entries)), make([]queue.Draft, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
		if drafts[i], err = in.Entries[i].toDraft(r); err != nil {
			return nil, err
		}
	}
	sent, failed, err := a.queues.SendBatch(ctx, name, ids, drafts)
	if err != nil {
		return nil, err
	}
	return batch(ids, failed, func(i int) sendMessageBatchResult {
		s := sent[i]
		return sendMessageBatchResult{
			ID: ids[i], MessageID: s.MessageID, MD5OfMessageBody: s.BodyDigest, MD5OfMessageAttributes: s.AttributesDigest,
			MD5OfMessageSystemAttributes: s.SystemDigest,
		}
	}), nil
}

// batch sorts the entries of a batch by how they ended.
func batch[T any](ids []string, failed []error, success func(i int) T) *batchOutput[T] {
	out := &batchOutput[T]{Successful: []T{}, Failed: []batchError{}}
	for i, err := range failed {
		if err == nil {
			out.Successful = append(out.Successful, success(i))
			continue
		}
		entry := batchError{ID: ids[i], Code: "InternalFailure", Message: "The entry could not be processed."}
		if e, ok := errors.AsType[*queue.Error](err); ok {
			entry.SenderFault, entry.Code, entry.Message = true, queryCode(e.Code), e.Message
		}
		out.Failed = append(out.Failed, entry)
	}
	return out
}
