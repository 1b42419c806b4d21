package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// page is a browser's page on the live stream: the last that it was told of
// each transfer.
type page struct {
	view string
	want func(hikyaku.Transfer) bool

	mu    sync.Mutex
	ended map[string]bool
}

// follow reads the stream until it ends.
func (p *page) follow(ctx context.Context, base string, opened func()) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/live?"+p.view, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+consoletest.ViewerToken)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", res.Status)
	}
	opened()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: {\"transfer_id\"")
		if !ok {
			continue
		}
		var row struct {
			ID    string `json:"transfer_id"`
			Ended bool   `json:"ended"`
		}
		if err := json.Unmarshal([]byte(`{"transfer_id"`+data), &row); err != nil {
			return err
		}
		p.mu.Lock()
		p.ended[row.ID] = row.Ended
		p.mu.Unlock()
	}
	return nil
}

// missing counts the wanted transfers whose end the page does not know.
func (p *page) missing(all []hikyaku.Transfer) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range all {
		if p.want(t) && !p.ended[t.TransferID] {
			n++
		}
	}
	return n
}

// stuck opens a stream and never reads of it.
func stuck(t *testing.T, address string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // nothing was written that matters
	if _, err := fmt.Fprintf(conn, "GET /live HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", consoletest.ViewerToken); err != nil {
		t.Fatal(err)
	}
}

// TestLive_NoFinalStateIsMissed has 20 pages follow 200 transfers, beside one
// that is stuck: each learns of the end of all that its view selects.
func TestLive_NoFinalStateIsMissed(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, realClock)
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	defer f.Console.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	stuck(t, base.Host)
	views := []page{
		{view: "lang=en", want: func(hikyaku.Transfer) bool { return true }},
		{view: "lang=ja&state=FAILED", want: func(t hikyaku.Transfer) bool { return t.State == hikyaku.Failed }},
		{view: "lang=en&state=RUNNING", want: func(hikyaku.Transfer) bool { return false }},
		{view: "lang=ja&route=invoices", want: func(t hikyaku.Transfer) bool { return t.Route == "invoices" }},
		{view: "lang=en&q=MANY-01", want: func(t hikyaku.Transfer) bool { return strings.HasPrefix(t.ID, "MANY-01") }},
	}
	pages := make([]*page, 20)
	var opened, ended sync.WaitGroup
	for i := range pages {
		v := &views[i%len(views)]
		pages[i] = &page{view: v.view, want: v.want, ended: map[string]bool{}}
		opened.Add(1)
		ended.Go(func() {
			if err := pages[i].follow(ctx, srv.URL, sync.OnceFunc(opened.Done)); err != nil && ctx.Err() == nil {
				t.Errorf("page %d: %v", i, err)
			}
		})
	}
	opened.Wait()
	all := live200(t, f)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for missing := -1; missing != 0; {
		missing = 0
		for _, p := range pages {
			missing += p.missing(all)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d final states were missed", missing)
		}
	}
	cancel()
	f.Console.Close()
	ended.Wait()
}

// live200 has 200 transfers live from acceptance to their end, all at once.
func live200(t *testing.T, f *consoletest.Fixture) (all []hikyaku.Transfer) {
	t.Helper()
	for n := range 200 {
		all = append(all, hikyaku.Transfer{
			ID: fmt.Sprintf("MANY-%04d", n), TransferID: consoletest.ID(5000 + n), Route: []string{"orders", "invoices"}[n%2],
		})
	}
	for _, state := range []hikyaku.State{hikyaku.Queued, hikyaku.Starting, hikyaku.Running, hikyaku.Succeeded} {
		for n := range all {
			x := &all[n]
			if state == hikyaku.Queued {
				x.CreatedAt = time.Now().UTC()
				x.QueuedAt = x.CreatedAt
			} else {
				stored, err := f.Ledger.Transfer(t.Context(), x.TransferID)
				if err != nil {
					t.Fatal(err)
				}
				*x = stored
			}
			x.State, x.UpdatedAt = state, time.Now().UTC()
			if state == hikyaku.Succeeded {
				if x.EndedAt = x.UpdatedAt; n%7 == 0 {
					x.State, x.Failure = hikyaku.Failed, &hikyaku.Failure{Code: "HKY-2001", Message: "gone"}
				}
			}
			f.Put(t, *x)
		}
	}
	return all
}
