package console_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// provided is a provider that does not answer, and has a name.
type provided struct{}

func (provided) Name() string { return "Example ID" }

func (provided) Begin(context.Context, console.SignIn) (string, error) {
	return "", hikyaku.NewError(hikyaku.CodeProviderUnreachable, "find", "https://id.example", "")
}

func (provided) Finish(context.Context, string, console.SignIn) (console.Identity, error) {
	return console.Identity{}, hikyaku.NewError(hikyaku.CodeProviderUnreachable, "find", "https://id.example", "")
}

// seen takes a picture of the page and runs axe on it.
func (b *browser) seen(t *testing.T, name string) {
	t.Helper()
	b.shot(t, name)
	if wrong := b.axe(t); len(wrong) > 0 {
		t.Errorf("%s: %s", name, strings.Join(wrong, "\n"))
	}
}

// post sends a form that the page itself would not.
func (b *browser) post(t *testing.T, path string) {
	t.Helper()
	b.do(t, chromedp.Evaluate(`(() => { delete document.documentElement.dataset.ready; const f = document.createElement("form"); f.method = "post"; f.action = "`+path+`"; document.body.append(f); f.submit() })()`, nil))
	b.until(t, `document.documentElement.dataset.ready && location.pathname === "`+path+`"`)
}

// signOut presses the button and waits for the sign-in page.
func (b *browser) signOut(t *testing.T) {
	t.Helper()
	b.do(t, chromedp.Click(`form[action="/logout"] button`, chromedp.ByQuery))
	b.until(t, `location.pathname === "/login" && document.documentElement.dataset.ready`)
}

// signIn pastes a token into the form.
func (b *browser) signIn(t *testing.T, token string) {
	t.Helper()
	b.do(t, chromedp.SendKeys("#token", token+"\r", chromedp.ByQuery))
}

// TestBrowser_Access goes through the ways in and the refusals, in both
// languages, light and dark, with axe on each.
func TestBrowser_Access(t *testing.T) {
	t.Parallel()
	words := map[string]struct{ wrong, denied, note, down, none string }{
		"en": {"not known here", "This role may not do that", "You may look, not act", "The identity provider does not answer", "Needed at least"},
		"ja": {"登録されていない", "この役割では操作できません", "閲覧のみの権限です", "ID プロバイダーが応答しません", "必要な役割"},
	}
	for lang, say := range words {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, 1280, 800, func(o *console.Options) { o.Access.Provider = provided{} })
			b.open(t, "/?lang="+lang)
			for _, scheme := range []string{"light", "dark"} {
				b.do(t, emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
				name := lang + "-" + scheme
				b.signOut(t)
				b.sees(t, "Example ID")
				b.seen(t, "signin-"+name)
				b.signIn(t, "guess")
				b.sees(t, say.wrong)
				b.seen(t, "signin-wrong-"+name)
				b.open(t, "/login/start?next=/pool")
				b.sees(t, say.down)
				b.seen(t, "signin-provider-down-"+name)
				b.open(t, "/login?next=/pool")
				b.signIn(t, consoletest.ViewerToken)
				b.until(t, `location.pathname === "/pool" && document.documentElement.dataset.ready`)
				b.sees(t, say.note)
				b.until(t, `document.querySelectorAll("main form[data-confirm]").length > 3 && [...document.querySelectorAll("main form[data-confirm] button")].every(x => x.matches(":disabled"))`)
				b.seen(t, "viewer-pool-"+name)
				b.post(t, "/routes/orders/limit")
				b.sees(t, say.denied)
				b.sees(t, say.none)
				b.seen(t, "denied-"+name)
				b.signOut(t)
				b.signIn(t, consoletest.ProducerToken)
				b.sees(t, say.denied) // it may send, and see nothing
				b.seen(t, "denied-producer-"+name)
				b.open(t, "/login")
				b.signIn(t, consoletest.AdminToken)
				b.until(t, `location.pathname === "/" && document.documentElement.dataset.ready`)
			}
		})
	}
}

// TestBrowser_ViewerLive: rows that arrive while a viewer looks cannot be acted
// on either.
func TestBrowser_ViewerLive(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, 1280, 800)
	b.signOut(t)
	b.signIn(t, consoletest.ViewerToken)
	b.until(t, `location.pathname === "/" && document.documentElement.dataset.ready`)
	b.open(t, "/transfers")
	x, err := b.f.Ledger.Transfer(t.Context(), consoletest.ID(9))
	if err != nil {
		t.Fatal(err)
	}
	x.State = hikyaku.Queued
	b.f.Put(t, x)
	b.until(t, `document.querySelector("#t-`+consoletest.ID(9)+`").classList.contains("s-QUEUED")`)
	b.until(t, `document.querySelectorAll("#rows .c-act button").length > 4 && [...document.querySelectorAll("#rows .c-act button")].every(x => x.disabled && x.title)`)
}
