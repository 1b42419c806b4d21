package lambdatest

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Build compiles the main package of that import path, or folder, as it is
// deployed, for this machine, and returns the binary's path.
func Build(tb testing.TB, pkg string) string {
	tb.Helper()
	return BuildFor(tb, pkg, "")
}

// BuildFor compiles for an architecture of Linux; "" is this machine.
func BuildFor(tb testing.TB, pkg, arch string) string {
	tb.Helper()
	binary := filepath.Join(tb.TempDir(), "bootstrap")
	build := exec.CommandContext(tb.Context(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, pkg) //nolint:gosec // a package of this module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if arch != "" {
		build.Env = append(build.Env, "GOOS=linux", "GOARCH="+arch)
	}
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// ZipSize is how large a binary is as a deployment package.
func ZipSize(tb testing.TB, binary string) int64 {
	tb.Helper()
	var size counter
	archive := zip.NewWriter(&size)
	entry, err := archive.Create("bootstrap")
	if err != nil {
		tb.Fatal(err)
	}
	file, err := os.Open(binary) //nolint:gosec // built just now
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	if _, err := io.Copy(entry, file); err != nil {
		tb.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		tb.Fatal(err)
	}
	return int64(size)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
