//go:build unix

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestEnvCommand is one command of a shell, whatever the folder is called.
func TestEnvCommand(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"/srv/data", "/srv/a b", "/srv/it's", `/srv/$(x)"y`} {
		line := envCommand(dir)
		inner := strings.TrimSuffix(strings.TrimPrefix(line, `eval "$(`), `)"`)
		_, words, _ := strings.Cut(inner, " ")                                                   // without the program
		out, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s|' `+words).Output() //nolint:gosec // the binary under test
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got, want := string(out), "env|--data|"+dir+"|"; got != want {
			t.Errorf("%s: the shell reads %q, want %q", line, got, want)
		}
	}
}
