package s3_test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// gateway starts the process's one gateway when the first test asks for it.
type gateway struct {
	once    sync.Once
	folder  string
	running *storagetest.Gateway
	err     error
	buckets atomic.Int64
}

var shared gateway

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

func (g *gateway) start(t testing.TB) *storagetest.Gateway {
	t.Helper()
	g.once.Do(func() {
		if g.folder, g.err = os.MkdirTemp("", "hikyaku-gateway-"); g.err == nil {
			g.running, g.err = storagetest.StartGateway(g.folder)
		}
	})
	if g.err != nil {
		t.Fatal(g.err)
	}
	return g.running
}

// options are those of a new bucket on the gateway.
func options(t testing.TB) s3.Options {
	t.Helper()
	g := shared.start(t)
	bucket := fmt.Sprintf("bucket-%d", shared.buckets.Add(1))
	if err := g.MakeBucket(bucket); err != nil {
		t.Fatal(err)
	}
	return s3.Options{
		Endpoint: g.Endpoint, Region: g.Region, Bucket: bucket, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKey, g.SecretKey, ""),
		PartSize:    5 << 20, Now: time.Now,
	}
}

func open(t testing.TB, o s3.Options) *s3.Driver {
	t.Helper()
	d, err := s3.New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("Close: %v", err)
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
