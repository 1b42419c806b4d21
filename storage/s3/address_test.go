package s3_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

func TestNew(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return time.Time{} }
	for name, o := range map[string]s3.Options{
		"no bucket":  {Now: now},
		"no clock":   {Bucket: "b"},
		"bad bucket": {Bucket: "a/b", Now: now},
		"bad scheme": {Bucket: "b", Now: now, Endpoint: "ftp://x"},
		"no host":    {Bucket: "b", Now: now, Endpoint: "127.0.0.1:9"},
		"user":       {Bucket: "b", Now: now, Endpoint: "http://u@x"},
		"small part": {Bucket: "b", Now: now, PartSize: 1 << 20},
	} {
		if d, err := s3.New(o); err == nil {
			t.Errorf("%s: New succeeded: %v", name, d.Properties())
		}
	}
	d := open(t, s3.Options{Bucket: "b", Prefix: "/x/y", Now: now})
	if got := d.Properties().Name; got != "s3://b/x/y/" {
		t.Errorf("Name %q", got)
	}
}

// hosts answers any name with the stub's address.
type hosts struct {
	s    *stub
	mu   sync.Mutex
	seen []string
}

func (h *hosts) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	h.seen = append(h.seen, r.URL.String()+" "+r.Host)
	h.mu.Unlock()
	u, err := url.Parse(h.s.URL)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", u.Host
	return http.DefaultTransport.RoundTrip(r)
}

func TestDriver_addresses(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, "abc") })
	for want, o := range map[string]s3.Options{
		"https://bk.s3.us-east-1.amazonaws.com/p/k%26 bk.s3.us-east-1.amazonaws.com": {Bucket: "bk", Prefix: "p"},
		"https://bk.s3.eu-west-1.amazonaws.com/k%26 bk.s3.eu-west-1.amazonaws.com":   {Bucket: "bk", Region: "eu-west-1"},
		"https://s3.us-east-1.amazonaws.com/b.k/k%26 s3.us-east-1.amazonaws.com":     {Bucket: "b.k"},
		"https://s3.us-east-1.amazonaws.com/bk/k%26 s3.us-east-1.amazonaws.com":      {Bucket: "bk", PathStyle: true},
		"http://minio:9000/x/bk/k%26 minio:9000":                                     {Bucket: "bk", PathStyle: true, Endpoint: "http://minio:9000/x/"},
		"http://bk.minio:9000/k%26 bk.minio:9000":                                    {Bucket: "bk", Endpoint: "http://minio:9000"},
	} {
		h := &hosts{s: s}
		o.Now = time.Now
		o.HTTPClient = &http.Client{Transport: h}
		c, err := open(t, o).Open(t.Context(), storage.Entry{Path: "k&", Size: 3}, 0, -1)
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		_ = c.Body.Close()
		if len(h.seen) != 1 || h.seen[0] != want {
			t.Errorf("asked %q, want %q", h.seen, want)
		}
	}
}
