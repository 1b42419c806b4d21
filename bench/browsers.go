//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	crowdIDs  = 2000
	crowdRate = 200 // IDs per second that are sent
	crowdSize = 200
	stuckOnes = 5 // read nothing
	slowOnes  = 5 // read 2 KiB a second
)

// view is what a browser looks at, as the list of transfers follows it.
type view struct {
	query string
	all   bool // every transfer of the run ends inside it
}

func views() []view {
	return []view{
		{"lang=en", true},
		{"lang=ja", true},
		{"lang=en&route=bench", true},
		{"lang=ja&state=SUCCEEDED", true},
		{"lang=en&state=RUNNING&state=STARTING", false},
		{"lang=ja&state=FAILED", false},
		{"lang=en&q=CROWD-", true},
		{"lang=ja&q=nothing", false},
	}
}

// browsers has 200 browsers follow the live stream while 200 IDs per second
// are sent, beside some that are stuck or slow; and the same with nobody there.
func (b *bench) browsers(ctx context.Context) error {
	fmt.Printf("%d IDs of one 1 KiB file at %d per second, folder to folder, pool 8; browsers are clients on the same machine, %d of them stuck and %d slow\n",
		crowdIDs, crowdRate, stuckOnes, slowOnes)
	fmt.Printf("%9s %8s %12s %14s %8s %10s %22s %8s %7s\n", "browsers", "IDs/s", "server CPU s", "CPU ms per ID", "RSS MiB", "sent MiB", "commit to page p50/p99", "reloads", "missed")
	for _, n := range []int{0, crowdSize} {
		if err := b.crowd(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) crowd(ctx context.Context, n int) error {
	src, ids, err := b.outbox()
	if err != nil {
		return err
	}
	s, err := b.serveRoutes(ctx, fmt.Sprintf("{bench: {source: %q, destination: %q, pool: 8}}", "file://"+src, "file://"+src+"-dst"))
	if err != nil {
		return err
	}
	defer s.stop()
	follow, leave := context.WithCancel(ctx)
	var gone, opened sync.WaitGroup
	defer gone.Wait()
	defer leave()
	all := make([]*browser, n)
	for i := range all {
		all[i] = &browser{view: views()[i%len(views())], ended: map[string]time.Time{}}
		opened.Add(1)
		gone.Go(func() { all[i].run(follow, s, sync.OnceFunc(opened.Done)) })
	}
	opened.Wait()
	if n > 0 {
		for i := range stuckOnes + slowOnes {
			conn, err := s.openStream(ctx)
			if err != nil {
				return err
			}
			defer conn.Close() //nolint:errcheck // nothing is lost
			if i >= stuckOnes {
				gone.Go(func() { trickle(follow, conn) })
			}
		}
	}
	before := s.cpuSeconds()
	if err := s.send(ctx, ids); err != nil {
		return err
	}
	ends, rate, err := s.settled(ctx, len(ids))
	if err != nil {
		return err
	}
	missed := waitForAll(ctx, all, ends)
	used, rss := s.cpuSeconds()-before, s.peakMiB()
	leave()
	gone.Wait()
	report(n, len(ids), rate, used, rss, all, ends, missed)
	if missed > 0 {
		return fmt.Errorf("%d final states were missed", missed)
	}
	return nil
}

// report prints one row.
func report(n, ids int, rate, used, rss float64, all []*browser, ends map[string]time.Time, missed int) {
	var late []float64
	var bytes int64
	reloads := 0
	for _, br := range all {
		bytes += br.bytes
		reloads += len(br.reloads)
		for id, at := range br.ended {
			if end, ok := ends[id]; ok {
				late = append(late, max(at.Sub(end).Seconds(), 0))
			}
		}
	}
	latency := "-"
	if len(late) > 0 {
		slices.Sort(late)
		latency = fmt.Sprintf("%.2f / %.2f s", late[len(late)/2], late[len(late)*99/100])
	}
	fmt.Printf("%9d %8.0f %12.1f %14.2f %8.0f %10.0f %22s %8d %7d\n", n, rate, used, 1000*used/float64(ids), rss, float64(bytes)/(1<<20), latency, reloads, missed)
}

// outbox makes a folder with a small folder for each ID.
func (b *bench) outbox() (src string, ids []string, err error) {
	if src, err = os.MkdirTemp(b.dir, "outbox-"); err != nil {
		return "", nil, err
	}
	for i := range crowdIDs {
		id := fmt.Sprintf("CROWD-%05d", i)
		ids = append(ids, id)
		if err := os.Mkdir(filepath.Join(src, id), 0o700); err != nil {
			return "", nil, err
		}
		if err := os.WriteFile(filepath.Join(src, id, "data"), bytes.Repeat([]byte{byte(i)}, 1024), 0o600); err != nil {
			return "", nil, err
		}
	}
	return src, ids, os.MkdirAll(src+"-dst", 0o700)
}

func (s *server) request(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.console+path, body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err == nil && res.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		_ = res.Body.Close() // the status is the news
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	return res, err
}

// send sends the IDs at crowdRate, or as fast as the server takes them.
func (s *server) send(ctx context.Context, ids []string) error {
	const batch = 20
	tick := time.NewTicker(time.Second * batch / crowdRate)
	defer tick.Stop()
	for some := range slices.Chunk(ids, batch) {
		body, err := json.Marshal(map[string]any{"ids": some, "route": "bench"})
		if err != nil {
			return err
		}
		if err := s.ask(ctx, http.MethodPost, "/api/v1/transfers", bytes.NewReader(body)); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// ask makes a request whose answer does not matter.
func (s *server) ask(ctx context.Context, method, path string, body io.Reader) error {
	res, err := s.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

func joinClose(err error, res *http.Response) error {
	if closed := res.Body.Close(); err == nil {
		return closed
	}
	return err
}

// settled waits until all have ended, and returns when each did and how many
// ended per second, from the first acceptance on.
func (s *server) settled(ctx context.Context, n int) (map[string]time.Time, float64, error) {
	for deadline := time.Now().Add(10 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		ends, first, last := map[string]time.Time{}, time.Now(), time.Time{}
		for token, more := "", true; more; more = token != "" {
			var page struct {
				Transfers []struct {
					TransferID string    `json:"transfer_id"`
					Created    time.Time `json:"created_at"`
					Ended      time.Time `json:"ended_at"`
				} `json:"transfers"`
				Next *string `json:"next_token"`
			}
			res, err := s.request(ctx, http.MethodGet, "/api/v1/transfers?state=SUCCEEDED&limit=1000&token="+url.QueryEscape(token), nil)
			if err != nil {
				return nil, 0, err
			}
			if err := joinClose(json.NewDecoder(res.Body).Decode(&page), res); err != nil {
				return nil, 0, err
			}
			for _, t := range page.Transfers {
				ends[t.TransferID] = t.Ended
				if t.Created.Before(first) {
					first = t.Created
				}
				if t.Ended.After(last) {
					last = t.Ended
				}
			}
			token = ""
			if page.Next != nil {
				token = *page.Next
			}
		}
		if len(ends) == n {
			return ends, float64(n) / last.Sub(first).Seconds(), nil
		}
		if time.Now().After(deadline) {
			return nil, 0, fmt.Errorf("only %d of %d were delivered", len(ends), n)
		}
	}
}

// openStream asks for a page's stream; nothing is read of the answer.
func (s *server) openStream(ctx context.Context) (net.Conn, error) {
	u, err := url.Parse(s.console)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "GET /live?lang=en HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", u.Host, s.token)
	return conn, err
}

// trickle reads 2 KiB a second.
func trickle(ctx context.Context, conn net.Conn) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for buf := make([]byte, 2<<10); ; {
		if _, err := conn.Read(buf); err != nil {
			return // cut off, which is what a slow one gets
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// cpuSeconds is what the server has used so far.
func (s *server) cpuSeconds() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	after := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var user, system float64
	if len(after) < 13 {
		return 0
	}
	if _, err := fmt.Sscan(after[11]+" "+after[12], &user, &system); err != nil {
		return 0
	}
	return (user + system) / 100 // clock ticks of Linux
}

func (s *server) peakMiB() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib / 1024
}
