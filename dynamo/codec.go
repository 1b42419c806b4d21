package dynamo

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Records are JSON, deflated with a preset dictionary: writes cost by the
// kilobyte, and names of fields are most of a record. The first byte tells the
// encoding; a new dictionary is a new number, and the old ones are kept for
// reading.
const (
	// encodingPlain is JSON deflated with the first dictionary.
	encodingPlain = 1
	// encodingTimes is that after packTimes.
	encodingTimes = 2
)

// codec encodes and decodes records; safe for concurrent use.
type codec struct{ writers sync.Pool }

type encoder struct {
	buf bytes.Buffer
	w   *flate.Writer
}

// encode is a record as stored.
func (c *codec) encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	e, _ := c.writers.Get().(*encoder)
	if e == nil {
		e = &encoder{}
		if e.w, err = flate.NewWriterDict(&e.buf, flate.BestCompression, []byte(dictionaryOne())); err != nil {
			return nil, err
		}
	}
	defer c.writers.Put(e)
	e.buf.Reset()
	encoding := byte(encodingPlain)
	if packed, ok := packTimes(raw); ok {
		raw, encoding = packed, encodingTimes
	}
	e.buf.WriteByte(encoding)
	e.w.Reset(&e.buf)
	if _, err := e.w.Write(raw); err != nil {
		return nil, err
	}
	if err := e.w.Close(); err != nil {
		return nil, err
	}
	return bytes.Clone(e.buf.Bytes()), nil
}

// maxRecord bounds what a stored record may unpack to.
const maxRecord = 64 << 20

// decode reads a stored record.
func decode(stored []byte, v any) error {
	if len(stored) == 0 {
		return io.ErrUnexpectedEOF
	}
	if stored[0] != encodingPlain && stored[0] != encodingTimes {
		return fmt.Errorf("record of unknown encoding %d, written by a newer version", stored[0])
	}
	r := flate.NewReaderDict(bytes.NewReader(stored[1:]), []byte(dictionaryOne()))
	raw, err := io.ReadAll(io.LimitReader(r, maxRecord))
	if err != nil {
		return err
	}
	if stored[0] == encodingTimes {
		raw = unpackTimes(raw)
	}
	return json.Unmarshal(raw, v)
}
