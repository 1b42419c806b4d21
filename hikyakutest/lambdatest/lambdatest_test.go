package lambdatest_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
	"github.com/hikyaku/hikyaku/sqsapi"
)

// batch is an event whose records have these bodies.
func batch(t *testing.T, bodies ...string) []byte {
	t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{MessageId: string(rune('a' + i)), Body: b})
	}
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFunction_Invoke(t *testing.T) {
	t.Parallel()
	binary := lambdatest.Build(t, "./testdata/probe")
	f := lambdatest.New(lambdatest.Options{Binary: binary, Timeout: 2 * time.Second})
	t.Cleanup(f.Close)
	invoke := func(bodies ...string) lambdatest.Result {
		t.Helper()
		r, err := f.Invoke(t.Context(), batch(t, bodies...))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := invoke("ok", "bad")
	if !first.Cold || first.Init <= 0 || first.PeakRSS <= 0 || string(first.Payload) != `{"batchItemFailures":[{"itemIdentifier":"b"}]}` {
		t.Errorf("first = %+v %s", first, first.Payload)
	}
	if second := invoke("ok"); second.Cold || second.Err() != nil {
		t.Errorf("second = %+v; want a warm response", second)
	}
	if r := invoke("error"); r.ErrorType != "errorString" || r.ErrorMessage != "no" || f.Starts() != 1 {
		t.Errorf("error = %+v after %d starts", r, f.Starts())
	}
	if r := invoke("panic"); r.ErrorMessage != "boom" {
		t.Errorf("panic = %+v", r)
	}
	if r := invoke("ok"); !r.Cold || r.Err() != nil {
		t.Errorf("after a panic = %+v; want a new environment", r)
	}
	if r := invoke("exit"); r.ErrorType != "Runtime.ExitError" || r.ErrorMessage != "exit status 4" {
		t.Errorf("exit = %+v", r)
	}
	if r := invoke("hang"); r.ErrorType != "Sandbox.Timedout" || r.Duration < 2*time.Second {
		t.Errorf("hang = %+v", r)
	}
	if r := invoke("deadline"); !r.Cold || r.Err() != nil {
		t.Errorf("deadline = %+v", r)
	}
	tick := time.NewTicker(5 * time.Millisecond) // what it wrote comes through a pipe
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(f.Log(), "left 19"); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("log %q does not tell of the deadline", f.Log())
		}
	}
}

func TestFunction_Invoke_atOnce(t *testing.T) {
	t.Parallel()
	f := lambdatest.New(lambdatest.Options{Binary: lambdatest.Build(t, "./testdata/probe"), Timeout: 10 * time.Second})
	t.Cleanup(f.Close)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if r, err := f.Invoke(t.Context(), batch(t, "ok")); err != nil || r.Err() != nil {
				t.Errorf("Invoke = %+v, %v", r, err)
			}
		})
	}
	all.Wait()
	if n := f.Starts(); n < 1 || n > 20 {
		t.Errorf("%d environments", n)
	}
	f.Kill()
	if r, err := f.Invoke(t.Context(), batch(t, "ok")); err != nil || !r.Cold {
		t.Errorf("after Kill = %+v, %v; want a cold start", r, err)
	}
}

func TestFunction_Invoke_init(t *testing.T) {
	t.Parallel()
	f := lambdatest.New(lambdatest.Options{Binary: lambdatest.Build(t, "./testdata/probe"), Env: []string{"PROBE_INIT=exit"}})
	t.Cleanup(f.Close)
	if r, err := f.Invoke(t.Context(), batch(t)); err != nil || r.ErrorType != "Runtime.ExitError" {
		t.Errorf("Invoke = %+v, %v; want Runtime.ExitError", r, err)
	}
}

// queues runs our own SQS and returns a client, a queue and its dead-letter queue.
func queues(t *testing.T) (client *sqs.Client, url, dead string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	service, err := queue.New(t.Context(), queue.Options{Store: queuetest.NewMemory(), Account: "123456789012", Region: "eu-west-1", Now: time.Now, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	service.Start()
	t.Cleanup(service.Close)
	lookup := func(context.Context, string) (awsjson.Key, bool) {
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, true
	}
	server := httptest.NewServer(awsjson.NewMux(sqsapi.New(sqsapi.Options{
		Queues: service, Logger: log, Now: time.Now, Verifier: awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: lookup, Now: time.Now}),
	})))
	t.Cleanup(server.Close)
	client = sqs.New(sqs.Options{BaseEndpoint: &server.URL, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKADMIN", "secret", "")})
	create := func(name string, attributes map[string]string) string {
		out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	dead = create("orders-dlq", nil)
	url = create("orders", map[string]string{
		"VisibilityTimeout": "1", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123456789012:orders-dlq","maxReceiveCount":2}`,
	})
	return client, url, dead
}

// TestPoller: what is reported, what breaks a batch, and where it ends.
func TestPoller(t *testing.T) {
	t.Parallel()
	client, url, dead := queues(t)
	f := lambdatest.New(lambdatest.Options{Binary: lambdatest.Build(t, "./testdata/probe"), Timeout: 500 * time.Millisecond})
	t.Cleanup(f.Close)
	bodies := []string{"ok", "bad", "panic", "error", "hang", "unknown", "exit"}
	for _, body := range bodies {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{
			"traceparent": {DataType: aws.String("String"), StringValue: aws.String("x")},
		}}); err != nil {
			t.Fatal(err)
		}
	}
	handled := make(chan lambdatest.Delivery, 100)
	p, err := lambdatest.StartPoller(t.Context(), lambdatest.PollerOptions{
		Client: client, QueueURL: url, Function: f, Workers: 3, Batch: 1, OnDelivery: func(d lambdatest.Delivery) { handled <- d },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 1 + 2*(len(bodies)-1) { // one goes at once, the others twice
		select {
		case d := <-handled:
			m := d.Messages[0]
			if want := m.Body != "ok"; want != (len(d.Failed) == 1) {
				t.Errorf("%q: left %v", m.Body, d.Failed)
			}
			if *m.MessageAttributes["traceparent"].StringValue != "x" || m.Attributes["ApproximateReceiveCount"] == "" || m.EventSourceARN != "arn:aws:sqs:eu-west-1:123456789012:orders" {
				t.Errorf("record = %+v", m)
			}
		case <-time.After(time.Minute):
			t.Fatal("a delivery is missing")
		}
	}
	var left []string
	for len(left) < len(bodies)-1 {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &dead, MaxNumberOfMessages: 10, WaitTimeSeconds: 20})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("dead letters %v, then %v", left, err)
		}
		for _, m := range out.Messages {
			left = append(left, *m.Body)
		}
	}
	if errs := p.Stop(); len(errs) != 0 {
		t.Errorf("poller: %v", errs)
	}
	slices.Sort(left)
	if want := []string{"bad", "error", "exit", "hang", "panic", "unknown"}; !slices.Equal(left, want) {
		t.Errorf("dead letters = %v, want %v", left, want)
	}
}
