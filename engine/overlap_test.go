package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
)

func TestRun_RefusesOverlap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, src, dst, includes, excludes string
		refused                            bool
	}{
		{"same", "", "", "", "", true},
		{"same by another name", "", "in/..", "", "", true},
		{"same through a link", "real", "link", "", "", true},
		{"destination inside", "", "in/deep", "", "", true},
		{"destination inside through a link", "real", "link/in", "", "", true},
		{"source inside", "in", "", "", "", true},
		{"destination included", "", "in", "/in/x|/other", "", true},
		{"destination included by prefix", "", "in", "/i*", "", true},
		{"destination excluded", "", "in", "", "/in", false},
		{"destination not included", "", "in", "/other/*", "", false},
		{"source excluded", "in", "", "", "/in", false},
		{"beside", "in", "inn", "", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			write(t, root, map[string]string{"f": "x", "in/f": "y", "other/f": "z", "real/f": "r"})
			if err := os.Symlink("real", filepath.Join(root, "link")); err != nil {
				t.Fatal(err)
			}
			before := onDisk(t, root)
			job := localJob(t, filepath.Join(root, tt.src), filepath.Join(root, tt.dst))
			job.Options.PreserveDeletedFiles = "REMOVE"
			job.Includes, job.Excludes = tt.includes, tt.excludes
			res, err := engine.Run(t.Context(), job, nil)
			if refused := err != nil && res.Code == engine.InvalidOptions; refused != tt.refused {
				t.Errorf("%v, code %s; refused should be %v", err, res.Code, tt.refused)
			}
			if tt.refused && !maps.Equal(before, onDisk(t, root)) {
				t.Error("something changed")
			}
		})
	}
}
