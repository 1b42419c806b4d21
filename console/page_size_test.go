package console_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// maxPage is how large a page may be, in bytes, as it is sent.
const maxPage = 100_000

// TestPages_Small holds every page under 100 KB in both languages, with many
// transfers whose IDs, routes and errors are as long as they get in practice.
func TestPages_Small(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, func(o *console.Options) { o.Files = manyFiles{} })
	for n := range 120 {
		at := f.Now.Add(-time.Duration(n) * time.Minute)
		execution := fmt.Sprintf("arn:aws:datasync:ap-northeast-1:123456789012:task/task-%017d/execution/exec-%017d", n, n)
		x := hikyaku.Transfer{
			ID: fmt.Sprintf("ORDER-2026-11-%06d-tokyo", n), TransferID: consoletest.ID(3000 + n), Route: "orders-to-nas-east", MessageID: fmt.Sprintf("%08d-1111-2222-3333-%012d", n, n),
			State: hikyaku.Failed, CreatedAt: at, QueuedAt: at, StartedAt: at, UpdatedAt: at, EndedAt: at, Attempt: 3, MaxAttempts: 3, DeadLetter: hikyaku.DeadLetterSent,
			TaskARN: execution[:72], ExecutionARN: execution, ExecutionStatus: "ERROR", AgentARNs: []string{agentARN}, Files: hikyaku.Files{Total: 300, Transferred: 200, Failed: 7},
			Bytes: hikyaku.Bytes{Total: 3 << 30, Transferred: 2 << 30},
			Failure: &hikyaku.Failure{
				Code: hikyaku.CodeCorrupt, Kind: hikyaku.KindCorrupt, Message: fmt.Sprintf("the checksum of invoices/2026/11/%06d.pdf differs at the destination", n),
				Detail: "Verification failed after three attempts",
			},
			Body: fmt.Sprintf(`{"id": "ORDER-2026-11-%06d-tokyo", "route": "orders-to-nas-east"}`, n),
		}
		f.Put(t, x)
	}
	for _, lang := range []string{"en", "ja"} {
		for name, path := range pages() {
			for _, p := range []string{path, path + and(path) + "state=FAILED", path + and(path) + "q=ORDER"} {
				res := request{path: p, token: consoletest.AdminToken, header: map[string]string{"Accept-Language": lang}}.do(t, f)
				page := text(t, res)
				if size := len(page); size > maxPage {
					t.Errorf("%s in %s (%s): %d bytes, at most %d", p, lang, name, size, maxPage)
				} else {
					t.Logf("%s in %s: %d bytes, %d", p, lang, size, res.StatusCode)
				}
			}
		}
	}
	if res := (request{path: "/transfers?state=FAILED", token: consoletest.AdminToken}).do(t, f); res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}

// manyFiles has as many files as are asked for, a third of which failed.
type manyFiles struct{}

func (manyFiles) Files(_ context.Context, _ hikyaku.Transfer, q console.FileQuery) (console.FileList, error) {
	list := console.FileList{Available: true}
	for n := range q.Limit {
		x := console.File{
			Path: fmt.Sprintf("orders/2026/11/tokyo/invoices/%06d-long-name.pdf", n), State: "verified", Bytes: 3 << 20, Seconds: 0.2,
			SourceChecksum: "crc64nvme:0123456789abcdef", DestinationChecksum: "crc64nvme:0123456789abcdef",
		}
		if 3*n < q.Limit {
			failure := hikyaku.NewFailure(hikyaku.CodeCorrupt, "the checksum differs at the destination", "")
			x.State, x.Failure = "failed", &failure
		}
		list.Files = append(list.Files, x)
	}
	return list, nil
}

// and joins a parameter to a path.
func and(path string) string {
	if strings.Contains(path, "?") {
		return "&"
	}
	return "?"
}
