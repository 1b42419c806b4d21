package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hikyaku/hikyaku"
)

// EnsureOptions says how a queue is to be set up. Zero values leave an
// existing queue's setting alone and give a new queue SQS's default.
type EnsureOptions struct {
	// Visibility is how long received messages stay hidden; whole seconds.
	Visibility time.Duration
	// Retention is how long messages are kept; whole seconds.
	Retention time.Duration
	// DeadLetterARN is the queue that messages go to after MaxReceives
	// receives; empty: no redrive policy is set.
	DeadLetterARN string
	// MaxReceives of the redrive policy; 0 is 5.
	MaxReceives int
}

// Ensure finds the queue of that name or creates it, and brings its
// attributes in line with o. It returns the queue's URL and ARN. It may be
// called any number of times; a dead-letter queue is ensured first, by a call
// of its own.
func Ensure(ctx context.Context, client *api.Client, name string, o EnsureOptions) (url, arn string, err error) {
	const op = "ensure queue"
	wanted, err := o.attributes()
	if err != nil {
		return "", "", wrap(op, name, err)
	}
	url, err = findOrCreate(ctx, client, name, wanted)
	if err != nil {
		return "", "", wrap(op, name, err)
	}
	have, err := attributesOf(ctx, client, url, types.QueueAttributeNameAll)
	if err != nil {
		return "", "", wrap(op, name, err)
	}
	changed := make(map[string]string, len(wanted))
	for key, value := range wanted {
		if !sameAttribute(key, have[key], value) {
			changed[key] = value
		}
	}
	if len(changed) > 0 {
		if _, err := client.SetQueueAttributes(ctx, &api.SetQueueAttributesInput{QueueUrl: &url, Attributes: changed}); err != nil {
			return "", "", wrap(op, name, err)
		}
	}
	return url, have[string(types.QueueAttributeNameQueueArn)], nil
}

// findOrCreate returns the URL of the queue of that name.
func findOrCreate(ctx context.Context, client *api.Client, name string, attributes map[string]string) (string, error) {
	found, err := client.GetQueueUrl(ctx, &api.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		return aws.ToString(found.QueueUrl), nil
	}
	if kindOf(err) != hikyaku.KindNotFound {
		return "", err
	}
	created, err := client.CreateQueue(ctx, &api.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err == nil {
		return aws.ToString(created.QueueUrl), nil
	}
	// Somebody else may have created it since, with other attributes.
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		return "", err
	}
	if found, err = client.GetQueueUrl(ctx, &api.GetQueueUrlInput{QueueName: &name}); err != nil {
		return "", err
	}
	return aws.ToString(found.QueueUrl), nil
}

// redrivePolicy is the RedrivePolicy attribute. SQS returns the count as a
// number and takes it as a number or a string.
type redrivePolicy struct {
	Target      string      `json:"deadLetterTargetArn"` //nolint:tagliatelle // Amazon's name
	MaxReceives json.Number `json:"maxReceiveCount"`     //nolint:tagliatelle // Amazon's name
}

// attributes returns the wanted attributes in SQS's form.
func (o EnsureOptions) attributes() (map[string]string, error) {
	out := map[string]string{}
	if o.Visibility > 0 {
		out[string(types.QueueAttributeNameVisibilityTimeout)] = strconv.Itoa(int(seconds(o.Visibility)))
	}
	if o.Retention > 0 {
		out[string(types.QueueAttributeNameMessageRetentionPeriod)] = strconv.Itoa(int(seconds(o.Retention)))
	}
	if o.DeadLetterARN != "" {
		receives := o.MaxReceives
		if receives <= 0 {
			receives = 5
		}
		policy, err := json.Marshal(redrivePolicy{Target: o.DeadLetterARN, MaxReceives: json.Number(strconv.Itoa(receives))})
		if err != nil {
			return nil, err
		}
		out[string(types.QueueAttributeNameRedrivePolicy)] = string(policy)
	}
	return out, nil
}

// sameAttribute compares values by what they mean: policies are JSON.
func sameAttribute(key, have, want string) bool {
	if key != string(types.QueueAttributeNameRedrivePolicy) || have == want {
		return have == want
	}
	var a, b redrivePolicy
	if json.Unmarshal([]byte(have), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return a == b
}
