package engine_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The gateway's HTTP server ends these only when they next wake up.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// bench is a source, a destination and what a run between them reported.
type bench struct {
	t        *testing.T
	src, dst *storagetest.Memory
	job      engine.Job

	mu    sync.Mutex
	files []engine.FileResult
}

func objects() storagetest.MemoryOptions { return storagetest.MemoryOptions{Objects: true} }
func files() storagetest.MemoryOptions   { return storagetest.MemoryOptions{} }

func newBench(t *testing.T, src, dst storagetest.MemoryOptions) *bench {
	t.Helper()
	b := &bench{t: t, src: storagetest.NewMemory(src), dst: storagetest.NewMemory(dst)}
	b.job = engine.Job{
		Execution: "exec-1", Source: b.src, Destination: b.dst,
		Options: engine.Options{VerifyMode: "ONLY_FILES_TRANSFERRED"},
		Now:     clock,
		Random:  func() float64 { return 0 },
		OnFile: func(f engine.FileResult) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.files = append(b.files, f)
		},
	}
	return b
}

// clock is the machine's, or the bubble's in a synctest.
func clock() time.Time { return time.Now() }

// put stores files at a store; a path with a trailing slash is a directory.
func put(m *storagetest.Memory, tree map[string]string) {
	for _, path := range slices.Sorted(maps.Keys(tree)) {
		e := storage.Entry{Path: path, ModTime: time.Unix(1_600_000_000, 0)}
		if strings.HasSuffix(path, "/") {
			e.Kind = storage.Dir
		}
		m.Put(e, tree[path])
	}
}

// run runs the job and checks what holds for every run.
func (b *bench) run() engine.Result {
	b.t.Helper()
	res, err := b.try()
	if err != nil {
		b.t.Fatalf("run: %v", err)
	}
	return res
}

func (b *bench) try() (engine.Result, error) {
	b.t.Helper()
	b.files = nil
	progress := new(engine.Progress)
	res, err := engine.Run(b.t.Context(), b.job, progress)
	if n := b.dst.Staged(); n != 0 {
		b.t.Errorf("%d files left staged", n)
	}
	if n := b.dst.Stages(); n != 0 {
		b.t.Errorf("%d stages left open", n)
	}
	if _, c := progress.Snapshot(); c != res.Counters {
		b.t.Errorf("progress %+v differs from result %+v", c, res.Counters)
	}
	return res, err
}

// tree returns the files of a store, without directories.
func tree(m *storagetest.Memory) map[string]string {
	t := m.Tree()
	maps.DeleteFunc(t, func(p, _ string) bool { return strings.HasSuffix(p, "/") })
	return t
}

func (b *bench) wantTree(want map[string]string) {
	b.t.Helper()
	if got := tree(b.dst); !maps.Equal(got, want) {
		b.t.Errorf("destination holds %q, want %q", got, want)
	}
}

// code returns the code reported for path.
func (b *bench) code(path string) engine.Code {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.files {
		if f.Path == path && f.Err != nil {
			return f.Code
		}
	}
	return ""
}

func TestRun_CopiesObjectsToFiles(t *testing.T) {
	t.Parallel()
	b := newBench(t, objects(), files())
	want := map[string]string{"A-123/a": "alpha", "A-123/sub/b": strings.Repeat("b", 300_000), "A-123/empty": ""}
	put(b.src, want)
	put(b.src, map[string]string{"A-12/no": "no", "A-1234/no": "no"})
	b.job.Includes = "/A-123/*"
	res := b.run()
	b.wantTree(want)
	c := res.Counters
	if c.FilesTransferred != 5 || c.FilesVerified != 5 || c.BytesTransferred != 300_005 || c.BytesWritten != 300_005 || c.EstimatedFilesToTransfer != 5 {
		t.Errorf("counters %+v", c)
	}
	if res.Code != "" || res.Detail != "" {
		t.Errorf("result %s %q", res.Code, res.Detail)
	}
	res = b.run()
	if c := res.Counters; c.FilesTransferred != 0 || c.FilesSkipped != 5 || c.BytesTransferred != 0 {
		t.Errorf("second run transferred: %+v", c)
	}
}

func TestRun_CopiesLargeFilesInParts(t *testing.T) {
	t.Parallel()
	opts := objects()
	opts.PartSize = 1000
	b := newBench(t, files(), opts)
	content := strings.Repeat("0123456789abcdefg", 1000)
	put(b.src, map[string]string{"big": content, "one": content[:1000], "more": content[:1001]})
	b.run()
	b.wantTree(map[string]string{"big": content, "one": content[:1000], "more": content[:1001]})
}

func TestRun_KeepsToTheFilesPartSize(t *testing.T) {
	t.Parallel()
	opts := objects()
	opts.PartSize, opts.MaxParts = 1000, 3
	b := newBench(t, files(), opts)
	content := strings.Repeat("0123456789abcdefg", 1000)
	put(b.src, map[string]string{"big": content, "fits": content[:3000], "more": content[:3001]})
	b.run()
	b.wantTree(map[string]string{"big": content, "fits": content[:3000], "more": content[:3001]})
}

func TestRun_VerifiesWhatTheStoreKept(t *testing.T) {
	t.Parallel()
	for _, kind := range []storagetest.MemoryOptions{files(), objects()} {
		b := newBench(t, files(), kind)
		put(b.src, map[string]string{"bad": "content", "good": "content"})
		b.dst.SetTamper(func(path string, content []byte) []byte {
			if path != "bad" {
				return content
			}
			return append([]byte("X"), content[1:]...)
		})
		res := b.run()
		b.wantTree(map[string]string{"good": "content"})
		if res.Counters.FailedVerify != 1 || b.code("bad") != engine.ChecksumMismatch || res.Code != engine.VerificationFailed {
			t.Errorf("bad content: %+v, code %s, result %s", res.Counters, b.code("bad"), res.Code)
		}
	}
}

func TestRun_EndsWhenCancelled(t *testing.T) {
	t.Parallel()
	b := newBench(t, files(), files())
	put(b.src, map[string]string{"a": "1", "b": "2"})
	ctx, cancel := context.WithCancel(t.Context())
	b.src.SetFault(func(op storagetest.Op, _ string) error {
		if op == storagetest.OpRead {
			cancel()
		}
		return nil
	})
	if _, err := engine.Run(ctx, b.job, nil); err == nil {
		t.Fatal("cancelled run ended without error")
	}
	b.wantTree(map[string]string{})
	if b.dst.Staged() != 0 || b.dst.Stages() != 0 {
		t.Error("something is left staged")
	}
}
