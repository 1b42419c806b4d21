package s3

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku/storage"
)

const metaPrefix = "X-Amz-Meta-"

// objectOf reads the metadata of an answer's header.
func objectOf(h http.Header) *storage.Object {
	o := &storage.Object{
		ContentType:        h.Get("Content-Type"),
		ContentEncoding:    h.Get("Content-Encoding"),
		ContentDisposition: h.Get("Content-Disposition"),
		ContentLanguage:    h.Get("Content-Language"),
		CacheControl:       h.Get("Cache-Control"),
		StorageClass:       h.Get("X-Amz-Storage-Class"),
	}
	if n, err := strconv.Atoi(h.Get("X-Amz-Tagging-Count")); err == nil {
		o.TagCount = n
	}
	for name, values := range h {
		if len(name) <= len(metaPrefix) || !strings.EqualFold(name[:len(metaPrefix)], metaPrefix) {
			continue
		}
		if o.User == nil {
			o.User = make(map[string]string)
		}
		o.User[strings.ToLower(name[len(metaPrefix):])] = decodeMeta(strings.Join(values, ","))
	}
	return o
}

// setObject writes metadata into a request's header.
func setObject(h http.Header, o *storage.Object) {
	if o == nil {
		return
	}
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	set("Content-Type", o.ContentType)
	set("Content-Encoding", o.ContentEncoding)
	set("Content-Disposition", o.ContentDisposition)
	set("Content-Language", o.ContentLanguage)
	set("Cache-Control", o.CacheControl)
	set("X-Amz-Storage-Class", o.StorageClass)
	set("X-Amz-Tagging", encodeTags(o.Tags))
	for k, v := range o.User {
		h[http.CanonicalHeaderKey(metaPrefix+k)] = []string{encodeMeta(v)}
	}
}

// decodeMeta takes back the RFC 2047 form in which S3 returns values that are
// not ASCII.
func decodeMeta(v string) string {
	if !strings.Contains(v, "=?") {
		return v
	}
	if s, err := new(mime.WordDecoder).DecodeHeader(v); err == nil {
		return s
	}
	return v
}

// encodeMeta puts a value that is not printable ASCII into RFC 2047 form.
func encodeMeta(v string) string {
	for i := range len(v) {
		if v[i] >= utf8.RuneSelf || v[i] < ' ' || v[i] == 0x7f {
			return mime.BEncoding.Encode("utf-8", v)
		}
	}
	return v
}

// Header names of checksums, as they appear in an http.Header.
const (
	headerCRC64  = "X-Amz-Checksum-Crc64nvme"
	headerCRC32C = "X-Amz-Checksum-Crc32c"
)

// sumOf reads the full-object checksum of an answer, or none: composite ones
// are sums of sums, of use to nobody who does not know the parts.
func sumOf(h http.Header) storage.Sum {
	if t := h.Get("X-Amz-Checksum-Type"); t != "" && t != "FULL_OBJECT" {
		return storage.Sum{}
	}
	for _, c := range []struct {
		header    string
		algorithm storage.Algorithm
		size      int
	}{{headerCRC64, storage.CRC64NVME, 8}, {headerCRC32C, storage.CRC32C, 4}} {
		value := h.Get(c.header)
		if value == "" {
			continue
		}
		s := storage.Sum{Algorithm: c.algorithm}
		raw, err := base64.StdEncoding.DecodeString(value)
		if err == nil && len(raw) == c.size {
			copy(s.Value[:], raw)
			return s
		}
	}
	return storage.Sum{}
}

// algorithmName is the service's name of an algorithm.
func algorithmName(a storage.Algorithm) string {
	if a == storage.CRC32C {
		return "CRC32C"
	}
	return "CRC64NVME"
}

// sumHeader returns the header of a checksum and its value.
func sumHeader(s storage.Sum) (name, value string) {
	switch s.Algorithm {
	case storage.CRC64NVME:
		return headerCRC64, base64.StdEncoding.EncodeToString(s.Value[:])
	case storage.CRC32C:
		return headerCRC32C, base64.StdEncoding.EncodeToString(s.Value[:4])
	case storage.NoSum:
	}
	return "", ""
}

// entryOf fills e from an answer to GET or HEAD of the whole object.
func entryOf(e storage.Entry, h http.Header) storage.Entry {
	e.Object = objectOf(h)
	if etag := h.Get("ETag"); etag != "" {
		e.ETag = etag
	}
	if t, err := http.ParseTime(h.Get("Last-Modified")); err == nil && !sameSecond(t, e.ModTime) {
		e.ModTime = t
	}
	return e
}

// sameSecond keeps the listing's fractions where the header says the same.
func sameSecond(header, listed time.Time) bool {
	return !listed.IsZero() && header.Equal(listed.Truncate(time.Second))
}
