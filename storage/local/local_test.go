package local_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func TestDriver_Conformance(t *testing.T) {
	t.Parallel()
	t.Run("attributes", func(t *testing.T) {
		t.Parallel()
		storagetest.Run(t, harness(local.Options{}))
	})
	t.Run("index", func(t *testing.T) {
		t.Parallel()
		storagetest.Run(t, harness(local.Options{NoXattr: true}))
	})
}

func harness(opts local.Options) storagetest.Harness {
	return storagetest.Harness{
		Open: func(t *testing.T) storage.Driver {
			t.Helper()
			return open(t, filepath.Join(t.TempDir(), "made", "later"), opts)
		},
		Again: func(t *testing.T, d storage.Driver) storage.Driver {
			t.Helper()
			return open(t, d.Properties().Name, opts)
		},
		Leftovers: func(t *testing.T, d storage.Driver) []string {
			t.Helper()
			return leftovers(t, d.Properties().Name)
		},
		Refuses: func(name string) bool {
			if runtime.GOOS == "windows" {
				return strings.ContainsAny(name, "<>:\"\\|?*\n\t") || strings.HasSuffix(name, " ") || strings.HasSuffix(name, ".")
			}
			return false
		},
	}
}

func open(t *testing.T, path string, opts local.Options) *local.Driver {
	t.Helper()
	d, err := local.New(path, opts)
	if err != nil {
		t.Fatalf("New(%q): %v", path, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// leftovers lists what lies in the work folder, but for the origins' index.
func leftovers(t *testing.T, root string) []string {
	t.Helper()
	work := filepath.Join(root, storage.WorkFolder)
	var left []string
	err := filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(work, "origins.d") {
			return fs.SkipDir
		}
		if path != work {
			left = append(left, path[len(work)+1:])
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return left
}
