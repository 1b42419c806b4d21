package lambda_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

// BenchmarkStack sends HIKYAKU_BENCH_IDS (10000) IDs of one small file through
// the functions, with executions that end at once. None may be lost or run
// twice. The rates are moto's more than ours.
//
//	go test -run '^$' -bench Stack -benchtime 1x -timeout 2h ./cmd/lambda
func BenchmarkStack(b *testing.B) {
	n := 10000
	if text := os.Getenv("HIKYAKU_BENCH_IDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		benchStack(b, n)
	}
}

func benchStack(b *testing.B, n int) {
	ctx, cancel := context.WithTimeout(b.Context(), 110*time.Minute)
	defer cancel()
	e := &onAWS{bed: newBed(b, len(agentIDs()), func(context.Context, engine.Job, *engine.Progress) (engine.Result, error) {
		return engine.Result{Counters: engine.Counters{EstimatedFilesToTransfer: 1, FilesTransferred: 1, FilesVerified: 1, BytesTransferred: 1, BytesWritten: 1}}, nil
	})}
	e.pace = true // a sweep counts the queue, which costs moto most of its time
	e.ledger = dynamo.New(dynamo.Config{Client: e.dynamo(), Table: e.deploy.refs["Table"], Now: time.Now})
	id := func(i int) string { return fmt.Sprintf("bench-%05d", i) }
	group, gctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			_, err := e.s3().PutObject(gctx, &s3.PutObjectInput{Bucket: aws.String("outbox"), Key: aws.String("orders/" + id(i) + "/f"), Body: strings.NewReader("x")})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < n; i += 10 {
		in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(e.deploy.refs["Queue"])}
		for j := i; j < min(i+10, n); j++ {
			in.Entries = append(in.Entries, sqstypes.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(j)), MessageBody: aws.String(id(j))})
		}
		if _, err := e.sqs().SendMessageBatch(ctx, in); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	stop := e.run(ctx)
	defer stop()
	accepted := e.reaches(ctx, b, int64(n), func(s hikyaku.Stats) int64 {
		total := int64(0)
		for _, states := range s.Counts {
			for _, count := range states {
				total += count
			}
		}
		return total
	}).Sub(began)
	ended := e.reaches(ctx, b, int64(n), func(s hikyaku.Stats) int64 {
		total := int64(0)
		for _, states := range s.Counts {
			total += states[hikyaku.Succeeded]
		}
		return total
	}).Sub(began)
	e.eachOnce(ctx, b, n, id)
	b.ReportMetric(float64(n)/accepted.Seconds(), "accepted/s")
	b.ReportMetric(float64(n)/ended.Seconds(), "delivered/s")
	b.Log(e.durations())
}

// eachOnce holds that every ID has one transfer, which succeeded, one execution,
// and no dead letter, and that there are no others.
func (e *onAWS) eachOnce(ctx context.Context, b *testing.B, n int, id func(int) string) {
	b.Helper()
	executions, err := scenariotest.ListExecutions(ctx, e.dataSync())
	if err != nil {
		b.Fatal(err)
	}
	transfers, err := e.Transfers(ctx)
	if err != nil {
		b.Fatal(err)
	}
	letters, err := e.DeadLetters(ctx)
	if err != nil {
		b.Fatal(err)
	}
	runs, ends := map[string]int{}, map[string]int{}
	for _, x := range executions {
		runs[x.Include]++
	}
	for _, t := range transfers {
		ends[t.ID]++
		if t.State != hikyaku.Succeeded {
			b.Errorf("%s is %s: %+v", t.ID, t.State, t.Failure)
		}
	}
	for i := range n {
		if ran, ended := runs["/"+id(i)+"/*"], ends[id(i)]; ran != 1 || ended != 1 {
			b.Errorf("%s has %d transfers and ran %d times", id(i), ended, ran)
		}
	}
	if len(executions) != n || len(transfers) != n || len(letters) != 0 {
		b.Errorf("%d executions, %d transfers and %d dead letters of %d IDs", len(executions), len(transfers), len(letters), n)
	}
	b.Logf("%d IDs: %d transfers that succeeded, %d executions, %d dead letters", n, len(transfers), len(executions), len(letters))
}

// reaches waits until a count of the ledger's is n, and returns when.
func (e *onAWS) reaches(ctx context.Context, b *testing.B, n int64, count func(hikyaku.Stats) int64) time.Time {
	b.Helper()
	tick := time.NewTicker(min(30*time.Second, time.Duration(n)*10*time.Millisecond)) // to count costs moto as much as many requests
	defer tick.Stop()
	for {
		s, err := e.ledger.Stats(ctx)
		if err == nil && count(s) >= n {
			return time.Now()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			b.Fatalf("%d of %d: %v", count(s), n, err)
		}
	}
}
