package sqlite_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// benchFlags are how many finished transfers the benchmarks look among, and
// where that ledger is kept between runs.
type benchFlags struct {
	transfers *int
	folder    *string
}

//nolint:gochecknoglobals // flags must exist before the testing package parses them
var bench = benchFlags{
	transfers: flag.Int("ledger.transfers", 100_000, "finished transfers in the benchmarked ledger"),
	folder:    flag.String("ledger.folder", "", "keep the benchmarked ledger here; empty: a temporary folder"),
}

// filled opens a ledger with the wanted number of finished transfers.
func filled(b *testing.B) (*sqlite.Ledger, ledgertest.Filled) {
	b.Helper()
	f := ledgertest.Filled{N: *bench.transfers}
	folder := *bench.folder
	if folder == "" {
		folder = b.TempDir()
	}
	path := filepath.Join(folder, fmt.Sprintf("ledger-%d.db", f.N))
	_, missing := os.Stat(path)
	l := reopenLedger(b, path, sqlite.LedgerOptions{})
	if missing == nil {
		return l, f
	}
	before := cpuMillis()
	if err := f.Fill(b.Context(), l); err != nil {
		b.Fatal(err)
	}
	b.Logf("filled with %d transfers in %v, %.3f CPU ms each", f.N, b.Elapsed(), (cpuMillis()-before)/float64(f.N))
	return l, f
}

// cpuMillis is the CPU time this process has used.
func cpuMillis() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

// rssMiB is the process's resident memory, 0 where it cannot be told.
func rssMiB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib / 1024
}

func BenchmarkLedger_Transfers(b *testing.B) {
	l, f := filled(b)
	middle := f.N / 2
	for name, q := range map[string]hikyaku.Query{
		"all":           {},
		"state":         {States: []hikyaku.State{hikyaku.Failed}},
		"route":         {Route: f.Route(1)},
		"route-state":   {Route: f.Route(0), States: []hikyaku.State{hikyaku.Succeeded}},
		"code":          {Code: f.Code(100)},
		"dead":          {DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent}},
		"id":            {ID: f.ID(middle)},
		"until":         {Until: f.At(middle)},
		"text-common":   {Text: "ORDER-"},
		"text-rare":     {Text: f.ID(middle)[3:]},
		"text-none":     {Text: "nothing like it"},
		"text-and-code": {Text: "nothing", Code: f.Code(100)},
		"limit-1000":    {Limit: 1000},
	} {
		b.Run(name, func(b *testing.B) {
			var found int
			for b.Loop() {
				page, err := l.Transfers(b.Context(), q)
				if err != nil {
					b.Fatal(err)
				}
				found = len(page.Transfers)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
			b.ReportMetric(float64(found), "found")
			b.ReportMetric(rssMiB(), "rss-MiB")
		})
	}
}

func BenchmarkLedger_Transfer(b *testing.B) {
	l, f := filled(b)
	n := 0
	for b.Loop() {
		n = (n + 7919*101) % f.N
		if _, err := l.Transfer(b.Context(), f.TransferID(n)); err != nil {
			b.Fatal(err)
		}
		if _, err := l.Events(b.Context(), f.TransferID(n), 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms")
	b.ReportMetric(rssMiB(), "rss-MiB")
}

func BenchmarkLedger_Stats(b *testing.B) {
	l, _ := filled(b)
	for b.Loop() {
		if _, err := l.Stats(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLedger_Commit is the life of a transfer in five changes: accept,
// assign, start, refresh, settle.
func BenchmarkLedger_Commit(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("callers-%d", callers), func(b *testing.B) {
			l := openLedger(b, sqlite.LedgerOptions{})
			if err := ledgertest.NewLives(callers).Prepare(b.Context(), l); err != nil {
				b.Fatal(err)
			}
			var next atomic.Int64
			took := make([]time.Duration, b.N+1) // of each life
			before := cpuMillis()
			b.ResetTimer()
			var all sync.WaitGroup
			for caller := range callers {
				all.Go(func() {
					lives := ledgertest.NewLives(callers)
					for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
						began := b.Elapsed()
						if err := lives.Live(context.Background(), l, caller, int(n)); err != nil {
							b.Error(err)
							return
						}
						took[n] = b.Elapsed() - began
					}
				})
			}
			all.Wait()
			b.StopTimer()
			b.ReportMetric((cpuMillis()-before)/float64(5*b.N), "cpu-ms/commit")
			b.ReportMetric(float64(5*b.N)/b.Elapsed().Seconds(), "commits/s")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms/life")
			b.ReportMetric(float64(took[b.N].Microseconds())/1000, "max-ms/life")
		})
	}
}
