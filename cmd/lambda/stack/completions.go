package stack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/sqs"
)

// What the events on a bus are known by.
const (
	busSource     = "hikyaku"
	busDetailType = "Hikyaku Transfer Ended"
)

// The names of the targets; each stack has one at most.
const (
	targetQueue   = "queue"
	targetBus     = "bus"
	targetWebhook = "webhook"
)

// completions is where completion events go.
func (s *Stack) completions(ctx context.Context, awsCfg aws.Config) ([]dispatch.Target, error) {
	c := s.Config
	switch {
	case c.CompletionQueue != "":
		q, err := sqs.Open(ctx, sqssdk.NewFromConfig(awsCfg), sqs.Options{URL: c.CompletionQueue})
		return []dispatch.Target{{Name: targetQueue, Sender: q}}, err
	case c.CompletionBus != "":
		return []dispatch.Target{{Name: targetBus, Sender: &bus{client: eventbridge.NewFromConfig(awsCfg), name: c.CompletionBus}}}, nil
	case c.CompletionWebhook != "":
		o := lambda.WebhookOptions{URL: c.CompletionWebhook, Client: &http.Client{}, Now: time.Now}
		if c.CompletionSecret != "" {
			o.Secret = s.parameters.secret(c.CompletionSecret)
		}
		w, err := lambda.NewWebhook(o)
		return []dispatch.Target{{Name: targetWebhook, Sender: w}}, err
	}
	return nil, nil
}

// bus sends completion events to an EventBridge bus.
type bus struct {
	client *eventbridge.Client
	name   string
}

// Send puts one event on the bus and returns its ID.
func (b *bus) Send(ctx context.Context, m hikyaku.OutMessage) (string, error) {
	out, err := b.client.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.name, Source: aws.String(busSource), DetailType: aws.String(busDetailType), Detail: &m.Body,
	}}})
	if err != nil {
		return "", b.failed(err)
	}
	if len(out.Entries) != 1 {
		return "", b.failed(errors.New("the reply has no entry"))
	}
	if entry := out.Entries[0]; entry.ErrorCode != nil {
		return "", b.failed(fmt.Errorf("%s: %s", *entry.ErrorCode, aws.ToString(entry.ErrorMessage)))
	}
	return aws.ToString(out.Entries[0].EventId), nil
}

func (b *bus) failed(err error) error {
	return &hikyaku.Error{Kind: hikyaku.KindTransient, Code: hikyaku.CodeOutboxStuck, Op: "put event on bus", Subject: b.name, Err: err}
}
