package local_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
)

// stageFile writes and finishes a file of a stage.
func stageFile(t *testing.T, s storage.Stage, path, content string) storage.StagedFile {
	t.Helper()
	e := storage.Entry{Path: path, Size: int64(len(content))}
	f, err := s.Create(t.Context(), e)
	must(t, err)
	must(t, f.WritePart(t.Context(), 0, e.Size, strings.NewReader(content)))
	must(t, f.Finish(t.Context(), e, storage.Origin{ETag: "e"}, storage.Sum{}))
	return f
}

// A stage of few new files needs no work folder: nothing is seen of them
// before they are published, and nothing is left of those that are not.
func TestStage_fewFilesLeaveNoTrace(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("every file has a name here")
	}
	root := t.TempDir()
	s, err := open(t, root, local.Options{}).Stage(t.Context(), "run")
	must(t, err)
	a, b := stageFile(t, s, "dir/a", "first"), stageFile(t, s, "b", "second")
	stageFile(t, s, "never", "never published")
	must(t, s.Sync(t.Context(), []storage.StagedFile{a, b}))
	if got := names(t, root); len(got) != 0 {
		t.Errorf("before Publish: %q", got)
	}
	for _, err := range s.Publish(t.Context(), []storage.StagedFile{a, b}) {
		must(t, err)
	}
	must(t, s.Close(t.Context()))
	if got := names(t, root); strings.Join(got, " ") != "b dir" {
		t.Errorf("at the end: %q", got)
	}
	wantFile(t, filepath.Join(root, "dir", "a"), "first")
	wantFile(t, filepath.Join(root, "b"), "second")
}

// Files beyond the first few, and those that replace others, take the way over
// the work folder to the same end.
func TestStage_manyFilesAndReplacements(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	must(t, os.WriteFile(filepath.Join(root, "f0"), []byte("old"), 0o600))
	s, err := open(t, root, local.Options{}).Stage(t.Context(), "run")
	must(t, err)
	var files []storage.StagedFile
	for i := range 9 {
		files = append(files, stageFile(t, s, "f"+strconv.Itoa(i), "new "+strconv.Itoa(i)))
	}
	// Made by somebody else after the files began.
	must(t, os.WriteFile(filepath.Join(root, "f1"), []byte("other"), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "f8"), []byte("other"), 0o600))
	must(t, s.Sync(t.Context(), files))
	for _, err := range s.Publish(t.Context(), files) {
		must(t, err)
	}
	for i := range 9 {
		wantFile(t, filepath.Join(root, "f"+strconv.Itoa(i)), "new "+strconv.Itoa(i))
	}
	must(t, s.Close(t.Context()))
	if got := names(t, root); len(got) != 9 {
		t.Errorf("at the end: %q", got)
	}
}

func TestStage_Publish_folderAppearsUnderTheName(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s, err := open(t, root, local.Options{}).Stage(t.Context(), "run")
	must(t, err)
	f := stageFile(t, s, "f", "x")
	must(t, os.Mkdir(filepath.Join(root, "f"), 0o750))
	if err := s.Publish(t.Context(), []storage.StagedFile{f})[0]; err == nil {
		t.Error("a folder was replaced by a file")
	}
	must(t, s.Close(t.Context()))
	if got := leftovers(t, root); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path) //nolint:gosec // the test's own
	must(t, err)
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
}
