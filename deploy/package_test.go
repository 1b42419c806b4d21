package deploy_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

// TestPackage_Reproducible builds each function's zip as the pipelines do, in
// this folder and in a copy elsewhere, and wants the same bytes.
func TestPackage_Reproducible(t *testing.T) {
	t.Parallel()
	needs(t, "make", "--version")
	needs(t, "python3", "--version")
	elsewhere := filepath.Join(t.TempDir(), "a copy")
	copySources(t, elsewhere)
	for _, f := range stack.Functions() {
		first := zipOf(t, "..", f)
		if len(first) > 10<<20 {
			t.Errorf("%s: the zip has %d bytes, want under 10 MiB", f, len(first))
		}
		t.Logf("%s: %d bytes", f, len(first))
		if f == stack.Intake && !bytes.Equal(first, zipOf(t, elsewhere, f)) {
			t.Errorf("%s: another folder, other bytes", f)
		}
	}
}

// zipOf builds a function with the Makefile of the folder root.
func zipOf(t *testing.T, root string, f stack.Function) []byte {
	t.Helper()
	artifacts := t.TempDir()
	if _, err := run(t.Context(), root, "make", "build-"+logical(f)+"Function", "ARTIFACTS_DIR="+artifacts); err != nil {
		t.Fatalf("build %s: %v", f, err)
	}
	archive := filepath.Join(artifacts, string(f)+".zip")
	if _, err := run(t.Context(), root, "python3", "deploy/archive.py", archive, filepath.Join(artifacts, "bootstrap")); err != nil {
		t.Fatalf("archive %s: %v", f, err)
	}
	content, err := os.ReadFile(archive) //nolint:gosec // written by this test
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// copySources copies what a build reads.
func copySources(t *testing.T, to string) {
	t.Helper()
	from := os.DirFS("..")
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", "bin", "dist", "node_modules", ".aws-sam", "testdata", "hikyaku-data":
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o750)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
	if err != nil {
		t.Fatalf("copy the sources: %v", err)
	}
}
