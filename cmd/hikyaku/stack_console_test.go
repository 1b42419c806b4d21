package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
)

// console serves the stack's console with the real binary, signs in as its
// link says, watches a delivery through its stream and gives a command.
func (b *bed) console(t *testing.T, bin string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	at := b.startConsole(t, bin)
	browser := signIn(ctx, t, at.URL)

	if got := page(ctx, t, browser, at.Console+"/"); !strings.Contains(got, "ID (from its beginning)") || !strings.Contains(got, "user/moto") {
		t.Errorf("the page does not say what a search finds, or who is signed in:\n%.3000s", got)
	}
	if got := page(ctx, t, browser, at.Console+"/?lang=ja"); !strings.Contains(got, "前方一致") {
		t.Error("the Japanese page does not say what a search finds")
	}
	foreign, err := http.NewRequestWithContext(ctx, http.MethodGet, at.Console+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	foreign.Host = "attacker.example"
	res, err := browser.Do(foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign Host got %s", res.Status)
	}
	link, err := url.Parse(at.URL)
	if err != nil {
		t.Fatal(err)
	}
	b.watch(ctx, t, console.NewClient(at.Console, link.Query().Get("token"), nil))
	if got := page(ctx, t, browser, at.Console+"/?q=A-"); !strings.Contains(got, "A-1") {
		t.Error("the page does not find A-1 by its beginning")
	}
	eventually(ctx, t, "the page finds what failed by its code, and nothing else", func() bool {
		got := page(ctx, t, browser, at.Console+"/?q=hky-2001")
		return strings.Contains(got, "missing-too") && !strings.Contains(got, ">A-1<")
	})
	if got := page(ctx, t, browser, at.Console+"/?q=-1"); strings.Contains(got, ">A-1<") {
		t.Error("the page finds A-1 by its end")
	}
}

// watch follows a delivery by the stream, which polls the table.
func (b *bed) watch(ctx context.Context, t *testing.T, api *console.Client) {
	t.Helper()
	if _, err := api.ActOnRoute(ctx, "orders", "pause", console.ActRequest{Reason: "hold"}); err != nil {
		t.Fatal(err)
	}
	if err := b.upload(ctx, "A-1/a.txt"); err != nil {
		t.Fatal(err)
	}
	sent, err := api.Send(ctx, console.SendRequest{Send: hikyaku.Send{ID: "A-1"}})
	if err != nil || len(sent.Transfers) != 1 {
		t.Fatalf("Send = %+v, %v", sent, err)
	}
	ctx, ended := context.WithCancel(ctx)
	defer ended()
	if _, err := api.Send(ctx, console.SendRequest{IDs: []string{"missing", "missing-too"}}); err != nil {
		t.Fatal(err)
	}
	resumed, seen := false, map[hikyaku.State]bool{}
	err = api.Stream(ctx, console.Filter{}, "", func(e console.StreamEvent) error {
		if e.Transfer == nil || e.Transfer.TransferID != sent.Transfers[0].TransferID {
			return nil
		}
		seen[e.Transfer.State] = true
		if !resumed {
			resumed = true
			if _, err := api.ActOnRoute(ctx, "orders", "resume", console.ActRequest{}); err != nil {
				return err
			}
		}
		if e.Transfer.State == hikyaku.Succeeded {
			ended()
		}
		return nil
	})
	if !seen[hikyaku.Queued] || !seen[hikyaku.Succeeded] {
		t.Errorf("the stream told of %v and ended with %v", seen, err)
	}
}

func (b *bed) startConsole(t *testing.T, bin string) consoleLinks {
	t.Helper()
	cmd := exec.Command(bin, "console", "--stack", bedStack, "-o", "json") //nolint:noctx // the binary under test; ended below
	cmd.Env, cmd.Stderr = b.env(), t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil && cli.ExitCode(err) != cli.ExitOK {
			t.Errorf("console ended: %v", err)
		}
	})
	var at consoleLinks
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(at.Console); err != nil || u.Hostname() != "127.0.0.1" {
		t.Errorf("it listens on %s", at.Console)
	}
	return at
}

// signIn is a browser that followed the link.
func signIn(ctx context.Context, t *testing.T, link string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	page(ctx, t, browser, link)
	return browser
}

func page(ctx context.Context, t *testing.T, browser *http.Client, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%.2000s", address, res.Status, err, text)
	}
	return string(text)
}
