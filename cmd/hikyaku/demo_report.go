package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/hikyaku/hikyaku"
)

// demoReport is the demo's end: text and JSON are made from it.
type demoReport struct {
	IDs       int                   `json:"ids"`
	States    map[hikyaku.State]int `json:"states"`
	Files     int64                 `json:"files"`
	Bytes     int64                 `json:"bytes"`
	Seconds   float64               `json:"seconds"`
	IDsPerSec float64               `json:"ids_per_second"`
	// P50MS and P99MS are from SendMessage to SUCCEEDED.
	P50MS       int64     `json:"p50_ms"`
	P99MS       int64     `json:"p99_ms"`
	PeakRSS     int64     `json:"peak_rss_bytes"`
	Compared    int       `json:"files_compared"`
	Differences []string  `json:"differences"`
	Rows        []demoRow `json:"transfers"`
	Expected    bool      `json:"as_expected"`
	Console     string    `json:"console"`
}

// demoRow is one line of the summary table.
type demoRow struct {
	ID      string        `json:"id"`
	State   hikyaku.State `json:"state"`
	Outcome string        `json:"outcome"`
	Files   int64         `json:"files"`
	Bytes   int64         `json:"bytes"`
	MS      int64         `json:"ms"`
	Note    string        `json:"note"`
}

// maxRows bounds the summary table.
const maxRows = 20

// watch shows live progress until the returned function is called.
func (d *demo) watch(ctx context.Context, env environment, live bool) func() {
	if !live || !env.isTerminal() {
		return func() {}
	}
	p := mpb.New(mpb.WithOutput(env.stderr), mpb.WithWidth(40), mpb.WithRefreshRate(100*time.Millisecond))
	bar := p.AddBar(int64(d.flags.ids+2),
		mpb.PrependDecorators(decor.Name(env.t("ended ", "終了 ")), decor.CountersNoUnit("%d / %d ")),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(func(decor.Statistics) string { return d.running(ctx, env) })))
	ended := func() int64 {
		d.mu.Lock()
		defer d.mu.Unlock()
		return int64(len(d.ended))
	}
	stopped, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			bar.SetCurrent(ended())
			select {
			case <-tick.C:
			case <-stopped:
				bar.SetCurrent(ended()) // complete, unless the demo was interrupted
				bar.Abort(false)
				p.Wait()
				return
			}
		}
	}()
	return func() { close(stopped); <-finished }
}

// running says in a few words what is under way.
func (d *demo) running(ctx context.Context, env environment) string {
	stats, err := d.srv.ledger.Stats(ctx)
	if err != nil {
		return ""
	}
	c := stats.Counts["demo"]
	return fmt.Sprintf(env.t("  %d queued, %d running", "  待機 %d、実行 %d"), c[hikyaku.Queued], c[hikyaku.Starting]+c[hikyaku.Running])
}

// report gathers the ended transfers and compares the delivered files with
// what was generated.
func (d *demo) report(ctx context.Context, env environment) (*demoReport, error) {
	r := &demoReport{
		IDs: d.flags.ids, States: map[hikyaku.State]int{}, Differences: []string{}, Rows: []demoRow{}, Console: d.srv.consoleLink(),
		Seconds: d.took.Seconds(), IDsPerSec: float64(d.flags.ids) / d.took.Seconds(), PeakRSS: peakRSS(),
	}
	var waits []time.Duration
	token := ""
	for {
		page, err := d.srv.ledger.Transfers(ctx, hikyaku.Query{Limit: 1000, Token: token})
		if err != nil {
			return nil, fmt.Errorf("read the transfers: %w", err)
		}
		for _, t := range page.Transfers {
			r.States[t.State]++
			row := demoRow{ID: t.ID, State: t.State, Outcome: string(t.Outcome), Bytes: t.Bytes.Written, Note: string(t.Outcome)}
			if t.State == hikyaku.Succeeded {
				row.Files = t.Found.Objects // DataSync's own counters count folders too
			}
			if t.Failure != nil {
				row.Note = t.Failure.Code + " " + title(t.Failure, env)
			}
			r.Files += row.Files
			r.Bytes += row.Bytes
			d.mu.Lock()
			if sent, ok := d.sent[cmp.Or(t.ID, t.Body)]; ok {
				took := d.ended[t.TransferID].Sub(sent)
				row.MS = took.Milliseconds()
				if t.State == hikyaku.Succeeded {
					waits = append(waits, took)
				}
			}
			d.mu.Unlock()
			if len(r.Rows) < maxRows || t.State != hikyaku.Succeeded {
				r.Rows = append(r.Rows, row)
			}
		}
		if token = page.NextToken; token == "" {
			break
		}
	}
	slices.SortStableFunc(r.Rows, func(x, y demoRow) int { // what went wrong comes last
		wrong := func(r demoRow) int { return map[bool]int{true: 1}[r.State != hikyaku.Succeeded] }
		return cmp.Or(cmp.Compare(wrong(x), wrong(y)), cmp.Compare(x.ID, y.ID))
	})
	slices.Sort(waits)
	if n := len(waits); n > 0 {
		r.P50MS, r.P99MS = waits[n/2].Milliseconds(), waits[min(n-1, n*99/100)].Milliseconds()
	}
	r.compare(d)
	r.Expected = len(r.Differences) == 0 && r.States[hikyaku.Succeeded] == d.flags.ids &&
		r.States[hikyaku.Failed] == 1 && r.States[hikyaku.Rejected] == 1
	return r, nil
}

// compare holds the delivered tree against what was generated, both ways.
func (r *demoReport) compare(d *demo) {
	differ := func(format string, args ...any) {
		if len(r.Differences) < maxRows {
			r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
		}
	}
	root := filepath.Join(d.dir, "delivered")
	for n := range d.flags.ids {
		for f := range d.flags.files {
			name := filepath.Join(root, d.id(n), fmt.Sprintf("file-%03d.txt", f))
			got, err := os.ReadFile(name) //nolint:gosec // a path of our own making
			switch {
			case err != nil:
				differ("%v", err)
			case !bytes.Equal(got, d.content(n, f)):
				differ("%s: content differs", name)
			}
			r.Compared++
		}
	}
	found := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			found++
		}
		return err
	})
	if err != nil {
		differ("%v", err)
	}
	if want := d.flags.ids * d.flags.files; found != want {
		differ("%d files below %s, want %d", found, root, want)
	}
}

// verdict is nil if everything ended as it should.
func (r *demoReport) verdict() error {
	if r.Expected {
		return nil
	}
	return &hikyaku.Error{Kind: hikyaku.KindInternal, Op: "demo", Err: errors.New("not everything ended as it should; see the summary")}
}

// title is a failure's title in the catalogue.
func title(f *hikyaku.Failure, env environment) string {
	e, ok := hikyaku.Lookup(f.Code)
	if !ok {
		return f.Message
	}
	return env.t(e.English.Title, e.Japanese.Title)
}

// text writes the summary, 80 columns wide.
func (r *demoReport) text(w io.Writer, env environment) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\n%-11s %-9s %6s %9s %7s  %s\n", "ID", "STATE", "FILES", "BYTES", "MS", "NOTE")
	for _, row := range r.Rows {
		id := row.ID
		if id == "" {
			id = "(poison)"
		}
		fmt.Fprintf(&b, "%-11s %-9s %6d %9s %7d  %s\n", id, row.State, row.Files, size(row.Bytes), row.MS, row.Note)
	}
	if hidden := sum(r.States) - len(r.Rows); hidden > 0 {
		fmt.Fprintf(&b, env.t("… and %d more\n", "… ほか %d 件\n"), hidden)
	}
	fmt.Fprintf(&b, env.t("\n%d IDs, %d files, %s in %.2f s: %.0f IDs/s; peak memory %s\n", "\nID %d 件、ファイル %d 件、%s、%.2f 秒: %.0f ID/秒、最大メモリー %s\n"),
		r.IDs, r.Files, size(r.Bytes), r.Seconds, r.IDsPerSec, size(r.PeakRSS))
	fmt.Fprintf(&b, env.t("from SendMessage to SUCCEEDED: p50 %d ms, p99 %d ms\n", "SendMessage から SUCCEEDED まで: p50 %d ms、p99 %d ms\n"), r.P50MS, r.P99MS)
	if len(r.Differences) == 0 {
		fmt.Fprintf(&b, env.t("%d delivered files compared with what was uploaded: all equal\n", "届いたファイル %d 件を元と比較: すべて一致\n"), r.Compared)
	}
	for _, diff := range r.Differences {
		fmt.Fprintf(&b, env.t("DIFFERS: %s\n", "不一致: %s\n"), diff)
	}
	if r.Expected {
		fmt.Fprintln(&b, env.t("as expected: all delivered, the missing ID FAILED, the poison message REJECTED", "想定どおり: すべて配送、ファイルのない ID は FAILED、壊れたメッセージは REJECTED"))
	} else {
		fmt.Fprintf(&b, env.t("NOT as expected: %v\n", "想定と違います: %v\n"), r.States)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func sum(m map[hikyaku.State]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}
