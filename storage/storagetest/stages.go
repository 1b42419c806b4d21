package storagetest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
)

func testConflicts(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	if !d.Properties().Directories {
		return // "a" and "a/b" are two keys there
	}
	put(t, d, map[string][]byte{"file": nil, "dir/": nil})
	s := stage(t, d, "conflicts")
	for _, path := range []string{"file/below", "file/be/low", "dir"} {
		_, err := s.Create(t.Context(), storage.Entry{Path: path})
		wantError(t, "Create("+path+")", err, storage.ErrConflict)
	}
	wantError(t, "MakeDir(file/)", s.MakeDir(t.Context(), storage.Entry{Path: "file/", Kind: storage.Dir}), storage.ErrConflict)
	// The conflict may also come up after Create.
	late, below := write(t, d, s, storage.Entry{Path: "late"}, nil), write(t, d, s, storage.Entry{Path: "later/x"}, nil)
	good := write(t, d, s, storage.Entry{Path: "good"}, nil)
	put(t, d, map[string][]byte{"late/": nil, "later": nil})
	errs := s.Publish(t.Context(), []storage.StagedFile{late, below, good})
	wantError(t, "Publish over a directory", errs[0], storage.ErrConflict)
	wantError(t, "Publish below a file", errs[1], storage.ErrConflict)
	if errs[2] != nil {
		t.Errorf("Publish of another file in the batch: %v", errs[2])
	}
	wantPaths(t, "List", list(t, d, ""), []string{"dir/", "file", "good", "late/", "later"})
}

func testWorkFolder(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "work")
	f := write(t, d, s, storage.Entry{Path: "f"}, []byte("x"))
	for _, prefix := range []string{".hikyaku", ".hikyaku/", ".hikyaku/work", ".h", "."} {
		wantPaths(t, "List("+prefix+")", list(t, d, prefix), nil)
	}
	publish(t, s, f)
	wantPaths(t, "List", list(t, d, ""), []string{"f"})
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNothingLeft(t, h, d)
	for _, name := range []string{"", "..", "a/b", "a.b", "a b", "é"} {
		if _, err := d.Stage(t.Context(), name); err == nil {
			t.Errorf("Stage(%q) succeeded", name)
		}
	}
}

// several begins files until a killed process would leave something of them:
// a driver may keep the first few where nobody sees them.
func several(t *testing.T, s storage.Stage, name string) {
	t.Helper()
	for i := range 8 {
		create(t, s, name+strconv.Itoa(i), 1)
	}
}

func testSweep(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	first, ok := d.(storage.Sweeper)
	if !ok || h.Again == nil || h.Leftovers == nil {
		return // not an ability of this store
	}
	if err := first.Sweep(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatalf("Sweep of nothing: %v", err)
	}
	living, dead := stage(t, d, "living-1"), stage(t, d, "dead-1")
	kept := write(t, d, living, storage.Entry{Path: "kept"}, []byte("kept"))
	write(t, d, dead, storage.Entry{Path: "lost"}, []byte("lost"))
	several(t, living, "kept-too")
	several(t, dead, "lost-too")
	sweeper, ok := h.Again(t, d).(storage.Sweeper)
	if !ok {
		t.Fatal("the second driver does not sweep")
	}
	var asked []string
	if err := sweeper.Sweep(t.Context(), func(x string) bool {
		asked = append(asked, x)
		return x == "living-1"
	}); err != nil {
		t.Fatalf("Sweep: %v", err)
	}
	slices.Sort(asked)
	wantPaths(t, "executions asked about", asked, []string{"dead-1", "living-1"})
	for _, left := range h.Leftovers(t, d) {
		if strings.Contains(left, "dead-1") {
			t.Errorf("Sweep left %q", left)
		}
	}
	publish(t, living, kept)
	wantBytes(t, "file of the living", content(t, d, "kept"), []byte("kept"))
	if err := living.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantNothingLeft(t, h, d)
}

func testStageClose(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "one")
	sibling := stage(t, d, "two")
	write(t, d, sibling, storage.Entry{Path: "sibling"}, []byte("x"))
	several(t, sibling, "unfinished")
	size, _ := multipart(d)
	create(t, s, "big", size)
	create(t, s, "small", 4)
	write(t, d, s, storage.Entry{Path: "finished"}, []byte("x"))
	var kept []string
	if d.Properties().VisibleAtFinish {
		kept = []string{"finished", "sibling"}
	}
	for range 2 {
		if err := s.Close(t.Context()); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if h.Leftovers != nil {
		if left := h.Leftovers(t, d); len(left) == 0 && !d.Properties().VisibleAtFinish {
			t.Error("the sibling's work folder is gone")
		}
	}
	if err := sibling.Close(t.Context()); err != nil {
		t.Fatalf("Close: %v", err)
	}
	wantNothingLeft(t, h, d)
	wantPaths(t, "List", list(t, d, ""), kept)
	// An execution that starts again does not find what it left.
	f := write(t, d, stage(t, d, "one"), storage.Entry{Path: "f"}, []byte("again"))
	wantReadBack(t, f, []byte("again"), 0, -1)
}

func testConcurrency(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	stages := []storage.Stage{stage(t, d, "first"), stage(t, d, "second")}
	const workers, each = 8, 20
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() { errs[w] = deliverSome(t, stages[w%2], w, each) })
	}
	wg.Wait()
	for w, err := range errs {
		if err != nil {
			t.Fatalf("worker %d: %v", w, err)
		}
	}
	all := entries(t, d, "")
	got := make([][]byte, len(all))
	failed := make([]error, len(all))
	for i, e := range all {
		if e.Kind == storage.File {
			wg.Go(func() { got[i], failed[i] = read(t, d, e, 0, -1) })
		}
	}
	wg.Wait()
	files := 0
	for i, e := range all {
		if e.Kind != storage.File {
			continue
		}
		files++
		if failed[i] != nil || string(got[i]) != e.Path {
			t.Errorf("%q reads %q, %v", e.Path, got[i], failed[i])
		}
	}
	if files != workers*each {
		t.Errorf("%d files, want %d", files, workers*each)
	}
}

// deliverSome writes files named by worker and number, the name being the
// content, into folders that all workers share.
func deliverSome(t *testing.T, s storage.Stage, worker, n int) error {
	t.Helper()
	var files []storage.StagedFile
	for i := range n {
		path := fmt.Sprintf("d%d/e%d/w%d-%d", i%3, i%2, worker, i)
		e := storage.Entry{Path: path, Size: int64(len(path))}
		f, err := s.Create(t.Context(), e)
		if err == nil {
			err = f.WritePart(t.Context(), 0, e.Size, bytes.NewReader([]byte(path)))
		}
		if err == nil {
			err = f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{})
		}
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	if err := s.Sync(t.Context(), files); err != nil {
		return err
	}
	for _, err := range s.Publish(t.Context(), files) {
		if err != nil {
			return err
		}
	}
	return nil
}
