package engine_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage/local"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// folder returns a driver over a new folder.
func folder(tb testing.TB, dir string) *local.Driver {
	tb.Helper()
	d, err := local.New(dir, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

func write(tb testing.TB, dir string, tree map[string]string) {
	tb.Helper()
	for p, content := range tree {
		name := filepath.Join(dir, filepath.FromSlash(p))
		if strings.HasSuffix(p, "/") {
			if err := os.MkdirAll(name, 0o750); err != nil {
				tb.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// onDisk describes everything below dir: kind, mode, mtime and content.
func onDisk(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		content := ""
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(name) //nolint:gosec // a test's own folder
			if err != nil {
				return err
			}
			content = string(b)
		case info.Mode()&fs.ModeSymlink != 0:
			if content, err = os.Readlink(name); err != nil {
				return err
			}
			all[rel] = "link " + content
			return nil
		}
		all[rel] = fmt.Sprint(info.Mode(), info.ModTime().UnixNano(), content)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func localJob(tb testing.TB, src, dst string) engine.Job {
	tb.Helper()
	return engine.Job{
		Execution: "exec-1", Source: folder(tb, src), Destination: folder(tb, dst), Now: clock, CRC64: crc64nvme.New,
		Options: engine.Options{VerifyMode: "ONLY_FILES_TRANSFERRED", UID: "NONE", GID: "NONE"},
	}
}

func TestRun_MirrorsFolders(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), t.TempDir()
	write(t, src, map[string]string{
		"a": "1", "a-b": "2", "d/e/f": strings.Repeat("x", 3_000_000), "d/g": "", "empty/in/it/": "", "ünï cödé": "3", "read-only/f": "4",
	})
	write(t, dst, map[string]string{"old/f": "x", "d/old": "x", "a-b": "other"})
	old := time.Unix(1_500_000_000, 123_456_789)
	for _, p := range []string{"a", "d/e", "d", "empty", "read-only/f"} {
		if err := os.Chtimes(filepath.Join(src, p), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../a", filepath.Join(src, "d/link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(src, "read-only"), 0o550); err != nil { //nolint:gosec // what is tested
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, root := range []string{src, dst} {
			_ = os.Chmod(filepath.Join(root, "read-only"), 0o750) //nolint:gosec // so that the test's folder can be removed
		}
	})
	job := localJob(t, src, dst)
	job.Options.PreserveDeletedFiles = "REMOVE"
	res, err := engine.Run(t.Context(), job, nil)
	if err != nil || res.Code != "" {
		t.Fatalf("%v, %s, %+v", err, res.Detail, res.FirstErrors)
	}
	want, got := onDisk(t, src), onDisk(t, dst)
	maps.DeleteFunc(got, func(p, _ string) bool { return strings.HasPrefix(p, ".hikyaku") })
	if !maps.Equal(got, want) {
		t.Errorf("destination\n%.3000v\nwant\n%.3000v", got, want)
	}
	if res, err = engine.Run(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	if c := res.Counters; c.FilesTransferred+c.FilesDeleted != 0 || c.FilesSkipped != int64(len(want)) {
		t.Errorf("second run: %+v", c)
	}
}

func TestRun_ObjectsToFolder(t *testing.T) {
	t.Parallel()
	opts := objects()
	src := storagetest.NewMemory(opts)
	big := strings.Repeat("0123456789abcdef", 5<<20) // more than two parts
	tree := map[string]string{"A-1/a": "1", "A-1/b/c": "2", "A-1/big": big, "A-10/x": "no", "A-1/marker/": ""}
	put(src, tree)
	dst := t.TempDir()
	job := localJob(t, t.TempDir(), dst)
	job.Source, job.Includes, job.Options.PosixPermissions = src, "/A-1/*", "NONE"
	res, err := engine.Run(t.Context(), job, nil)
	if err != nil || res.Code != "" {
		t.Fatalf("%v, %s, %+v", err, res.Detail, res.FirstErrors)
	}
	for p, content := range tree {
		if strings.HasSuffix(p, "/") || strings.HasPrefix(p, "A-10") {
			continue
		}
		if b, err := os.ReadFile(filepath.Join(dst, p)); err != nil || string(b) != content { //nolint:gosec // a test's own folder
			t.Errorf("%s: %d bytes, %v", p, len(b), err)
		}
	}
	if _, err := os.Stat(filepath.Join(dst, "A-10")); err == nil {
		t.Error("A-10 was delivered with A-1")
	}
	if res, err = engine.Run(t.Context(), job, nil); err != nil || res.Counters.FilesTransferred != 0 {
		t.Errorf("second run: %v, %+v", err, res.Counters)
	}
	if err := os.WriteFile(filepath.Join(dst, "A-1/a"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if res, err = engine.Run(t.Context(), job, nil); err != nil || res.Counters.FilesTransferred != 1 {
		t.Errorf("destination modified: %v, %+v", err, res.Counters)
	}
}

func BenchmarkRun_Folder(b *testing.B) {
	src := b.TempDir()
	tree := map[string]string{}
	for i := range 10_000 {
		tree[fmt.Sprintf("d%02d/f%05d", i%100, i)] = strings.Repeat("x", 16<<10)
	}
	write(b, src, tree)
	b.Run("engine", func(b *testing.B) {
		for i := range b.N {
			job := localJob(b, src, filepath.Join(b.TempDir(), fmt.Sprint(i)))
			res, err := engine.Run(b.Context(), job, nil)
			if err != nil || res.Code != "" {
				b.Fatal(err, res.Detail)
			}
		}
	})
	b.Run("cp", func(b *testing.B) {
		for i := range b.N {
			if out, err := exec.CommandContext(b.Context(), "cp", "-a", src, filepath.Join(b.TempDir(), fmt.Sprint(i))).CombinedOutput(); err != nil { //nolint:gosec // the peer
				b.Fatal(err, string(out))
			}
		}
	})
}

func BenchmarkRun_OneFile(b *testing.B) {
	src, dst := b.TempDir(), b.TempDir()
	write(b, src, map[string]string{"A-1/f": strings.Repeat("x", 1024)})
	job := localJob(b, src, dst)
	job.Includes, job.Options.TransferMode = "/A-1/*", "ALL"
	for b.Loop() {
		if res, err := engine.Run(b.Context(), job, nil); err != nil || res.Code != "" {
			b.Fatal(err, res.Detail)
		}
	}
}
