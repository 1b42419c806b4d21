package engine_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// An object is the version that was delivered only if tag and time agree: a
// store's times have whole seconds, and what was put back keeps its tag.
func TestRun_NoticesOtherVersionsOfObjects(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_600_000_000, 0)
	b := newBench(t, objects(), files())
	b.job.Options.Mtime, b.job.Options.Atime = "NONE", "NONE" // the record alone tells
	for _, p := range []string{"same", "tag", "time"} {
		b.src.Put(storage.Entry{Path: p, ModTime: at}, "12345")
	}
	b.run()
	b.src.Put(storage.Entry{Path: "tag", ModTime: at}, "54321")
	b.src.Put(storage.Entry{Path: "time", ModTime: at.Add(time.Second)}, "12345")
	if c := b.run().Counters; c.FilesTransferred != 2 || c.FilesSkipped != 1 {
		t.Errorf("counters %+v", c)
	}
	b.wantTree(tree(b.src))
}

// A file whose owner or mode changed after it was delivered has its old mtime.
func TestRun_NoticesChangedOwnersOfOldFiles(t *testing.T) {
	t.Parallel()
	old := time.Unix(1_500_000_000, 0)
	now := time.Unix(1_600_000_000, 0)
	clock := func() time.Time { return now }
	b := newBench(t, storagetest.MemoryOptions{Now: clock}, storagetest.MemoryOptions{Objects: true, Now: clock})
	b.src.Put(storage.Entry{Path: "a", ModTime: old}, "1")
	b.run()
	now = now.Add(time.Hour)
	b.src.Put(storage.Entry{Path: "a", ModTime: old, POSIX: &storage.POSIX{UID: 7, GID: 7, Mode: 0o600}}, "1")
	if c := b.run().Counters; c.FilesTransferred != 1 {
		t.Errorf("counters %+v", c)
	}
}

// A store's own clock may be a little ahead: an object that is hardly younger
// than the file is asked about.
func TestRun_AsksTheStoreAboutTimesThatAreClose(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_600_000_000, 0)
	fixed := func(at time.Time) func() time.Time { return func() time.Time { return at } }
	for apart, want := range map[time.Duration]int64{time.Second: 1, 3 * time.Second: 0} {
		b := newBench(t, storagetest.MemoryOptions{Now: fixed(at)}, storagetest.MemoryOptions{Objects: true, Now: fixed(at.Add(apart))})
		b.src.Put(storage.Entry{Path: "a", ModTime: at}, "1")
		b.run()
		var heads atomic.Int64
		b.dst.SetFault(func(op storagetest.Op, _ string) error {
			if op == storagetest.OpStat {
				heads.Add(1)
			}
			return nil
		})
		if c := b.run().Counters; c.FilesSkipped != 1 || heads.Load() != want {
			t.Errorf("%s apart: %d HEADs, want %d; %+v", apart, heads.Load(), want, c)
		}
	}
}

// longer is a source that sends more than it listed.
type longer struct{ *storagetest.Memory }

func (d longer) Open(ctx context.Context, e storage.Entry, offset, length int64) (*storage.Content, error) {
	c, err := d.Memory.Open(ctx, e, offset, length)
	if err == nil {
		c.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(c.Body, strings.NewReader("more")), c.Body}
	}
	return c, err
}

func TestRun_RefusesMoreThanWasListed(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	put(b.src, map[string]string{"a": "12345"})
	b.job.Source = longer{b.src}
	b.run()
	b.wantTree(map[string]string{})
	if b.code("a") != engine.SourceChanged {
		t.Errorf("code %q", b.code("a"))
	}
}

// A file that is published is looked at once more.
func TestRun_LooksAtWhatIsPublished(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_600_000_000, 0)
	for name, e := range map[string]storage.Entry{
		"size": {Path: "a", ModTime: at},
		"mode": {Path: "a", ModTime: at, POSIX: &storage.POSIX{UID: 1000, GID: 1000, Mode: 0o777}},
		"time": {Path: "a", ModTime: at.Add(time.Hour)},
	} {
		b := newBench(t, files(), files())
		put(b.src, map[string]string{"a": "12345"})
		content := "12345"
		if name == "size" {
			content = "123"
		}
		b.dst.SetFault(func(op storagetest.Op, path string) error {
			if op == storagetest.OpStat && path == "a" {
				b.dst.Put(e, content)
			}
			return nil
		})
		if res := b.run(); b.code("a") != engine.MetadataMismatch || res.Counters.FailedVerify != 1 {
			t.Errorf("%s: code %q, %+v", name, b.code("a"), res.Counters)
		}
	}
}

// What does not match is copied once more, and not for ever.
func TestRun_CopiesTwiceWhatDoesNotMatch(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"a": "12345"})
	b.dst.SetTamper(func(string, []byte) []byte { return []byte("1234X") })
	var copies atomic.Int64
	b.dst.SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpFinish {
			copies.Add(1)
		}
		return nil
	})
	b.run()
	if copies.Load() != 2 || b.code("a") != engine.ChecksumMismatch {
		t.Errorf("copied %d times, code %q", copies.Load(), b.code("a"))
	}
}

// What a destination that is not there any more was given is nowhere: going on
// would only fill another place.
func TestRun_StopsWhenTheDestinationIsGone(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"a": "1"})
	b.dst.SetFault(failing(storagetest.OpPublish, "a", -1, storage.ErrGone))
	res, err := b.try()
	var runErr *engine.RunError
	if !errors.As(err, &runErr) || runErr.Code != engine.DestinationUnavailable || res.Code != engine.DestinationUnavailable {
		t.Errorf("error %v, code %s", err, res.Code)
	}
}

// What was verified on delivery is read again if it is another version by the
// time all is compared, whatever its size and time.
func TestRun_ComparesVersionsThatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	b.job.Options.VerifyMode = "POINT_IN_TIME_CONSISTENT"
	put(b.src, map[string]string{"a": "12345", "b": "12345"})
	var lists atomic.Int64
	b.src.SetFault(func(op storagetest.Op, path string) error {
		if op == storagetest.OpList && path == "" && lists.Add(1) == 2 {
			put(b.src, map[string]string{"a": "54321"})
		}
		return nil
	})
	res := b.run()
	if b.code("a") != engine.ChecksumMismatch || b.code("b") != "" || res.Code != engine.VerificationFailed {
		t.Errorf("a: %q, b: %q, result %s", b.code("a"), b.code("b"), res.Code)
	}
}
