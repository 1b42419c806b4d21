package s3_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

// stub is an S3 service that answers what a test tells it to.
type stub struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func open(t *testing.T, o s3.Options) *s3.Driver {
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

// newStub serves with handle, which is told the number of the request.
func newStub(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, n int)) *stub {
	t.Helper()
	s := &stub{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.RequestURI)
		n := len(s.seen)
		s.mu.Unlock()
		handle(w, r, n)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stub) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

// driver returns one without credentials that waits for nothing.
func (s *stub) driver(t *testing.T, change func(*s3.Options)) *s3.Driver {
	t.Helper()
	o := s3.Options{
		Endpoint: s.URL, Bucket: "stub", PathStyle: true, Now: func() time.Time { return time.Unix(1700000000, 0) },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	if change != nil {
		change(&o)
	}
	return open(t, o)
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("X-Amz-Request-Id", "REQ")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>told to</Message></Error>`, code)
}

func write(w io.Writer, s string) { _, _ = io.WriteString(w, s) } // a client that is gone fails its own test

// listing is a page of keys; next is the token of the page that follows.
func listing(next string, encoded bool, keys ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+`<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>stub</Name><Prefix></Prefix><IsTruncated>%v</IsTruncated>`, next != "")
	if next != "" {
		b.WriteString("<NextContinuationToken>")
		_ = xml.EscapeText(&b, []byte(next))
		b.WriteString("</NextContinuationToken>")
	}
	if encoded {
		b.WriteString("<EncodingType>url</EncodingType>")
	}
	for _, k := range keys {
		b.WriteString("<Contents><Key>")
		_ = xml.EscapeText(&b, []byte(k))
		b.WriteString(`</Key><LastModified>2024-02-29T12:34:56.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>3</Size><Owner><ID>me</ID></Owner><StorageClass>STANDARD</StorageClass></Contents>`)
	}
	b.WriteString("</ListBucketResult>")
	return b.String()
}

// listed returns paths, with the kind of error in brackets.
func listed(t *testing.T, d *s3.Driver, prefix string) []string {
	t.Helper()
	var got []string
	for e, err := range d.List(t.Context(), storage.List{Prefix: prefix}) {
		switch {
		case err != nil:
			got = append(got, fmt.Sprintf("%s [%v]", e.Path, kind(err)))
		case e.Implicit:
			got = append(got, e.Path+" [implicit]")
		default:
			got = append(got, e.Path)
		}
	}
	return got
}

// kind returns the sentinel err satisfies, or nil.
func kind(err error) error {
	for _, k := range []error{
		storage.ErrNotExist, storage.ErrChanged, storage.ErrName, storage.ErrConflict, storage.ErrDenied,
		storage.ErrArchived, storage.ErrCorrupt, storage.ErrNoSpace, storage.ErrTransient,
	} {
		if errors.Is(err, k) {
			return k
		}
	}
	return nil
}

func TestDriver_List_hostileKeys(t *testing.T) {
	t.Parallel()
	keys := []string{
		"root/", "root/\x1f", "root/.", "root/..", "root/../etc/passwd", "root/./x", "root/.hikyaku/run/f1", "root/.hikyakux",
		"root//abs", "root/NUL\x00", "root/a", "root/a-", "root/a/../../b", "root/a//b", "root/a/b/c", "root/a/b/d", "root/a/e/", "root/a/e/f",
		"root/b/..", "root/c/d/", "root/c/d/e/f", "root/new\nline", "root/\xff\xfe", "root/日本 +%2F",
	}
	slices.Sort(keys)
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		escaped := make([]string, len(keys))
		for i, k := range keys {
			escaped[i] = url.QueryEscape(k)
		}
		write(w, listing("", true, escaped...))
	})
	want := []string{
		"\x1f", ". [%v]", ".. [%v]", "../etc/passwd [%v]", "./x [%v]", ".hikyakux", "/abs [%v]", "NUL\x00 [%v]", "a", "a-", "a/../../b [%v]", "a//b [%v]",
		"a/ [implicit]", "a/b/ [implicit]", "a/b/c", "a/b/d", "a/e/", "a/e/f", "b/.. [%v]", "c/ [implicit]", "c/d/", "c/d/e/ [implicit]", "c/d/e/f",
		"new\nline", "日本 +%2F", "\xff\xfe",
	}
	for i := range want {
		want[i] = strings.Replace(want[i], "%v", storage.ErrName.Error(), 1)
	}
	got := listed(t, s.driver(t, func(o *s3.Options) { o.Prefix = "/root" }), "")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

func TestDriver_List_pages(t *testing.T) {
	t.Parallel()
	pages := []string{
		listing("to&ken+1=", false, "a/1", "a/2"),
		listing("t2", true, "a%2F3%25", "a%2F4+x"),
		listing("", false, "a/5%25+", "b"),
	}
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, n int) { write(w, pages[n-1]) })
	got := listed(t, s.driver(t, nil), "")
	if diff := cmp.Diff([]string{"a/ [implicit]", "a/1", "a/2", "a/3%", "a/4 x", "a/5%25+", "b"}, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	wantRequests := []string{
		"GET /stub/?encoding-type=url&list-type=2&max-keys=1000",
		"GET /stub/?continuation-token=to%26ken%2B1%3D&encoding-type=url&list-type=2&max-keys=1000",
		"GET /stub/?continuation-token=t2&encoding-type=url&list-type=2&max-keys=1000",
	}
	if diff := cmp.Diff(wantRequests, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestDriver_List_refusesDisorder(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{ //nolint:gosec // a listing, no credentials
		"disorder": listing("", false, "b", "a"),
		"twice":    listing("", false, "a", "a"),
		"foreign":  "<ListBucketResult><Contents><Key>elsewhere/x</Key></Contents></ListBucketResult>",
		"cut off":  listing("", false, "a")[:300],
		"html":     "<html><body>Welcome</body></html>",
		"no token": "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
		"no key":   "<ListBucketResult><Contents></Contents></ListBucketResult>",
		"entity":   "<!DOCTYPE x [<!ENTITY e 'x'>]><ListBucketResult><Contents><Key>&e;</Key></Contents></ListBucketResult>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { write(w, answer) })
			d := s.driver(t, func(o *s3.Options) {
				if name == "foreign" {
					o.Prefix = "root"
				}
			})
			got := listed(t, d, "")
			if len(got) == 0 || !strings.HasSuffix(got[len(got)-1], "[<nil>]") {
				t.Errorf("List = %q: want an error at the end", got)
			}
		})
	}
}

func TestDriver_errors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		code   string
		want   error
		tries  int
	}{
		{404, "NoSuchKey", storage.ErrNotExist, 1},
		{404, "NoSuchBucket", storage.ErrNotExist, 1},
		{403, "AccessDenied", storage.ErrDenied, 1},
		{403, "SignatureDoesNotMatch", storage.ErrDenied, 1},
		{403, "InvalidObjectState", storage.ErrArchived, 1},
		{403, "", storage.ErrDenied, 1},
		{412, "PreconditionFailed", storage.ErrChanged, 1},
		{416, "InvalidRange", storage.ErrChanged, 1},
		{400, "BadDigest", storage.ErrCorrupt, 1},
		{400, "KeyTooLongError", storage.ErrName, 1},
		{400, "RequestTimeout", storage.ErrTransient, 4},
		{409, "OperationAborted", storage.ErrTransient, 4},
		{429, "", storage.ErrTransient, 4},
		{500, "InternalError", storage.ErrTransient, 4},
		{503, "SlowDown", storage.ErrTransient, 4},
		{507, "", storage.ErrNoSpace, 1},
		{301, "PermanentRedirect", nil, 1},
	} {
		t.Run(fmt.Sprintf("%d %s", c.status, c.code), func(t *testing.T) {
			t.Parallel()
			s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w, c.status, c.code) })
			_, err := s.driver(t, nil).Open(t.Context(), storage.Entry{Path: "a b/c", Size: 3, ETag: `"e"`}, 0, -1)
			if err == nil || !errors.Is(kind(err), c.want) {
				t.Errorf("Open: error %v of kind %v, want %v", err, kind(err), c.want)
			}
			var pe *storage.PathError
			if !errors.As(err, &pe) || pe.Path != "a b/c" || !strings.Contains(err.Error(), "REQ") {
				t.Errorf("error %q lacks path or request ID", err)
			}
			if got := s.requests(); len(got) != c.tries || got[0] != "GET /stub/a%20b/c" {
				t.Errorf("requests %q, want %d", got, c.tries)
			}
		})
	}
}

func TestDriver_Open_retriesThenSucceeds(t *testing.T) {
	t.Parallel()
	var waits []time.Duration
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, n int) {
		switch n {
		case 1:
			panic(http.ErrAbortHandler) // the connection breaks
		case 2:
			fail(w, 503, "SlowDown")
		default:
			if r.Header.Get("If-Match") != `"e"` || r.Header.Get("X-Amz-Checksum-Mode") != "ENABLED" {
				t.Errorf("headers %v", r.Header)
			}
			w.Header().Set("ETag", `"e"`)
			w.Header().Set("X-Amz-Meta-Who", "=?UTF-8?B?w6k=?=")
			w.Header().Set("X-Amz-Checksum-Crc32c", "AAAAAQ==")
			write(w, "abc")
		}
	})
	d := s.driver(t, func(o *s3.Options) {
		o.Rand = func() float64 { return 0.5 }
		o.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	c, err := d.Open(t.Context(), storage.Entry{Path: "k", Size: 3, ETag: `"e"`}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Body.Close() }()
	got, err := io.ReadAll(c.Body)
	if err != nil || string(got) != "abc" {
		t.Errorf("read %q, %v", got, err)
	}
	if c.Entry.Object.User["who"] != "é" {
		t.Errorf("user metadata %v", c.Entry.Object.User)
	}
	if want := (storage.Sum{Algorithm: storage.CRC32C, Value: [8]byte{0, 0, 0, 1}}); c.Sum != want {
		t.Errorf("Sum %v, want %v", c.Sum, want)
	}
	if diff := cmp.Diff([]time.Duration{50 * time.Millisecond, 100 * time.Millisecond}, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
}

func TestDriver_Open_badAnswers(t *testing.T) {
	t.Parallel()
	e := storage.Entry{Path: "k", Size: 10, ETag: `"e"`, ModTime: time.Unix(1700000000, 5)}
	for name, c := range map[string]struct {
		entry          storage.Entry
		offset, length int64
		handle         func(w http.ResponseWriter)
		want           error
	}{
		"short": {e, 0, -1, func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "10")
			write(w, "12345")
			panic(http.ErrAbortHandler)
		}, storage.ErrTransient},
		"other size": {e, 0, -1, func(w http.ResponseWriter) { write(w, "12345678901") }, storage.ErrChanged},
		"other range": {e, 2, 3, func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 3-5/10")
			w.WriteHeader(http.StatusPartialContent)
			write(w, "456")
		}, nil},
		"other total": {e, 2, 3, func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 2-4/11")
			w.WriteHeader(http.StatusPartialContent)
			write(w, "345")
		}, storage.ErrChanged},
		"range ignored": {e, 2, 3, func(w http.ResponseWriter) { write(w, "1234567890") }, nil},
		"no etag, other time": {storage.Entry{Path: "k", Size: 2, ModTime: e.ModTime}, 0, -1, func(w http.ResponseWriter) {
			w.Header().Set("Last-Modified", "Wed, 15 Nov 2023 22:13:20 GMT")
			write(w, "12")
		}, storage.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { c.handle(w) })
			body, err := s.driver(t, nil).Open(t.Context(), c.entry, c.offset, c.length)
			if err == nil {
				_, err = io.ReadAll(body.Body)
				_ = body.Body.Close()
			}
			if err == nil || !errors.Is(kind(err), c.want) {
				t.Errorf("error %v of kind %v, want %v", err, kind(err), c.want)
			}
		})
	}
}
