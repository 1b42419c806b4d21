package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// record delivers an empty file with an origin.
func record(t *testing.T, d storage.Driver, path string, o storage.Origin) {
	t.Helper()
	s, err := d.Stage(t.Context(), "record")
	must(t, err)
	e := storage.Entry{Path: path, ModTime: time.Unix(1700000000, 0)}
	f, err := s.Create(t.Context(), e)
	must(t, err)
	must(t, f.WritePart(t.Context(), 0, 0, strings.NewReader("")))
	must(t, f.Finish(t.Context(), e, o, storage.Sum{}))
	must(t, s.Publish(t.Context(), []storage.StagedFile{f})[0])
	must(t, s.Close(t.Context()))
}

func wantETag(t *testing.T, d *local.Driver, path, want string) {
	t.Helper()
	o, ok, err := d.Origin(t.Context(), path)
	if err != nil || ok != (want != "") || o.ETag != want {
		t.Errorf("Origin(%q) = %+v, %v, %v; want ETag %q", path, o, ok, err, want)
	}
}

// The index survives being written by several drivers, torn lines and its own
// rewriting.
func TestDriver_Origin_index(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	opts := local.Options{NoXattr: true}
	first, second := open(t, root, opts), open(t, root, opts)
	record(t, first, "f", storage.Origin{ETag: "1"})
	wantETag(t, second, "f", "1")
	record(t, second, "f", storage.Origin{ETag: "2"})
	wantETag(t, first, "f", "2")
	wantETag(t, open(t, root, opts), "f", "2")

	bucket := onlyBucket(t, root)
	file, err := os.OpenFile(bucket, os.O_APPEND|os.O_WRONLY, 0) //nolint:gosec // a test's own folder
	must(t, err)
	_, err = file.WriteString(`00000000 "f" 1 0 0 0 0 "forged"` + "\n" + `12ab34cd "f" 1 0`)
	must(t, err)
	must(t, file.Close())
	wantETag(t, first, "f", "2")
	record(t, first, "f", storage.Origin{ETag: "3"})
	wantETag(t, second, "f", "3")

	for i := range 300 {
		record(t, first, "f", storage.Origin{ETag: fmt.Sprint("n", i)})
	}
	wantETag(t, second, "f", "n299")
	wantETag(t, open(t, root, opts), "f", "n299")
	info, err := os.Stat(bucket)
	must(t, err)
	if info.Size() > 20_000 {
		t.Errorf("the index has %d bytes for one path: never rewritten", info.Size())
	}
	must(t, first.Remove(t.Context(), storage.Entry{Path: "f"}))
	wantETag(t, second, "f", "")
}

func onlyBucket(t *testing.T, root string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(root, storage.WorkFolder, "origins.d", "*"))
	must(t, err)
	if len(all) != 1 {
		t.Fatalf("index files %q, want one", all)
	}
	return all[0]
}

// A file changed at the destination is no longer what was delivered.
func TestDriver_Origin_fileModified(t *testing.T) {
	t.Parallel()
	for _, opts := range []local.Options{{}, {NoXattr: true}} {
		root := t.TempDir()
		d := open(t, root, opts)
		for _, path := range []string{"content", "time", "kept"} {
			record(t, d, path, storage.Origin{ETag: "e"})
		}
		must(t, os.WriteFile(filepath.Join(root, "content"), []byte("changed"), 0o600))
		must(t, os.Chtimes(filepath.Join(root, "time"), time.Time{}, time.Unix(5, 0)))
		must(t, os.Chmod(filepath.Join(root, "kept"), 0o600))
		wantETag(t, d, "content", "")
		wantETag(t, d, "time", "")
		wantETag(t, d, "kept", "e")
	}
}
