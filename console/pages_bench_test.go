package console_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// pageFlags are how many transfers the pages are measured with, and where that
// ledger is kept between runs.
type pageFlags struct {
	transfers *int
	folder    *string
}

//nolint:gochecknoglobals // flags must exist before the testing package parses them
var pageBench = pageFlags{
	transfers: flag.Int("pages.transfers", 10_000, "finished transfers in the measured ledger"),
	folder:    flag.String("pages.folder", "", "keep the measured ledger here; empty: a temporary folder"),
}

// BenchmarkPages is how long the server takes for each page, the first visit
// left out, and how large it is.
func BenchmarkPages(b *testing.B) {
	f := ledgertest.Filled{N: *pageBench.transfers}
	folder := *pageBench.folder
	if folder == "" {
		folder = b.TempDir()
	}
	path := filepath.Join(folder, fmt.Sprintf("ledger-%d.db", f.N))
	_, missing := os.Stat(path)
	l, err := sqlite.OpenLedger(b.Context(), path, sqlite.LedgerOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	if missing != nil {
		if err := f.Fill(b.Context(), l); err != nil {
			b.Fatal(err)
		}
	}
	now := func() time.Time { return f.At(f.N).Add(time.Since(time.Time{}) % time.Minute) }
	c := console.New(console.Options{
		Ledger: l, Operator: &consoletest.Operator{Ledger: l, Now: now}, Authenticate: consoletest.Authenticate, Now: now,
	})
	defer c.Close()
	for _, page := range []string{
		"/", "/transfers", "/transfers?state=FAILED", "/transfers?q=ORDER-00000", "/transfers?q=" + f.ID(f.N / 2)[3:], "/transfers?q=nothing-like-it", "/transfers?q=00", "/transfers?q=999000",
		"/transfers?q=there+is+nothing", "/transfers?q=" + f.TransferID(f.N/2), "/transfers?q=task%2Fexecution%2Fexec-00000000000500000", "/transfers?q=" + "ORDER&state=FAILED", "/transfers?error=HKY-1203",
		"/transfers?agent=none", "/transfers/" + f.TransferID(f.N/2), "/errors", "/dlq", "/pool", "/agents", "/audit",
	} {
		b.Run(page, func(b *testing.B) {
			var size int
			before := cpuMillis()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "http://localhost"+page, nil)
				r.Header.Set("Authorization", "Bearer "+consoletest.AdminToken)
				w := httptest.NewRecorder()
				c.ServeHTTP(w, r)
				if size = w.Body.Len(); w.Code != http.StatusOK {
					b.Fatalf("status %d: %s", w.Code, w.Body)
				}
			}
			b.ReportMetric((cpuMillis()-before)/float64(b.N), "cpu-ms/page")
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
			b.ReportMetric(float64(size), "bytes/page")
		})
	}
}

// cpuMillis is the CPU time this process has used: other programs on the
// machine do not lengthen it.
func cpuMillis() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}
