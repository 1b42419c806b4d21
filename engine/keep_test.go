package engine_test

import (
	"fmt"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// TestRun_NeverOverwritesWhatAppears: a file that comes between the listing
// and publication is kept like one that was listed.
func TestRun_NeverOverwritesWhatAppears(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		opts storagetest.MemoryOptions
		last storagetest.Op
	}{
		{storagetest.MemoryOptions{}, storagetest.OpPublish},
		{storagetest.MemoryOptions{Objects: true, VisibleAtFinish: true}, storagetest.OpFinish},
	} {
		for _, verify := range []string{"ONLY_FILES_TRANSFERRED", "POINT_IN_TIME_CONSISTENT", "NONE"} {
			t.Run(fmt.Sprintf("%s, %s", tt.last, verify), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, storagetest.MemoryOptions{}, tt.opts)
				b.src.Put(storage.Entry{Path: "a"}, "ours")
				b.src.Put(storage.Entry{Path: "b"}, "ours")
				b.dst.SetFault(func(op storagetest.Op, path string) error {
					if op == tt.last && path == "a" {
						b.dst.Put(storage.Entry{Path: "a"}, "somebody else's")
					}
					return nil
				})
				b.job.Options = engine.Options{OverwriteMode: "NEVER", VerifyMode: verify}
				res := b.run()
				if got, _ := b.dst.Read("a"); got != "somebody else's" {
					t.Errorf("a holds %q", got)
				}
				if c := res.Counters; res.Code != "" || c.FilesTransferred != 1 || c.FilesSkipped != 1 || c.FailedTransfer != 0 {
					t.Errorf("code %q, counters %+v", res.Code, c)
				}
				if n := b.dst.Staged(); n != 0 {
					t.Errorf("%d files are still staged", n)
				}
			})
		}
	}
}
