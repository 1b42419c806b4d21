// Package storagetest holds what tests of storage drivers share: the
// conformance suite that every driver passes, and an in-memory driver.
//
// Only tests import it.
package storagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Harness tells the suite about one driver.
type Harness struct {
	// Open returns a driver for a fresh, empty location. Required. The
	// harness closes it, by t.Cleanup.
	Open func(t *testing.T) storage.Driver
	// Again returns a second driver for d's location; nil skips nothing but
	// the tests of what outlives a driver.
	Again func(t *testing.T, d storage.Driver) storage.Driver
	// Leftovers lists what work folders hold now; nil where there are none.
	Leftovers func(t *testing.T, d storage.Driver) []string
	// Refuses reports legal names that this store cannot hold all the same.
	Refuses func(name string) bool
	// Many is the number of entries in the test of long listings; 0 is 2,500.
	Many int
}

// Run runs the whole suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Refuses == nil {
		h.Refuses = func(string) bool { return false }
	}
	if h.Many == 0 {
		h.Many = 2500
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, Harness)
	}{
		{"properties", testProperties},
		{"list empty", testListEmpty},
		{"list order", testListOrder},
		{"list prefixes", testListPrefixes},
		{"list stops", testListStops},
		{"list many", testListMany},
		{"list cancelled", testListCancelled},
		{"list entries", testListEntries},
		{"directories", testDirectories},
		{"stat", testStat},
		{"read ranges", testReadRanges},
		{"read changed", testReadChanged},
		{"read missing", testReadMissing},
		{"read cancelled", testReadCancelled},
		{"write sizes", testWriteSizes},
		{"write parts", testWriteParts},
		{"write part again", testWritePartAgain},
		{"write short reader", testWriteShortReader},
		{"write source error", testWriteSourceError},
		{"write incomplete", testWriteIncomplete},
		{"write cancelled", testWriteCancelled},
		{"wrong checksum", testWrongChecksum},
		{"read back while writing", testWritePartBack},
		{"invisible until published", testInvisible},
		{"overwrite", testOverwrite},
		{"keep existing", testKeepExisting},
		{"discard", testDiscard},
		{"conflicts", testConflicts},
		{"metadata", testMetadata},
		{"origin", testOrigin},
		{"remove", testRemove},
		{"symlinks", testSymlinks},
		{"names legal", testLegalNames},
		{"names hostile", testHostileNames},
		{"work folder", testWorkFolder},
		{"sweep", testSweep},
		{"stage close", testStageClose},
		{"concurrency", testConcurrency},
		{"probe", testProbe},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, h)
		})
	}
}

// modTime is a time without fractions, which every store can keep.
func modTime() time.Time { return time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC) }

// pattern returns n bytes that repeat with no short period.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16)
	}
	return b
}

// stage begins an execution and ends it with the test.
func stage(t *testing.T, d storage.Driver, execution string) storage.Stage {
	t.Helper()
	s, err := d.Stage(t.Context(), execution)
	if err != nil {
		t.Fatalf("Stage(%q): %v", execution, err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Stage(%q).Close: %v", execution, err)
		}
	})
	return s
}

// put delivers files the way the engine does.
func put(t *testing.T, d storage.Driver, files map[string][]byte) {
	t.Helper()
	s, err := d.Stage(t.Context(), "put")
	if err != nil {
		t.Fatalf("Stage: %v", err)
	}
	var staged []storage.StagedFile
	for path, content := range files {
		if strings.HasSuffix(path, "/") {
			if err := s.MakeDir(t.Context(), storage.Entry{Path: path, Kind: storage.Dir}); err != nil {
				t.Fatalf("MakeDir(%q): %v", path, err)
			}
			continue
		}
		staged = append(staged, write(t, d, s, storage.Entry{Path: path}, content))
	}
	publish(t, s, staged...)
	if err := s.Close(t.Context()); err != nil {
		t.Fatalf("Stage.Close: %v", err)
	}
}

// write stages content as e, in one part or as many as the driver wants, and
// finishes it.
func write(t *testing.T, d storage.Driver, s storage.Stage, e storage.Entry, content []byte) storage.StagedFile {
	t.Helper()
	e.Size = int64(len(content))
	f, err := s.Create(t.Context(), e)
	if err != nil {
		t.Fatalf("Create(%q): %v", e.Path, err)
	}
	writeAll(t, d, f, content)
	if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
		t.Fatalf("Finish(%q): %v", e.Path, err)
	}
	return f
}

// writeAll writes all parts of a file.
func writeAll(t *testing.T, d storage.Driver, f storage.StagedFile, content []byte) {
	t.Helper()
	for _, p := range parts(len(content), d.Properties().PartSize) {
		if err := f.WritePart(t.Context(), int64(p[0]), int64(p[1]-p[0]), bytes.NewReader(content[p[0]:p[1]])); err != nil {
			t.Fatalf("WritePart at %d: %v", p[0], err)
		}
	}
}

// parts cuts n bytes at multiples of size (0: one part).
func parts(n int, partSize int64) [][2]int {
	size := int(partSize)
	if size == 0 || n == 0 {
		return [][2]int{{0, n}}
	}
	var all [][2]int
	for from := 0; from < n; from += size {
		all = append(all, [2]int{from, min(from+size, n)})
	}
	return all
}

// publish syncs and publishes finished files.
func publish(t *testing.T, s storage.Stage, files ...storage.StagedFile) {
	t.Helper()
	if err := s.Sync(t.Context(), files); err != nil {
		t.Fatalf("Sync: %v", err)
	}
	errs := s.Publish(t.Context(), files)
	if len(errs) != len(files) {
		t.Fatalf("Publish returned %d errors for %d files", len(errs), len(files))
	}
	for i, err := range errs {
		if err != nil {
			t.Fatalf("Publish file %d: %v", i, err)
		}
	}
}

// list returns the paths of a listing without errors.
func list(t *testing.T, d storage.Driver, prefix string) []string {
	t.Helper()
	paths := []string{}
	for _, e := range entries(t, d, prefix) {
		paths = append(paths, e.Path)
	}
	return paths
}

func entries(t *testing.T, d storage.Driver, prefix string) []storage.Entry {
	t.Helper()
	var all []storage.Entry
	for e, err := range d.List(t.Context(), storage.List{Prefix: prefix}) {
		if err != nil {
			t.Fatalf("List(%q) at %q: %v", prefix, e.Path, err)
		}
		all = append(all, e)
	}
	return all
}

// find returns the listed entry of path.
func find(t *testing.T, d storage.Driver, path string) storage.Entry {
	t.Helper()
	all := entries(t, d, path)
	for _, e := range all {
		if e.Path == path {
			return e
		}
	}
	t.Fatalf("List(%q) = %v: without the path itself", path, all)
	return storage.Entry{}
}

// read returns length bytes of e from offset.
func read(t *testing.T, d storage.Driver, e storage.Entry, offset, length int64) ([]byte, error) {
	t.Helper()
	c, err := d.Open(t.Context(), e, offset, length)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(c.Body)
	return got, errors.Join(err, c.Body.Close())
}

// content returns the whole content at path, as listed.
func content(t *testing.T, d storage.Driver, path string) []byte {
	t.Helper()
	got, err := read(t, d, find(t, d, path), 0, -1)
	if err != nil {
		t.Fatalf("read %q: %v", path, err)
	}
	return got
}

func wantPaths(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func wantBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes (%.40q), want %d bytes (%.40q)", what, len(got), got, len(want), want)
	}
}

func numbered(format string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(format, i)
	}
	return names
}
