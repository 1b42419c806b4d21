package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

// example is a line of a command's help.
type example struct{ command, line string }

// allExamples are the examples of every command, in both languages.
func allExamples(t *testing.T) []example {
	t.Helper()
	var out []example
	seen := map[string]bool{}
	for _, lang := range []string{"en", "ja"} {
		var walk func(*cobra.Command)
		walk = func(c *cobra.Command) {
			for line := range strings.Lines(c.Example) {
				line = strings.TrimSpace(line)
				if line == "" || seen[c.CommandPath()+line] {
					continue
				}
				seen[c.CommandPath()+line] = true
				out = append(out, example{c.CommandPath(), line})
			}
			for _, sub := range c.Commands() {
				walk(sub)
			}
		}
		walk(commandTree(lang))
	}
	return out
}

func commandTree(lang string) *cobra.Command {
	return cli.New(commandLine([]string{"--lang", lang}, environment{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" },
	}))
}

// TestExamples_Parse holds every example of help against the commands, flags
// and error codes there are.
func TestExamples_Parse(t *testing.T) {
	t.Parallel()
	calls := regexp.MustCompile(`hikyaku((?: (?:"[^"]*"|'[^']*'|[^ |&;)>"']+)+)*)`)
	codes := regexp.MustCompile(`HKY-\d+`)
	for _, e := range allExamples(t) {
		found := 0
		for _, call := range calls.FindAllStringSubmatch(e.line, -1) {
			found++
			root := commandTree("en")
			c, rest, err := root.Find(words(call[1]))
			if err != nil || (c == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-")) {
				t.Errorf("%s: %s: %v", e.command, e.line, err)
				continue
			}
			if err := c.ParseFlags(rest); err != nil {
				t.Errorf("%s: %s: %v", e.command, e.line, err)
			}
			if err := c.ValidateArgs(c.Flags().Args()); err != nil {
				t.Errorf("%s: %s: %v", e.command, e.line, err)
			}
		}
		if found == 0 && !strings.HasPrefix(e.line, "aws ") {
			t.Errorf("%s: %s: calls no command", e.command, e.line)
		}
		for _, code := range codes.FindAllString(e.line, -1) {
			if _, known := hikyaku.Lookup(code); !known {
				t.Errorf("%s: %s: there is no %s", e.command, e.line, code)
			}
		}
	}
}

// words splits as a shell does; quotes are around whole words.
func words(line string) []string {
	var out []string
	for _, w := range regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^ "']+)+`).FindAllString(line, -1) {
		out = append(out, strings.NewReplacer(`"`, "", "'", "").Replace(w))
	}
	return out
}

// examplesBefore prepares what an example is about; functions are those of
// examplesShell. What is not named here finds A-123 delivered.
func examplesBefore() map[string]string {
	return map[string]string{
		`hikyaku rerun A-123`:                                                  "cancelled",
		`hikyaku cancel A-123 --reason "sent twice"`:                           "queued",
		`hikyaku dlq show A-123`:                                               "dead",
		`hikyaku dlq redrive A-123`:                                            "dead",
		`hikyaku dlq redrive --all --reason "NAS is back"`:                     "dead",
		`hikyaku dlq discard A-123 --reason "sent by mistake"`:                 "dead",
		`hikyaku rerun --state failed --error HKY-2001 --reason "NAS is back"`: "dead",
	}
}

const examplesShell = `set -eo pipefail
files() { hikyaku sync files s3://outbox --quiet; }
ended() { hikyaku route resume orders; hikyaku watch A-123 || true; }
delivered() { files; hikyaku send A-123 A-124 --wait --timeout 60s; }
queued() { hikyaku route pause orders; hikyaku send A-123; }
cancelled() { queued; hikyaku cancel A-123; hikyaku route resume orders; }
dead() {
  mkdir -p empty; hikyaku sync empty s3://outbox --preserve-deleted-files REMOVE --quiet
  hikyaku send A-123 --wait --timeout 60s || true
  until hikyaku dlq list --query 'dead_letters[].id' | grep -q A-123; do :; done
  files
}
`

// TestExamples_Run runs every example of help with the real program against a
// server, but those that need an AWS stack, a browser or fixed ports.
func TestExamples_Run(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("bash is missing")
		}
		t.Skip("SKIPPED: bash is missing")
	}
	h := newExampleHarness(t)
	h.bash(t, "delivered")
	notHere := regexp.MustCompile(`^aws |--stack|--open|hikyaku serve|^hikyaku demo$`)
	endless := regexp.MustCompile(`hikyaku watch$|--watch\b`)
	ran := 0
	for _, e := range allExamples(t) {
		ran++
		switch {
		case notHere.MatchString(e.line):
			ran--
		case endless.MatchString(e.line):
			h.interrupt(t, e.line)
		default:
			h.bash(t, "( ended\n"+examplesBefore()[e.line]+"\n) >/dev/null 2>&1\n"+h.here(e.line))
		}
	}
	if ran < 35 {
		t.Errorf("only %d examples were run", ran)
	}
}

// exampleHarness is a folder with a server on its ./hikyaku-data.
type exampleHarness struct {
	dir string
	env []string
}

func newExampleHarness(t *testing.T) *exampleHarness {
	t.Helper()
	bin := builtBinary(t)
	h := &exampleHarness{dir: t.TempDir()}
	h.env = append(os.Environ(), "PATH="+filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"), "LANG=C.UTF-8",
		"HIKYAKU_LANG=", "HIKYAKU_URL=", "HIKYAKU_TOKEN=", "HIKYAKU_DATA=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_PROFILE=")
	h.write(t, "hikyaku.yaml", fmt.Sprintf(`data: %[1]s/hikyaku-data
listen: {console: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}
default_route: orders
routes:
  orders: {source: "s3://outbox/", destination: "file://%[1]s/delivered", pool: 2, retry: {first: 10ms, max: 50ms}}
  archive: {source: "s3://archive/", destination: "file://%[1]s/archived", pool: 1}
  backup: {source: "s3://backup/", destination: "file://%[1]s/saved", pool: 1}
completions:
  warehouse: {queue: {name: transfers-ended}, routes: [orders]}
`, h.dir))
	h.write(t, "files/A-123/one.txt", "one\n")
	h.write(t, "files/A-124/two.txt", "two\n")
	h.write(t, "reports/three.txt", "three\n")
	h.write(t, "ids.txt", "A-123\nA-124\n")
	server := exec.Command(bin, "serve", "--config", "hikyaku.yaml") //nolint:noctx,gosec // stopped below
	server.Dir, server.Env = h.dir, h.env
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt) // an end by itself is told by Wait
		if err := server.Wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := waitForEndpoints(ctx, filepath.Join(h.dir, "hikyaku-data"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	eventually(ctx, t, "the server is ready", func() bool { return serverReady(ctx, e.Console) })
	for _, v := range envVars(e) {
		if strings.HasPrefix(v.name, "AWS_") {
			h.env = append(h.env, v.name+"="+v.value)
		}
	}
	return h
}

func (h *exampleHarness) write(t *testing.T, name, text string) {
	t.Helper()
	name = filepath.Join(h.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// here puts what this server has in the place of what an example names.
func (h *exampleHarness) here(line string) string {
	return strings.NewReplacer(
		"01JD3V7Q8Z4M2K9X5T6W1R0YBC", "$(hikyaku show A-123 --query transfer_id)",
		"arn:aws:datasync:local-1:000000000000:task/task-0f1e2d3c4b5a69788", "$(hikyaku pool --query 'tasks[0].task_arn')",
		"/srv/filer", h.dir+"/filer", " /data ", " "+h.dir+"/files ",
		"fish | source", "fish >/dev/null", // bash's source reads a file
	).Replace(line)
}

func (h *exampleHarness) bash(t *testing.T, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", examplesShell+script) //nolint:gosec // examples of our own help
	cmd.Dir, cmd.Env = h.dir, h.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", script, err, out)
	}
}

// interrupt runs an example that does not end until it has said something.
func (h *exampleHarness) interrupt(t *testing.T, line string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said, says, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close() //nolint:errcheck // read side
	var errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec "+line) //nolint:gosec // examples of our own help
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = h.dir, h.env, says, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = says.Close() // the child has it
	if strings.Contains(line, "queued") {
		h.bash(t, "queued")
	}
	if n, err := said.Read(make([]byte, 1)); n == 0 {
		t.Errorf("%s: it said nothing: %v %s", line, err, &errs)
	}
	_ = cmd.Process.Signal(os.Interrupt) // an end by itself is told by Wait
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", line, err, &errs)
	}
}
