package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"hash"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
	"github.com/hikyaku/hikyaku/storage/s3"
)

// s3Access says how buckets are reached. Without key the AWS credential chain
// holds, without endpoint AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or Amazon.
type s3Access struct {
	endpoint, region, profile string
	key                       *accessKey
}

// open opens a bucket below a prefix.
func (a s3Access) open(ctx context.Context, bucket, prefix string) (storage.Driver, error) {
	o := s3.Options{Endpoint: a.endpoint, Region: a.region, Bucket: bucket, Prefix: prefix, Now: time.Now}
	if a.key != nil {
		o.Credentials = credentials.NewStaticCredentialsProvider(a.key.AccessKeyID, a.key.SecretAccessKey, "")
	} else {
		cfg, err := loadAWS(ctx, a.region, a.profile)
		if err != nil {
			return nil, err
		}
		o.Credentials = cfg.Credentials
		if o.Region == "" {
			o.Region = cfg.Region
		}
		if o.Endpoint == "" {
			o.Endpoint = endpointFromEnv(cfg)
		}
	}
	if o.Region == "" {
		o.Region = defaultRegion
	}
	o.PathStyle = o.Endpoint != ""
	return s3.New(o)
}

// endpointFromEnv is the endpoint that the SDK's own configuration names.
func endpointFromEnv(cfg aws.Config) string {
	if v := os.Getenv("AWS_ENDPOINT_URL_S3"); v != "" {
		return v
	}
	return aws.ToString(cfg.BaseEndpoint)
}

// openFolder opens a folder of this machine.
func openFolder(path string) (storage.Driver, error) { return local.New(path, local.Options{}) }

// newCRC64 makes the checksum that object stores keep beside their objects.
func newCRC64() hash.Hash64 { return crc64nvme.New() }

// runEngine is engine.Run with the fast checksum.
func runEngine(ctx context.Context, job engine.Job, progress *engine.Progress) (engine.Result, error) {
	job.CRC64 = newCRC64
	return engine.Run(ctx, job, progress)
}

// opener opens the mover's locations.
type opener struct{ server *server }

// policy lets object-storage locations name any address but link-local ones:
// whoever may create locations here holds the operator's key of this machine.
func (*opener) policy() mover.EndpointPolicy {
	return mover.EndpointPolicy{Allow: func(netip.Addr) bool { return true }}
}

func (o *opener) open(ctx context.Context, l mover.Location) (storage.Driver, error) {
	switch l.Type {
	case mover.TypeFile:
		return openFolder(l.Path)
	case mover.TypeS3:
		return o.server.s3Access().open(ctx, l.Bucket, l.Prefix)
	case mover.TypeObjectStorage:
		client, err := o.guardedClient(l.Certificate)
		if err != nil {
			return nil, err
		}
		scheme := "https"
		if l.Protocol == "HTTP" {
			scheme = "http"
		}
		return s3.New(s3.Options{
			Endpoint: scheme + "://" + net.JoinHostPort(l.Server, strconv.Itoa(l.Port)), Region: o.server.region(),
			Bucket: l.Bucket, Prefix: l.Prefix, PathStyle: true, Now: time.Now, HTTPClient: client,
			Credentials: credentials.NewStaticCredentialsProvider(l.AccessKey, l.SecretKey.Reveal(), ""),
		})
	}
	return nil, fmt.Errorf("location type %s has no driver", l.Type)
}

// guardedClient refuses addresses that the policy denies at the moment of
// dialling, and trusts the location's own certificate besides the system's.
func (o *opener) guardedClient(certificate []byte) (*http.Client, error) {
	client := keptAlive(64)
	t, ok := client.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("no transport to guard")
	}
	t.DialContext = (&net.Dialer{Timeout: 10 * time.Second, Control: o.policy().Control}).DialContext
	t.DisableCompression = true
	if len(certificate) > 0 {
		roots, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("load the system's certificates: %w", err)
		}
		if !roots.AppendCertsFromPEM(certificate) {
			return nil, errors.New("server certificate is not PEM")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return client, nil
}

// s3Access is how this server reaches the buckets of its routes.
func (s *server) s3Access() s3Access {
	if s.cfg.S3.Endpoint == embedded {
		key := s.keys.admin()
		return s3Access{endpoint: s.endpoints.S3, region: s.region(), key: &key}
	}
	return s3Access{endpoint: s.cfg.S3.Endpoint, region: s.cfg.S3.Region, profile: s.cfg.S3.Profile}
}

// controlS3 is the control plane's client for looking at sources.
func (s *server) controlS3(ctx context.Context) (*s3sdk.Client, error) {
	if s.cfg.S3.Endpoint == embedded {
		return s.s3Client(), nil
	}
	cfg, err := loadAWS(ctx, s.cfg.S3.Region, s.cfg.S3.Profile)
	if err != nil {
		return nil, err
	}
	return s3sdk.NewFromConfig(cfg, func(o *s3sdk.Options) {
		if s.cfg.S3.Endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = aws.String(s.cfg.S3.Endpoint), true
		}
	}), nil
}

// http is a client that keeps its connections until Stop.
func (s *server) http() *http.Client {
	c := keptAlive(64)
	s.onStop(func(context.Context) error { c.CloseIdleConnections(); return nil })
	return c
}

// keptAlive is an HTTP client that keeps n connections to a host.
func keptAlive(n int) *http.Client {
	return &http.Client{Transport: &http.Transport{
		MaxIdleConns: n, MaxIdleConnsPerHost: n, IdleConnTimeout: time.Minute, ResponseHeaderTimeout: time.Minute,
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
	}}
}
