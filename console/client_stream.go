package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/hikyaku/hikyaku"
)

// StreamEvent is one event of the stream: one of the two is set.
type StreamEvent struct {
	Transfer *hikyaku.Transfer
	Stats    *Stats
}

// maxEvent is the longest line of the stream that is read, in bytes.
const maxEvent = 16 << 20

// errStreamEnded says that the server closed the stream; asking again is right.
var errStreamEnded = &hikyaku.Error{Kind: hikyaku.KindTransient, Message: "the live stream ended"}

// Stream calls fn for every event that f and transferID (empty: any) select
// until fn returns an error, which it then returns, or ctx ends. When the
// server closes the stream the error has kind transient.
func (c *Client) Stream(ctx context.Context, f Filter, transferID string, fn func(StreamEvent) error) error {
	v := f.values()
	if transferID != "" {
		v.Set("transfer_id", transferID)
	}
	path := "stream"
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	res, err := c.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxEvent)
	name := ""
	for lines.Scan() {
		field, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			e, err := decodeEvent(name, value)
			if err != nil {
				return err
			}
			if e == (StreamEvent{}) {
				continue
			}
			if err := fn(e); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := lines.Err(); err != nil && !errors.Is(err, context.Canceled) {
		return &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "read stream of", Subject: c.base, Err: err}
	}
	return errStreamEnded
}

func decodeEvent(name string, data []byte) (StreamEvent, error) {
	var e StreamEvent
	var err error
	switch name {
	case "transfer":
		e.Transfer = &hikyaku.Transfer{}
		err = json.Unmarshal(data, e.Transfer)
	case "stats":
		e.Stats = &Stats{}
		err = json.Unmarshal(data, e.Stats)
	}
	if err != nil {
		return StreamEvent{}, &hikyaku.Error{Kind: hikyaku.KindInternal, Op: "read", Subject: name + " event", Err: err}
	}
	return e, nil
}
