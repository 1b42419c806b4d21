package sqs

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Redrive starts moving all messages of this dead-letter queue to
// destination: a queue's name, URL or ARN. It returns the move's handle.
// The destination is always passed on, because without one SQS refuses
// messages that were sent to the dead-letter queue directly, as hikyaku's are.
// A move already running for this queue is refused with KindInvalid.
func (q *Queue) Redrive(ctx context.Context, destination string) (string, error) {
	const op = "redrive queue"
	source, err := q.ARN(ctx)
	if err != nil {
		return "", err
	}
	target := destination
	if !strings.HasPrefix(destination, "arn:") {
		o := Options{Name: destination}
		if strings.Contains(destination, "://") {
			o = Options{URL: destination}
		}
		to, err := Open(ctx, q.client, o)
		if err != nil {
			return "", err
		}
		if target, err = to.ARN(ctx); err != nil {
			return "", err
		}
	}
	out, err := q.client.StartMessageMoveTask(ctx, &api.StartMessageMoveTaskInput{SourceArn: &source, DestinationArn: &target})
	if err != nil {
		return "", wrap(op, q.name, err)
	}
	return aws.ToString(out.TaskHandle), nil
}

// ARN returns the queue's ARN; it is asked for once.
func (q *Queue) ARN(ctx context.Context) (string, error) {
	q.mu.Lock()
	arn := q.arn
	q.mu.Unlock()
	if arn != "" {
		return arn, nil
	}
	attributes, err := attributesOf(ctx, q.client, q.url, types.QueueAttributeNameQueueArn)
	if err != nil {
		return "", wrap("describe queue", q.name, err)
	}
	arn = attributes[string(types.QueueAttributeNameQueueArn)]
	q.mu.Lock()
	q.arn = arn
	q.mu.Unlock()
	return arn, nil
}

// attributesOf asks for a queue's attributes.
func attributesOf(ctx context.Context, client *api.Client, url string, names ...types.QueueAttributeName) (map[string]string, error) {
	out, err := client.GetQueueAttributes(ctx, &api.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}
