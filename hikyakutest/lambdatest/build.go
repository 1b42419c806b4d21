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
func Build(t testing.TB, pkg string) string {
	t.Helper()
	return BuildFor(t, pkg, "")
}

// BuildFor compiles for an architecture of Linux; "" is this machine.
func BuildFor(t testing.TB, pkg, arch string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, pkg) //nolint:gosec // a package of this module
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if arch != "" {
		build.Env = append(build.Env, "GOOS=linux", "GOARCH="+arch)
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
	return binary
}

// ZipSize is how large a binary is as a deployment package.
func ZipSize(t testing.TB, binary string) int64 {
	t.Helper()
	var size counter
	archive := zip.NewWriter(&size)
	entry, err := archive.Create("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(binary) //nolint:gosec // built just now
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	if _, err := io.Copy(entry, file); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return int64(size)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
