package cli_test

import (
	"strings"
	"testing"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
)

// commands are all commands below c, and c.
func commands(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		out = append(out, commands(sub)...)
	}
	return out
}

// TestHelp_Terminal is what a person with 80 columns meets: an example for
// every command, and no line that runs over in English; in Japanese only
// flags may.
func TestHelp_Terminal(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"en", "ja"} {
		env := func(string) string { return "" }
		root := cli.New(cli.Deps{Args: []string{"--lang", lang}, Getenv: env, Stdin: strings.NewReader("")})
		for _, c := range commands(root) {
			if c.Example == "" {
				t.Errorf("%s: %s has no example", lang, c.CommandPath())
			}
			text := c.Long
			if lang == "en" {
				text += "\n" + c.UsageString()
			}
			for line := range strings.Lines(text) {
				if w := runewidth.StringWidth(strings.TrimRight(line, "\n")); w > 80 && !strings.HasPrefix(line, "  hikyaku ") {
					t.Errorf("%s: %s: %d columns: %s", lang, c.CommandPath(), w, line)
				}
			}
		}
	}
}

// TestCommands_BadInput is refused in words, with the exit code for it.
func TestCommands_BadInput(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"send", "\xff\xfe"}, "not valid UTF-8"},
		{[]string{"transfers", "--lang", "xx"}, "--lang must be en or ja"},
		{[]string{"transfers", "--url", "ftp://127.0.0.1"}, "not an http or https address"},
		{[]string{"transfers", "--limit", "many"}, `invalid argument "many" for "--limit" flag (see`},
		{[]string{"dlq", "bogus"}, "no command dlq bogus; see hikyaku dlq --help"},
		{[]string{"bogus"}, "no command bogus; see hikyaku --help"},
	} {
		got := r.do(t, c.args...)
		if got.code != cli.ExitInvalid || !strings.Contains(got.err, c.want) {
			t.Errorf("%q: code %d, stderr %q; want code 2 and %q", c.args, got.code, got.err, c.want)
		}
	}
}
