package engine_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// modelFile is a file of the model: what decides whether it counts as changed.
type modelFile struct {
	content string
	mtime   int64
}

func drawTree(rt *rapid.T, label string) map[string]modelFile {
	names := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a-", "a0", "x.tmp", "é"}), 1, 3)
	tree := map[string]modelFile{}
	for range rapid.IntRange(0, 12).Draw(rt, label+" files") {
		path := strings.Join(names.Draw(rt, label+" path"), "/")
		if clashes(tree, path) {
			continue
		}
		tree[path] = modelFile{
			content: rapid.SampledFrom([]string{"", "1", "2", "33", strings.Repeat("4", 25)}).Draw(rt, label+" content"),
			mtime:   rapid.Int64Range(1_600_000_000, 1_600_000_001).Draw(rt, label+" mtime"),
		}
	}
	return tree
}

// clashes reports whether path would be below a file, or a directory.
func clashes(tree map[string]modelFile, path string) bool {
	for p := range tree {
		if strings.HasPrefix(p, path+"/") || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

func fill(m *storagetest.Memory, tree map[string]modelFile) {
	for _, p := range slices.Sorted(maps.Keys(tree)) {
		m.Put(storage.Entry{Path: p, ModTime: time.Unix(tree[p].mtime, 0)}, tree[p].content)
	}
}

// model says what the destination must hold after a run between file stores.
func model(rt *rapid.T, src, dst map[string]modelFile, job engine.Job) map[string]string {
	includes, err := engine.ParseFilter(job.Includes, true)
	if err != nil {
		rt.Fatal(err)
	}
	excludes, err := engine.ParseFilter(job.Excludes, false)
	if err != nil {
		rt.Fatal(err)
	}
	selected := func(p string) bool {
		return (includes.Empty() || includes.Match(p, false)) && !excludes.Match(p, false)
	}
	want := map[string]string{}
	for p, f := range dst {
		_, stays := src[p]
		if stays || job.Options.PreserveDeletedFiles != "REMOVE" || !selected(p) {
			want[p] = f.content
		}
	}
	blocked := maps.Clone(want)
	for p, f := range src {
		old, exists := dst[p]
		same := exists && len(old.content) == len(f.content) && old.mtime == f.mtime
		clash := false
		for q := range blocked {
			clash = clash || strings.HasPrefix(q, p+"/") || strings.HasPrefix(p, q+"/")
		}
		switch {
		case !selected(p) || clash:
		case exists && job.Options.OverwriteMode == "NEVER":
		case same && job.Options.TransferMode != "ALL":
		default:
			want[p] = f.content
		}
	}
	return want
}

func TestRun_LeavesWhatTheModelSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		src, dst := drawTree(rt, "source"), drawTree(rt, "destination")
		opts := files()
		opts.PartSize = rapid.SampledFrom([]int64{0, 10}).Draw(rt, "part size")
		b := &bench{t: t, src: storagetest.NewMemory(files()), dst: storagetest.NewMemory(opts)}
		fill(b.src, src)
		fill(b.dst, dst)
		b.job = engine.Job{
			Execution: "e", Source: b.src, Destination: b.dst, Now: clock, Random: func() float64 { return 0 },
			Concurrency: rapid.IntRange(0, 3).Draw(rt, "concurrency"),
			Includes:    rapid.SampledFrom([]string{"", "/a/*", "/a", "/a*|/b/*", "/a-/*|/a"}).Draw(rt, "includes"),
			Excludes:    rapid.SampledFrom([]string{"", "*.tmp", "/b", "*/b/*"}).Draw(rt, "excludes"),
			Options: engine.Options{
				VerifyMode:           rapid.SampledFrom([]string{"NONE", "ONLY_FILES_TRANSFERRED", ""}).Draw(rt, "verify"),
				TransferMode:         rapid.SampledFrom([]string{"CHANGED", "ALL"}).Draw(rt, "transfer"),
				OverwriteMode:        rapid.SampledFrom([]string{"ALWAYS", "NEVER"}).Draw(rt, "overwrite"),
				PreserveDeletedFiles: rapid.SampledFrom([]string{"PRESERVE", "REMOVE"}).Draw(rt, "deleted"),
			},
		}
		if b.job.Options.TransferMode == "ALL" {
			b.job.Options.PreserveDeletedFiles = "PRESERVE"
		}
		res := b.run()
		want := model(rt, src, dst, b.job)
		if got := tree(b.dst); !maps.Equal(got, want) {
			rt.Fatalf("options %+v includes %q excludes %q: destination holds %q, want %q\nerrors %+v",
				b.job.Options, b.job.Includes, b.job.Excludes, got, want, res.FirstErrors)
		}
		if c := res.Counters; c.FilesDeleted != c.EstimatedFilesToDelete || c.FailedDelete != 0 {
			rt.Fatalf("counters %+v", c)
		}
		for p, content := range tree(b.src) {
			if content != src[p].content {
				rt.Fatalf("source changed at %s", p)
			}
		}
		again := b.run().Counters
		if b.job.Options.TransferMode != "ALL" && again.FilesTransferred+again.FilesDeleted != 0 {
			rt.Fatalf("second run found something to do: %+v %+v", again, b.files)
		}
	})
}
