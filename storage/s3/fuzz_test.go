package s3_test

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/minio/crc64nvme"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

func sumOf(a storage.Algorithm, b []byte) storage.Sum {
	s := storage.Sum{Algorithm: a}
	if a == storage.CRC32C {
		binary.BigEndian.PutUint32(s.Value[:4], crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	} else {
		binary.BigEndian.PutUint64(s.Value[:], crc64nvme.Checksum(b))
	}
	return s
}

// answering returns a driver whose requests are all answered with doc, without
// a network.
func answering(t *testing.T, doc []byte, prefix string) *s3.Driver {
	t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(doc) })
	return open(t, s3.Options{
		Endpoint: "http://stub", Bucket: "stub", PathStyle: true, Prefix: prefix, Attempts: 1, Now: func() time.Time { return time.Time{} },
		HTTPClient: &http.Client{Transport: inProcess{handler}},
	})
}

type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec.Result(), nil
}

// result is the part of a page that the driver uses, for encoding/xml.
type result struct {
	XMLName  xml.Name `xml:"ListBucketResult"`
	Encoding string   `xml:"EncodingType"`
	Contents []struct {
		Key, ETag string
		Size      int64
	}
}

// FuzzListPage holds the page scanner against encoding/xml: whatever both
// understand they understand alike, and nothing makes the scanner fail badly.
func FuzzListPage(f *testing.F) {
	f.Add([]byte(listing("", false, "a", "b/c", "d&<>'\"\n\r\t e", "é日本")))
	f.Add([]byte(listing("", true, "a%2Fb", "a+b", "%zz", "%")))
	f.Add([]byte("<?xml version='1.0'?><ListBucketResult a='b'><Contents/><X>&#65;</X></ListBucketResult>"))
	f.Add([]byte("<ListBucketResult><Contents><Key>&#x41;&#66;</Key><Size>12</Size><ETag/></Contents></ListBucketResult>"))
	f.Add([]byte("<ListBucketResult><Contents><Key>a</Key><Key>b</Key></Contents><EncodingType>url</EncodingType></ListBucketResult>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var want result
		if err := xml.Unmarshal(doc, &want); err != nil || !simple(doc) {
			for range answering(t, doc, "").List(t.Context(), storage.List{}) { //nolint:revive // must end, and not panic
			}
			return
		}
		if bytes.Contains(doc, []byte("IsTruncated")) {
			return // would go on asking for pages
		}
		i := 0
		for e, err := range answering(t, doc, "").List(t.Context(), storage.List{}) {
			if err != nil && e.Path == "" {
				return // refused
			}
			if e.Implicit {
				continue
			}
			for i < len(want.Contents) && skipped(want, i) {
				i++
			}
			if i == len(want.Contents) {
				t.Fatalf("entry %q more than encoding/xml sees", e.Path)
			}
			c := want.Contents[i]
			i++
			if key := decoded(want, c.Key); e.Path != key || err == nil && (e.ETag != c.ETag || e.Kind == storage.File && e.Size != c.Size) {
				t.Fatalf("entry %+v, want key %q, %+v", e, key, c)
			}
		}
	})
}

// simple documents use only what services write; of the rest encoding/xml
// and the scanner may differ.
func simple(doc []byte) bool {
	return utf8.Valid(doc) && !bytes.Contains(doc, []byte("<!")) && !bytes.Contains(doc, []byte("\r")) && !bytes.ContainsAny(doc, ":") &&
		bytes.Count(doc, []byte("<?")) <= 1 && !bytes.Contains(doc, []byte("<Key><")) && bytes.Count(doc, []byte("EncodingType")) <= 2 &&
		!bytes.Contains(doc, []byte("]]>"))
}

func decoded(r result, key string) string {
	if r.Encoding != "url" {
		return key
	}
	s, err := url.QueryUnescape(key)
	if err != nil {
		return key
	}
	return s
}

func skipped(r result, i int) bool {
	key := decoded(r, r.Contents[i].Key)
	return key == "" || key == ".hikyaku" || strings.HasPrefix(key, ".hikyaku/")
}

// FuzzKeyPath lists any key below a prefix: what comes out is a path that a
// folder can hold without leaving it, and leads back to the key, or ErrName.
func FuzzKeyPath(f *testing.F) {
	for _, key := range []string{"a", "a/b", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", ".", "..", "a/", "a/..", "\x00", "a\\..\\b", "a/.hikyaku/x", ".hikyaku/x", "日本\n", "\xff", "..a", "a/...", "%2e%2e/x", "C:\\x"} {
		f.Add(key, "root/")
		f.Add(key, "")
	}
	f.Fuzz(func(t *testing.T, key, prefix string) {
		if strings.HasPrefix(prefix, "/") || prefix != "" && !strings.HasSuffix(prefix, "/") {
			return
		}
		doc := fmt.Sprintf("<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%s</Key></Contents></ListBucketResult>", url.QueryEscape(prefix+key))
		d := answering(t, []byte(doc), prefix)
		var last storage.Entry
		for e, err := range d.List(t.Context(), storage.List{}) {
			if err != nil {
				if e.Path == "" || kind(err) != storage.ErrName {
					t.Fatalf("key %q: %v", key, err)
				}
				return
			}
			trimmed := strings.TrimSuffix(e.Path, "/")
			if path.Clean("/r/"+trimmed) != "/r/"+trimmed || strings.IndexByte(trimmed, 0) >= 0 || slices.Contains(strings.Split(trimmed, "/"), "..") {
				t.Fatalf("key %q became path %q", key, e.Path)
			}
			last = e
		}
		if last.Path == "" {
			if key != "" && key != ".hikyaku" && !strings.HasPrefix(key, ".hikyaku/") {
				t.Fatalf("key %q was left out", key)
			}
			return
		}
		if last.Path != key {
			t.Fatalf("key %q became path %q", key, last.Path)
		}
	})
}
