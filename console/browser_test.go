package console_test

import (
	"context"
	_ "embed"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

//go:embed testdata/axe/axe.min.js
var axeSource string

// browser is a headless Chromium at a console with sample transfers.
type browser struct {
	ctx  context.Context //nolint:containedctx // chromedp keeps the browser in it
	f    *consoletest.Fixture
	base string
}

// newBrowser starts Chromium and signs in. Without Chromium the test is
// skipped, which CI does not allow.
func newBrowser(t *testing.T, width, height int, change ...func(*console.Options)) *browser {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("Chromium is missing: run .ci/deps")
		}
		t.Skip("Chromium is missing, so the pages were NOT tested in a browser: run .ci/deps")
	}
	f := consoletest.NewWith(t, func() time.Time { return time.Now().UTC() }, func(o *console.Options) {
		for _, c := range change {
			c(o)
		}
	})
	srv := httptest.NewServer(f.Console)
	t.Cleanup(srv.Close)
	t.Cleanup(f.Console.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(width, height), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	b := &browser{ctx, f, srv.URL}
	b.do(t, emulation.SetDeviceMetricsOverride(int64(width), int64(height), 1, width < 700))
	b.open(t, "/login?token="+consoletest.AdminToken)
	return b
}

func (b *browser) do(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		t.Fatalf("browser: %v\n%s", err, b.text(t))
	}
}

// open loads a page and waits until its script has started.
func (b *browser) open(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Navigate(b.base+path), chromedp.WaitReady("html[data-ready]", chromedp.ByQuery))
}

func (b *browser) text(t *testing.T) string {
	t.Helper()
	var s string
	if err := chromedp.Run(b.ctx, chromedp.Evaluate(`location.pathname+location.search+"\n"+document.body.innerText`, &s)); err != nil && !errors.Is(err, context.Canceled) {
		return err.Error()
	}
	return s
}

// until waits until a JavaScript condition holds.
func (b *browser) until(t *testing.T, condition string) {
	t.Helper()
	tick, end := time.NewTicker(40*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer end.Stop()
	for {
		var is bool
		err := chromedp.Run(b.ctx, chromedp.Evaluate("!!("+condition+")", &is)) // fails while a page is being left
		if err == nil && is {
			return
		}
		select {
		case <-tick.C:
		case <-end.C:
			t.Fatalf("never came true: %s: %v\n%s", condition, err, b.text(t))
		case <-b.ctx.Done():
			t.Fatalf("%s: %v", condition, b.ctx.Err())
		}
	}
}

func (b *browser) sees(t *testing.T, text string) {
	t.Helper()
	b.until(t, `document.body.innerText.includes(`+quoteJS(text)+`)`)
}

func quoteJS(s string) string { return "`" + s + "`" }

// press types on the keyboard, wherever the focus is.
func (b *browser) press(t *testing.T, keys string) {
	t.Helper()
	b.do(t, chromedp.KeyEvent(keys))
}

// key presses one key as a keyboard does: what handles it may keep it from
// being typed.
func (b *browser) key(t *testing.T, key string) {
	t.Helper()
	b.do(t, input.DispatchKeyEvent(input.KeyDown).WithKey(key).WithText(key), input.DispatchKeyEvent(input.KeyUp).WithKey(key))
}

// shot keeps a picture where HIKYAKU_SHOTS says.
func (b *browser) shot(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("HIKYAKU_SHOTS")
	if dir == "" {
		return
	}
	var png []byte
	b.do(t, chromedp.FullScreenshot(&png, 100))
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil { //nolint:gosec // who runs the test names the folder
		t.Fatal(err)
	}
}

// TestBrowser_LateID finds a late ID with the keyboard alone, reads why it is
// late, reruns it and sees it delivered, in both languages.
func TestBrowser_LateID(t *testing.T) {
	t.Parallel()
	for lang, say := range map[string]struct{ why, queued, done string }{
		"en": {"Nothing is there for the ID", "queued", "was delivered at"},
		"ja": {"のファイルがありません", "待機中", "に配送が完了しました"},
	} {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, 1280, 900)
			b.open(t, "/?lang="+lang)
			b.key(t, "/")
			b.until(t, `document.activeElement.id === "q"`)
			b.press(t, "A-0998"+kb.Enter)
			b.until(t, `location.pathname === "/transfers" && !!document.documentElement.dataset.ready && document.querySelectorAll("#rows tr").length === 1`)
			b.press(t, kb.Escape)
			b.key(t, "j")
			b.until(t, `document.activeElement.textContent === "A-0998"`)
			b.press(t, kb.Enter)
			b.until(t, `location.pathname.startsWith("/transfers/") && !!document.documentElement.dataset.ready`)
			b.sees(t, say.why)
			b.key(t, "r")
			b.until(t, `document.querySelector("#confirm").open`)
			b.press(t, "the files are there now"+kb.Enter)
			b.until(t, `document.querySelector(".hero").classList.contains("s-QUEUED")`)
			b.sees(t, say.queued)
			last := b.f.Operator.Calls()
			if c := last[len(last)-1]; c.Name != "rerun" || c.Act.Reason != "the files are there now" || c.Act.By != "admin" {
				t.Errorf("the rerun was %+v", c)
			}
			deliver(t, b.f, consoletest.ID(9))
			b.until(t, `document.querySelector(".hero").classList.contains("s-SUCCEEDED")`)
			b.sees(t, say.done)
			b.shot(t, "delivered-"+lang)
		})
	}
}

// deliver runs a queued transfer to its end.
func deliver(t *testing.T, f *consoletest.Fixture, id string) {
	t.Helper()
	for _, state := range []hikyaku.State{hikyaku.Running, hikyaku.Succeeded} {
		x, err := f.Ledger.Transfer(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		x.State, x.WaitingReason, x.ExecutionStatus, x.UpdatedAt = state, "", "TRANSFERRING", time.Now().UTC()
		if state == hikyaku.Succeeded {
			x.Outcome, x.Failure, x.EndedAt, x.DeadLetter, x.Files.Failed = hikyaku.Delivered, nil, x.UpdatedAt, hikyaku.DeadLetterRedriven, 0
		}
		f.Put(t, x)
	}
}

// TestBrowser_SearchAndSelect types a search, follows back and forth, and
// reruns what was selected.
func TestBrowser_SearchAndSelect(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, 1280, 900)
	b.open(t, "/transfers?state=FAILED")
	b.until(t, `document.querySelectorAll("#rows tr").length === 2`)
	b.do(t, chromedp.SendKeys("#q", "0997", chromedp.ByQuery))
	b.until(t, `location.search.includes("q=0997") && location.search.includes("state=FAILED") && document.querySelectorAll("#rows tr").length === 1`)
	b.do(t, chromedp.Evaluate(`history.back()`, nil))
	b.until(t, `!location.search.includes("q=0997") && document.querySelectorAll("#rows tr").length === 2 && document.querySelector("#q").value === ""`)
	b.do(t, chromedp.Click("#pick-all", chromedp.ByQuery))
	b.until(t, `document.querySelector("#bulk").classList.contains("on") && document.querySelector(".picked").textContent.includes("2")`)
	b.shot(t, "selected-light")
	b.do(t, chromedp.Click("#bulk button[value=rerun]", chromedp.ByQuery))
	b.until(t, `document.querySelector("#confirm").open`)
	b.press(t, "disk replaced"+kb.Enter)
	b.sees(t, "2 sent round again")
	for _, c := range b.f.Operator.Calls() {
		if c.Name != "rerun" || c.Act.Reason != "disk replaced" {
			t.Errorf("call %+v", c)
		}
	}
	if n := len(b.f.Operator.Calls()); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}

// pages are all pages with their names.
func pages() map[string]string {
	return map[string]string{
		"now": "/", "transfers": "/transfers", "failed": "/transfers/" + consoletest.ID(8), "running": "/transfers/" + consoletest.ID(2),
		"errors": "/errors", "deadletters": "/dlq", "pool": "/pool", "agents": "/agents", "audit": "/audit",
		"nothing": "/transfers?q=nothing-like-it", "problem": "/transfers/none",
	}
}

// axe returns the violations that matter to people, of WCAG 2.2 A and AA.
func (b *browser) axe(t *testing.T) []string {
	t.Helper()
	var wrong []string
	wait := func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }
	b.do(t, chromedp.Evaluate(axeSource+";0", nil), chromedp.Evaluate(`axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], resultTypes: ["violations"]}).then(
	 r => r.violations.filter(v => v.impact === "serious" || v.impact === "critical").map(v => v.id + ": " + v.nodes.map(n => n.html.slice(0, 160) + " " + n.any.map(a => a.message).join(" ")).slice(0, 4).join(" | ")))`, &wrong, wait))
	return wrong
}
