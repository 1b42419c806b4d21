package local_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// deliver stages, syncs and publishes one file.
func deliver(t *testing.T, d storage.Driver, path, content string) error {
	t.Helper()
	s, err := d.Stage(t.Context(), "deliver")
	if err != nil {
		return err
	}
	defer func() {
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	e := storage.Entry{Path: path, Size: int64(len(content))}
	f, err := s.Create(t.Context(), e)
	if err != nil {
		return err
	}
	if err := f.WritePart(t.Context(), 0, e.Size, strings.NewReader(content)); err != nil {
		return err
	}
	if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
		return err
	}
	if err := s.Sync(t.Context(), []storage.StagedFile{f}); err != nil {
		return err
	}
	return s.Publish(t.Context(), []storage.StagedFile{f})[0]
}

// linked makes a root beside a secret folder, with links that lead out.
func linked(t *testing.T) (d *local.Driver, root, outside string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	base := t.TempDir()
	root, outside = filepath.Join(base, "root"), filepath.Join(base, "outside")
	for _, dir := range []string{root, outside, filepath.Join(root, "inside")} {
		must(t, os.Mkdir(dir, 0o750))
	}
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	must(t, os.Symlink("../outside", filepath.Join(root, "out")))
	must(t, os.Symlink(outside, filepath.Join(root, "absolute")))
	must(t, os.Symlink("../outside/secret", filepath.Join(root, "file")))
	must(t, os.Symlink("inside", filepath.Join(root, "in")))
	return open(t, root, local.Options{}), root, outside
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestDriver_linksThatLeadOut(t *testing.T) {
	t.Parallel()
	d, root, outside := linked(t)
	for _, path := range []string{"out/secret", "absolute/secret", "out/new", "absolute/deep/new", "out/../../outside/secret"} {
		if _, err := d.Stat(t.Context(), path); err == nil {
			t.Errorf("Stat(%q) succeeded", path)
		}
		if _, err := d.Open(t.Context(), storage.Entry{Path: path, Size: 6}, 0, -1); err == nil {
			t.Errorf("Open(%q) succeeded", path)
		}
		if err := d.Remove(t.Context(), storage.Entry{Path: path}); err == nil {
			t.Errorf("Remove(%q) succeeded", path)
		}
		if err := deliver(t, d, path, "evil"); !errors.Is(err, storage.ErrConflict) && !errors.Is(err, storage.ErrName) {
			t.Errorf("delivering %q: %v, want %v", path, err, storage.ErrConflict)
		}
		if err := d.MakeSymlink(t.Context(), storage.Entry{Path: path}, "x"); err == nil {
			t.Errorf("MakeSymlink(%q) succeeded", path)
		}
	}
	if _, err := d.Open(t.Context(), storage.Entry{Path: "file", Size: 6}, 0, -1); !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Open of a file that is a link now: %v, want %v", err, storage.ErrChanged)
	}
	if got := names(t, outside); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside the root: %q", got)
	}
	var listed []string
	for e, err := range d.List(t.Context(), storage.List{}) {
		must(t, err)
		listed = append(listed, e.Path)
		if strings.HasPrefix(e.Path, "out") && e.Kind != storage.Symlink {
			t.Errorf("%q is of kind %d", e.Path, e.Kind)
		}
	}
	if want := []string{"absolute", "file", "in", "inside/", "out"}; !slices.Equal(listed, want) {
		t.Errorf("List = %q, want %q", listed, want)
	}
	for e, err := range d.List(t.Context(), storage.List{Prefix: "out/"}) {
		t.Errorf("List went through a link: %q, %v", e.Path, err)
	}
	// A link may be replaced, but not published through, not even inside.
	must(t, deliver(t, d, "file", "replaced"))
	if err := deliver(t, d, "in/f", "aliased"); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("through an inner link: %v, want %v", err, storage.ErrConflict)
	}
	if got := names(t, filepath.Join(root, "inside")); len(got) > 0 {
		t.Errorf("through an inner link: %q", got)
	}
	if got, err := os.ReadFile(filepath.Join(outside, "secret")); err != nil || string(got) != "secret" { //nolint:gosec // a test's own folder
		t.Errorf("the file the link led to: %q, %v", got, err)
	}
}

// A folder that becomes a link between Create and Publish leads nowhere.
func TestStage_Publish_folderReplacedByLink(t *testing.T) {
	t.Parallel()
	d, root, outside := linked(t)
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o750))
	s, err := d.Stage(t.Context(), "run")
	must(t, err)
	defer s.Close(t.Context()) //nolint:errcheck // checked by the test's assertions
	f, err := s.Create(t.Context(), storage.Entry{Path: "dir/f", Size: 1})
	must(t, err)
	must(t, f.WritePart(t.Context(), 0, 1, strings.NewReader("x")))
	must(t, f.Finish(t.Context(), storage.Entry{Path: "dir/f", Size: 1}, storage.Origin{}, storage.Sum{}))
	must(t, os.Remove(filepath.Join(root, "dir")))
	must(t, os.Symlink(outside, filepath.Join(root, "dir")))
	if err := s.Publish(t.Context(), []storage.StagedFile{f})[0]; !errors.Is(err, storage.ErrConflict) {
		t.Errorf("Publish: %v, want %v", err, storage.ErrConflict)
	}
	if got := names(t, outside); !slices.Equal(got, []string{"secret"}) {
		t.Errorf("outside the root: %q", got)
	}
}

// The folders kept open for reading do not hide that somebody replaced them.
func TestDriver_Open_folderReplaced(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := open(t, root, local.Options{})
	must(t, deliver(t, d, "dir/old", "old"))
	if _, err := d.Stat(t.Context(), "dir/old"); err != nil {
		t.Fatal(err)
	}
	must(t, os.RemoveAll(filepath.Join(root, "dir")))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o750))
	must(t, os.WriteFile(filepath.Join(root, "dir", "new"), []byte("new"), 0o600))
	c, err := d.Open(t.Context(), storage.Entry{Path: "dir/new", Size: 3}, 0, -1)
	must(t, err)
	must(t, os.Rename(filepath.Join(root, "dir"), filepath.Join(root, "moved")))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o750))
	must(t, d.Remove(t.Context(), storage.Entry{Path: "dir/new"}))
	if got := names(t, filepath.Join(root, "moved")); !slices.Equal(got, []string{"new"}) {
		t.Errorf("Remove met a folder that was moved: %q", got)
	}
	got, err := io.ReadAll(c.Body)
	if err != nil || string(got) != "new" {
		t.Errorf("read %q, %v", got, err)
	}
	must(t, c.Body.Close())
}

func TestDriver_Open_changedWhileReading(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"shorter": func(path string) error { return os.Truncate(path, 100) },
		"longer":  func(path string) error { return os.WriteFile(path, make([]byte, 200_001), 0o600) },
		"mtime set back": func(path string) error {
			info, err := os.Stat(path)
			must(t, err)
			must(t, os.WriteFile(path, bytes.Repeat([]byte{8}, 200_000), 0o600))
			return os.Chtimes(path, time.Time{}, info.ModTime())
		},
		"same size": func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path := filepath.Join(root, "f")
			must(t, os.WriteFile(path, bytes.Repeat([]byte{7}, 200_000), 0o600))
			d := open(t, root, local.Options{})
			e, err := d.Stat(t.Context(), "f")
			must(t, err)
			c, err := d.Open(t.Context(), e, 0, -1)
			must(t, err)
			defer func() { _ = c.Body.Close() }()
			_, err = io.ReadFull(c.Body, make([]byte, 1000))
			must(t, err)
			must(t, change(path))
			if n, err := io.Copy(io.Discard, c.Body); !errors.Is(err, storage.ErrChanged) {
				t.Errorf("read %d bytes more, error %v, want %v", n, err, storage.ErrChanged)
			}
		})
	}
}

// What a killed process left is removed by the execution that starts again,
// or by a sweep, and never listed.
func TestDriver_leftoversOfACrash(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, execution := range []string{"exec-1", "exec-2", "exec-3"} {
		must(t, os.MkdirAll(filepath.Join(root, storage.WorkFolder, execution, "deep"), 0o700))
		must(t, os.WriteFile(filepath.Join(root, storage.WorkFolder, execution, "f1"), []byte("half"), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(root, storage.WorkFolder, "origins.d"), 0o700))
	d := open(t, root, local.Options{})
	for e, err := range d.List(t.Context(), storage.List{}) {
		t.Errorf("listed %q, %v", e.Path, err)
	}
	s, err := d.Stage(t.Context(), "exec-1")
	must(t, err)
	if got := names(t, filepath.Join(root, storage.WorkFolder)); !slices.Equal(got, []string{"exec-2", "exec-3", "origins.d"}) {
		t.Errorf("after a new stage began: %q", got)
	}
	must(t, d.Sweep(t.Context(), func(x string) bool { return x != "exec-2" }))
	if got := names(t, filepath.Join(root, storage.WorkFolder)); !slices.Equal(got, []string{"exec-3", "origins.d"}) {
		t.Errorf("after Sweep: %q", got)
	}
	must(t, s.Close(t.Context()))
	must(t, d.Sweep(t.Context(), func(string) bool { return false }))
	if got := names(t, filepath.Join(root, storage.WorkFolder)); !slices.Equal(got, []string{"origins.d"}) {
		t.Errorf("at the end: %q", got)
	}
}

// What a killed one-off run left is removed by the next one, but a living
// one's folder by nobody.
func TestDriver_leftoversOfOneOffs(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("folders cannot be locked on Windows")
	}
	root := t.TempDir()
	work := filepath.Join(root, storage.WorkFolder)
	for _, execution := range []string{"sync-dead", "exec-1"} {
		must(t, os.MkdirAll(filepath.Join(work, execution), 0o700))
		must(t, os.WriteFile(filepath.Join(work, execution, "f1"), []byte("half"), 0o600))
	}
	living, err := open(t, root, local.Options{}).Stage(t.Context(), "sync-living")
	must(t, err)
	if got := names(t, work); !slices.Equal(got, []string{"exec-1", "sync-living"}) {
		t.Errorf("after one stage: %q", got)
	}
	d := open(t, root, local.Options{})
	next, err := d.Stage(t.Context(), "sync-next")
	must(t, err)
	must(t, d.Sweep(t.Context(), func(string) bool { return false }))
	if got := names(t, work); !slices.Equal(got, []string{"sync-living", "sync-next"}) {
		t.Errorf("after a sweep: %q", got)
	}
	must(t, next.Close(t.Context()))
	must(t, living.Close(t.Context()))
	if got := names(t, root); len(got) != 0 {
		t.Errorf("at the end: %q", got)
	}
}

func TestDriver_MakeSymlink_manyAtOnce(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	root := t.TempDir()
	d := open(t, root, local.Options{})
	var wg sync.WaitGroup
	for path := range strings.SplitSeq("abcdefgh", "") {
		wg.Go(func() {
			for j := range 50 {
				if err := d.MakeSymlink(t.Context(), storage.Entry{Path: path}, strings.Repeat("x", j+1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := names(t, root); len(got) != 8 {
		t.Errorf("left: %q", got)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := local.New(file, local.Options{}); !errors.Is(err, storage.ErrConflict) {
		t.Errorf("New of a file: %v, want %v", err, storage.ErrConflict)
	}
	missing := open(t, filepath.Join(t.TempDir(), "a", "b"), local.Options{})
	if err := missing.Probe(t.Context(), false); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("Probe of a missing folder: %v, want %v", err, storage.ErrNotExist)
	}
	must(t, missing.Probe(t.Context(), true))
	must(t, missing.Probe(t.Context(), false))
}
