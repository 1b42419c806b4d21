package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func TestRun_DryRunMakesNoFolder(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "not", "there")
	write(t, src, map[string]string{"a": "1", "d/e/": "", "d/f": "2"})
	if err := os.Symlink("a", filepath.Join(src, "link")); err != nil {
		t.Fatal(err)
	}
	job := localJob(t, src, dst)
	job.DryRun, job.Options.PreserveDeletedFiles = true, "REMOVE"
	for _, verify := range []string{"NONE", "ONLY_FILES_TRANSFERRED", "POINT_IN_TIME_CONSISTENT"} {
		job.Options.VerifyMode = verify
		if _, err := engine.Run(t.Context(), job, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Dir(dst)); err == nil {
			t.Errorf("%s: the dry run made the destination", verify)
		}
	}
	there := t.TempDir()
	write(t, there, map[string]string{"a": "other", "old/f": "x"})
	before := onDisk(t, there)
	job.Destination = folder(t, there)
	if _, err := engine.Run(t.Context(), job, nil); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(before, onDisk(t, there)) {
		t.Error("the dry run changed the destination")
	}
}

func TestRun_ThingsInTheWay(t *testing.T) {
	t.Parallel()
	for _, verify := range []string{"NONE", "ONLY_FILES_TRANSFERRED"} {
		src, dst := t.TempDir(), t.TempDir()
		tree := map[string]string{"read-only": "new", "empty": "", "good": "1", "file-dir/x": "2", "dir-file": "3"}
		write(t, src, tree)
		write(t, dst, map[string]string{"read-only": "old content", "empty": "not", "file-dir": "a file", "dir-file/precious": "kept"})
		if err := os.Chmod(filepath.Join(dst, "read-only"), 0o400); err != nil {
			t.Fatal(err)
		}
		job := localJob(t, src, dst)
		job.Options.VerifyMode = verify
		res, err := engine.Run(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		failed := map[string]engine.Code{}
		for _, f := range res.FirstErrors {
			failed[f.Path] = f.Code
		}
		if failed["file-dir/x"] != engine.PathConflict || failed["dir-file"] != engine.PathConflict {
			t.Errorf("%s: failed %v", verify, failed)
		}
		for p, want := range map[string]string{"read-only": "new", "empty": "", "good": "1", "file-dir": "a file", "dir-file/precious": "kept"} {
			if got, err := os.ReadFile(filepath.Join(dst, p)); err != nil || string(got) != want { //nolint:gosec // a test's own folder
				t.Errorf("%s: %s: %q, %v; want %q", verify, p, got, err, want)
			}
		}
		if _, err := os.Stat(filepath.Join(dst, storage.WorkFolder)); err == nil {
			t.Errorf("%s: the work folder is left", verify)
		}
	}
}

// One part of a large file fails for good: nothing of the file appears, the
// old one stays, and no part is left staged.
func TestRun_OnePartFails(t *testing.T) {
	t.Parallel()
	for _, dst := range []storagetest.MemoryOptions{{PartSize: 1000}, {PartSize: 1000, Objects: true, VisibleAtFinish: true}} {
		b := newBench(t, objects(), dst)
		put(b.src, map[string]string{"big": strings.Repeat("x", 20_500), "good": "1"})
		put(b.dst, map[string]string{"big": "old"})
		var writes atomic.Int64
		b.dst.SetFault(func(op storagetest.Op, path string) error {
			if op == storagetest.OpWrite && path == "big" && writes.Add(1) == 7 {
				return errOdd
			}
			return nil
		})
		b.run()
		b.wantTree(map[string]string{"big": "old", "good": "1"})
		if got := b.code("big"); got != engine.DestinationWriteFailed {
			t.Errorf("code %s", got)
		}
	}
}

// Whenever the source's listing breaks off, nothing is deleted that the
// source still has.
func TestRun_RemovesNothingAfterABrokenListing(t *testing.T) {
	t.Parallel()
	tree := map[string]string{}
	for _, p := range []string{"a", "b/c", "b/d", "e", "f/g/h", "f/i", "j"} {
		tree[p] = p
	}
	for _, at := range []string{"", "a", "b/", "b/d", "e", "f/", "f/g/h", "j"} {
		b := newBench(t, files(), files())
		put(b.src, tree)
		put(b.dst, tree)
		put(b.dst, map[string]string{"zz": "extra"})
		b.job.Options.PreserveDeletedFiles = "REMOVE"
		b.src.SetFault(failing(storagetest.OpList, at, -1, errOdd))
		if _, err := b.try(); err == nil {
			t.Errorf("listing broke at %q: no error", at)
		}
		want := maps.Clone(tree)
		want["zz"] = "extra"
		b.wantTree(want)
	}
}

func TestRun_AllKeepsToNeverOverwrite(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.src, map[string]string{"a": "new", "d/b": "new", "d/c": "new"})
	put(b.dst, map[string]string{"a": "old", "d/b": "old"})
	b.job.Options.TransferMode, b.job.Options.OverwriteMode = "ALL", "NEVER"
	b.run()
	b.wantTree(map[string]string{"a": "old", "d/b": "old", "d/c": "new"})
}

// What the destination could not show may be there: it is not overwritten.
func TestRun_NeverOverwritesWhatItCannotSee(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.src, map[string]string{"a": "new", "d/b": "new", "e": "new"})
	put(b.dst, map[string]string{"a": "old", "d/b": "old"})
	b.job.Options.OverwriteMode = "NEVER"
	b.dst.SetFault(func(op storagetest.Op, path string) error {
		if op == storagetest.OpList && (path == "a" || path == "d/" || path == "d/b") {
			return storage.ErrDenied
		}
		return nil
	})
	b.run()
	b.wantTree(map[string]string{"a": "old", "d/b": "old", "e": "new"})
	if got := b.code("d/b"); got != engine.DestinationDenied {
		t.Errorf("code %q", got)
	}
}
