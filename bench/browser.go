//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"
)

// browser is one page on the live stream.
type browser struct {
	view view

	mu      sync.Mutex
	ended   map[string]time.Time // when it learned of an end
	reloads []time.Time          // when it was told to load its page again, and did
	bytes   int64
}

// run follows the stream as the page's script does: what summarises the pool is
// read again every 10 s, and after an interruption the page is.
func (b *browser) run(ctx context.Context, s *server, opened func()) {
	go b.side(ctx, s)
	for first := true; ctx.Err() == nil; first = false {
		if !first {
			select { // what the server asks for with retry
			case <-time.After(2 * time.Second):
			case <-ctx.Done():
				return
			}
			if s.ask(ctx, http.MethodGet, "/transfers?"+b.view.query, nil) == nil {
				b.mu.Lock()
				b.reloads = append(b.reloads, time.Now())
				b.mu.Unlock()
			}
		}
		b.follow(ctx, s, opened)
	}
	opened()
}

func (b *browser) side(ctx context.Context, s *server) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = s.ask(ctx, http.MethodGet, "/side", nil) // the next look shows it
		case <-ctx.Done():
			return
		}
	}
}

// follow reads the stream until it is interrupted.
func (b *browser) follow(ctx context.Context, s *server, opened func()) {
	res, err := s.request(ctx, http.MethodGet, "/live?"+b.view.query, nil)
	if err != nil {
		return // tried again
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	opened()
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull { //nolint:errorlint // as the package returns it
			return
		}
		b.mu.Lock()
		b.bytes += int64(len(line))
		if rest, ok := bytes.CutPrefix(line, []byte(`data: {"transfer_id":"`)); ok {
			id, rest, _ := bytes.Cut(rest, []byte(`"`))
			if head := rest[:min(len(rest), 40)]; bytes.Contains(head, []byte(`"ended":true`)) && bytes.Contains(head, []byte(`"match":true`)) {
				if _, known := b.ended[string(id)]; !known {
					b.ended[string(id)] = time.Now()
				}
			}
		}
		b.mu.Unlock()
	}
}

// missing counts what ended in the browser's view without its knowing: told by
// the stream, or by a page that was loaded again afterwards.
func (b *browser) missing(ends map[string]time.Time) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.view.all {
		return 0
	}
	var loaded time.Time
	if len(b.reloads) > 0 {
		loaded = b.reloads[len(b.reloads)-1]
	}
	for id, end := range ends {
		if _, known := b.ended[id]; !known && !loaded.After(end) {
			n++
		}
	}
	return n
}

// waitForAll gives the browsers time to learn of every end, and returns how
// many final states were missed.
func waitForAll(ctx context.Context, all []*browser, ends map[string]time.Time) (missed int) {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		missed = 0
		for _, b := range all {
			missed += b.missing(ends)
		}
		if missed == 0 || time.Now().After(deadline) || ctx.Err() != nil {
			return missed
		}
	}
}
