package sqsapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
)

func TestAPI_ListQueues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []string
	for i := range 5 {
		want = append(want, *b.create(t, fmt.Sprintf("list-%d", i)))
	}
	b.create(t, "other")
	pages := sqs.NewListQueuesPaginator(b.client, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("list-"), MaxResults: aws.Int32(2)})
	var got []string
	n := 0
	for ; pages.HasMorePages(); n++ {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page.QueueUrls...)
	}
	if diff := cmp.Diff(want, got); diff != "" || n != 3 {
		t.Errorf("got %d pages, want 3; URLs (-want +got):\n%s", n, diff)
	}
	all, err := b.client.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(all.QueueUrls) != 6 || all.NextToken != nil {
		t.Errorf("got %+v, %v, want all queues on one page", all, err)
	}
	_, err = b.client.ListQueues(t.Context(), &sqs.ListQueuesInput{NextToken: aws.String("***")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestAPI_QueueAttributes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	out, err := b.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	created := out.Attributes["CreatedTimestamp"]
	want := map[string]string{
		"QueueArn": "arn:aws:sqs:us-east-1:000000000000:q", "VisibilityTimeout": "30", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
		"MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true", "ApproximateNumberOfMessages": "0",
		"ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0", "CreatedTimestamp": created, "LastModifiedTimestamp": created,
	}
	if diff := cmp.Diff(want, out.Attributes); diff != "" || len(created) != 10 {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	_, err = b.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{
		"VisibilityTimeout": "0", "RedriveAllowPolicy": `{"redrivePermission":"denyAll"}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.attribute(t, url, "VisibilityTimeout"); got != "0" {
		t.Errorf("visibility timeout: got %s, want 0", got)
	}
	policy := fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"3"}`, want["QueueArn"])
	_, err = b.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q2"), Attributes: map[string]string{"RedrivePolicy": policy}})
	wantCode(t, err, "InvalidParameterValue")
	_, err = b.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []types.QueueAttributeName{"None"}})
	wantCode(t, err, "InvalidAttributeName")
	for _, name := range []string{"KmsMasterKeyId", "Policy", "FifoQueue"} {
		_, err = b.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: map[string]string{name: "true"}})
		wantCode(t, err, "AWS.SimpleQueueService.UnsupportedOperation")
	}
}

func TestAPI_Tags(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	if _, err := b.client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: url, TagKeys: []string{"a", "none"}}); err != nil {
		t.Fatal(err)
	}
	out, err := b.client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: url})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"b": "2"}, out.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

func TestAPI_DeleteQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	b.send(t, url, "x")
	if _, err := b.client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url}); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
	wantCode(t, err, "AWS.SimpleQueueService.NonExistentQueue")
	b.create(t, "q")
	if got := b.receive(t, &sqs.ReceiveMessageInput{QueueUrl: url}); len(got) != 0 {
		t.Errorf("a queue created anew holds %+v", got)
	}
}

func TestAPI_Batches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	send := func(ids ...string) error {
		in := &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{}}
		for _, id := range ids {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String("x")})
		}
		_, err := b.client.SendMessageBatch(t.Context(), in)
		return err
	}
	const prefix = "AWS.SimpleQueueService."
	wantCode(t, send(), prefix+"EmptyBatchRequest")
	wantCode(t, send("a", "a"), prefix+"BatchEntryIdsNotDistinct")
	wantCode(t, send("a b"), prefix+"InvalidBatchEntryId")
	wantCode(t, send(strings.Split("abcdefghijk", "")...), prefix+"TooManyEntriesInBatchRequest")
}

func TestAPI_LongPoll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	type answer struct {
		out *sqs.ReceiveMessageOutput
		err error
	}
	got := make(chan answer, 1)
	go func() {
		out, err := b.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
		got <- answer{out, err}
	}()
	start := time.Now()
	b.send(t, url, "x")
	a := <-got
	if a.err != nil || len(a.out.Messages) != 1 || time.Since(start) > 10*time.Second {
		t.Errorf("got %+v, %v after %v, want the message at once", a.out, a.err, time.Since(start))
	}
}

func TestAPI_Scopes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	url := b.create(t, "q")
	calls := map[string]func(c *sqs.Client) error{
		"1011": func(c *sqs.Client) error {
			_, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("x")})
			return err
		},
		"1111": func(c *sqs.Client) error {
			_, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")})
			return err
		},
		"0111": func(c *sqs.Client) error { _, err := c.ListQueues(t.Context(), &sqs.ListQueuesInput{}); return err },
		"0011": func(c *sqs.Client) error {
			_, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url})
			return err
		},
		"0001": func(c *sqs.Client) error {
			_, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
			return err
		},
	}
	for want, call := range calls {
		for i, key := range []string{"AKPRODUCER", "AKVIEWER", "AKOPERATOR", "AKADMIN"} {
			err := call(client(b.url, key))
			if want[i] == '0' {
				wantCode(t, err, "AccessDenied")
			} else if err != nil {
				t.Errorf("%s, %s: got %v, want no error", want, key, err)
			}
		}
	}
	_, err := b.client.AddPermission(t.Context(), &sqs.AddPermissionInput{
		QueueUrl: url, Label: aws.String("l"), AWSAccountIds: []string{account}, Actions: []string{"SendMessage"},
	})
	wantCode(t, err, "AWS.SimpleQueueService.UnsupportedOperation")
}

// TestAPI_Wire pins what the SDKs do not show.
func TestAPI_Wire(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url, bytes.NewReader([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Target", "AmazonSQS.ListQueues")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Amzn-Query-Error") != "MissingAuthenticationToken;Sender" ||
		!strings.Contains(string(body), `"__type":"com.amazon.coral.service#MissingAuthenticationTokenException"`) {
		t.Errorf("unsigned: got %d %v %s", resp.StatusCode, resp.Header, body)
	}
}
