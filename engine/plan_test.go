package engine_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func paths(m *storagetest.Memory) []string { return slices.Sorted(maps.Keys(m.Tree())) }

func TestRun_RemovesWhatTheSourceLacks(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"kept/a": "1", "empty/": ""})
	put(b.dst, map[string]string{"kept/a": "1", "kept/old": "x", "old/deep/er/f": "x", "old/g": "x", "half/spare.tmp": "x", "half/f": "x", "f": "x"})
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	b.job.Excludes = "*.tmp"
	res := b.run()
	if got, want := paths(b.dst), []string{"empty/", "half/", "half/spare.tmp", "kept/", "kept/a"}; !slices.Equal(got, want) {
		t.Errorf("destination holds %q, want %q", got, want)
	}
	c := res.Counters
	if c.FilesDeleted != 8 || c.EstimatedFilesToDelete != 8 || c.FailedDelete != 0 || res.Code != "" {
		t.Errorf("counters %+v, %s", c, res.Detail)
	}
	put(b.src, map[string]string{"x/y": "1"})
	put(b.dst, map[string]string{"stays/f": "x"})
	b.job.Includes = "/x/*"
	b.run()
	if _, ok := b.dst.Read("stays/f"); !ok {
		t.Error("deleted outside the include filter")
	}
}

func TestRun_DeletesNothingBelowWhatItCannotRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"a/x": "1", "locked/": "", "z": "1"})
	put(b.dst, map[string]string{"locked/sub/f": "1", "locked-too": "1", "y": "1"})
	b.src.SetFault(failing(storagetest.OpList, "locked/", -1, storage.ErrDenied))
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	res := b.run()
	if got, want := paths(b.dst), []string{"a/", "a/x", "locked/", "locked/sub/", "locked/sub/f", "z"}; !slices.Equal(got, want) {
		t.Errorf("destination holds %q, want %q", got, want)
	}
	if res.Code != engine.SourceDenied || b.code("locked/") != engine.SourceDenied {
		t.Errorf("result %s, code %s", res.Code, b.code("locked/"))
	}
}

func TestRun_ReportsWhatItCannotDelete(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.dst, map[string]string{"d/f": "1", "d/g": "1"})
	b.dst.SetFault(failing(storagetest.OpRemove, "d/f", -1, storage.ErrDenied))
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	res := b.run()
	if got, want := paths(b.dst), []string{"d/", "d/f"}; !slices.Equal(got, want) {
		t.Errorf("destination holds %q, want %q", got, want)
	}
	if res.Counters.FailedDelete != 1 || res.Counters.FilesDeleted != 1 || b.code("d/f") != engine.DestinationDenied {
		t.Errorf("counters %+v, code %s", res.Counters, b.code("d/f"))
	}
}

func TestRun_RefusesToTakeAMissingFolderForAnEmptyOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.dst, map[string]string{"f": "1"})
	b.src.SetFault(failing(storagetest.OpStat, "", -1, storage.ErrNotExist))
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	if _, err := b.try(); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	b.wantTree(map[string]string{"f": "1"})
}

func TestRun_FilesAndDirectoriesChangePlaces(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{true, false} {
		b := newBench(t, files(), files())
		put(b.src, map[string]string{"a": "file now", "b/x": "directory now", "c/": ""})
		put(b.dst, map[string]string{"a/x": "directory before", "b": "file before", "c": "file before"})
		if remove {
			b.job.Options.PreserveDeletedFiles = "REMOVE"
		}
		res := b.run()
		if remove {
			if got, want := paths(b.dst), []string{"a", "b/", "b/x", "c/"}; !slices.Equal(got, want) || res.Code != "" {
				t.Errorf("destination holds %q, want %q; %+v", got, want, res.FirstErrors)
			}
			continue
		}
		b.wantTree(map[string]string{"a/x": "directory before", "b": "file before", "c": "file before"})
		for _, p := range []string{"a", "b/", "b/x", "c/"} {
			if b.code(p) != engine.PathConflict {
				t.Errorf("%s: code %s", p, b.code(p))
			}
		}
	}
}

func TestRun_KeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"CHANGED", "ALL"} {
		b := newBench(t, files(), files())
		put(b.src, map[string]string{"a": "new", "b": "new"})
		put(b.dst, map[string]string{"a": "other"})
		b.job.Options.OverwriteMode, b.job.Options.TransferMode = "NEVER", mode
		res := b.run()
		b.wantTree(map[string]string{"a": "other", "b": "new"})
		if res.Counters.FilesSkipped != 1 || res.Counters.FilesTransferred != 1 {
			t.Errorf("%s: counters %+v", mode, res.Counters)
		}
	}
}

func TestRun_AllDoesNotLookAtTheDestination(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.src, map[string]string{"d/a": "1"})
	b.job.Options.TransferMode = "ALL"
	b.run()
	b.dst.SetFault(failing(storagetest.OpList, "", -1, errOdd))
	if c := b.run().Counters; c.FilesTransferred != 2 || c.FilesSkipped != 0 {
		t.Errorf("counters %+v", c)
	}
}

func TestRun_NoticesChanges(t *testing.T) {
	t.Parallel()
	early, late := time.Unix(1_600_000_000, 0), time.Unix(1_650_000_000, 0)
	clock := func(at int64) func() time.Time { return func() time.Time { return time.Unix(at, 0) } }
	stores := map[string]func(at int64) storagetest.MemoryOptions{
		"files": func(at int64) storagetest.MemoryOptions { return storagetest.MemoryOptions{Now: clock(at)} },
		"objects": func(at int64) storagetest.MemoryOptions {
			return storagetest.MemoryOptions{Objects: true, Now: clock(at)}
		},
		"no origin": func(at int64) storagetest.MemoryOptions {
			return storagetest.MemoryOptions{NoOrigin: true, Now: clock(at)}
		},
	}
	for from, src := range stores {
		for to, dst := range stores {
			b := newBench(t, src(1_600_000_500), dst(1_600_001_000))
			b.src.Put(storage.Entry{Path: "same", ModTime: early}, "12345")
			b.src.Put(storage.Entry{Path: "size", ModTime: early}, "12345")
			b.src.Put(storage.Entry{Path: "time", ModTime: early}, "12345")
			b.src.Put(storage.Entry{Path: "theirs", ModTime: early}, "12345")
			b.run()
			if c := b.run().Counters; c.FilesSkipped != 4 || c.FilesTransferred != 0 {
				t.Errorf("%s to %s, nothing changed: %+v", from, to, c)
			}
			b.src.Put(storage.Entry{Path: "size", ModTime: early}, "123456")
			b.src.Put(storage.Entry{Path: "time", ModTime: late}, "54321")
			b.dst.Put(storage.Entry{Path: "theirs", ModTime: late}, "1")
			if c := b.run().Counters; c.FilesTransferred != 3 || c.FilesSkipped != 1 {
				t.Errorf("%s to %s: %+v", from, to, c)
			}
			b.wantTree(tree(b.src))
		}
	}
}

func TestRun_AsksTheStoreOnlyInDoubt(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_600_000_100, 0)
	clock := func() time.Time { return now }
	b := newBench(t, storagetest.MemoryOptions{Now: clock}, storagetest.MemoryOptions{Objects: true, Now: clock})
	b.src.Put(storage.Entry{Path: "fresh", ModTime: now}, "1")
	b.run()
	var heads atomic.Int64
	count := func(op storagetest.Op, _ string) error {
		if op == storagetest.OpStat {
			heads.Add(1)
		}
		return nil
	}
	b.dst.SetFault(count)
	if c := b.run().Counters; c.FilesSkipped != 1 || heads.Load() != 1 {
		t.Errorf("times too close: %d HEADs, %+v", heads.Load(), c)
	}
	b.src.Put(storage.Entry{Path: "fresh", ModTime: now, POSIX: &storage.POSIX{UID: 7, GID: 1000, Mode: 0o644}}, "1")
	if c := b.run().Counters; c.FilesTransferred != 1 {
		t.Errorf("owner changed: %+v", c)
	}
	heads.Store(0)
	b.dst.Put(storage.Entry{Path: "fresh", ModTime: now.Add(time.Minute)}, "1")
	if c := b.run().Counters; c.FilesSkipped != 1 || heads.Load() != 0 {
		t.Errorf("object clearly younger: %d HEADs, %+v", heads.Load(), c)
	}
}

func TestRun_SetsDirectoriesAfterTheirContents(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"d/e/f": "1", "d/g": "1", "empty/": ""})
	modified := time.Unix(1_500_000_000, 123_000)
	for _, d := range []string{"empty/", "d/e/", "d/"} {
		b.src.Put(storage.Entry{Path: d, Kind: storage.Dir, ModTime: modified, POSIX: &storage.POSIX{UID: 1, GID: 2, Mode: 0o2750}}, "")
	}
	check := func() {
		t.Helper()
		for _, d := range []string{"empty/", "d/e/", "d/"} {
			e, ok := b.dst.Entry(d)
			if !ok || !e.ModTime.Equal(modified) || e.POSIX.UID != 1 || e.POSIX.GID != 2 || e.POSIX.Mode != 0o2750 {
				t.Errorf("%s: %v %+v", d, e.ModTime, e.POSIX)
			}
		}
	}
	if c := b.run().Counters; c.FilesTransferred != 5 || c.FilesVerified != 5 {
		t.Errorf("counters %+v", c)
	}
	check()
	put(b.src, map[string]string{"d/e/f": "22"})
	b.src.Put(storage.Entry{Path: "d/e/", Kind: storage.Dir, ModTime: modified, POSIX: &storage.POSIX{UID: 1, GID: 2, Mode: 0o2750}}, "")
	b.src.Put(storage.Entry{Path: "d/", Kind: storage.Dir, ModTime: modified, POSIX: &storage.POSIX{UID: 1, GID: 2, Mode: 0o2750}}, "")
	if c := b.run().Counters; c.FilesTransferred != 1 || c.FilesSkipped != 4 {
		t.Errorf("one file changed: %+v", c)
	}
	check()
}

func TestRun_CarriesDirectoriesThroughObjects(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), objects())
	modified := time.Unix(1_500_000_000, 0)
	put(b.src, map[string]string{"d/e/f": "1"})
	b.src.Put(storage.Entry{Path: "d/e/", Kind: storage.Dir, ModTime: modified, POSIX: &storage.POSIX{UID: 1, GID: 2, Mode: 0o700}}, "")
	b.run()
	if got, want := paths(b.dst), []string{"d/", "d/e/", "d/e/f"}; !slices.Equal(got, want) {
		t.Fatalf("destination holds %q, want %q", got, want)
	}
	b.src = storagetest.NewMemory(files())
	b.job.Source, b.job.Destination = b.dst, b.src
	b.src, b.dst = b.dst, b.src
	b.run()
	if e, ok := b.dst.Entry("d/e/"); !ok || !e.ModTime.Equal(modified) || e.POSIX.Mode != 0o700 || e.POSIX.UID != 1 {
		t.Errorf("came back as %v %+v", e.ModTime, e.POSIX)
	}
	if c := b.run().Counters; c.FilesTransferred != 0 || c.FilesSkipped != 3 {
		t.Errorf("again: %+v", c)
	}
}

func TestRun_Links(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	b.src.Put(storage.Entry{Path: "link", Kind: storage.Symlink, ModTime: time.Unix(1, 0)}, "target")
	b.src.Put(storage.Entry{Path: "fifo", Kind: storage.Other}, "")
	res := b.run()
	e, ok := b.dst.Entry("link")
	if target, _ := b.dst.Read("link"); !ok || e.Kind != storage.Symlink || target != "target" {
		t.Errorf("link: %+v %q", e, target)
	}
	if c := res.Counters; c.FilesTransferred != 1 || c.FilesVerified != 1 || c.FailedPrepare != 1 || b.code("fifo") != engine.UnsupportedType {
		t.Errorf("counters %+v, code %s", c, b.code("fifo"))
	}
	if c := b.run().Counters; c.FilesTransferred != 0 {
		t.Errorf("again: %+v", c)
	}
	b.dst = storagetest.NewMemory(objects())
	b.job.Destination = b.dst
	b.run()
	if b.code("link") != engine.UnsupportedType {
		t.Errorf("to objects: code %s", b.code("link"))
	}
}

func TestRun_DryRunChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"new": "12", "changed/f": "345"})
	put(b.dst, map[string]string{"changed/f": "x", "old/f": "x"})
	before := b.dst.Tree()
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	b.job.DryRun = true
	c := b.run().Counters
	if !maps.Equal(before, b.dst.Tree()) {
		t.Errorf("destination changed: %q", b.dst.Tree())
	}
	if c.EstimatedFilesToDelete != 2 || c.EstimatedBytesToTransfer != 5 || c.FilesTransferred != 0 || c.FilesDeleted != 0 {
		t.Errorf("counters %+v", c)
	}
	var planned []string
	for _, f := range b.files {
		planned = append(planned, string(f.Action)+" "+f.Path)
	}
	slices.Sort(planned)
	if want := []string{"DELETED old/", "DELETED old/f", "TRANSFERRED changed/f", "TRANSFERRED new"}; !slices.Equal(planned, want) {
		t.Errorf("planned %q, want %q", planned, want)
	}
}

func TestRun_TooLarge(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), storagetest.MemoryOptions{MaxFile: 3})
	put(b.src, map[string]string{"a": "123", "b": "1234"})
	b.run()
	b.wantTree(map[string]string{"a": "123"})
	if b.code("b") != engine.FileTooLarge {
		t.Errorf("code %s", b.code("b"))
	}
}

func TestRun_ComparesEverythingAfterwards(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	b.job.Options.VerifyMode = "POINT_IN_TIME_CONSISTENT"
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	put(b.src, map[string]string{"new": "1", "rotten": "12345", "d/same": "1", "went": "1"})
	put(b.dst, map[string]string{"rotten": "1X345", "d/same": "1"})
	var lists atomic.Int64
	b.dst.SetFault(func(op storagetest.Op, path string) error {
		if op == storagetest.OpList && path == "" && lists.Add(1) == 2 {
			b.dst.Delete("went")
			put(b.dst, map[string]string{"came": "1"})
		}
		return nil
	})
	res := b.run()
	want := map[string]engine.Code{"new": "", "rotten": engine.ChecksumMismatch, "d/same": "", "went": engine.FileNotAtDestination, "came": engine.FileNotAtSource}
	for p, code := range want {
		if b.code(p) != code {
			t.Errorf("%s: code %q, want %q", p, b.code(p), code)
		}
	}
	if c := res.Counters; c.FailedVerify != 3 || c.FilesVerified != 3 || res.Code != engine.VerificationFailed {
		t.Errorf("counters %+v, result %s: %+v", c, res.Code, res.FirstErrors)
	}
}

func TestRun_StopsAtAListingOutOfOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"a": "1", "b": "1"})
	b.job.Source = disordered{b.src}
	if _, err := b.try(); err == nil || !strings.Contains(err.Error(), "not in order") {
		t.Errorf("error %v", err)
	}
}
