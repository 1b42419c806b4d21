package dynamo

import (
	"bytes"
	"strconv"
	"time"
)

// Times make a good part of a record, and their digits do not deflate. Packed
// they are counts since packedEpoch in base 36: "~" milliseconds, "^"
// nanoseconds.
const (
	packedMillis = '~'
	packedNanos  = '^'
	shortestTime = len("2006-01-02T15:04:05Z")
	longestTime  = len("2006-01-02T15:04:05.999999999Z")
)

func packedEpoch() time.Time { return time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC) }

// packTimes replaces texts of JSON that are times; ok is false if something in
// it looks like a packed time already.
func packTimes(raw []byte) (packed []byte, ok bool) {
	if bytes.Contains(raw, []byte{'"', packedMillis}) || bytes.Contains(raw, []byte{'"', packedNanos}) {
		return nil, false
	}
	packed = make([]byte, 0, len(raw))
	for {
		i := bytes.Index(raw, []byte(`"2`))
		if i < 0 {
			return append(packed, raw...), true
		}
		packed = append(packed, raw[:i+1]...)
		raw = raw[i+1:]
		end := bytes.IndexByte(raw[:min(len(raw), longestTime+1)], '"')
		if end < shortestTime || end > longestTime {
			continue
		}
		if short, ok := packTime(string(raw[:end])); ok {
			packed = append(packed, short...)
			raw = raw[end:]
		}
	}
}

// packTime packs a time that unpacks to the same text.
func packTime(s string) (string, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Before(packedEpoch()) || t.Format(time.RFC3339Nano) != s || s[len(s)-1] != 'Z' {
		return "", false
	}
	n := t.Sub(packedEpoch())
	if n%time.Millisecond == 0 {
		return string(packedMillis) + strconv.FormatInt(n.Milliseconds(), 36), t.Year() < 2200
	}
	return string(packedNanos) + strconv.FormatInt(n.Nanoseconds(), 36), t.Year() < 2200
}

// unpackTimes undoes packTimes.
func unpackTimes(packed []byte) []byte {
	raw := make([]byte, 0, 2*len(packed))
	for len(packed) > 0 {
		i := bytes.IndexByte(packed, '"')
		if i < 0 || i+1 >= len(packed) {
			break
		}
		raw = append(raw, packed[:i+1]...)
		packed = packed[i+1:]
		unit := time.Nanosecond
		switch packed[0] {
		case packedMillis:
			unit = time.Millisecond
		case packedNanos:
		default:
			continue
		}
		end := bytes.IndexByte(packed, '"')
		if end < 0 {
			break
		}
		if n, err := strconv.ParseInt(string(packed[1:end]), 36, 64); err == nil {
			raw = packedEpoch().Add(time.Duration(n)*unit).AppendFormat(raw, time.RFC3339Nano)
			packed = packed[end:]
		}
	}
	return append(raw, packed...)
}
