package s3

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/hikyaku/hikyaku/storage"
)

// Sizes and counts that S3 itself sets.
const (
	minPart  = 5 << 20
	maxParts = 10_000
	maxKey   = 1024
	// maxObject is the largest object S3 takes today.
	maxObject = 50 << 40
)

// Options describe a location. Bucket and Now are required.
type Options struct {
	// Endpoint is the service's URL; empty is Amazon's of the region.
	Endpoint string
	// Region is what requests are signed for; empty is us-east-1.
	Region string
	Bucket string
	// Prefix is the folder in the bucket that is the location's root; a
	// slash at its end is added if missing.
	Prefix string
	// PathStyle puts the bucket into the path instead of the host name, as
	// most servers other than Amazon's want it.
	PathStyle bool
	// Credentials sign the requests; nil sends them unsigned.
	Credentials aws.CredentialsProvider
	// HTTPClient replaces the driver's own, which Close then leaves open.
	HTTPClient *http.Client
	// PartSize is the unit of multipart uploads and the largest object
	// stored by one PUT; 0 is 8 MiB, less than 5 MiB is refused.
	PartSize int64
	// PageSize is the number of keys asked for per listing request; 0 is 1,000.
	PageSize int
	// Attempts is how often a request that can be repeated is tried; 0 is 4.
	Attempts int
	// Algorithm is the checksum objects are stored with; zero is CRC64NVME.
	Algorithm storage.Algorithm
	// NoChecksums leaves out the checksum headers, for servers that do not
	// know them; the store then verifies nothing.
	NoChecksums bool
	// Now is the clock that requests are dated by.
	Now func() time.Time
	// Rand returns numbers in [0, 1) for the back-off's jitter; nil is
	// math/rand. It may be called concurrently.
	Rand func() float64
	// Wait pauses before another attempt; nil is a timer. It returns early
	// with an error when ctx ends.
	Wait func(ctx context.Context, d time.Duration) error
}

// Driver is one bucket, or a folder in it. See [storage.Driver].
type Driver struct {
	opts    Options
	scheme  string
	host    string
	base    string // path of the bucket: "" or "/bucket"
	baseRaw string // the same, escaped
	props   storage.Properties
	client  *http.Client
	own     *http.Transport
	creds   aws.CredentialsProvider
	signer  *v4.Signer
	buffers bufferPool
}

var (
	_ storage.Driver    = (*Driver)(nil)
	_ storage.Prober    = (*Driver)(nil)
	_ storage.Summer    = (*Driver)(nil)
	_ storage.TagReader = (*Driver)(nil)
	_ storage.Versioner = (*Driver)(nil)
	_ storage.PartSizer = (*largeFile)(nil)
)

// New returns a driver for a bucket. It connects to nothing.
func New(opts Options) (*Driver, error) {
	if err := opts.complete(); err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", opts.Bucket, err)
	}
	d := &Driver{opts: opts, client: opts.HTTPClient}
	if err := d.address(); err != nil {
		return nil, fmt.Errorf("open bucket %q: %w", opts.Bucket, err)
	}
	if d.client == nil {
		d.own = newTransport()
		d.client = &http.Client{
			Transport:     d.own,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	if opts.Credentials != nil {
		d.creds = aws.NewCredentialsCache(opts.Credentials)
	}
	d.signer = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	d.props = storage.Properties{
		Scheme:          "s3",
		Name:            "s3://" + opts.Bucket + "/" + opts.Prefix,
		Root:            d.scheme + "://" + strings.ToLower(d.host) + d.base + "/" + opts.Prefix,
		PartSize:        opts.PartSize,
		MaxFile:         maxObject,
		UserMetadata:    true,
		Atomic:          true,
		VisibleAtFinish: true,
		StoreVerifies:   !opts.NoChecksums,
	}
	return d, nil
}

// complete fills in defaults and refuses what cannot work.
func (o *Options) complete() error {
	o.Prefix = strings.TrimPrefix(o.Prefix, "/")
	if o.Prefix != "" && !strings.HasSuffix(o.Prefix, "/") {
		o.Prefix += "/"
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.PartSize == 0 {
		o.PartSize = 8 << 20
	}
	if o.PageSize == 0 {
		o.PageSize = 1000
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.Algorithm == storage.NoSum {
		o.Algorithm = storage.CRC64NVME
	}
	if o.Rand == nil {
		o.Rand = rand.Float64
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	switch {
	case o.Bucket == "":
		return errors.New("no bucket given")
	case strings.ContainsAny(o.Bucket, "/?#%\\ "):
		return errors.New("no bucket's name")
	case o.Now == nil:
		return errors.New("no clock given")
	case o.Algorithm != storage.CRC64NVME && o.Algorithm != storage.CRC32C:
		return fmt.Errorf("checksum algorithm %d is not known", o.Algorithm)
	case o.PartSize < minPart:
		return fmt.Errorf("part size %d is below 5 MiB", o.PartSize)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// address works out host and path of the bucket.
func (d *Driver) address() error {
	o := &d.opts
	endpoint := o.Endpoint
	if endpoint == "" {
		endpoint = "https://s3." + o.Region + ".amazonaws.com"
		// A dot in the name would not match the certificate's wildcard.
		o.PathStyle = o.PathStyle || strings.Contains(o.Bucket, ".")
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return err
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("endpoint %q is no http or https address", endpoint)
	}
	d.scheme, d.host, d.base = u.Scheme, u.Host, strings.TrimSuffix(u.Path, "/")
	if o.PathStyle {
		d.base += "/" + o.Bucket
	} else {
		d.host = o.Bucket + "." + d.host
	}
	d.baseRaw = escapePath(d.base)
	return nil
}

// newTransport keeps many connections alive and speaks HTTP/1.1 only, because
// one HTTP/2 connection would carry everything.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer().DialContext,
		Protocols:             protocols,
		MaxIdleConns:          0,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       55 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true,
		ReadBufferSize:        32 << 10,
		WriteBufferSize:       64 << 10,
	}
}

// Properties states what object stores can do.
func (d *Driver) Properties() storage.Properties { return d.props }

// Close closes idle connections.
func (d *Driver) Close() error {
	if d.own != nil {
		d.own.CloseIdleConnections()
	}
	return nil
}

// Probe lists one key and, with write, stores and deletes a small object in
// the work folder.
func (d *Driver) Probe(ctx context.Context, write bool) error {
	if _, err := d.page(ctx, d.opts.Prefix, "", 1); err != nil {
		return pathError("probe", "", err)
	}
	if !write {
		return nil
	}
	key := d.opts.Prefix + storage.WorkFolder + "/probe"
	put := request{method: http.MethodPut, key: key, body: []byte("hikyaku")}
	if _, err := d.discard(ctx, put); err != nil {
		return pathError("probe", storage.WorkFolder+"/probe", err)
	}
	_, err := d.discard(ctx, request{method: http.MethodDelete, key: key})
	return pathError("probe", storage.WorkFolder+"/probe", err)
}
