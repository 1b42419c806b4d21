package queue_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
)

// service returns a started service on the store, in the bubble's fake time.
func service(t *testing.T, store queue.Store) *queue.Service {
	t.Helper()
	s, err := queue.New(t.Context(), queue.Options{
		Store: store, Account: "000000000000", Region: "local-1", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// inBubble runs a test in fake time on an in-memory store.
func inBubble(t *testing.T, test func(t *testing.T, s *queue.Service)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, service(t, queuetest.NewMemory())) })
}

func create(t *testing.T, s *queue.Service, name string, attributes ...string) {
	t.Helper()
	if err := s.Create(t.Context(), name, pairs(attributes), nil); err != nil {
		t.Fatalf("create %s: %v", name, err)
	}
}

func pairs(kv []string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return m
}

func send(t *testing.T, s *queue.Service, name string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := s.Send(t.Context(), name, queue.Draft{Body: body}); err != nil {
			t.Fatalf("send %q: %v", body, err)
		}
	}
}

// receive receives up to ten messages; visibility and wait in seconds.
func receive(t *testing.T, s *queue.Service, name string, visibility, wait int) []queue.Received {
	t.Helper()
	ten := 10
	got, err := s.Receive(t.Context(), name, queue.ReceiveOptions{Max: &ten, VisibilityTimeout: &visibility, WaitSeconds: &wait})
	if err != nil {
		t.Fatalf("receive from %s: %v", name, err)
	}
	return got
}

func bodies(messages []queue.Received) string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Body)
	}
	return strings.Join(out, " ")
}

func wantBodies(t *testing.T, got []queue.Received, want string) {
	t.Helper()
	if bodies(got) != want {
		t.Errorf("got messages %q, want %q", bodies(got), want)
	}
}

func wantCode(t *testing.T, err error, want queue.Code) {
	t.Helper()
	e, ok := errors.AsType[*queue.Error](err)
	if !ok || e.Code != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func wantAfter(t *testing.T, since time.Time, want time.Duration) {
	t.Helper()
	if got := time.Since(since); got != want {
		t.Errorf("got it after %v, want %v", got, want)
	}
}

func TestService_DeadLetters(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "dlq")
		create(t, s, "q", "RedrivePolicy", `{"deadLetterTargetArn":"`+s.ARN("dlq")+`","maxReceiveCount":2}`)
		dead := make(chan []queue.Received, 1)
		go func() { dead <- receive(t, s, "dlq", 30, 20) }()
		send(t, s, "q", "poison")
		for range 2 {
			wantBodies(t, receive(t, s, "q", 0, 0), "poison")
		}
		wantBodies(t, receive(t, s, "q", 0, 0), "")
		got := <-dead // woken by the move
		wantBodies(t, got, "poison")
		if got[0].Source != "q" || got[0].TotalReceives != 3 {
			t.Errorf("got %+v, want the third receive of a message from q", got[0].Message)
		}
	})
}

func TestService_Retention(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q", "MessageRetentionPeriod", "60")
		send(t, s, "q", "a")
		time.Sleep(59 * time.Second)
		wantBodies(t, receive(t, s, "q", 0, 0), "a")
		time.Sleep(2 * time.Second)
		wantBodies(t, receive(t, s, "q", 0, 0), "")
		send(t, s, "q", "b")
		receive(t, s, "q", 43200, 0)
		time.Sleep(3 * time.Minute) // in flight: only the sweep can remove it
		got, err := s.Attributes(t.Context(), "q", []string{"ApproximateNumberOfMessagesNotVisible"})
		if err != nil || got["ApproximateNumberOfMessagesNotVisible"] != "0" {
			t.Errorf("got %v, %v, want nothing in flight", got, err)
		}
	})
}

func TestService_Delete_StaleHandle(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		send(t, s, "q", "a")
		first := receive(t, s, "q", 0, 0)
		second := receive(t, s, "q", 30, 0)
		if first[0].Handle == second[0].Handle {
			t.Error("two receives gave the same handle")
		}
		wantCode(t, s.ChangeVisibility(t.Context(), "q", queue.VisibilityChange{Handle: first[0].Handle, Seconds: new(0)}), queue.CodeInvalidParameterValue)
		for range 2 {
			if err := s.DeleteMessage(t.Context(), "q", first[0].Handle); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		time.Sleep(time.Minute)
		wantBodies(t, receive(t, s, "q", 0, 0), "")
	})
}

func TestService_ChangeVisibility(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		create(t, s, "other")
		send(t, s, "q", "a")
		handle := receive(t, s, "q", 30, 0)[0].Handle
		change := func(name, handle string, seconds *int) error {
			return s.ChangeVisibility(t.Context(), name, queue.VisibilityChange{Handle: handle, Seconds: seconds})
		}
		time.Sleep(time.Second)
		wantCode(t, change("q", handle, nil), queue.CodeMissingParameter)
		wantCode(t, change("q", handle, new(43201)), queue.CodeInvalidParameterValue)
		wantCode(t, change("q", handle, new(43200)), queue.CodeInvalidParameterValue)
		wantCode(t, change("q", "nonsense", new(1)), queue.CodeReceiptHandleIsInvalid)
		wantCode(t, change("other", handle, new(1)), queue.CodeReceiptHandleIsInvalid)
		if err := change("q", handle, new(43199)); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		if err := change("q", handle, new(0)); err != nil {
			t.Errorf("got %v, want no error", err)
		}
		wantCode(t, change("q", handle, new(1)), queue.CodeMessageNotInflight)
	})
}

func TestService_Release(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		send(t, s, "q", "a", "b")
		receive(t, s, "q", 43200, 0)
		n, err := s.ReleaseAll(t.Context())
		if err != nil || n != 2 {
			t.Errorf("got %d, %v, want 2 released", n, err)
		}
		wantBodies(t, receive(t, s, "q", 0, 0), "a b")
	})
}

func TestService_Purge(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q")
		send(t, s, "q", "a")
		if err := s.Purge(t.Context(), "q"); err != nil {
			t.Fatal(err)
		}
		wantBodies(t, receive(t, s, "q", 0, 0), "")
		time.Sleep(59 * time.Second)
		wantCode(t, s.Purge(t.Context(), "q"), queue.CodePurgeQueueInProgress)
		time.Sleep(time.Second)
		if err := s.Purge(t.Context(), "q"); err != nil {
			t.Errorf("purge a minute later: %v", err)
		}
	})
}

func TestService_Create(t *testing.T) {
	inBubble(t, func(t *testing.T, s *queue.Service) {
		create(t, s, "q", "VisibilityTimeout", "5")
		create(t, s, "q")
		create(t, s, "q", "VisibilityTimeout", "5")
		tests := map[string]struct {
			name       string
			attributes []string
			want       queue.Code
		}{
			"other value":     {"q", []string{"VisibilityTimeout", "6"}, queue.CodeQueueNameExists},
			"no name":         {"", nil, queue.CodeMissingParameter},
			"slash":           {"a/b", nil, queue.CodeInvalidParameterValue},
			"long":            {strings.Repeat("a", 81), nil, queue.CodeInvalidParameterValue},
			"fifo name":       {"a.fifo", nil, queue.CodeUnsupportedOperation},
			"fifo":            {"a", []string{"FifoQueue", "true"}, queue.CodeUnsupportedOperation},
			"kms":             {"a", []string{"KmsMasterKeyId", "alias/x"}, queue.CodeUnsupportedOperation},
			"unknown":         {"a", []string{"Nonsense", "1"}, queue.CodeInvalidAttributeName},
			"not a number":    {"a", []string{"DelaySeconds", "x"}, queue.CodeInvalidAttributeValue},
			"size":            {"a", []string{"MaximumMessageSize", "1048577"}, queue.CodeInvalidAttributeValue},
			"redrive JSON":    {"a", []string{"RedrivePolicy", "x"}, queue.CodeInvalidParameterValue},
			"redrive target":  {"a", []string{"RedrivePolicy", `{"deadLetterTargetArn":"` + s.ARN("none") + `","maxReceiveCount":1}`}, queue.CodeInvalidParameterValue},
			"redrive elsewhe": {"a", []string{"RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:local-1:111111111111:q","maxReceiveCount":1}`}, queue.CodeInvalidParameterValue},
			"redrive count":   {"a", []string{"RedrivePolicy", `{"deadLetterTargetArn":"` + s.ARN("q") + `","maxReceiveCount":1001}`}, queue.CodeInvalidParameterValue},
			"allow":           {"a", []string{"RedriveAllowPolicy", `{"redrivePermission":"byQueue"}`}, queue.CodeInvalidParameterValue},
		}
		for name, test := range tests {
			t.Log(name)
			wantCode(t, s.Create(t.Context(), test.name, pairs(test.attributes), nil), test.want)
		}
		create(t, s, "byqueue", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["`+s.ARN("friend")+`"]}`)
		policy := `{"deadLetterTargetArn":"` + s.ARN("byqueue") + `","maxReceiveCount":1}`
		create(t, s, "friend", "RedrivePolicy", policy)
		wantCode(t, s.Create(t.Context(), "stranger", pairs([]string{"RedrivePolicy", policy}), nil), queue.CodeInvalidParameterValue)
	})
}

// TestNew_Reloads checks that a service on an old store knows its queues.
func TestNew_Reloads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := queuetest.NewMemory()
		first := service(t, store)
		create(t, first, "q", "VisibilityTimeout", "7")
		if err := first.Tag(t.Context(), "q", map[string]string{"a": "b"}); err != nil {
			t.Fatal(err)
		}
		send(t, first, "q", "a")
		first.Close()
		second := service(t, store)
		wantBodies(t, receive(t, second, "q", 0, 0), "a")
		got, err := second.Attributes(t.Context(), "q", []string{"VisibilityTimeout"})
		if err != nil {
			t.Fatal(err)
		}
		tags, err := second.Tags("q")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]map[string]string{{"VisibilityTimeout": "7"}, {"a": "b"}}, []map[string]string{got, tags}); diff != "" {
			t.Errorf("attributes and tags (-want +got):\n%s", diff)
		}
	})
}
