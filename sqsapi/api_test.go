package sqsapi_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/sqlite"
	"github.com/hikyaku/hikyaku/sqsapi"
)

const (
	account = "000000000000"
	region  = "us-east-1"
)

// bundle is an endpoint on a fresh SQLite file, and a client of it.
type bundle struct {
	url    string
	client *sqs.Client
}

// keys are the access keys of every test; each secret is the key doubled.
func keys(_ context.Context, id string) (awsjson.Key, bool) {
	scopes := map[string]awsjson.Scope{
		"AKPRODUCER": awsjson.ScopeProducer, "AKVIEWER": awsjson.ScopeViewer, "AKOPERATOR": awsjson.ScopeOperator, "AKADMIN": awsjson.ScopeAdmin,
	}
	scope, ok := scopes[id]
	return awsjson.Key{Secret: id + id, Scopes: []awsjson.Scope{scope}}, ok
}

func setup(tb testing.TB) *bundle {
	tb.Helper()
	store, err := sqlite.OpenQueues(tb.Context(), filepath.Join(tb.TempDir(), "queue.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := store.Close(); err != nil {
			tb.Errorf("close store: %v", err)
		}
	})
	log := slog.New(slog.DiscardHandler)
	queues, err := queue.New(tb.Context(), queue.Options{Store: store, Account: account, Region: region, Now: time.Now, Logger: log})
	if err != nil {
		tb.Fatal(err)
	}
	queues.Start()
	tb.Cleanup(queues.Close)
	api := sqsapi.New(sqsapi.Options{
		Queues: queues, Logger: log, Now: time.Now,
		Verifier: awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: keys, Now: time.Now}),
	})
	server := httptest.NewServer(awsjson.NewMux(api))
	tb.Cleanup(server.Close)
	return &bundle{url: server.URL, client: client(server.URL, "AKADMIN")}
}

// client returns an SDK client that does not retry.
func client(url, key string) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: &url, Region: region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, key+key, ""),
	})
}

// create creates a queue and returns its URL.
func (b *bundle) create(tb testing.TB, name string) *string {
	tb.Helper()
	out, err := b.client.CreateQueue(tb.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		tb.Fatalf("create queue %s: %v", name, err)
	}
	return out.QueueUrl
}

func (b *bundle) send(tb testing.TB, url *string, body string) *sqs.SendMessageOutput {
	tb.Helper()
	out, err := b.client.SendMessage(tb.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	if err != nil {
		tb.Fatalf("send %q: %v", body, err)
	}
	return out
}

func (b *bundle) receive(tb testing.TB, in *sqs.ReceiveMessageInput) []types.Message {
	tb.Helper()
	out, err := b.client.ReceiveMessage(tb.Context(), in)
	if err != nil {
		tb.Fatalf("receive: %v", err)
	}
	return out.Messages
}

func (b *bundle) attribute(tb testing.TB, url *string, name types.QueueAttributeName) string {
	tb.Helper()
	out, err := b.client.GetQueueAttributes(tb.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		tb.Fatalf("get attribute %s: %v", name, err)
	}
	return out.Attributes[string(name)]
}

// wantCode fails unless err is an API error of the code.
func wantCode(tb testing.TB, err error, code string) {
	tb.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code {
		tb.Fatalf("got error %v, want code %s", err, code)
	}
}

func TestAPI_SendReceiveDelete(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "orders")
	if want := b.url + "/" + account + "/orders"; *url != want {
		t.Errorf("queue URL: got %s, want %s", *url, want)
	}
	got, err := b.client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("orders")})
	if err != nil || *got.QueueUrl != *url {
		t.Fatalf("get queue URL: got %v, %v, want %s", got, err, *url)
	}
	sent := b.send(t, url, "A-123")
	messages := b.receive(t, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
	if len(messages) != 1 || *messages[0].Body != "A-123" || *messages[0].MessageId != *sent.MessageId {
		t.Fatalf("got messages %+v, want the one sent as %s", messages, *sent.MessageId)
	}
	if n := b.attribute(t, url, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible); n != "1" {
		t.Errorf("messages in flight: got %s, want 1", n)
	}
	if again := b.receive(t, &sqs.ReceiveMessageInput{QueueUrl: url}); len(again) != 0 {
		t.Errorf("an invisible message was handed out again: %+v", again)
	}
	if _, err := b.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: messages[0].ReceiptHandle}); err != nil {
		t.Fatalf("delete: %v", err)
	}
	if n := b.attribute(t, url, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible); n != "0" {
		t.Errorf("messages in flight after delete: got %s, want 0", n)
	}
	_, err = b.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(b.url + "/" + account + "/none"), MessageBody: aws.String("x")})
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
		t.Errorf("got error type %T, want QueueDoesNotExist", err)
	}
}
