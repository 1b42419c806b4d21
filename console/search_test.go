package console_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// pathsOf knows executions by the paths of their files.
type pathsOf map[string]string

func (pathsOf) Files(context.Context, hikyaku.Transfer, console.FileQuery) (console.FileList, error) {
	return console.FileList{}, nil
}

func (p pathsOf) ExecutionsWithFile(_ context.Context, text string) (ids []string, err error) {
	if text == "broken" {
		return nil, errors.New("disk I/O error")
	}
	for id, path := range p {
		if strings.Contains(path, text) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// TestConsole_SearchByPath finds transfers by the paths of their files in the API,
// on the page and in exports, beside what else has the text.
func TestConsole_SearchByPath(t *testing.T) {
	t.Parallel()
	paths := pathsOf{}
	f := consoletest.New(t, func(o *console.Options) { o.Files = paths })
	const execution = "arn:aws:datasync:local:000000000000:task/task-00000000000000001/execution/exec-0000000000000beef"
	f.Put(t, hikyaku.Transfer{ID: "P-1", TransferID: consoletest.ID(4001), Route: "orders", State: hikyaku.Succeeded, CreatedAt: f.Now, QueuedAt: f.Now, UpdatedAt: f.Now, EndedAt: f.Now, ExecutionARN: execution})
	paths["exec-0000000000000beef"] = "2026/11/report.csv"
	for _, path := range []string{"/api/v1/transfers", "/transfers", "/transfers.csv", "/transfers.json"} {
		for query, want := range map[string]bool{"11/report.c": true, "P-1": true, "report.pdf": false} {
			res := request{path: path + "?q=" + query, token: consoletest.AdminToken}.do(t, f)
			page := text(t, res)
			if res.StatusCode != http.StatusOK || strings.Contains(page, consoletest.ID(4001)) != want {
				t.Errorf("%s for %s: status %d, found: %v, want %v", path, query, res.StatusCode, !want, want)
			}
		}
	}
	if res := (request{path: "/api/v1/transfers?q=broken", token: consoletest.AdminToken}).do(t, f); res.StatusCode != http.StatusInternalServerError {
		t.Errorf("with a search that fails: status %d, want 500", res.StatusCode)
	}
}
