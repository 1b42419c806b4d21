package local_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/storage/local"
)

func TestRenameByLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{"temp": "ours", "taken": "theirs"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := local.RenameByLink(dir, "temp", "taken"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("to a name that is taken: %v", err)
	}
	if err := local.RenameByLink(dir, "temp", "free"); err != nil {
		t.Errorf("to a free name: %v", err)
	}
	want := map[string]string{"taken": "theirs", "free": "ours"}
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range names {
		got, err := os.ReadFile(filepath.Join(dir, e.Name())) //nolint:gosec // the test's own folder
		if err != nil || string(got) != want[e.Name()] {
			t.Errorf("%s: %q, %v, want %q", e.Name(), got, err, want[e.Name()])
		}
		delete(want, e.Name())
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
