package local_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// TestStagedFile_ReadBack_mapped reads long ranges through a mapping: the same
// bytes as by Read, and an error, no crash, when somebody shortens the file.
func TestStagedFile_ReadBack_mapped(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d, err := local.New(root, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stage, err := d.Stage(t.Context(), "exec-map")
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	e := storage.Entry{Path: "big", Size: int64(len(content))}
	f, err := stage.Create(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WritePart(t.Context(), 0, e.Size, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
		t.Fatal(err)
	}
	for _, span := range [][2]int64{{0, e.Size}, {1 << 20, 5<<20 + 3}, {4096, 100}, {5, 3 << 20}} {
		body, err := f.ReadBack(t.Context(), span[0], span[1])
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		w, ok := body.(io.WriterTo)
		if !ok {
			t.Fatal("no WriterTo")
		}
		if n, err := w.WriteTo(&got); err != nil || n != span[1] || !bytes.Equal(got.Bytes(), content[span[0]:span[0]+span[1]]) {
			t.Errorf("%v: %d bytes, %v; want the content", span, n, err)
		}
	}

	body, err := f.ReadBack(t.Context(), 0, e.Size)
	if err != nil {
		t.Fatal(err)
	}
	_, err = body.(io.WriterTo).WriteTo(writerFunc(func(p []byte) (int, error) { //nolint:errcheck // checked above
		names, err := filepath.Glob(filepath.Join(root, storage.WorkFolder, "exec-map", "*"))
		if err != nil || len(names) != 1 {
			t.Fatalf("staged files: %v, %v", names, err)
		}
		if err := os.Truncate(names[0], 0); err != nil {
			t.Fatal(err)
		}
		return int(p[len(p)-1]), nil // faults
	}))
	if !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("file shortened while it was mapped: got %v, want ErrCorrupt", err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
