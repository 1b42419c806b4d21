package web_test

import (
	"slices"
	"testing"

	"github.com/hikyaku/hikyaku/web"
	"github.com/hikyaku/hikyaku/web/webtest"
)

// TestTexts_NamedAndKnown fails for a key without a text, in a template or in
// Go, and for a text that nobody names.
func TestTexts_NamedAndKnown(t *testing.T) {
	t.Parallel()
	s := webtest.NewSources()
	for _, dir := range []string{"templates", ".", "../console"} {
		if err := s.ReadFolder(dir, "T", "Text"); err != nil {
			t.Fatal(err)
		}
	}
	texts := web.Texts()
	has := func(key string) bool { _, ok := texts[key]; return ok }
	for _, unknown := range s.Unknown(has) {
		t.Errorf("no such text: %s", unknown)
	}
	for key := range texts {
		if !s.Names(key) {
			t.Errorf("nobody names the text %s", key)
		}
	}
	if len(s.Asked) < 150 {
		t.Errorf("only %d keys were found: the sources are not read", len(s.Asked))
	}
}

// TestTexts_UnknownIsFound proves that the test above can fail.
func TestTexts_UnknownIsFound(t *testing.T) {
	t.Parallel()
	s := webtest.NewSources()
	for name, text := range map[string]string{
		"bad.html": `<h1>{{.T "no_such_title"}}</h1><p>{{$.T "nav_now"}}</p>`,
		"bad.go":   "package bad\nfunc f(p page) string { return p.T(\"no_such_text\") + web.Text(l, \"nor_this\") + p.T(\"nav_now\") }\n",
	} {
		if err := s.Read(name, text, "T", "Text"); err != nil {
			t.Fatal(err)
		}
	}
	texts := web.Texts()
	got := s.Unknown(func(key string) bool { _, ok := texts[key]; return ok })
	slices.Sort(got)
	want := []string{"bad.go:2:32: no_such_text", "bad.go:2:54: nor_this", "bad.html: no_such_title"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.Names("footer_version_nobody_names") {
		t.Error("a key that nobody names counts as named")
	}
}
