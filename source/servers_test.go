package source_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
	"github.com/versity/versitygw/s3api"

	"github.com/hikyaku/hikyaku"
)

// gateway runs the embedded S3 and returns its URL. There can be one in a process.
func gateway(t *testing.T) string {
	t.Helper()
	root, sidecar := t.TempDir(), t.TempDir()
	t.Chdir(root) // where the gateway takes the process anyway
	metadata, err := meta.NewSideCar(sidecar)
	if err != nil {
		t.Fatal(err)
	}
	backend, err := posix.New(root, metadata, posix.PosixOpts{SideCarDir: sidecar})
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	listening, done := make(chan struct{}), make(chan error, 1)
	go func() {
		done <- embedgw.RunVersityGW(ctx, backend, &embedgw.Config{
			RootUserAccess: "AKADMIN", RootUserSecret: "secret", Region: "us-east-1", Ports: []string{address},
			KeepAlive: true, Quiet: true, MaxConnections: 100, MaxRequests: 100, MultipartMaxParts: 10000,
			S3Options: []s3api.Option{s3api.WithOnListen(func() { close(listening) })},
		})
	}()
	t.Cleanup(func() {
		cancel()
		<-done // its error is that it was cancelled
	})
	select {
	case <-listening:
	case err := <-done:
		t.Fatalf("gateway ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("gateway does not listen")
	}
	return "http://" + address
}

// counter counts the requests of a client.
type counter struct{ n atomic.Int64 }

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// client returns an SDK client of the endpoint and a count of its requests.
func client(url, key string) (*s3.Client, *counter) {
	var c counter
	return s3.New(s3.Options{
		BaseEndpoint: &url, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		HTTPClient:  &http.Client{Transport: &c},
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	}), &c
}

// bucket makes a bucket that holds the keys, each with its own name as content.
func bucket(t *testing.T, c *s3.Client, name string, keys ...string) {
	t.Helper()
	if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatalf("create bucket %s: %v", name, err)
	}
	for _, key := range keys {
		content := key
		if strings.HasSuffix(key, "/") {
			content = ""
		}
		if _, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader(content)}); err != nil {
			t.Fatalf("put %s: %v", key, err)
		}
	}
}

// route is a route whose source is the folder orders/ of the bucket.
func route(bucket, include string) hikyaku.Route {
	return hikyaku.Route{Name: "orders", Source: "s3://" + bucket + "/orders/", Include: include}
}

// stub is an S3 that lists what reply says, whatever it is asked.
func stub(t *testing.T, reply func(r *http.Request) (status int, body string)) *s3.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := reply(r)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	c, _ := client(server.URL, "AK")
	return c
}
