package queue

import (
	"crypto/md5" //nolint:gosec // SQS's wire format asks for MD5
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// BodyDigest returns the MD5 of a message body in hex.
func BodyDigest(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // SQS's wire format
	return hex.EncodeToString(sum[:])
}

// AttributesDigest returns the MD5 that SQS defines over message attributes:
// by ascending name, the length-prefixed name and type, one byte for the kind
// of value, the length-prefixed value. It is empty if there are none.
func AttributesDigest(attributes map[string]Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	add := func(s string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by the message size
		b = append(b, s...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		add(name)
		add(a.DataType)
		if a.isBinary() {
			b = append(b, 2)
			add(string(a.Binary))
		} else {
			b = append(b, 1)
			add(a.String)
		}
	}
	sum := md5.Sum(b) //nolint:gosec // SQS's wire format
	return hex.EncodeToString(sum[:])
}

func (a Attribute) isBinary() bool {
	return a.DataType == "Binary" || strings.HasPrefix(a.DataType, "Binary.")
}
