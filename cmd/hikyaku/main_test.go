package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
)

//nolint:gochecknoglobals // one build for all tests of this package
var binary struct {
	once sync.Once
	path string
	err  error
	out  []byte
}

// builtBinary builds the real program once per test run.
func builtBinary(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		dir, err := os.MkdirTemp("", "hikyaku-bin-") //nolint:usetesting // shared by tests that end at different times
		if err != nil {
			binary.err = err
			return
		}
		binary.path = filepath.Join(dir, "hikyaku")
		binary.out, binary.err = exec.Command("go", "build", "-o", binary.path, ".").CombinedOutput() //nolint:noctx,gosec // once per run
	})
	if binary.err != nil {
		t.Fatalf("build: %v\n%s", binary.err, binary.out)
	}
	return binary.path
}

// eventually polls cond until it holds or ctx ends.
func eventually(ctx context.Context, t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s: %v", what, context.Cause(ctx))
		}
	}
}

// allTransfers lists every transfer through the JSON API.
func allTransfers(ctx context.Context, t *testing.T, e cli.Endpoints) []hikyaku.Transfer {
	t.Helper()
	client := console.NewClient(e.Console, e.Token, nil)
	var all []hikyaku.Transfer
	for token := ""; ; {
		page, err := client.Transfers(ctx, console.Filter{Limit: 1000, Token: token})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Transfers...)
		if page.NextToken == nil {
			return all
		}
		token = *page.NextToken
	}
}

// dataSyncClient is the plain SDK client of the server's DataSync endpoint.
func dataSyncClient(e cli.Endpoints) *datasyncsdk.Client {
	return datasyncsdk.New(datasyncsdk.Options{
		BaseEndpoint: aws.String(e.API), Region: e.Region,
		Credentials: credentials.NewStaticCredentialsProvider(e.AccessKeyID, e.SecretAccessKey, ""),
	})
}

// checkExecutions asks DataSync itself for all executions and looks for two of
// one ID (same include filter) that ran at the same time.
func (h *crashHarness) checkExecutions(t *testing.T) {
	t.Helper()
	client := dataSyncClient(h.endpoints)
	type span struct {
		arn        string
		start, end time.Time
	}
	byFilter := map[string][]span{}
	pages := datasyncsdk.NewListTaskExecutionsPaginator(client, &datasyncsdk.ListTaskExecutionsInput{MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.TaskExecutions {
			d, err := client.DescribeTaskExecution(t.Context(), &datasyncsdk.DescribeTaskExecutionInput{TaskExecutionArn: e.TaskExecutionArn})
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Includes) != 1 || d.StartTime == nil || d.EndTime == nil {
				t.Errorf("%s: includes %v, start %v, end %v: want one filter and both times", *e.TaskExecutionArn, d.Includes, d.StartTime, d.EndTime)
				continue
			}
			byFilter[*d.Includes[0].Value] = append(byFilter[*d.Includes[0].Value], span{*e.TaskExecutionArn, *d.StartTime, *d.EndTime})
		}
	}
	if len(byFilter) < len(h.acked) {
		t.Errorf("DataSync knows %d IDs, want at least %d", len(byFilter), len(h.acked))
	}
	for filter, spans := range byFilter {
		for i, a := range spans {
			for _, b := range spans[:i] {
				if a.start.Before(b.end) && b.start.Before(a.end) {
					t.Errorf("%s: executions overlap: %s and %s", filter, a.arn, b.arn)
				}
			}
		}
	}
}
