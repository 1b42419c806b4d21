package oidc_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/hikyaku/hikyaku/console/oidc/oidctest"
)

// TestSignIn_InChromium: the provider is another site, so this fails if the
// cookies do not survive the way there and back, or the content policy stops it.
func TestSignIn_InChromium(t *testing.T) {
	t.Parallel()
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
		t.Skip("Chromium is missing, so the sign-in was NOT tested in a browser: run .ci/deps")
	}
	b := newBed(t)
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	ctx, stop = context.WithTimeout(ctx, 90*time.Second)
	t.Cleanup(stop)
	var at, who string
	err := chromedp.Run(ctx,
		chromedp.Navigate(b.base+"/transfers?state=FAILED"),
		chromedp.Click(`a[href^="/login/start"]`, chromedp.ByQuery),
		chromedp.SendKeys(`input[name=username]`, "bob", chromedp.ByQuery),
		chromedp.SendKeys(`input[name=password]`, oidctest.Password+"\r", chromedp.ByQuery),
		chromedp.WaitVisible(`.who`, chromedp.ByQuery),
		chromedp.Text(`.who`, &who, chromedp.ByQuery),
		chromedp.Location(&at),
	)
	if err != nil {
		t.Fatalf("%v: %s", err, b.log)
	}
	if !strings.HasSuffix(at, "/transfers?state=FAILED") || !strings.Contains(who, "bob@example.com") {
		t.Errorf("%q at %s", who, at)
	}
}
