package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/hikyaku/hikyaku/storage"
)

func testWriteSizes(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	files := map[string][]byte{}
	for _, n := range []int{0, 1, 1000, 16 << 10, 256<<10 - 1, 256 << 10, 256<<10 + 1, 1<<20 + 7} {
		files[fmt.Sprintf("f%d", n)] = pattern(n)
	}
	put(t, d, files)
	for path, want := range files {
		wantBytes(t, path, content(t, d, path), want)
	}
	wantNothingLeft(t, h, d)
}

// multipart returns a size that needs several parts, and the parts' size.
func multipart(d storage.Driver) (size int, part int64) {
	if part = d.Properties().PartSize; part == 0 {
		part = 1 << 20
	}
	return int(3*part) + 12345, part
}

func create(t *testing.T, s storage.Stage, path string, size int) storage.StagedFile {
	t.Helper()
	f, err := s.Create(t.Context(), storage.Entry{Path: path, Size: int64(size)})
	if err != nil {
		t.Fatalf("Create(%q): %v", path, err)
	}
	t.Cleanup(func() {
		if err := f.Discard(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Discard(%q): %v", path, err)
		}
	})
	return f
}

func finish(t *testing.T, f storage.StagedFile, path string, size int) {
	t.Helper()
	if err := f.Finish(t.Context(), storage.Entry{Path: path, Size: int64(size)}, storage.Origin{}, storage.Sum{}); err != nil {
		t.Fatalf("Finish(%q): %v", path, err)
	}
}

func testWriteParts(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "parts")
	size, part := multipart(d)
	want := pattern(size)
	f := create(t, s, "big", size)
	all := parts(size, part)
	// The last part first, the others at once.
	order := append([][2]int{all[len(all)-1]}, all[:len(all)-1]...)
	var wg sync.WaitGroup
	errs := make([]error, len(order))
	for i, p := range order {
		run := func() {
			errs[i] = f.WritePart(t.Context(), int64(p[0]), int64(p[1]-p[0]), iotest.HalfReader(bytes.NewReader(want[p[0]:p[1]])))
		}
		if i == 0 {
			run()
			continue
		}
		wg.Go(run)
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("WritePart: %v", err)
	}
	finish(t, f, "big", size)
	if err := s.Sync(t.Context(), []storage.StagedFile{f}); err != nil {
		t.Fatalf("Sync: %v", err)
	}
	for _, r := range [][2]int64{{0, int64(size)}, {0, -1}, {part - 1, 2}, {int64(size) - 5, 5}} {
		wantReadBack(t, f, want, r[0], r[1])
	}
	publish(t, s, f)
	wantBytes(t, "published", content(t, d, "big"), want)
}

func wantReadBack(t *testing.T, f storage.StagedFile, want []byte, offset, length int64) {
	t.Helper()
	body, err := f.ReadBack(t.Context(), offset, length)
	if err != nil {
		t.Errorf("ReadBack %d+%d: %v", offset, length, err)
		return
	}
	got, err := io.ReadAll(body)
	if err := errors.Join(err, body.Close()); err != nil {
		t.Errorf("ReadBack %d+%d: %v", offset, length, err)
	}
	end := int64(len(want))
	if length >= 0 {
		end = offset + length
	}
	wantBytes(t, fmt.Sprintf("ReadBack %d+%d", offset, length), got, want[offset:end])
}

func testWritePartAgain(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "again")
	size, part := multipart(d)
	want := pattern(size)
	small, big := create(t, s, "small", 100), create(t, s, "big", size)
	for _, content := range [][]byte{bytes.Repeat([]byte{0}, size), want} {
		if err := small.WritePart(t.Context(), 0, 100, bytes.NewReader(content[:100])); err != nil {
			t.Fatalf("WritePart(small): %v", err)
		}
		for _, p := range parts(size, part) {
			if err := big.WritePart(t.Context(), int64(p[0]), int64(p[1]-p[0]), bytes.NewReader(content[p[0]:p[1]])); err != nil {
				t.Fatalf("WritePart(big, %d): %v", p[0], err)
			}
		}
	}
	finish(t, small, "small", 100)
	finish(t, big, "big", size)
	publish(t, s, small, big)
	wantBytes(t, "small", content(t, d, "small"), want[:100])
	wantBytes(t, "big", content(t, d, "big"), want)
}

func testWriteShortReader(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "short")
	size, part := multipart(d)
	small, big := create(t, s, "small", 100), create(t, s, "big", size)
	if err := small.WritePart(t.Context(), 0, 100, strings.NewReader("too short")); err == nil {
		t.Error("WritePart of a reader that ends early succeeded")
	}
	if err := big.WritePart(t.Context(), 0, part, bytes.NewReader(pattern(int(part)-1))); err == nil {
		t.Error("WritePart of a large reader that ends early succeeded")
	}
	// A retry with the right content makes it good.
	if err := small.WritePart(t.Context(), 0, 100, bytes.NewReader(pattern(100))); err != nil {
		t.Fatalf("WritePart again: %v", err)
	}
	finish(t, small, "small", 100)
	publish(t, s, small)
	wantBytes(t, "small", content(t, d, "small"), pattern(100))
}

func testWriteSourceError(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "source")
	size, part := multipart(d)
	source := &storage.PathError{Op: "read", Path: "elsewhere", Kind: storage.ErrChanged}
	for _, c := range []struct {
		path string
		size int
		part int64
	}{{"small", 100, 100}, {"big", size, part}} {
		f := create(t, s, c.path, c.size)
		broken := io.MultiReader(bytes.NewReader(pattern(int(c.part)/2)), iotest.ErrReader(source))
		err := f.WritePart(t.Context(), 0, c.part, broken)
		wantError(t, "WritePart of a source that changed: "+c.path, err, storage.ErrChanged)
	}
}

func testWriteIncomplete(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "incomplete")
	size, part := multipart(d)
	none, some := create(t, s, "none", 100), create(t, s, "some", size)
	if err := none.Finish(t.Context(), storage.Entry{Path: "none", Size: 100}, storage.Origin{}, storage.Sum{}); err == nil {
		t.Error("Finish without content succeeded")
	}
	if err := some.WritePart(t.Context(), part, part, bytes.NewReader(pattern(int(part)))); err != nil {
		t.Fatal(err)
	}
	if err := some.Finish(t.Context(), storage.Entry{Path: "some", Size: int64(size)}, storage.Origin{}, storage.Sum{}); err == nil {
		t.Error("Finish with parts missing succeeded")
	}
	if errs := s.Publish(t.Context(), []storage.StagedFile{none, some}); errs[0] == nil || errs[1] == nil {
		t.Errorf("Publish of unfinished files: %v", errs)
	}
	wantPaths(t, "List", list(t, d, ""), nil)
}

func testWriteCancelled(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "cancelled")
	size, part := multipart(d)
	f := create(t, s, "f", size)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "WritePart", f.WritePart(ctx, 0, part, bytes.NewReader(pattern(int(part)))), context.Canceled)
	_, err := s.Create(ctx, storage.Entry{Path: "g"})
	wantError(t, "Create", err, context.Canceled)
	wantError(t, "MakeDir", s.MakeDir(ctx, storage.Entry{Path: "d/", Kind: storage.Dir}), context.Canceled)
	_, err = d.Stage(ctx, "other")
	wantError(t, "Stage", err, context.Canceled)
	wantPaths(t, "List", list(t, d, ""), nil)
}

func testWrongChecksum(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	if !d.Properties().StoreVerifies {
		return // not an ability of this store
	}
	s := stage(t, d, "checksum")
	size, part := multipart(d)
	for _, algorithm := range []storage.Algorithm{storage.CRC64NVME, storage.CRC32C} {
		for path, n := range map[string]int{"small": 100, "big": size} {
			path = fmt.Sprintf("%s-%d", path, algorithm)
			f := create(t, s, path, n)
			want := pattern(n)
			for _, p := range parts(n, min(part, int64(n))) {
				if err := f.WritePart(t.Context(), int64(p[0]), int64(p[1]-p[0]), bytes.NewReader(want[p[0]:p[1]])); err != nil {
					t.Fatal(err)
				}
			}
			err := f.Finish(t.Context(), storage.Entry{Path: path, Size: int64(n)}, storage.Origin{}, storage.Sum{Algorithm: algorithm, Value: [8]byte{1, 2, 3, 4}})
			wantError(t, "Finish with a wrong checksum of "+path, err, storage.ErrCorrupt)
		}
	}
	wantPaths(t, "List", list(t, d, ""), nil)
}

func testWritePartBack(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "back")
	size, part := multipart(d)
	f := create(t, s, "f", size)
	b, ok := f.(storage.BackReader)
	if !ok {
		return // not an ability of this store
	}
	want := pattern(size)
	for _, p := range parts(size, part) {
		var back []byte
		err := b.WritePartBack(t.Context(), int64(p[0]), int64(p[1]-p[0]), bytes.NewReader(want[p[0]:p[1]]), func(block []byte) { back = append(back, block...) })
		if err != nil {
			t.Fatal(err)
		}
		wantBytes(t, "read back while writing", back, want[p[0]:p[1]])
	}
	finish(t, f, "f", size)
	publish(t, s, f)
	wantBytes(t, "f", content(t, d, "f"), want)
}

func testInvisible(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	p := d.Properties()
	if !p.Atomic {
		return // not an ability of this store
	}
	s := stage(t, d, "invisible")
	size, part := multipart(d)
	want := pattern(size)
	small, big := create(t, s, "dir/small", 9), create(t, s, "big", size)
	wantPaths(t, "after Create", list(t, d, ""), nil)
	if err := small.WritePart(t.Context(), 0, 9, strings.NewReader("invisible")); err != nil {
		t.Fatal(err)
	}
	for _, x := range parts(size, part) {
		if err := big.WritePart(t.Context(), int64(x[0]), int64(x[1]-x[0]), bytes.NewReader(want[x[0]:x[1]])); err != nil {
			t.Fatal(err)
		}
	}
	wantPaths(t, "after WritePart", list(t, d, ""), nil)
	finish(t, small, "dir/small", 9)
	finish(t, big, "big", size)
	if !p.VisibleAtFinish {
		wantPaths(t, "after Finish", list(t, d, ""), nil)
	}
	wantReadBack(t, small, []byte("invisible"), 0, -1)
	publish(t, s, small, big)
	wantPaths(t, "after Publish", list(t, d, ""), []string{"big", "dir/", "dir/small"})
}

func testOverwrite(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	for i := range 3 {
		want := pattern(1000 + i)
		put(t, d, map[string][]byte{"a/f": want})
		wantBytes(t, "a/f", content(t, d, "a/f"), want)
	}
	wantPaths(t, "List", list(t, d, ""), []string{"a/", "a/f"})
}

func testDiscard(t *testing.T, h Harness) {
	t.Helper()
	d := h.Open(t)
	s := stage(t, d, "discard")
	size, part := multipart(d)
	created, written, finished, kept := create(t, s, "created", size), create(t, s, "written", size), create(t, s, "finished", 4), create(t, s, "kept", 4)
	if err := written.WritePart(t.Context(), 0, part, bytes.NewReader(pattern(int(part)))); err != nil {
		t.Fatal(err)
	}
	for path, f := range map[string]storage.StagedFile{"finished": finished, "kept": kept} {
		if err := f.WritePart(t.Context(), 0, 4, strings.NewReader("four")); err != nil {
			t.Fatal(err)
		}
		finish(t, f, path, 4)
	}
	publish(t, s, kept)
	for range 2 {
		for _, f := range []storage.StagedFile{created, written, finished, kept} {
			if err := f.Discard(t.Context()); err != nil {
				t.Errorf("Discard: %v", err)
			}
		}
	}
	wantPaths(t, "List", list(t, d, ""), []string{"kept"})
	if errs := s.Publish(t.Context(), []storage.StagedFile{finished}); errs[0] == nil {
		t.Error("Publish of a discarded file succeeded")
	}
}
