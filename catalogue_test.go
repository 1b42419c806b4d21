package hikyaku_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
)

var update = flag.Bool("update", false, "write the generated documents anew") //nolint:gochecknoglobals // a test flag

func TestCatalogue_isComplete(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^HKY-[1-9]\d{3}$`)
	seen := map[string]bool{}
	last := ""
	for _, e := range hikyaku.Catalogue() {
		if !form.MatchString(e.Code) || seen[e.Code] || e.Kind == "" {
			t.Errorf("entry %q: bad or duplicate code, or no kind", e.Code)
		}
		seen[e.Code] = true
		for _, text := range []hikyaku.Text{e.English, e.Japanese} {
			for _, s := range []string{text.Title, text.Cause, text.Remedy} {
				if strings.TrimSpace(s) == "" {
					t.Errorf("%s has an empty text", e.Code)
				}
			}
		}
		if !regexp.MustCompile(`[ぁ-んァ-ン一-龥]`).MatchString(e.Japanese.Title + e.Japanese.Cause) {
			t.Errorf("%s is not translated", e.Code)
		}
		if strings.Contains(fmt.Sprint(e.Japanese), "経路") {
			t.Errorf("%s calls a route 経路; it is ルート everywhere else", e.Code)
		}
		if (e.Free || e.Bench) && !e.Retryable {
			t.Errorf("%s costs nothing or benches, but is not retried", e.Code)
		}
		if e.Code < last {
			t.Errorf("%s comes after %s", e.Code, last)
		}
		last = e.Code
	}
}

// TestCatalogue_knowsEveryCode: a code anywhere in the sources has an entry,
// and every constant is one.
func TestCatalogue_knowsEveryCode(t *testing.T) {
	t.Parallel()
	code := regexp.MustCompile(`HKY-\d{4}`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != "." {
			return fs.SkipDir
		}
		if d.IsDir() && strings.HasSuffix(d.Name(), "test") {
			return fs.SkipDir // fakes may make codes up
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil {
			return err
		}
		for _, c := range code.FindAllString(string(source), -1) {
			if _, ok := hikyaku.Lookup(c); !ok {
				t.Errorf("%s uses %s, which is not in the catalogue", path, c)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(code.FindAllString(string(source), -1)), len(hikyaku.Catalogue()); got != want {
		t.Errorf("%d constants, %d entries", got, want)
	}
}

func TestCatalogue_documents(t *testing.T) {
	t.Parallel()
	for path, language := range map[string]string{"docs/errors.md": "en", "docs/ja/errors.md": "ja"} {
		want := document(language)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // documents are public
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil { //nolint:gosec // documents are public
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path) //nolint:gosec // a file of this repository
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the catalogue says; run: go test . -run Catalogue_documents -update", path)
		}
	}
}

func document(language string) []byte {
	head := `# Errors

Generated from the catalogue (` + "`go test . -run Catalogue_documents -update`" + `); do not edit.

Kinds: *invalid, not_found, conflict, busy, transient, denied, corrupt, internal*.
"Retried" errors are tried again by themselves while the attempt budget lasts;
"free" ones do not count against it; "benches" means that the task gets no work
for a while.

`
	words := []string{"Cause", "Remedy", "Kind", "retried", "free", "benches the task", "; "}
	if language == "ja" {
		head = `# エラー一覧

カタログから生成しています（` + "`go test . -run Catalogue_documents -update`" + `）。直接編集しないでください。

「再試行」は試行回数の残りがあるうちは自動で再試行されるもの、「無料」は試行回数に数えないもの、
「休止」はタスクをしばらく使わないものです。

`
		words = []string{"原因", "対処", "種別", "再試行", "無料", "休止", "、"}
	}
	var b bytes.Buffer
	b.WriteString(head)
	for _, e := range hikyaku.Catalogue() {
		text := e.Text(language)
		notes := []string{string(e.Kind)}
		for i, on := range []bool{e.Retryable, e.Free, e.Bench} {
			if on {
				notes = append(notes, words[3+i])
			}
		}
		fmt.Fprintf(&b, "## %s %s\n\n- %s: %s\n- %s: %s\n- %s: %s\n\n", e.Code, text.Title,
			words[0], text.Cause, words[1], text.Remedy, words[2], strings.Join(notes, words[6]))
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ code, detail, want string }{
		{"SourceDenied", "", hikyaku.CodeSourceDenied},
		{"AccessDenied", "reading the source", hikyaku.CodeSourceDenied},
		{"AccessDenied", "Destination bucket", hikyaku.CodeDestinationDenied},
		{"SourceGone", "", hikyaku.CodeSourceGone},
		{"DestinationDenied", "stage at /out: access denied", hikyaku.CodeDestinationDenied},
		{"ChecksumMismatch", "", hikyaku.CodeMismatch},
		{"MetadataDiffers", "", hikyaku.CodeMetadataMismatch},
		{"NoSpace", "", hikyaku.CodeNoSpace},
		{"EniNotFound", "", hikyaku.CodeTaskUnavailable},
		{"NoMem", "", hikyaku.CodeServerFault},
		{"TooManyRestarts", "", hikyaku.CodeExecutionFailed},
		{"Cancelled", "", hikyaku.CodeStoppedElsewhere},
		{"", "Transfer and verification completed. Verification detected mismatches. Files with mismatches are listed in Cloud Watch Logs", hikyaku.CodeMismatch},
		{"", "Transfer and verification completed. Selected files transferred except for files skipped due to errors.", hikyaku.CodeFilesFailed},
		{"", "Task failed to access location loc-1: x40016: mount.nfs: Connection timed out", hikyaku.CodeLocationUnreachable},
		{"NeverSeenBefore", "whatever", hikyaku.CodeExecutionFailed},
	} {
		if got := hikyaku.Classify(tc.code, tc.detail); got.Code != tc.want {
			t.Errorf("%q %q: %s, want %s", tc.code, tc.detail, got.Code, tc.want)
		}
	}
}
