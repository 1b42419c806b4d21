package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme_tour runs the README's five minutes with the AWS CLI, word for
// word but for the ports (free ones) and the build (done already), in both
// languages' files.
func TestReadme_tour(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("aws"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("aws is missing; make deps installs it")
		}
		t.Skip("SKIPPED: aws is missing")
	}
	bin := builtBinary(t)
	for _, name := range []string{"README.md", "README.ja.md"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join("..", "..", name)) //nolint:gosec // the repository's own READMEs
			if err != nil {
				t.Fatal(err)
			}
			_, tour, ok := strings.Cut(string(text), "```sh\nmake build\n")
			if tour, _, _ = strings.Cut(tour, "```"); !ok || !strings.Contains(tour, "serve &") {
				t.Fatalf("no tour found in %s", name)
			}
			dir := t.TempDir()
			config := "listen: {console: '127.0.0.1:0', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\n"
			if err := os.WriteFile(filepath.Join(dir, "free.yaml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			tour = strings.NewReplacer("bin/hikyaku serve &", bin+" serve --config free.yaml &", "bin/hikyaku", bin).Replace(tour)
			// Commands of the tour that are meant to fail say so in their comment.
			var script strings.Builder
			script.WriteString("set -em\ntrap 'kill %1 2>/dev/null || true' EXIT\n")
			for line := range strings.Lines(tour) {
				command, comment, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  #")
				if strings.Contains(comment, "fails") || strings.Contains(comment, "失敗") {
					command = "! " + strings.TrimSpace(command)
				}
				script.WriteString(command + "\n")
			}
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String()) //nolint:gosec // the README's commands
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, script.String(), out)
			}
			if !strings.Contains(string(out), "hello") || !strings.Contains(string(out), "HKY-2001") {
				t.Errorf("output lacks what the tour shows:\n%s", out)
			}
		})
	}
}
