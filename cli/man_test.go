package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/cli"
)

// TestMan_EveryCommand has a page with its name, flags and examples, the same
// every time, in both languages.
func TestMan_EveryCommand(t *testing.T) {
	t.Parallel()
	for lang, word := range map[string]string{"en": "Send IDs to be delivered", "ja": "IDを送信して配送を依頼する"} {
		dir := filepath.Join(t.TempDir(), "share", "man1")
		r := fixture(t)
		r.env = map[string]string{"SOURCE_DATE_EPOCH": "1700000000"}
		if got := r.do(t, "man", dir, "--lang", lang); got.code != cli.ExitOK || !strings.Contains(got.out, dir) {
			t.Fatalf("code %d: %s%s", got.code, got.out, got.err)
		}
		root := cli.New(cli.Deps{Args: []string{"--lang", lang}, Getenv: func(string) string { return "" }})
		want := 0
		for _, c := range commands(root) {
			if hidden(c) {
				continue
			}
			want++
			name := filepath.Join(dir, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1")
			page, err := os.ReadFile(name) //nolint:gosec // the page just written
			if err != nil {
				t.Error(err)
				continue
			}
			text := string(page)
			for _, part := range []string{".TH ", "2023", "hikyaku 1.2.3", ".SH EXAMPLE", "--output", "--query"} {
				if !strings.Contains(strings.ReplaceAll(text, `\-`, "-"), part) {
					t.Errorf("%s: %q is missing", name, part)
				}
			}
			checkPage(t, name)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != want {
			t.Errorf("%d files, want %d: %v", len(files), want, err)
		}
		page, err := os.ReadFile(filepath.Join(dir, "hikyaku-send.1")) //nolint:gosec // as above
		if err != nil || !strings.Contains(string(page), word) {
			t.Errorf("%s: %q is missing: %v", lang, word, err)
		}
	}
}

func hidden(c *cobra.Command) bool { return c.Hidden || c.Name() == "help" }

// checkPage asks man itself, where there is one.
func checkPage(t *testing.T, name string) {
	t.Helper()
	man, err := exec.LookPath("mandoc")
	if err != nil {
		return // cobra's own renderer made it; mandoc is a second opinion
	}
	if out, err := exec.CommandContext(t.Context(), man, "-T", "lint", "-W", "error", name).CombinedOutput(); err != nil { //nolint:gosec // a page of ours
		t.Errorf("%s: %v\n%s", name, err, out)
	}
}

func TestMan_Refused(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.do(t, "man", file); got.code == cli.ExitOK || !strings.Contains(got.err, "man pages") {
		t.Errorf("into a file: code %d, %q", got.code, got.err)
	}
	r.env = map[string]string{"SOURCE_DATE_EPOCH": "yesterday"}
	if got := r.do(t, "man", t.TempDir()); got.code != cli.ExitInvalid || !strings.Contains(got.err, "SOURCE_DATE_EPOCH") {
		t.Errorf("a date that is none: code %d, %q", got.code, got.err)
	}
}
