package datasync_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// server is hikyaku's DataSync endpoint in this process. Its executions last
// until the test ends them.
type server struct {
	*mover.Service
	handler http.Handler
	url     string
	client  *api.Client

	ends chan end // one for each execution to end
}

// end is how an execution ends.
type end struct {
	result engine.Result
	err    error
}

func own(t *testing.T) *server {
	t.Helper()
	s := &server{ends: make(chan end)}
	service, err := mover.New(mover.Config{
		Account: "111122223333", Region: "eu-central-1", Store: &movertest.Memory{}, Now: time.Now, Rand: rand.Reader, Version: "1.2.3",
		Open: func(context.Context, mover.Location) (storage.Driver, error) {
			return storagetest.NewMemory(storagetest.MemoryOptions{}), nil
		},
		Run: func(ctx context.Context, _ engine.Job, _ *engine.Progress) (engine.Result, error) {
			select {
			case e := <-s.ends:
				return e.result, e.err
			case <-ctx.Done():
				return engine.Result{}, context.Cause(ctx)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Service = service
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := service.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stop mover: %v", err)
		}
	})
	lookup := func(_ context.Context, id string) (awsjson.Key, bool) {
		scope := map[string]awsjson.Scope{"AKADMIN": awsjson.ScopeAdmin, "AKVIEWER": awsjson.ScopeViewer}[id]
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{scope}}, scope != ""
	}
	s.handler = awsjson.NewMux(datasyncapi.New(datasyncapi.Options{
		Mover: service, Logger: slog.New(slog.DiscardHandler), Now: time.Now,
		Verifier: awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: lookup, Now: time.Now}),
	}))
	server := httptest.NewServer(s.handler)
	t.Cleanup(server.Close)
	s.url = server.URL
	s.client = client(s.url, "AKADMIN")
	return s
}

// client returns an SDK client of the endpoint; key is its access key.
func client(url, key string) *api.Client {
	return api.New(api.Options{
		BaseEndpoint: &url, Region: "eu-central-1", RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

// task provisions a task between two buckets.
func (s *server) task(t *testing.T) string {
	t.Helper()
	got, err := datasync.NewProvisioner(s.client, datasync.Options{}).Ensure(t.Context(), []datasync.Pool{orders(1)})
	if err != nil {
		t.Fatalf("Ensure: %v", err)
	}
	return got.Tasks[0].ARN
}

func orders(size int) datasync.Pool {
	return datasync.Pool{
		Route: "orders", Size: size,
		Source:      datasync.Location{Bucket: "outbox", Prefix: "orders/"},
		Destination: datasync.Location{Bucket: "archive"},
	}
}

func startOf(task string) hikyaku.Start {
	return hikyaku.Start{
		TaskARN: task, Includes: "/A-123/*", VerifyMode: "ONLY_FILES_TRANSFERRED", TransferMode: "ALL", BytesPerSecond: -1,
		Tags: map[string]string{hikyaku.TagTransfer: "01J0", hikyaku.TagAttempt: "2", hikyaku.TagToken: "7"},
	}
}

// until waits for an execution to reach a state.
func until(t *testing.T, e *datasync.Executor, arn string, ok func(hikyaku.Execution) bool) hikyaku.Execution {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		x, err := e.Describe(ctx, arn)
		if err != nil {
			t.Fatalf("Describe: %v", err)
		}
		if ok(x) {
			return x
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("execution stays %+v", x)
		}
	}
}

// wantKind fails unless err is an *hikyaku.Error of that kind about subject.
func wantKind(t *testing.T, err error, kind hikyaku.Kind, subject string) {
	t.Helper()
	e, ok := errors.AsType[*hikyaku.Error](err)
	if !ok {
		t.Errorf("got %v, want an *hikyaku.Error", err)
		return
	}
	if e.Kind != kind || e.Subject != subject || e.Op == "" {
		t.Errorf("got kind %s, op %q, subject %q (%v); want %s about %s", e.Kind, e.Op, e.Subject, err, kind, subject)
	}
}
