package local

import (
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// record is an origin together with the size and mtime the delivered file had,
// so that a file modified since is not taken for what was delivered.
type record struct {
	origin  storage.Origin
	size    int64
	modTime time.Time
}

// recordVersion begins every encoded record.
const recordVersion = "1"

// encode writes a record as one line of fields without newline:
// version, file size, file mtime (ns), origin size, origin mtime (ns), etag.
func (r record) encode() string {
	b := make([]byte, 0, 96)
	b = append(b, recordVersion...)
	for _, n := range [...]int64{r.size, r.modTime.UnixNano(), r.origin.Size} {
		b = strconv.AppendInt(append(b, ' '), n, 10)
	}
	b = append(b, ' ')
	if !r.origin.ModTime.IsZero() {
		b = strconv.AppendInt(b, r.origin.ModTime.UnixNano(), 10)
	}
	b = strconv.AppendQuote(append(b, ' '), r.origin.ETag)
	return string(b)
}

// decodeRecord reads what encode wrote; anything else is no record.
func decodeRecord(s string) (r record, ok bool) {
	fields := strings.SplitN(s, " ", 6)
	if len(fields) != 6 || fields[0] != recordVersion {
		return record{}, false
	}
	var n [4]int64
	for i := range n {
		if i == 3 && fields[4] == "" {
			continue
		}
		v, err := strconv.ParseInt(fields[i+1], 10, 64)
		if err != nil {
			return record{}, false
		}
		n[i] = v
	}
	etag, err := strconv.Unquote(fields[5])
	if err != nil {
		return record{}, false
	}
	r = record{size: n[0], modTime: time.Unix(0, n[1]), origin: storage.Origin{Size: n[2], ETag: etag}}
	if fields[4] != "" {
		r.origin.ModTime = time.Unix(0, n[3])
	}
	return r, true
}
