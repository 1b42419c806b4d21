package stack_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	dstypes "github.com/aws/aws-sdk-go-v2/service/datasync/types"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
	"github.com/hikyaku/hikyaku/sqsapi"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// serve serves SQS and DataSync.
func (b *bed) serve(t *testing.T) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	queues, err := queue.New(t.Context(), queue.Options{Store: queuetest.NewMemory(), Account: account, Region: region, Now: time.Now, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	queues.Start()
	t.Cleanup(queues.Close)
	b.mover, err = mover.New(mover.Config{
		Account: account, Region: region, Store: &movertest.Memory{}, Now: time.Now, Rand: rand.Reader, Version: "test",
		Open: func(context.Context, mover.Location) (storage.Driver, error) {
			return storagetest.NewMemory(storagetest.MemoryOptions{}), nil
		},
		Run: func(ctx context.Context, j engine.Job, _ *engine.Progress) (engine.Result, error) {
			run := b.run
			if run == nil {
				run = b.untilEnd
			}
			return engine.Result{Counters: engine.Counters{EstimatedFilesToTransfer: 1, FilesTransferred: 1, FilesVerified: 1, BytesTransferred: 5, BytesWritten: 5}}, run(ctx, j)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.mover.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.mover.Stop(context.WithoutCancel(t.Context())) }) // executions may run
	lookup := func(context.Context, string) (awsjson.Key, bool) {
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, true
	}
	verifier := awsjson.NewVerifier(awsjson.VerifierOptions{Lookup: lookup, Now: time.Now})
	b.amazon = awsjson.NewMux(
		sqsapi.New(sqsapi.Options{Queues: queues, Verifier: verifier, Logger: log, Now: time.Now}),
		datasyncapi.New(datasyncapi.Options{Mover: b.mover, Verifier: verifier, Logger: log, Now: time.Now}),
	)
	if b.disturb != nil {
		b.amazon = b.disturb(b.amazon)
	}
	server := httptest.NewServer(b.amazon)
	t.Cleanup(server.Close)
	b.own = server.URL
}

// untilEnd is an execution that lasts until the test ends one.
func (b *bed) untilEnd(ctx context.Context, _ engine.Job) error {
	select {
	case err := <-b.ends:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// provision makes tasks, as the template does.
func (b *bed) provision(t *testing.T, size int) []string {
	t.Helper()
	client := datasyncsdk.New(datasyncsdk.Options{BaseEndpoint: &b.own, Region: region, Credentials: keys()})
	var agents []string
	if b.withAgent {
		all, err := client.ListAgents(t.Context(), &datasyncsdk.ListAgentsInput{})
		must(t, err)
		agents = []string{*all.Agents[0].AgentArn}
		_, err = client.TagResource(t.Context(), &datasyncsdk.TagResourceInput{
			ResourceArn: &agents[0], Tags: []dstypes.TagListEntry{{Key: aws.String(datasync.TagSlots), Value: aws.String("0")}},
		})
		must(t, err)
	}
	got, err := datasync.NewProvisioner(client, datasync.Options{}).Ensure(t.Context(), []datasync.Pool{{
		Route: "orders", Size: size, Source: datasync.Location{Bucket: "outbox"}, Destination: datasync.Location{Bucket: "archive", AgentARNs: agents},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range got.Tasks {
		b.tasks = append(b.tasks, task.ARN)
	}
	return b.tasks
}
