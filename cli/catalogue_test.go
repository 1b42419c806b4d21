package cli_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hikyaku/hikyaku/cli"
)

func TestCatalogue_Complete(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%(\[\d+\])?[a-z]`)
	for key, p := range cli.Phrases() {
		if (p[0] == "") != (p[1] == "") {
			t.Errorf("%s: one language is missing: %q", key, p)
		}
		if en, ja := verbs.FindAllString(p[0], -1), verbs.FindAllString(p[1], -1); !slices.Equal(en, ja) {
			t.Errorf("%s: verbs differ: %v and %v", key, en, ja)
		}
	}
}

func japanese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
	})
}

func TestHelp_EveryTextInJapanese(t *testing.T) {
	t.Parallel()
	root := cli.New(cli.Deps{
		Args: []string{"--lang", "ja"}, Getenv: func(string) string { return "" }, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{},
	})
	key := regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, s := range []string{c.Short, c.Long} {
			if s != "" && (!japanese(s) || key.MatchString(s)) {
				t.Errorf("%s: not Japanese: %q", c.CommandPath(), s)
			}
		}
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if !japanese(f.Usage) {
				t.Errorf("%s --%s: not Japanese: %q", c.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

func TestHelp_LanguageFromEnvironment(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.env = map[string]string{"LANG": "ja_JP.UTF-8"}
	if got := r.do(t, "--help"); !strings.Contains(got.out, "使い方:") || !strings.Contains(got.out, "終了コード") {
		t.Errorf("got\n%s", got.out)
	}
	if got := r.do(t, "show", "A-1004"); !strings.Contains(got.out, "A-1004 はルート orders で 2分20秒待っています。理由: プールのタスクがすべて使用中。") {
		t.Errorf("got\n%s", got.out)
	}
	r.env["HIKYAKU_LANG"] = "en"
	if got := r.do(t, "--help"); !strings.Contains(got.out, "What exit codes mean") {
		t.Errorf("got\n%s", got.out)
	}
	if got := r.do(t, "transfers", "--help"); !strings.Contains(got.out, "hikyaku transfers --state failed --since 24h") {
		t.Errorf("no example in\n%s", got.out)
	}
}
