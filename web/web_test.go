package web_test

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/web"
)

func TestCatalogue_Complete(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[a-z]`)
	for key, p := range web.Texts() {
		if p[0] == "" || p[1] == "" {
			t.Errorf("%s: one language is missing: %q", key, p)
		}
		if en, ja := verbs.FindAllString(p[0], -1), verbs.FindAllString(p[1], -1); !slices.Equal(en, ja) {
			t.Errorf("%s: verbs differ: %v and %v", key, en, ja)
		}
	}
}

func TestTemplates_TextsExistAndNothingInline(t *testing.T) {
	t.Parallel()
	texts := web.Texts()
	used := regexp.MustCompile(`\.T "([a-z0-9_]+)"`)
	words := regexp.MustCompile(`>[^<{}]*[A-Za-z]{3,}[^<{}]*<`)
	root := os.DirFS("templates")
	names, err := fs.Glob(root, "*.html")
	if err != nil || len(names) < 6 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		b, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		src := string(b)
		for _, m := range used.FindAllStringSubmatch(src, -1) {
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s uses the text %s, which does not exist", name, m[1])
			}
		}
		for _, bad := range []string{"<style", " style=", "javascript:", " onclick=", "http://", "https://"} {
			if strings.Contains(src, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
		if regexp.MustCompile(`<script(?:[^>]*)>[^<]`).MatchString(src) {
			t.Errorf("%s holds a script inline", name)
		}
		for _, m := range words.FindAllString(src, -1) {
			switch strings.Trim(m, "><\n ·") {
			case "hikyaku", "ARN", "Enter", "Esc":
			default:
				t.Errorf("%s holds words outside the catalogue: %q", name, m)
			}
		}
	}
}

func TestAcceptLanguage(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]web.Lang{
		"": web.English, "ja": web.Japanese, "ja-JP,en;q=0.8": web.Japanese, "fr,ja;q=0.5,en;q=0.4": web.Japanese,
		"en-GB,ja;q=0.9": web.English, "de": web.English, "ja;q=broken,en": web.English, ";;,": web.English,
	} {
		if got := web.AcceptLanguage(header); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func FuzzAcceptLanguage(f *testing.F) {
	f.Add("ja,en;q=0.5")
	f.Add(";q=,,ja_")
	f.Fuzz(func(t *testing.T, header string) {
		if l := web.AcceptLanguage(header); l != web.English && l != web.Japanese {
			t.Errorf("got %q", l)
		}
	})
}
