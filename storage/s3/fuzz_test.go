package s3_test

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
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
		Key  string `xml:"Key"`
		ETag string `xml:"ETag"`
		Size int64  `xml:"Size"`
	} `xml:"Contents"`
}

// FuzzListPage holds the page scanner against encoding/xml: what both
// understand they understand alike, and nothing makes the scanner panic.
func FuzzListPage(f *testing.F) {
	f.Add([]byte(listing("", false, "a", "b/c", "d&<>'\"\n\r\t e", "é日本")))
	f.Add([]byte(listing("next&token", true, "a%2Fb", "a+b", "%zz", "%")))
	f.Add([]byte("<?xml version='1.0'?><ListBucketResult a='b'><Contents/><X>&#65;</X></ListBucketResult>"))
	f.Add([]byte("<ListBucketResult><Contents><Key>&#x41;&#66;</Key><Size>12</Size><ETag/></Contents></ListBucketResult>"))
	f.Add([]byte("<ListBucketResult><Contents><Key>a</Key><Key>b</Key></Contents><EncodingType>url</EncodingType></ListBucketResult>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		items, _, err := s3.ParsePage(doc)
		var want result
		if err != nil || !plain(doc) || xml.Unmarshal(doc, &want) != nil {
			return
		}
		if len(items) != len(want.Contents) {
			t.Fatalf("%d items, encoding/xml sees %d", len(items), len(want.Contents))
		}
		for i, got := range items {
			c := want.Contents[i]
			if want.Encoding == "url" {
				if c.Key, err = url.QueryUnescape(c.Key); err != nil {
					t.Fatalf("key %q was taken, but %v", got.Key, err)
				}
			}
			if got.Key != c.Key || got.ETag != c.ETag || got.Size != c.Size {
				t.Fatalf("item %+v, want %+v", got, c)
			}
		}
	})
}

// plain documents are such as services write. In others the two may differ:
// the scanner looks at names with their prefixes, leaves line ends alone, and
// takes an element's text to be what follows the last tag inside it.
func plain(doc []byte) bool {
	for _, c := range doc {
		if c == ':' || c == '\r' || c < ' ' && c != '\n' && c != '\t' {
			return false
		}
	}
	return utf8.Valid(doc) && !bytes.Contains(doc, []byte("&#")) && bytes.Count(doc, []byte("<?")) <= 1 && !bytes.Contains(doc, []byte("]]>")) &&
		bytes.Count(doc, []byte("EncodingType")) <= 2 && !nested().Match(doc) && !bytes.ContainsAny(doc, "'")
}

// nested finds a tag inside one of the elements whose text counts, and values
// with white space around them.
func nested() *regexp.Regexp {
	return regexp.MustCompile(`<(Key|ETag|Size|EncodingType)[^>]*>[^<]*<[^/]|<Size[^>]*>\s|\s</|<Key[^>]*/>`)
}

func TestParsePage_references(t *testing.T) {
	t.Parallel()
	items, next, err := s3.ParsePage([]byte(
		`<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>` +
			`<Contents><Key>&#x41;&#66;&lt;&gt;&quot;&apos;&#xD;</Key><ETag>&#34;e&#34;</ETag><Size>7</Size></Contents></ListBucketResult>`))
	if err != nil || next != "a&b" || len(items) != 1 || items[0] != (s3.Item{Key: "AB<>\"'\r", ETag: `"e"`, Size: 7}) {
		t.Errorf("ParsePage = %+v, %q, %v", items, next, err)
	}
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
				if e.Path == "" || !errors.Is(err, storage.ErrName) {
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
