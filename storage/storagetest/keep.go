package storagetest

import (
	"fmt"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
)

// testKeepExisting writes files whose names somebody else takes at the last
// moment: before Finish where that gives the name, else before Publish.
func testKeepExisting(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "keep")
	k, ok := s.(storage.Keeper)
	if !ok {
		t.Fatalf("%s stages keep nothing", d.Properties().Scheme)
	}
	k.KeepExisting()
	large, _ := multipart(d)
	const files = 6 // more than a stage makes in one way
	for i := range files {
		size, path := 100+i, fmt.Sprintf("a/f%d", i)
		if i == files-1 {
			size = large
		}
		theirs := pattern(200 + i)
		err := lateAt(t, d, s, path, size, func() { put(t, d, map[string][]byte{path: theirs}) })
		wantError(t, "a name taken at the last moment", err, storage.ErrExists)
		wantBytes(t, path, content(t, d, path), theirs)

		path = fmt.Sprintf("a/g%d", i)
		if err := lateAt(t, d, s, path, size, func() {}); err != nil {
			t.Errorf("a free name: %v", err)
		}
		wantBytes(t, path, content(t, d, path), pattern(size))
	}
	if h.Leftovers != nil {
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantPaths(t, "leftovers", h.Leftovers(t, d), nil)
	}
	if m, ok := d.(storage.NewSymlinkMaker); ok {
		e := storage.Entry{Path: "a/link", Kind: storage.Symlink}
		if err := m.MakeNewSymlink(t.Context(), e, "f1"); err != nil {
			t.Errorf("MakeNewSymlink: %v", err)
		}
		wantError(t, "MakeNewSymlink again", m.MakeNewSymlink(t.Context(), e, "f2"), storage.ErrExists)
		e.Path = "a/f1"
		wantError(t, "MakeNewSymlink over a file", m.MakeNewSymlink(t.Context(), e, "f2"), storage.ErrExists)
	}
}

// lateAt writes a file and calls late just before it would get its name; it
// returns the error of the step that did not give it.
func lateAt(t *testing.T, d storage.Driver, s storage.Stage, path string, size int, late func()) error {
	t.Helper()
	f := create(t, s, path, size)
	writeAll(t, d, f, pattern(size))
	e := storage.Entry{Path: path, Size: int64(size)}
	if d.Properties().VisibleAtFinish {
		late()
	}
	if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
		if discardErr := f.Discard(t.Context()); discardErr != nil {
			t.Errorf("Discard: %v", discardErr)
		}
		return err
	}
	if !d.Properties().VisibleAtFinish {
		late()
	}
	if err := s.Sync(t.Context(), []storage.StagedFile{f}); err != nil {
		t.Fatalf("Sync: %v", err)
	}
	return s.Publish(t.Context(), []storage.StagedFile{f})[0]
}
