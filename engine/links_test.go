package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
)

// A link at the destination where the source has a folder must not make two
// paths one file.
func TestRun_LinkInTheWayOfAFolder(t *testing.T) {
	t.Parallel()
	for _, deleted := range []string{"PRESERVE", "REMOVE"} {
		src, dst := t.TempDir(), t.TempDir()
		tree := map[string]string{"a/x": "of a", "b/x": "of b"}
		write(t, src, tree)
		write(t, dst, map[string]string{"b/x": "older"})
		if err := os.Symlink("b", filepath.Join(dst, "a")); err != nil {
			t.Fatal(err)
		}
		job := localJob(t, src, dst)
		job.Options.PreserveDeletedFiles = deleted
		res, err := engine.Run(t.Context(), job, nil)
		if err != nil {
			t.Fatal(err)
		}
		if deleted == "REMOVE" {
			if res.Code != "" {
				t.Errorf("%s: %s, %+v", deleted, res.Detail, res.FirstErrors)
			}
		} else {
			delete(tree, "a/x")
			if len(res.FirstErrors) == 0 || res.FirstErrors[0].Code != engine.PathConflict {
				t.Errorf("%s: %+v", deleted, res.FirstErrors)
			}
		}
		for p, want := range tree {
			if got, err := os.ReadFile(filepath.Join(dst, p)); err != nil || string(got) != want { //nolint:gosec // a test's own folder
				t.Errorf("%s: %s: %q, %v", deleted, p, got, err)
			}
		}
	}
}
