package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/lambda"
)

// TestServe_Completions: the real server tells a webhook that is broken at
// first, and a queue of its own, that transfers ended; people see it, and send
// it again.
func TestServe_Completions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var broken atomic.Bool
	broken.Store(true)
	var mu sync.Mutex
	var told []*http.Request
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Header.Get(lambda.HeaderSignature) != lambda.Sign([]byte("s3cret"), r.Header.Get(lambda.HeaderTimestamp), string(body)) || r.Header.Get("X-Client") != "it" {
			t.Errorf("request %v, %q, %v", r.Header, body, err)
		}
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		told = append(told, r)
	}))
	t.Cleanup(hook.Close)
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, _ := started(t, dir, fmt.Sprintf(`
listen: {console: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}
routes:
  orders: {source: "s3://outbox/", destination: "file://%s/delivered", allow_empty: true}
completions:
  hook: {webhook: {url: "%s/ended", secret_file: %s, headers: {X-Client: it}}, routes: [orders]}
  own: {queue: {name: ended}}
`, dir, hook.URL, secret))
	client := console.NewClient(e.Console, e.Token, nil)
	sent, err := client.Send(t.Context(), console.SendRequest{Send: hikyaku.Send{ID: "A-1"}})
	if err != nil || len(sent.Transfers) != 1 {
		t.Fatalf("send: %+v, %v", sent, err)
	}
	id := sent.Transfers[0].TransferID

	until(t, client, id, "own", console.CompletionSent)
	d := until(t, client, id, "hook", console.CompletionFailing)
	if f := of(d, "hook"); f.LastStatus != http.StatusInternalServerError || f.Tries == 0 || f.NextTryAt.IsZero() || f.EventID == "" || of(d, "own").EventID != f.EventID {
		t.Errorf("the webhook's event: %+v", f)
	}
	if body := received(t, e, "ended"); !strings.Contains(body, `"event_id":"`+of(d, "own").EventID+`"`) || !strings.Contains(body, `"state":"SUCCEEDED"`) {
		t.Errorf("the queue got %s", body)
	}
	if stats, err := client.Stats(t.Context()); err != nil || stats.Owed["hook"].Events != 1 || stats.Owed["hook"].Failing != 1 || len(stats.Owed) != 1 {
		t.Errorf("owed %+v, %v", stats.Owed, err)
	}

	broken.Store(false)
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), builtBinary(t), append(args, "--data", filepath.Join(dir, "data"))...) //nolint:gosec // the binary under test
		out, err := cmd.Output()
		if err != nil {
			var failed *exec.ExitError
			errors.As(err, &failed)
			t.Fatalf("%v: %v\n%s%s", args, err, out, failed.Stderr)
		}
		return string(out)
	}
	run("events", "resend", "A-1", "--target", "hook", "--reason", "it works again")
	d = until(t, client, id, "hook", console.CompletionSent)
	run("events", "resend", "A-1", "--event", of(d, "hook").EventID, "--target", "hook")
	until(t, client, id, "hook", console.CompletionSent)
	waitUntil(t, "the webhook is told twice", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) == 2
	})
	mu.Lock()
	defer mu.Unlock()
	for _, r := range told {
		if got := r.Header.Get(lambda.HeaderEvent); got != of(d, "hook").EventID {
			t.Errorf("the event came as %q, want %q", got, of(d, "hook").EventID)
		}
	}
	for _, out := range []string{run("show", "A-1"), run("events", "list", "A-1")} {
		if !strings.Contains(out, "hook") || !strings.Contains(out, "sent") || !strings.Contains(out, of(d, "own").EventID) {
			t.Errorf("people are told: %s", out)
		}
	}
}

// of is what a target is told of a transfer's last end.
func of(d console.TransferDetail, target string) (event console.CompletionEvent) {
	for _, e := range d.CompletionEvents {
		if e.Target == target {
			event = e
		}
	}
	return event
}

// until waits until a target's event of a transfer is in a state.
func until(t *testing.T, client *console.Client, id, target string, want console.CompletionState) (d console.TransferDetail) {
	t.Helper()
	waitUntil(t, target+" is "+string(want), func() bool {
		var err error
		if d, err = client.Transfer(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return of(d, target).State == want
	})
	return d
}

func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

// received is one message of a queue of the server.
func received(t *testing.T, e cli.Endpoints, queue string) string {
	t.Helper()
	client := sqssdk.New(sqssdk.Options{
		BaseEndpoint: aws.String(e.API), Region: e.Region, Credentials: credentials.NewStaticCredentialsProvider(e.AccessKeyID, e.SecretAccessKey, ""),
	})
	out, err := client.ReceiveMessage(t.Context(), &sqssdk.ReceiveMessageInput{
		QueueUrl: aws.String(e.API + "/" + account + "/" + queue), WaitTimeSeconds: 10, MessageAttributeNames: []string{"All"},
	})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("receive from %s: %+v, %v", queue, out, err)
	}
	return *out.Messages[0].Body
}
