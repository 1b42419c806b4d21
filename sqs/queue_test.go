package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/sqs"
)

// TestQueue runs on hikyaku's own server and on moto's.
func TestQueue(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, c *api.Client){
		"send receive delete":              sendReceiveDelete,
		"batches beyond ten":               batchesBeyondTen,
		"release hides for the delay":      releaseHidesForTheDelay,
		"receive waits for a message":      receiveWaitsForAMessage,
		"errors name operation and queue":  errorsNameOperationAndQueue,
		"ensure creates once and corrects": ensureCreatesOnceAndCorrects,
	}
	t.Run("own", func(t *testing.T) {
		t.Parallel()
		for name, test := range tests {
			t.Run(name, func(t *testing.T) { t.Parallel(); test(t, client(own(t), "AKADMIN")) })
		}
	})
	t.Run("moto", func(t *testing.T) {
		t.Parallel()
		url := mototest.Start(t)
		regions := []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-central-1", "eu-west-1", "eu-west-2"}
		i := 0
		for name, test := range tests {
			// A Region each, so that they share no queues.
			region := regions[i]
			i++
			t.Run(name, func(t *testing.T) { t.Parallel(); test(t, clientIn(url, "AKADMIN", region)) })
		}
	})
}

func sendReceiveDelete(t *testing.T, c *api.Client) {
	t.Helper()
	q, _ := ensure(t, c, "orders", sqs.EnsureOptions{})
	began := time.Now()
	id, err := q.Send(t.Context(), hikyaku.OutMessage{
		Body:       `{"id":"A-123 é 箱"}`,
		Attributes: map[string]string{"hikyaku-code": "HKY-2001", "hikyaku-reason": "no such ID", "empty": ""},
	})
	if err != nil {
		t.Fatalf("Send: %v", err)
	}
	got := receiveAll(t, q, 1)[0]
	if since := got.SentAt.Sub(began).Abs(); since > time.Minute {
		t.Errorf("SentAt = %v, want about %v", got.SentAt, began)
	}
	want := hikyaku.Message{
		ID: id, Handle: got.Handle, Body: `{"id":"A-123 é 箱"}`, Receives: 1, SentAt: got.SentAt, Queue: "orders",
		Attributes: map[string]string{"hikyaku-code": "HKY-2001", "hikyaku-reason": "no such ID"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("received (-want +got):\n%s", diff)
	}
	for range 2 { // the second time it is deleted already
		if err := q.Delete(t.Context(), []string{got.Handle}); err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
}

func batchesBeyondTen(t *testing.T, c *api.Client) {
	t.Helper()
	q, _ := ensure(t, c, "orders", sqs.EnsureOptions{})
	const n = 23
	for i := range n {
		if _, err := q.Send(t.Context(), hikyaku.OutMessage{Body: strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
	}
	first := receiveAll(t, q, n)
	if err := q.Release(t.Context(), handles(first), 0); err != nil {
		t.Fatalf("Release: %v", err)
	}
	again := receiveAll(t, q, n)
	for _, m := range again {
		if m.Receives != 2 {
			t.Errorf("message %s was received %d times, want 2", m.ID, m.Receives)
		}
	}
	if err := q.Delete(t.Context(), handles(again)); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if left, err := q.Receive(t.Context(), 10, 0); err != nil || len(left) != 0 {
		t.Errorf("Receive after deleting all = %v, %v; want none", left, err)
	}
}

func releaseHidesForTheDelay(t *testing.T, c *api.Client) {
	t.Helper()
	q, _ := ensure(t, c, "orders", sqs.EnsureOptions{})
	if _, err := q.Send(t.Context(), hikyaku.OutMessage{Body: "A-1"}); err != nil {
		t.Fatal(err)
	}
	if err := q.Release(t.Context(), handles(receiveAll(t, q, 1)), time.Hour); err != nil {
		t.Fatalf("Release: %v", err)
	}
	if got, err := q.Receive(t.Context(), 10, time.Second); err != nil || len(got) != 0 {
		t.Errorf("Receive = %v, %v; want none within the hour", got, err)
	}
}

func receiveWaitsForAMessage(t *testing.T, c *api.Client) {
	t.Helper()
	q, _ := ensure(t, c, "orders", sqs.EnsureOptions{})
	got := make(chan []hikyaku.Message, 1)
	failed := make(chan error, 1)
	go func() {
		messages, err := q.Receive(t.Context(), 10, 20*time.Second)
		if err != nil {
			failed <- err
			return
		}
		got <- messages
	}()
	if _, err := q.Send(t.Context(), hikyaku.OutMessage{Body: "A-1"}); err != nil {
		t.Fatal(err)
	}
	select {
	case messages := <-got:
		if len(messages) != 1 {
			t.Errorf("received %v, want the message", messages)
		}
	case err := <-failed:
		t.Errorf("Receive: %v", err)
	}
}

func errorsNameOperationAndQueue(t *testing.T, c *api.Client) {
	t.Helper()
	_, err := sqs.Open(t.Context(), c, sqs.Options{Name: "nowhere"})
	wantError(t, err, hikyaku.KindNotFound, "open queue", "nowhere")

	q, _ := ensure(t, c, "here", sqs.EnsureOptions{})
	gone, err := sqs.Open(t.Context(), c, sqs.Options{URL: strings.TrimSuffix(q.URL(), "here") + "gone"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = gone.Receive(t.Context(), 1, 0)
	wantError(t, err, hikyaku.KindNotFound, "receive from queue", "gone")
	_, err = gone.Send(t.Context(), hikyaku.OutMessage{Body: "x"})
	wantError(t, err, hikyaku.KindNotFound, "send to queue", "gone")
	wantError(t, gone.Delete(t.Context(), []string{"h"}), hikyaku.KindNotFound, "delete from queue", "gone")
	wantError(t, gone.Release(t.Context(), []string{"h"}, 0), hikyaku.KindNotFound, "release to queue", "gone")

	_, err = q.Send(t.Context(), hikyaku.OutMessage{Body: strings.Repeat("x", 2<<20)})
	wantError(t, err, hikyaku.KindInvalid, "send to queue", "here")
}

func TestQueue_denied(t *testing.T) {
	t.Parallel()
	q, err := sqs.Open(t.Context(), client(own(t), "AKNOBODY"), sqs.Options{URL: "http://127.0.0.1/0/orders"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Receive(t.Context(), 1, 0)
	wantError(t, err, hikyaku.KindDenied, "receive from queue", "orders")
}

func TestQueue_unreachable(t *testing.T) {
	t.Parallel()
	q, err := sqs.Open(t.Context(), client("http://"+mototest.FreeAddress(t), "AK"), sqs.Options{URL: "http://127.0.0.1/0/orders"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Receive(t.Context(), 1, 0)
	wantError(t, err, hikyaku.KindTransient, "receive from queue", "orders")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = q.Receive(ctx, 1, 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Receive under a cancelled context = %v, want context.Canceled in its chain", err)
	}
}

func TestOpen_needsAURLOrAName(t *testing.T) {
	t.Parallel()
	_, err := sqs.Open(t.Context(), client("http://127.0.0.1:1", "AK"), sqs.Options{})
	if got := hikyaku.KindOf(err); got != hikyaku.KindInvalid {
		t.Errorf("Open = %v, want kind invalid", err)
	}
}

func ensureCreatesOnceAndCorrects(t *testing.T, c *api.Client) {
	t.Helper()
	_, dlq := ensure(t, c, "hikyaku-dlq", sqs.EnsureOptions{Retention: 14 * 24 * time.Hour})
	o := sqs.EnsureOptions{Visibility: 45 * time.Second, DeadLetterARN: dlq}
	q, arn := ensure(t, c, "hikyaku", o)
	if !strings.HasSuffix(arn, ":hikyaku") {
		t.Errorf("ARN = %s", arn)
	}
	for _, o := range []sqs.EnsureOptions{o, {}, {Visibility: 90 * time.Second, DeadLetterARN: dlq, MaxReceives: 7}} {
		again, sameARN := ensure(t, c, "hikyaku", o)
		if again.URL() != q.URL() || sameARN != arn {
			t.Errorf("Ensure again = %s, %s; want %s, %s", again.URL(), sameARN, q.URL(), arn)
		}
	}
	url := q.URL()
	out, err := c.GetQueueAttributes(t.Context(), &api.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := out.Attributes["VisibilityTimeout"]; got != "90" {
		t.Errorf("VisibilityTimeout = %s, want 90", got)
	}
	if got := out.Attributes["RedrivePolicy"]; !strings.Contains(got, dlq) || !strings.Contains(got, "7") {
		t.Errorf("RedrivePolicy = %s, want %s after 7 receives", got, dlq)
	}
}

func TestQueue_Redrive(t *testing.T) {
	t.Parallel()
	c := client(own(t), "AKADMIN") // moto has no message moves
	dlq, dlqARN := ensure(t, c, "hikyaku-dlq", sqs.EnsureOptions{})
	q, arn := ensure(t, c, "hikyaku", sqs.EnsureOptions{DeadLetterARN: dlqARN})
	for i, destination := range []string{"hikyaku", q.URL(), arn} {
		id := fmt.Sprint("A-", i)
		if _, err := dlq.Send(t.Context(), hikyaku.OutMessage{Body: id}); err != nil {
			t.Fatal(err)
		}
		handle, err := dlq.Redrive(t.Context(), destination)
		if err != nil || handle == "" {
			t.Fatalf("Redrive to %s = %q, %v", destination, handle, err)
		}
		moved := receiveAll(t, q, 1)
		if moved[0].Body != id {
			t.Errorf("moved %q, want %q", moved[0].Body, id)
		}
		if err := q.Delete(t.Context(), handles(moved)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := dlq.Redrive(t.Context(), "nowhere")
	wantError(t, err, hikyaku.KindNotFound, "open queue", "nowhere")
}

// wantError fails unless err is an *hikyaku.Error of that kind, operation and subject.
func wantError(t *testing.T, err error, kind hikyaku.Kind, op, subject string) {
	t.Helper()
	e, ok := errors.AsType[*hikyaku.Error](err)
	if !ok {
		t.Errorf("%s %s: got %v, want an *hikyaku.Error", op, subject, err)
		return
	}
	if e.Kind != kind || e.Op != op || e.Subject != subject {
		t.Errorf("got kind %s, op %q, subject %q (%v); want %s, %q, %q", e.Kind, e.Op, e.Subject, err, kind, op, subject)
	}
}
