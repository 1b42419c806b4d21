package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Values of x-amz-content-sha256.
const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	unsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	emptySHA256     = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Back-off between attempts: full jitter below a limit that doubles.
const (
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 5 * time.Second
)

// request is one call of the service.
type request struct {
	method string
	// key is the object; empty is the bucket.
	key string
	// query is escaped and without "?".
	query  string
	header http.Header
	// body is sent again in each attempt; stream, if set, takes its place
	// and allows one attempt only.
	body   []byte
	stream io.Reader
	length int64
}

func dialer() *net.Dialer {
	return &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
}

// do sends r until it is answered with a status below 300, or with one that
// another attempt would not change. The caller closes the body.
func (d *Driver) do(ctx context.Context, r request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := d.once(ctx, &r)
		if err == nil {
			return resp, nil
		}
		if attempt >= d.opts.Attempts || r.stream != nil || !errors.Is(kindOf(err), storage.ErrTransient) {
			return nil, err
		}
		if werr := d.opts.Wait(ctx, d.backoff(attempt)); werr != nil {
			return nil, werr
		}
	}
}

func (d *Driver) backoff(attempt int) time.Duration {
	limit := min(firstBackoff<<(attempt-1), maxBackoff)
	return time.Duration(d.opts.Rand() * float64(limit))
}

// once sends r one time.
func (d *Driver) once(ctx context.Context, r *request) (*http.Response, error) {
	req, err := d.build(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, requestError(ctx, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, responseError(resp)
	}
	return resp, nil
}

// requestError sorts out the errors of http.Client: the context's, the source
// reader's (as it is), and everything else, which is the network's.
func requestError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if source, ok := errors.AsType[*sourceError](err); ok {
		return source.err
	}
	// url.Error repeats method and URL; the caller knows better words.
	if uerr, ok := errors.AsType[*url.Error](err); ok {
		err = uerr.Err
	}
	return &transportError{err}
}

// build makes the signed request.
func (d *Driver) build(ctx context.Context, r *request) (*http.Request, error) {
	u := &url.URL{Scheme: d.scheme, Host: d.host, Path: d.base + "/" + r.key, RawPath: d.baseRaw + "/" + escapePath(r.key), RawQuery: r.query}
	header := r.header
	if header == nil {
		header = make(http.Header, 4)
	} else {
		header = header.Clone()
	}
	req := (&http.Request{Method: r.method, URL: u, Host: d.host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
	hash := unsignedPayload
	switch {
	case r.stream != nil:
		req.Body, req.ContentLength = io.NopCloser(r.stream), r.length
		if header.Get("X-Amz-Trailer") != "" {
			hash = unsignedTrailer
		}
	case len(r.body) > 0:
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
	default:
		req.Body = http.NoBody
		hash = emptySHA256
	}
	header["X-Amz-Content-Sha256"] = []string{hash}
	header["User-Agent"] = []string{"hikyaku"}
	if d.creds == nil {
		return req, nil
	}
	creds, err := d.creds.Retrieve(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &storage.PathError{Op: "get credentials for", Path: d.props.Name, Kind: storage.ErrDenied, Err: err}
	}
	if err := d.signer.SignHTTP(ctx, creds, req, hash, "s3", d.opts.Region, d.opts.Now().UTC()); err != nil {
		return nil, fmt.Errorf("sign request: %w", err)
	}
	return req, nil
}

// discard sends r and reads the answer to its end, so that the connection is
// used again.
func (d *Driver) discard(ctx context.Context, r request) (http.Header, error) {
	resp, err := d.do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return nil, requestError(ctx, err)
	}
	return resp.Header, nil
}

// fetch sends r and returns the answer's body, at most limit bytes of it. A
// body that breaks off is asked for again like a failed request.
func (d *Driver) fetch(ctx context.Context, r request, limit int64) ([]byte, error) {
	for attempt := 1; ; attempt++ {
		body, err := d.fetchOnce(ctx, r, limit)
		var network *transportError
		if err == nil || attempt >= d.opts.Attempts || !errors.As(err, &network) {
			return body, err
		}
		if werr := d.opts.Wait(ctx, d.backoff(attempt)); werr != nil {
			return nil, werr
		}
	}
}

func (d *Driver) fetchOnce(ctx context.Context, r request, limit int64) ([]byte, error) {
	resp, err := d.once(ctx, &r)
	if err != nil {
		var answer *Error
		if errors.As(err, &answer) && errors.Is(answer.kind(), storage.ErrTransient) {
			return nil, &transportError{err}
		}
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, requestError(ctx, err)
	}
	if n > limit {
		return nil, fmt.Errorf("answer longer than %d bytes", limit)
	}
	return buf.Bytes(), nil
}
