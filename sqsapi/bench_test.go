package sqsapi_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// BenchmarkAPI_SendMessage sends single messages from 32 clients at once over
// HTTP, each acknowledged from disk.
func BenchmarkAPI_SendMessage(b *testing.B) {
	e := setup(b)
	url := e.create(b, "bench")
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := e.client.SendMessage(b.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("A-123")}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkAPI_ReceiveMessage receives ten of 100,000 messages per call over
// HTTP.
func BenchmarkAPI_ReceiveMessage(b *testing.B) {
	e := setup(b)
	url := e.create(b, "bench")
	e.fill(b, url, 100_000)
	for b.Loop() {
		if got := e.receive(b, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 1}); len(got) != 10 {
			b.Fatalf("got %d messages, want 10", len(got))
		}
	}
}

// fill sends n messages in batches of ten from several clients.
func (b *bundle) fill(tb testing.TB, url *string, n int) {
	tb.Helper()
	const clients = 16
	errs := make(chan error, clients)
	for c := range clients {
		go func() {
			var err error
			for i := c * 10; i < n && err == nil; i += clients * 10 {
				in := &sqs.SendMessageBatchInput{QueueUrl: url}
				for j := range 10 {
					id := fmt.Sprint(i + j)
					in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: &id, MessageBody: &id})
				}
				_, err = b.client.SendMessageBatch(tb.Context(), in)
			}
			errs <- err
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			tb.Fatal(err)
		}
	}
}
