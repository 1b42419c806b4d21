package s3test_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
	"github.com/hikyaku/hikyaku/storage/s3/s3test"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// gateway starts the process's one gateway when the first test asks for it.
type gateway struct {
	once    sync.Once
	folder  string
	running *s3test.Gateway
	err     error
	buckets atomic.Int64
}

var shared gateway //nolint:gochecknoglobals // one service per process is all there can be

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.running != nil {
		if err := shared.running.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		_ = os.RemoveAll(shared.folder)
	}
	os.Exit(code)
}

func (g *gateway) start(tb testing.TB) *s3test.Gateway {
	tb.Helper()
	g.once.Do(func() {
		if g.folder, g.err = os.MkdirTemp("", "hikyaku-gateway-"); g.err == nil { //nolint:usetesting // outlives the test that starts it
			g.running, g.err = s3test.StartGateway(g.folder)
		}
	})
	if g.err != nil {
		tb.Fatal(g.err)
	}
	return g.running
}

// options are those of a new bucket on the gateway.
func options(tb testing.TB) s3.Options {
	tb.Helper()
	g := shared.start(tb)
	bucket := fmt.Sprintf("bucket-%d", shared.buckets.Add(1))
	if err := g.MakeBucket(bucket); err != nil {
		tb.Fatal(err)
	}
	return s3.Options{
		Endpoint: g.Endpoint, Region: g.Region, Bucket: bucket, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKey, g.SecretKey, ""),
		PartSize:    5 << 20, Now: time.Now,
	}
}

func open(tb testing.TB, o s3.Options) *s3.Driver {
	tb.Helper()
	d, err := s3.New(o)
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return d
}

func TestDriver_Conformance(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "some folder/déjà+vu/"} {
		t.Run("prefix "+prefix, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, storagetest.Harness{
				Open: func(t *testing.T) storage.Driver {
					t.Helper()
					o := options(t)
					o.Prefix = prefix
					return open(t, o)
				},
				Refuses: gatewayRefuses,
			})
		})
	}
}

// gatewayRefuses are names that S3 knows and the gateway, which keeps objects
// as files, does not.
func gatewayRefuses(name string) bool {
	return strings.Contains(name, "\x00")
}

func TestDriver_ConformanceCRC32C(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Open: func(t *testing.T) storage.Driver {
			t.Helper()
			o := options(t)
			o.Algorithm = storage.CRC32C
			o.PageSize = 100
			return open(t, o)
		},
		Refuses: gatewayRefuses,
		Many:    250,
	})
}

func TestDriver_ConformanceNoChecksums(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, storagetest.Harness{
		Open: func(t *testing.T) storage.Driver {
			t.Helper()
			o := options(t)
			o.NoChecksums = true
			o.PageSize = 7
			return open(t, o)
		},
		Refuses: gatewayRefuses,
		Many:    50,
	})
}

// The service keeps the checksum of the whole object, also of a multipart
// upload, and returns it with the content.
func TestDriver_storedChecksum(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []storage.Algorithm{storage.CRC64NVME, storage.CRC32C} {
		o := options(t)
		o.Algorithm = algorithm
		d := open(t, o)
		st := begin(t, d)
		content := bytes.Repeat([]byte("hikyaku!"), (2*partSize+800)/8)
		for path, n := range map[string]int{"small": 1000, "large": len(content)} {
			upload(t, st, path, content[:n])
			e, err := d.Stat(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := d.Open(t.Context(), e, 0, -1)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(c.Body); err != nil || !bytes.Equal(got, content[:n]) {
				t.Errorf("%s: read %d bytes, %v", path, len(got), err)
			}
			if err := c.Body.Close(); err != nil {
				t.Error(err)
			}
			if want := sumOf(algorithm, content[:n]); c.Sum != want {
				t.Errorf("%s: Sum %v, want %v", path, c.Sum, want)
			}
		}
	}
}

func begin(t *testing.T, d *s3.Driver) storage.Stage {
	t.Helper()
	st, err := d.Stage(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// upload stores content through all steps.
func upload(t *testing.T, st storage.Stage, path string, content []byte) {
	t.Helper()
	e := storage.Entry{Path: path, Size: int64(len(content))}
	f, err := st.Create(t.Context(), e)
	for off := 0; err == nil && off < len(content); off += partSize {
		part := content[off:min(off+partSize, len(content))]
		err = f.WritePart(t.Context(), int64(off), int64(len(part)), bytes.NewReader(part))
	}
	if err == nil {
		err = f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{})
	}
	if err != nil {
		t.Fatalf("store %s: %v", path, err)
	}
}

const partSize = 5 << 20

func sumOf(a storage.Algorithm, b []byte) storage.Sum {
	s := storage.Sum{Algorithm: a}
	if a == storage.CRC32C {
		binary.BigEndian.PutUint32(s.Value[:4], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	} else {
		binary.BigEndian.PutUint64(s.Value[:], crc64nvme.Checksum(b))
	}
	return s
}
