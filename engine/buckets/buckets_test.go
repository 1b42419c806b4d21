// Package buckets_test runs the engine between folders and the buckets of a
// real S3 service. It is a folder of its own so that the engine's fuzz targets
// do not link, and instrument, that service.
package buckets_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
	"github.com/hikyaku/hikyaku/storage/s3"
	"github.com/hikyaku/hikyaku/storage/s3/s3test"
)

func clock() time.Time { return time.Now() }

// folder returns a driver over a folder.
func folder(tb testing.TB, dir string) *local.Driver {
	tb.Helper()
	d, err := local.New(dir, local.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// write makes files; a path with a trailing slash is an empty folder.
func write(tb testing.TB, dir string, tree map[string]string) {
	tb.Helper()
	for p, content := range tree {
		name := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(name+"x"), 0o750); err != nil {
			tb.Fatal(err)
		}
		if strings.HasSuffix(p, "/") {
			if err := os.MkdirAll(name, 0o750); err != nil {
				tb.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// onDisk reads everything below dir: files by content, folders as "/".
func onDisk(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	tree := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		switch {
		case err != nil || rel == ".":
			return err
		case e.IsDir():
			tree[filepath.ToSlash(rel)] = "/"
			return nil
		}
		content, err := os.ReadFile(path) //nolint:gosec // below the test's own folder
		tree[filepath.ToSlash(rel)] = string(content)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return tree
}

// bucket makes a bucket and a driver over it.
func bucket(tb testing.TB, g *s3test.Gateway, name string) storage.Driver {
	tb.Helper()
	if err := g.MakeBucket(name); err != nil {
		tb.Fatal(err)
	}
	d, err := s3.New(s3.Options{
		Endpoint: g.Endpoint, Region: g.Region, Bucket: name, PathStyle: true, PartSize: 5 << 20, Now: clock,
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKey, g.SecretKey, ""),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// TestRun_ThroughBuckets carries a tree from a folder to a bucket, to another
// bucket and back to a folder, by a real S3 service.
func TestRun_ThroughBuckets(t *testing.T) {
	g, err := s3test.StartGateway(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	}()
	first, last := t.TempDir(), t.TempDir()
	write(t, first, map[string]string{
		"a": "1", "a-b": "", "d/e/f": strings.Repeat("x", 300_000), "d/big": strings.Repeat("0123456789abcde\n", 1<<20), "empty/": "", "ünï cödé/+ &": "3",
	})
	one, two := bucket(t, g, "bucket-one"), bucket(t, g, "bucket-two")
	stops := []storage.Driver{folder(t, first), one, two, folder(t, last)}
	for _, mode := range []string{"ONLY_FILES_TRANSFERRED", "POINT_IN_TIME_CONSISTENT"} {
		for i := range len(stops) - 1 {
			job := engine.Job{
				Execution: "exec-1", Source: stops[i], Destination: stops[i+1], Now: clock, CRC64: crc64nvme.New,
				Options: engine.Options{VerifyMode: mode, UID: "NONE", GID: "NONE", PreserveDeletedFiles: "REMOVE"},
			}
			res, err := engine.Run(t.Context(), job, nil)
			if err != nil || res.Code != "" {
				t.Fatalf("%s to %s: %v, %s, %+v", stops[i].Properties().Name, stops[i+1].Properties().Name, err, res.Detail, res.FirstErrors)
			}
			if c := res.Counters; mode == "POINT_IN_TIME_CONSISTENT" && (c.FilesTransferred != 0 || c.FilesVerified != 9) {
				t.Errorf("%s to %s again: %+v", stops[i].Properties().Name, stops[i+1].Properties().Name, c)
			}
		}
	}
	carryTags(t, one, two)
	want, got := onDisk(t, first), onDisk(t, last)
	maps.DeleteFunc(got, func(p, _ string) bool { return strings.HasPrefix(p, storage.WorkFolder) })
	if !maps.Equal(got, want) {
		t.Errorf("came back as\n%.2000v\nwant\n%.2000v", got, want)
	}
}

// carryTags sends tagged objects, one small and one in parts, between buckets.
func carryTags(t *testing.T, from, to storage.Driver) {
	t.Helper()
	reader, ok := to.(storage.TagReader)
	if !ok {
		t.Fatal("a bucket reads no tags")
	}
	tags := map[string]string{"owner": "a+b = c/d", "class 2": ""}
	st, err := from.Stage(t.Context(), "tagging")
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]int{"tagged/small": 10, "tagged/big": 11 << 20}
	for path, size := range paths {
		e := storage.Entry{Path: path, Size: int64(size), Object: &storage.Object{Tags: tags}}
		f, err := st.Create(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		for at := 0; at < size; at += 5 << 20 {
			n := min(5<<20, size-at)
			if err := f.WritePart(t.Context(), int64(at), int64(n), strings.NewReader(strings.Repeat("t", n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"NONE", "PRESERVE"} {
		job := engine.Job{
			Execution: "exec-1", Source: from, Destination: to, Now: clock, CRC64: crc64nvme.New, Includes: "/tagged",
			Options: engine.Options{TransferMode: "ALL", ObjectTags: mode},
		}
		if res, err := engine.Run(t.Context(), job, nil); err != nil || res.Code != "" {
			t.Fatalf("%v, %+v", err, res.FirstErrors)
		}
		want := tags
		if mode == "NONE" {
			want = map[string]string{}
		}
		for path := range paths {
			got, err := reader.Tags(t.Context(), path)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("ObjectTags %s: tags of %s: %q, %v", mode, path, got, err)
			}
		}
	}
}
