package local_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

func BenchmarkDriver_List(b *testing.B) {
	const files = 10_000
	root := b.TempDir()
	for i := range files {
		dir := filepath.Join(root, fmt.Sprintf("d%02d", i/100))
		if i%100 == 0 {
			if err := os.Mkdir(dir, 0o750); err != nil {
				b.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("f", i)), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	d, err := local.New(root, local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range d.List(b.Context(), storage.List{}) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != files+100 {
			b.Fatal(n)
		}
	}
}

// BenchmarkStage delivers 16 KiB files in batches of 256.
func BenchmarkStage(b *testing.B) {
	d, err := local.New(b.TempDir(), local.Options{})
	if err != nil {
		b.Fatal(err)
	}
	st, err := d.Stage(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	content := make([]byte, 16<<10)
	var batch []storage.StagedFile
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		e := storage.Entry{Path: fmt.Sprintf("d%d/f%d", i/1000, i), Size: int64(len(content))}
		f, err := st.Create(b.Context(), e)
		if err == nil {
			err = f.WritePart(b.Context(), 0, e.Size, bytes.NewReader(content))
		}
		if err == nil {
			err = f.Finish(b.Context(), e, storage.Origin{ETag: "e"}, storage.Sum{})
		}
		if err != nil {
			b.Fatal(err)
		}
		if batch = append(batch, f); len(batch) == 256 {
			if err := st.Sync(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			for _, err := range st.Publish(b.Context(), batch) {
				if err != nil {
					b.Fatal(err)
				}
			}
			batch = batch[:0]
		}
	}
	if err := st.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
