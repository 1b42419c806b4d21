package source_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/storage/s3/s3test"
)

// gateway runs the embedded S3. There can be one in a process.
func gateway(t *testing.T) endpoint {
	t.Helper()
	g, err := s3test.StartGateway(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
	})
	return endpoint{g.Endpoint, g.AccessKey, g.SecretKey}
}

// endpoint is an S3 and its keys.
type endpoint struct{ url, key, secret string }

// counter counts the requests of a client.
type counter struct{ n atomic.Int64 }

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(r)
}

// client returns an SDK client of the endpoint and a count of its requests.
func (e endpoint) client() (*s3.Client, *counter) {
	var c counter
	return s3.New(s3.Options{
		BaseEndpoint: &e.url, Region: "us-east-1", UsePathStyle: true, RetryMaxAttempts: 1,
		HTTPClient:  &http.Client{Transport: &c},
		Credentials: credentials.NewStaticCredentialsProvider(e.key, e.secret, ""),
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

// stub is an S3 that answers what reply says, over HTTP.
func stub(t *testing.T, reply func(r *http.Request) (status int, body string)) *s3.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body := reply(r)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	c, _ := endpoint{server.URL, "AK", "secret"}.client()
	return c
}

// direct answers requests without a network.
type direct func(r *http.Request) (status int, body string)

func (d direct) Do(r *http.Request) (*http.Response, error) {
	status, body := d(r)
	return &http.Response{
		StatusCode: status, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body)), Request: r,
		Header: http.Header{"Content-Type": {"application/xml"}},
	}, nil
}

// s3Of is a client of an S3 that answers what reply says, without a network.
func s3Of(reply direct) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String("http://127.0.0.1:1"), Region: "us-east-1", UsePathStyle: true, HTTPClient: reply,
		Credentials: credentials.NewStaticCredentialsProvider("AK", "secret", ""),
	})
}
