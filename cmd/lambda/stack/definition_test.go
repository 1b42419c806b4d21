package stack_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
)

func asJSON(t *testing.T, text string) string {
	t.Helper()
	var document any
	must(t, yaml.Unmarshal([]byte(text), &document))
	raw, err := json.Marshal(document)
	must(t, err)
	return string(raw)
}

// TestDefinition has npm's asl-validator read the state machine.
func TestDefinition(t *testing.T) {
	t.Parallel()
	validator, err := exec.LookPath("asl-validator")
	if err != nil {
		if local := filepath.Join("..", "..", "..", "bin", "node_modules", ".bin", "asl-validator"); exists(local) {
			validator, err = local, nil
		}
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("asl-validator is needed under CI: %v; run .ci/deps", err)
		}
		t.Skipf("SKIPPED, NOT TESTED: asl-validator is not installed (.ci/deps installs it): %v", err)
	}
	check := func(definition string) ([]byte, error) {
		path := filepath.Join(t.TempDir(), "definition.json")
		must(t, os.WriteFile(path, []byte(definition), 0o600))
		return exec.CommandContext(t.Context(), validator, "--json-path", path).CombinedOutput() //nolint:gosec // found on PATH, to be run
	}
	if out, err := check(definition(t, "st-steps")); err != nil {
		t.Errorf("asl-validator: %v\n%s", err, out)
	}
	if out, err := check(`{"StartAt": "Nowhere", "States": {"A": {"Type": "Succeed"}}}`); err == nil {
		t.Errorf("asl-validator accepts anything: %s", out)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
