package console_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/hikyaku/hikyaku/console/consoletest"
)

// look is how somebody has the pages.
type look struct {
	lang, scheme  string
	width, height int64
}

func (l look) name() string {
	if l.width < 700 {
		return "phone-" + l.lang + "-" + l.scheme
	}
	return l.lang + "-" + l.scheme
}

func (b *browser) wear(t *testing.T, l look) {
	t.Helper()
	b.do(t, emulation.SetDeviceMetricsOverride(l.width, l.height, 1, l.width < 700),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}))
	b.open(t, "/?lang="+l.lang)
}

// TestBrowser_Accessible runs axe-core on every page and on the dialogs, and on a
// transfer with the table of who was told of its end, in both languages, light and dark, wide and on a phone, where nothing may be
// wider than the screen.
func TestBrowser_Accessible(t *testing.T) {
	t.Parallel()
	for _, l := range []look{
		{"en", "light", 1280, 900}, {"ja", "dark", 1280, 900}, {"ja", "light", 390, 844}, {"en", "dark", 390, 844},
	} {
		t.Run(l.name(), func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, int(l.width), int(l.height))
			b.wear(t, l)
			for _, name := range slices.Sorted(maps.Keys(pages())) {
				b.open(t, pages()[name])
				b.accessible(t, l, name)
			}
			for _, d := range []struct{ name, path, open, dialog string }{
				{"dialog-keys", "/", `document.querySelector("#help").click()`, "#keys"},
				{"dialog-rerun", "/transfers/" + consoletest.ID(9), `document.querySelector('.hero form[action$="/rerun"] button').click()`, "#confirm"},
				{"dialog-canary", "/dlq", `document.querySelector('form[action="/dlq/canary"] button').click()`, "#confirm"},
			} {
				b.open(t, d.path)
				b.do(t, chromedp.Evaluate(d.open, nil))
				b.until(t, `document.querySelector("`+d.dialog+`").open`)
				b.accessible(t, l, d.name)
			}
			x, _ := told(t, b.f) // of which some are owed, some failing, some sent
			b.open(t, "/transfers/"+x.TransferID)
			b.until(t, `document.querySelectorAll("h2#notices + p + .list tbody tr").length === 3`)
			b.accessible(t, l, "transfer-told")
			b.do(t, chromedp.Evaluate(`document.querySelector('form[action$="/notify"] button').click()`, nil))
			b.until(t, `document.querySelector("#confirm").open`)
			b.accessible(t, l, "dialog-resend")
		})
	}
}

// accessible keeps a picture of what is open, and checks it.
func (b *browser) accessible(t *testing.T, l look, name string) {
	t.Helper()
	b.shot(t, name+"-"+l.name())
	if wrong := b.axe(t); len(wrong) > 0 {
		t.Errorf("%s, %s: %s", name, l.name(), strings.Join(wrong, "\n"))
	}
	var wide int
	if b.do(t, chromedp.Evaluate(`document.documentElement.scrollWidth - innerWidth`, &wide)); wide > 0 {
		t.Errorf("%s, %s: %d pixels too wide", name, l.name(), wide)
	}
}
