package console_test

import (
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/web/webtest"
)

// TestWords_NamedAndKnown fails for a word that is asked for and missing, and
// for one that nobody names.
func TestWords_NamedAndKnown(t *testing.T) {
	t.Parallel()
	s := webtest.NewSources()
	for _, dir := range []string{".", "..", "../cli"} { // states, phases and reasons are constants of the root
		if err := s.ReadFolder(dir, "word"); err != nil {
			t.Fatal(err)
		}
	}
	words := console.Words()
	for _, unknown := range s.Unknown(func(key string) bool { _, ok := words[key]; return ok }) {
		t.Errorf("no such word: %s", unknown)
	}
	for key := range words {
		if !s.Names(key) {
			t.Errorf("nobody names the word %s", key)
		}
	}
}

// TestFormat_ByLocale: sizes, rates and durations in both languages.
func TestFormat_ByLocale(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration][2]string{
		5 * time.Millisecond: {"5 ms", "5ミリ秒"}, 1500 * time.Millisecond: {"1.5 s", "1.5秒"}, 42 * time.Second: {"42 s", "42秒"},
		200 * time.Second: {"3 min 20 s", "3分20秒"}, 90 * time.Minute: {"1 h 30 min", "1時間30分"}, 76 * time.Hour: {"3 d 4 h", "3日4時間"},
	} {
		for i, l := range []console.Lang{console.LangEnglish, console.LangJapanese} {
			if got := console.FormatDuration(d, l); got != want[i] {
				t.Errorf("%v in %s: got %q, want %q", d, l, got, want[i])
			}
		}
	}
	if got := console.FormatRate(-1, console.LangJapanese) + " " + console.FormatRate(3<<20, console.LangJapanese); got != "無制限 3.0 MiB/s" {
		t.Errorf("rates: %q", got)
	}
}
