package selfhosted_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
)

var update = flag.Bool("update", false, "write the runbook's tables anew") //nolint:gochecknoglobals // a test flag

// runbooks are the documents by language.
func runbooks() map[string]string {
	return map[string]string{"en": root + "/docs/operations.md", "ja": root + "/docs/ja/operations.md"}
}

// TestRunbook_hasEveryCode: between "codes N" and "end" stands what the
// catalogue says about group N; what is around it is written by hand.
func TestRunbook_hasEveryCode(t *testing.T) {
	t.Parallel()
	table := regexp.MustCompile(`(?s)(<!-- codes (\d) -->\n).*?(<!-- end -->)`)
	for language, path := range runbooks() {
		have := read(t, path)
		groups := map[string]bool{}
		want := table.ReplaceAllStringFunc(have, func(found string) string {
			m := table.FindStringSubmatch(found)
			groups[m[2]] = true
			return m[1] + codes(language, m[2]) + m[3]
		})
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil { //nolint:gosec // documents are public
				t.Fatal(err)
			}
			have = want
		}
		if have != want {
			t.Errorf("%s is not what the catalogue says; run: go test ./deploy/selfhosted -run Runbook -update", path)
		}
		for _, e := range hikyaku.Catalogue() {
			if !groups[e.Code[4:5]] || strings.Count(have, "\n| **"+e.Code+"** ") != 1 {
				t.Errorf("%s has no row for %s", path, e.Code)
			}
		}
		look := map[string]string{"en": "Look: ", "ja": "見る: "}[language]
		for n := range groups {
			if !regexp.MustCompile(`(?m)^### HKY-` + n + `xxx: .+\n\n` + look + `[^<]{60}`).MatchString(have) {
				t.Errorf("%s does not say where to look for HKY-%sxxx", path, n)
			}
		}
	}
}

// codes is the table of a group.
func codes(language, group string) string {
	words := []string{"code", "cause", "do", "by itself", "retried", "free", "benches", "a person"}
	if language == "ja" {
		words = []string{"コード", "原因", "対処", "自動", "再試行", "無料", "休止", "人"}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s | %s | %s |\n|---|---|---|---|\n", words[0], words[1], words[2], words[3])
	cell := strings.NewReplacer("|", `\|`, "\n", " ")
	for _, e := range hikyaku.Catalogue() {
		if e.Code[4:5] != group {
			continue
		}
		var itself []string
		for i, on := range []bool{e.Retryable, e.Free, e.Bench, !e.Retryable} {
			if on {
				itself = append(itself, words[4+i])
			}
		}
		text := e.Text(language)
		fmt.Fprintf(&b, "| **%s** %s | %s | %s | %s |\n", e.Code, cell.Replace(text.Title), cell.Replace(text.Cause), cell.Replace(text.Remedy), strings.Join(itself, ", "))
	}
	return b.String()
}

// TestRunbook_commandsExist: each `hikyaku …` in the text is a command with
// flags that it has.
func TestRunbook_commandsExist(t *testing.T) {
	t.Parallel()
	span := regexp.MustCompile("`(?:sudo -u hikyaku )?hikyaku ([a-z]+ [^`|]*|[a-z]+)`|(?m)^sudo -u hikyaku hikyaku ([^\n]+)$")
	for _, path := range runbooks() {
		commands := map[string]bool{}
		for _, m := range span.FindAllStringSubmatch(read(t, path), -1) {
			commands[strings.Join(strings.Fields(m[1]+m[2]), " ")] = true
		}
		if len(commands) < 20 {
			t.Errorf("%s: only %d commands found", path, len(commands))
		}
		for c := range commands {
			checkCommand(t, strings.Fields(c))
		}
	}
}

// TestRunbook_sameInBothLanguages: the same sections in the same order.
func TestRunbook_sameInBothLanguages(t *testing.T) {
	t.Parallel()
	heading := regexp.MustCompile(`(?m)^(#+)`)
	var shape []string
	for _, language := range []string{"en", "ja"} {
		shape = append(shape, strings.Join(heading.FindAllString(read(t, runbooks()[language]), -1), " "))
	}
	if shape[0] != shape[1] {
		t.Errorf("sections differ:\n%s\n%s", shape[0], shape[1])
	}
}
