package engine_test

import (
	"errors"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
)

// A prefix without any object is more often mistyped than emptied.
func TestRun_RemovesNothingForASourceOfNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.dst, map[string]string{"a/f": "1", "b": "2"})
	b.job.Options.PreserveDeletedFiles = "REMOVE"
	res, err := b.try()
	var runErr *engine.RunError
	if !errors.As(err, &runErr) || runErr.Code != engine.SourceGone || res.Code != engine.SourceGone || res.Counters.FilesDeleted != 0 {
		t.Errorf("error %v, result %+v", err, res)
	}
	b.wantTree(map[string]string{"a/f": "1", "b": "2"})
	b.job.DryRun = true
	if res := b.run(); res.Counters.EstimatedFilesToDelete != 3 {
		t.Errorf("a dry run counts %+v", res.Counters)
	}
	b.job.DryRun = false
	put(b.src, map[string]string{"new": "3"})
	b.run()
	b.wantTree(map[string]string{"new": "3"})
}
