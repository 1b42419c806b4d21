package local_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// TestStage_rootGone: nothing is published into a folder that is no longer at
// the location's path, and the next stage works on the one that is.
func TestStage_rootGone(t *testing.T) {
	t.Parallel()
	for name, goes := range map[string]func(root string) error{
		"removed":  os.RemoveAll,
		"moved":    func(root string) error { return os.Rename(root, root+"-old") },
		"replaced": func(root string) error { return errors.Join(os.Rename(root, root+"-old"), os.Mkdir(root, 0o750)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "root")
			d, err := local.New(root, local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			if err := deliverLate(t, d, "before", nil); err != nil {
				t.Fatal(err)
			}
			err = deliverLate(t, d, "meanwhile", func() {
				if err := goes(root); err != nil {
					t.Fatal(err)
				}
			})
			if !errors.Is(err, storage.ErrGone) {
				t.Errorf("published with %v, want ErrGone", err)
			}
			if err := deliverLate(t, d, "after", nil); err != nil {
				t.Errorf("the next stage: %v", err)
			}
			if _, err := os.Stat(filepath.Join(root, "d", "after")); err != nil {
				t.Error(err)
			}
			var listed []string
			for e, err := range d.List(t.Context(), storage.List{}) {
				if err != nil {
					t.Fatal(err)
				}
				listed = append(listed, e.Path)
			}
			if got := strings.Join(listed, " "); got != "d/ d/after" {
				t.Errorf("listed %s", got)
			}
		})
	}
}

// deliverLate writes a file below d/; late is called before it is published.
func deliverLate(t *testing.T, d storage.Driver, name string, late func()) error {
	t.Helper()
	s, err := d.Stage(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close(t.Context()) }() // of a folder that may be gone
	e := storage.Entry{Path: "d/" + name, Size: int64(len(name))}
	f, err := s.Create(t.Context(), e)
	if err == nil {
		err = f.WritePart(t.Context(), 0, e.Size, strings.NewReader(name))
	}
	if err == nil {
		err = f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if late != nil {
		late()
	}
	return errors.Join(s.Sync(t.Context(), []storage.StagedFile{f}), s.Publish(t.Context(), []storage.StagedFile{f})[0])
}
