package sqsapi

import (
	"context"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
)

// queueInput is the input of operations that name a queue and nothing else.
type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

type queueOutput struct {
	QueueURL string `json:"QueueUrl"`
}

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

func (a *api) createQueue(ctx context.Context, r *awsjson.Request, in *createQueueInput) (*queueOutput, error) {
	if err := a.queues.Create(ctx, in.QueueName, in.Attributes, in.Tags); err != nil {
		return nil, err
	}
	return &queueOutput{QueueURL: a.queueURL(r, in.QueueName)}, nil
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (a *api) getQueueURL(_ context.Context, r *awsjson.Request, in *getQueueURLInput) (*queueOutput, error) {
	if in.QueueName == "" {
		return nil, &queue.Error{Code: queue.CodeMissingParameter, Message: "The request must contain the parameter QueueName."}
	}
	if in.QueueOwnerAWSAccountID != "" && in.QueueOwnerAWSAccountID != a.queues.Account() {
		return nil, queue.NoQueue()
	}
	if err := a.queues.Exists(in.QueueName); err != nil {
		return nil, err
	}
	return &queueOutput{QueueURL: a.queueURL(r, in.QueueName)}, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	NextToken       string
	MaxResults      *int
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls"`
	NextToken string
}

func (a *api) listQueues(_ context.Context, r *awsjson.Request, in *listQueuesInput) (*listQueuesOutput, error) {
	limit, after, err := pageOf(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	names, more := a.queues.List(in.QueueNamePrefix, after, limit)
	// Amazon gives a token only to those who asked for pages.
	out := &listQueuesOutput{NextToken: token(names, more && in.MaxResults != nil)}
	if len(names) > 0 {
		out.QueueURLs = a.queueURLs(r, names)
	}
	return out, nil
}

type listSourcesInput struct {
	QueueURL   string `json:"QueueUrl"`
	NextToken  string
	MaxResults *int
}

type listSourcesOutput struct {
	QueueURLs []string `json:"queueUrls"`
	NextToken string
}

func (a *api) listDeadLetterSourceQueues(_ context.Context, r *awsjson.Request, in *listSourcesInput) (*listSourcesOutput, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	limit, after, err := pageOf(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	names, more, err := a.queues.DeadLetterSources(name, after, limit)
	if err != nil {
		return nil, err
	}
	return &listSourcesOutput{QueueURLs: a.queueURLs(r, names), NextToken: token(names, more && in.MaxResults != nil)}, nil
}

func (a *api) deleteQueue(ctx context.Context, _ *awsjson.Request, in *queueInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.Delete(ctx, name)
}

func (a *api) purgeQueue(ctx context.Context, _ *awsjson.Request, in *queueInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.Purge(ctx, name)
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type getQueueAttributesOutput struct{ Attributes map[string]string }

func (a *api) getQueueAttributes(ctx context.Context, _ *awsjson.Request, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	attributes, err := a.queues.Attributes(ctx, name, in.AttributeNames)
	if err != nil || len(attributes) == 0 {
		return nil, err
	}
	return &getQueueAttributesOutput{Attributes: attributes}, nil
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (a *api) setQueueAttributes(ctx context.Context, _ *awsjson.Request, in *setQueueAttributesInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.SetAttributes(ctx, name, in.Attributes)
}

type tagQueueInput struct {
	QueueURL string `json:"QueueUrl"`
	Tags     map[string]string
}

func (a *api) tagQueue(ctx context.Context, _ *awsjson.Request, in *tagQueueInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.Tag(ctx, name, in.Tags)
}

type untagQueueInput struct {
	QueueURL string `json:"QueueUrl"`
	TagKeys  []string
}

func (a *api) untagQueue(ctx context.Context, _ *awsjson.Request, in *untagQueueInput) (*none, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	return nil, a.queues.Untag(ctx, name, in.TagKeys)
}

type listQueueTagsOutput struct{ Tags map[string]string }

func (a *api) listQueueTags(_ context.Context, _ *awsjson.Request, in *queueInput) (*listQueueTagsOutput, error) {
	name, err := a.name(in.QueueURL)
	if err != nil {
		return nil, err
	}
	tags, err := a.queues.Tags(name)
	if err != nil {
		return nil, err
	}
	return &listQueueTagsOutput{Tags: tags}, nil
}
