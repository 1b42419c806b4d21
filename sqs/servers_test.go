package sqs_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
	"github.com/hikyaku/hikyaku/sqs"
	"github.com/hikyaku/hikyaku/sqsapi"
)

// own runs hikyaku's SQS endpoint in this process and returns its URL.
func own(t *testing.T) string {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	queues, err := queue.New(t.Context(), queue.Options{
		Store: queuetest.NewMemory(), Account: "000000000000", Region: "us-east-1", Now: time.Now, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	queues.Start()
	t.Cleanup(queues.Close)
	lookup := func(_ context.Context, id string) (awsjson.Key, bool) {
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, id == "AKADMIN"
	}
	server := httptest.NewServer(awsjson.NewMux(sqsapi.New(sqsapi.Options{
		Queues: queues, Logger: log, Now: time.Now,
		Verifier: awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: lookup, Now: time.Now}),
	})))
	t.Cleanup(server.Close)
	return server.URL
}

// client returns an SDK client of the endpoint; key is its access key.
func client(url, key string) *api.Client { return clientIn(url, key, "us-east-1") }

func clientIn(url, key, region string) *api.Client {
	return api.New(api.Options{
		BaseEndpoint: &url, Region: region, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

// stub is a server that answers every operation with what reply writes.
func stub(t *testing.T, reply func(operation string, w http.ResponseWriter, r *http.Request)) *api.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		reply(r.Header.Get("X-Amz-Target")[len("AmazonSQS."):], w, r)
	}))
	t.Cleanup(server.Close)
	return client(server.URL, "AKADMIN")
}

// ensure makes a queue and opens it.
func ensure(t *testing.T, c *api.Client, name string, o sqs.EnsureOptions) (q *sqs.Queue, arn string) {
	t.Helper()
	url, arn, err := sqs.Ensure(t.Context(), c, name, o)
	if err != nil {
		t.Fatalf("Ensure %s: %v", name, err)
	}
	q, err = sqs.Open(t.Context(), c, sqs.Options{URL: url})
	if err != nil {
		t.Fatalf("Open %s: %v", url, err)
	}
	return q, arn
}

// receiveAll receives until n messages have come.
func receiveAll(t *testing.T, q *sqs.Queue, n int) []hikyaku.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var all []hikyaku.Message
	for len(all) < n {
		got, err := q.Receive(ctx, 10, time.Second)
		if err != nil {
			t.Fatalf("Receive with %d of %d messages: %v", len(all), n, err)
		}
		all = append(all, got...)
	}
	return all
}

func handles(messages []hikyaku.Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = m.Handle
	}
	return out
}
