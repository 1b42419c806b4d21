package sqs

import (
	"context"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hikyaku/hikyaku"
)

// Limits of the SQS API.
const (
	maxBatch      = 10
	maxWait       = 20 * time.Second
	maxVisibility = 12 * time.Hour
)

// Options says which queue to open; one of URL and Name is required.
type Options struct {
	// URL is the queue's URL. Opening by URL makes no call.
	URL string
	// Name is looked up when URL is empty; with a URL it is only the name
	// shown, and empty means the URL's last part.
	Name string
	// Visibility is how long received messages stay hidden; 0 is the queue's own.
	Visibility time.Duration
}

// Queue is one SQS queue. Its methods may be called concurrently.
type Queue struct {
	client     *api.Client
	name, url  string
	visibility time.Duration

	mu  sync.Mutex // guards arn
	arn string     // looked up when first needed
}

var (
	_ hikyaku.Queue    = (*Queue)(nil)
	_ hikyaku.Redriver = (*Queue)(nil)
)

// Open returns the queue. Opening by name fails with KindNotFound if there is
// no such queue.
func Open(ctx context.Context, client *api.Client, o Options) (*Queue, error) {
	q := &Queue{client: client, name: o.Name, url: o.URL, visibility: o.Visibility}
	switch {
	case o.URL != "":
		if q.name == "" {
			q.name = o.URL[strings.LastIndexByte(o.URL, '/')+1:]
		}
	case o.Name != "":
		out, err := client.GetQueueUrl(ctx, &api.GetQueueUrlInput{QueueName: &o.Name})
		if err != nil {
			return nil, wrap("open queue", o.Name, err)
		}
		q.url = aws.ToString(out.QueueUrl)
	default:
		return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "open queue", Message: "neither a URL nor a name was given"}
	}
	return q, nil
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }

// URL is the queue's URL.
func (q *Queue) URL() string { return q.url }

// Receive waits up to wait (whole seconds, rounded up, at most 20) for at most
// limit (1 to 10) messages. None is no error.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]hikyaku.Message, error) {
	out, err := q.client.ReceiveMessage(ctx, &api.ReceiveMessageInput{
		QueueUrl:              &q.url,
		MaxNumberOfMessages:   int32(min(max(limit, 1), maxBatch)),
		WaitTimeSeconds:       seconds(min(wait, maxWait)),
		VisibilityTimeout:     seconds(min(q.visibility, maxVisibility)),
		MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameSentTimestamp,
			types.MessageSystemAttributeNameAWSTraceHeader,
		},
	})
	if err != nil {
		return nil, wrap("receive from queue", q.name, err)
	}
	messages := make([]hikyaku.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = q.message(m)
	}
	return messages, nil
}

// message is a received message in hikyaku's words.
func (q *Queue) message(m types.Message) hikyaku.Message {
	out := hikyaku.Message{
		ID:       aws.ToString(m.MessageId),
		Handle:   aws.ToString(m.ReceiptHandle),
		Body:     aws.ToString(m.Body),
		Receives: 1,
		Queue:    q.name,
	}
	if n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"]); err == nil {
		out.Receives = n
	}
	if ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil {
		out.SentAt = time.UnixMilli(ms).UTC()
	}
	if trace := m.Attributes[hikyaku.AttributeXRay]; trace != "" {
		out.Attributes = map[string]string{hikyaku.AttributeXRay: trace}
	}
	for name, value := range m.MessageAttributes {
		if value.StringValue == nil {
			continue // binary: none of ours
		}
		if out.Attributes == nil {
			out.Attributes = make(map[string]string, len(m.MessageAttributes))
		}
		out.Attributes[name] = *value.StringValue
	}
	return out
}

// Send sends one message and returns its ID. Attributes with an empty value
// are left out, because SQS refuses them.
func (q *Queue) Send(ctx context.Context, m hikyaku.OutMessage) (string, error) {
	in := &api.SendMessageInput{QueueUrl: &q.url, MessageBody: &m.Body}
	for name, value := range m.Attributes {
		if value == "" {
			continue
		}
		if in.MessageAttributes == nil {
			in.MessageAttributes = make(map[string]types.MessageAttributeValue, len(m.Attributes))
		}
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	out, err := q.client.SendMessage(ctx, in)
	if err != nil {
		return "", wrap("send to queue", q.name, err)
	}
	return aws.ToString(out.MessageId), nil
}

// seconds rounds up to whole seconds; SQS knows no smaller unit.
func seconds(d time.Duration) int32 {
	if d <= 0 {
		return 0
	}
	return int32(min((d+time.Second-1)/time.Second, math.MaxInt32))
}
