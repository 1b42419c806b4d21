package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

func testReadRanges(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	want := pattern(300_001)
	put(t, d, map[string][]byte{"f": want, "empty": nil})
	f := find(t, d, "f")
	size := f.Size
	for _, r := range [][2]int64{{0, -1}, {0, size}, {0, 1}, {0, 0}, {1, -1}, {size - 1, 1}, {size, -1}, {size, 0}, {100, 262_144}, {262_144, -1}} {
		got, err := read(t, d, f, r[0], r[1])
		if err != nil {
			t.Errorf("read %d+%d: %v", r[0], r[1], err)
			continue
		}
		end := size
		if r[1] >= 0 {
			end = r[0] + r[1]
		}
		wantBytes(t, fmt.Sprintf("read %d+%d", r[0], r[1]), got, want[r[0]:end])
	}
	for _, r := range [][2]int64{{0, size + 1}, {size, 1}, {size + 1, 1}, {size - 1, 2}, {-1, 1}} {
		if got, err := read(t, d, f, r[0], r[1]); err == nil {
			t.Errorf("read %d+%d beyond the end: %d bytes and no error", r[0], r[1], len(got))
		}
	}
	wantBytes(t, "empty", content(t, d, "empty"), nil)
}

func testReadChanged(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"same size": pattern(1000), "other size": pattern(1000)})
	same, other := find(t, d, "same size"), find(t, d, "other size")
	// A store whose clock is coarse must still tell versions apart: by ETag,
	// or because this writes an mtime of its own.
	s := stage(t, d, "change")
	again := bytes.Repeat([]byte("x"), 1000)
	publish(t, s,
		write(t, d, s, storage.Entry{Path: "same size", ModTime: same.ModTime.Add(2 * time.Second)}, again),
		write(t, d, s, storage.Entry{Path: "other size"}, again[:999]))
	for _, e := range []storage.Entry{same, other} {
		for _, r := range [][2]int64{{0, -1}, {0, 10}, {500, 100}} {
			_, err := read(t, d, e, r[0], r[1])
			wantError(t, fmt.Sprintf("read %d+%d of the old %s", r[0], r[1], e.Path), err, storage.ErrChanged)
		}
	}
	wantBytes(t, "the new version", content(t, d, "same size"), again)
}

func testReadMissing(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"gone": pattern(10), "dir/file": nil})
	e := find(t, d, "gone")
	if err := d.Remove(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	_, err := d.Open(t.Context(), e, 0, -1)
	wantError(t, "Open of a removed file", err, storage.ErrNotExist)
	_, err = d.Open(t.Context(), storage.Entry{Path: "no/such"}, 0, -1)
	wantError(t, "Open of nothing", err, storage.ErrNotExist)
}

func testReadCancelled(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	put(t, d, map[string][]byte{"f": pattern(4 << 20)})
	e := find(t, d, "f")
	ctx, cancel := context.WithCancel(t.Context())
	c, err := d.Open(ctx, e, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Body.Close() }()
	if _, err := io.ReadFull(c.Body, make([]byte, 1000)); err != nil {
		t.Fatalf("before cancelling: %v", err)
	}
	cancel()
	if _, err := io.Copy(io.Discard, c.Body); err == nil {
		t.Error("reading to the end after cancelling succeeded")
	}
	_, err = d.Open(ctx, e, 0, -1)
	wantError(t, "Open with a cancelled context", err, context.Canceled)
	_, err = d.Stat(ctx, "f")
	wantError(t, "Stat with a cancelled context", err, context.Canceled)
}

func testMetadata(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	p := d.Properties()
	e := storage.Entry{Path: "f", ModTime: modTime()}
	if p.POSIXMetadata {
		e.POSIX = &storage.POSIX{UID: storage.KeepID, GID: storage.KeepID, Mode: 0o640, Atime: modTime().Add(time.Hour)}
	}
	if p.UserMetadata {
		e.Object = &storage.Object{
			ContentType: "text/x-hikyaku", ContentEncoding: "identity", ContentDisposition: `attachment; filename="x"`, ContentLanguage: "ja",
			CacheControl: "max-age=60", User: map[string]string{"file-mtime": "1709210096000000000ns", "project": "hikyaku"},
		}
	}
	s := stage(t, d, "meta")
	publish(t, s, write(t, d, s, e, pattern(10)))
	listed := find(t, d, "f")
	c, err := d.Open(t.Context(), listed, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(drain(c.Body), c.Body.Close()); err != nil {
		t.Fatal(err)
	}
	stat, err := d.Stat(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	for what, got := range map[string]storage.Entry{"Open": c.Entry, "Stat": stat} {
		if p.POSIXMetadata {
			if !got.ModTime.Equal(e.ModTime) || got.POSIX == nil || got.POSIX.Mode != 0o640 {
				t.Errorf("%s: mtime %v, posix %+v", what, got.ModTime, got.POSIX)
			}
		}
		if p.UserMetadata {
			wantObject(t, what, got.Object, e.Object)
		}
	}
	if p.POSIXMetadata && (!listed.ModTime.Equal(e.ModTime) || listed.POSIX.Mode != 0o640) {
		t.Errorf("listed: mtime %v, posix %+v", listed.ModTime, listed.POSIX)
	}
	testDirMetadata(t, d, s)
}

func drain(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

func testDirMetadata(t *testing.T, d storage.Driver, s storage.Stage) {
	t.Helper()
	if !d.Properties().POSIXMetadata {
		return
	}
	e := storage.Entry{
		Path: "dir/", Kind: storage.Dir, ModTime: modTime(),
		POSIX: &storage.POSIX{UID: storage.KeepID, GID: storage.KeepID, Mode: 0o711},
	}
	for range 2 { // when made, and when it exists
		if err := s.MakeDir(t.Context(), e); err != nil {
			t.Fatalf("MakeDir: %v", err)
		}
		if got := find(t, d, "dir/"); !got.ModTime.Equal(e.ModTime) || got.POSIX.Mode != 0o711 {
			t.Errorf("directory: mtime %v, mode %o", got.ModTime, got.POSIX.Mode)
		}
	}
}

func wantObject(t *testing.T, what string, got, want *storage.Object) {
	t.Helper()
	if got == nil {
		t.Errorf("%s: no object metadata", what)
		return
	}
	if got.ContentType != want.ContentType || got.ContentEncoding != want.ContentEncoding || got.ContentDisposition != want.ContentDisposition ||
		got.ContentLanguage != want.ContentLanguage || got.CacheControl != want.CacheControl {
		t.Errorf("%s: object %+v, want %+v", what, got, want)
	}
	for k, v := range want.User {
		if got.User[k] != v {
			t.Errorf("%s: user metadata %q is %q, want %q", what, k, got.User[k], v)
		}
	}
}

func testOrigin(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	reader, ok := d.(storage.OriginReader)
	if !ok {
		return // not an ability of this store
	}
	origin := storage.Origin{Size: 5, ETag: `"0123-7 \ odd"`, ModTime: modTime().Add(123 * time.Nanosecond)}
	deliver := func(path string, o storage.Origin, e storage.Entry) {
		t.Helper()
		s := stage(t, d, "origin")
		defer s.Close(t.Context()) //nolint:errcheck // closed again, and checked, by the cleanup
		e.Path, e.Size = path, 5
		f, err := s.Create(t.Context(), e)
		if err == nil {
			err = f.WritePart(t.Context(), 0, 5, bytes.NewReader([]byte("hello")))
		}
		if err == nil {
			err = f.Finish(t.Context(), e, o, storage.Sum{})
		}
		if err != nil {
			t.Fatal(err)
		}
		publish(t, s, f)
	}
	deliver("a/f", origin, storage.Entry{ModTime: modTime()})
	deliver("plain", origin, storage.Entry{})
	deliver("none", storage.Origin{}, storage.Entry{})
	if d.Properties().POSIXMetadata {
		deliver("read only", origin, storage.Entry{POSIX: &storage.POSIX{UID: storage.KeepID, GID: storage.KeepID, Mode: 0o444}})
		wantOrigin(t, reader, "read only", origin, true)
	}
	wantOrigin(t, reader, "a/f", origin, true)
	wantOrigin(t, reader, "plain", origin, true)
	wantOrigin(t, reader, "none", storage.Origin{}, false)
	wantOrigin(t, reader, "missing/file", storage.Origin{}, false)
	if h.Again != nil {
		again, ok := h.Again(t, d).(storage.OriginReader)
		if !ok {
			t.Fatal("the second driver reads no origins")
		}
		wantOrigin(t, again, "a/f", origin, true)
	}
	newer := storage.Origin{Size: 5, ETag: `"new"`, ModTime: modTime()}
	deliver("a/f", newer, storage.Entry{ModTime: modTime()})
	wantOrigin(t, reader, "a/f", newer, true)
	put(t, d, map[string][]byte{"a/f": []byte("other")})
	wantOrigin(t, reader, "a/f", storage.Origin{}, false)
}

func wantOrigin(t *testing.T, r storage.OriginReader, path string, want storage.Origin, ok bool) {
	t.Helper()
	got, gotOK, err := r.Origin(t.Context(), path)
	if err != nil || gotOK != ok || got.Size != want.Size || got.ETag != want.ETag || !got.ModTime.Equal(want.ModTime) {
		t.Errorf("Origin(%q) = %+v, %v, %v; want %+v, %v", path, got, gotOK, err, want, ok)
	}
}

func testSymlinks(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	maker, ok := d.(storage.SymlinkMaker)
	if !ok || !d.Properties().Symlinks {
		return // not an ability of this store
	}
	put(t, d, map[string][]byte{"f": []byte("x"), "dir/": nil})
	for _, target := range []string{"f", "../outside", "/etc/passwd", "no such"} {
		for range 2 { // made, and made again
			if err := maker.MakeSymlink(t.Context(), storage.Entry{Path: "a/link", Kind: storage.Symlink, ModTime: modTime()}, target); err != nil {
				t.Fatalf("MakeSymlink to %q: %v", target, err)
			}
		}
		e := find(t, d, "a/link")
		if e.Kind != storage.Symlink || e.Size != int64(len(target)) {
			t.Errorf("listed: %+v", e)
		}
		got, err := read(t, d, e, 0, -1)
		if err != nil || string(got) != target {
			t.Errorf("link reads %q, %v; want %q", got, err, target)
		}
	}
	wantPaths(t, "List", list(t, d, ""), []string{"a/", "a/link", "dir/", "f"})
	err := maker.MakeSymlink(t.Context(), storage.Entry{Path: "dir", Kind: storage.Symlink}, "f")
	wantError(t, "MakeSymlink over a directory", err, storage.ErrConflict)
	wantError(t, "MakeSymlink outside", maker.MakeSymlink(t.Context(), storage.Entry{Path: "../x", Kind: storage.Symlink}, "f"), storage.ErrName)
}

func testProbe(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	p, ok := d.(storage.Prober)
	if !ok {
		return // not an ability of this store
	}
	for _, write := range []bool{true, false} {
		if err := p.Probe(t.Context(), write); err != nil {
			t.Errorf("Probe(write %v): %v", write, err)
		}
	}
	wantPaths(t, "List after Probe", list(t, d, ""), nil)
	wantNothingLeft(t, h, d)
}

func wantNothingLeft(t *testing.T, h Harness, d storage.Driver) {
	t.Helper()
	if h.Leftovers == nil {
		return
	}
	if left := h.Leftovers(t, d); len(left) > 0 {
		t.Errorf("left in work folders: %q", left)
	}
}
