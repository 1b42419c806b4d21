package lambdatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Emulated returns a program that runs an arm64 binary on this machine, by
// QEMU's user mode. The test is skipped where that is not installed, and fails
// there under CI.
func Emulated(tb testing.TB, binary string) string {
	tb.Helper()
	qemu, err := exec.LookPath("qemu-aarch64-static")
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("qemu-aarch64-static is needed under CI: %v; run .ci/deps", err)
		}
		tb.Skipf("SKIPPED, NOT TESTED: qemu-aarch64-static is not installed: %v", err)
	}
	script := filepath.Join(tb.TempDir(), "bootstrap")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nexec '"+qemu+"' '"+binary+"'\n"), 0o700); err != nil { //nolint:gosec // it is to be run
		tb.Fatal(err)
	}
	return script
}
