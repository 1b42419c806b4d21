package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	// streamGap is the least time between two flushes: changes of the same
	// transfer in between are sent once. After a flush of more than manyUpdates,
	// which nobody can read one by one, it is busyGap.
	streamGap   = 200 * time.Millisecond
	busyGap     = time.Second
	manyUpdates = 20
	// streamBuffer is how many bytes are gathered before they are written.
	streamBuffer = 32 << 10
	// streamWrite is how long a client may take to read one flush.
	streamWrite = 20 * time.Second
	// snapshotLimit is how many transfers a stream starts with.
	snapshotLimit = 200
)

// stream sends `transfer` events with the record, `stats` events with the
// counts, and heartbeats. It starts with a snapshot: what is active, and the
// newest transfers. Parameters id, route, state and transfer_id narrow it;
// snapshot=0 leaves the snapshot out.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, err := transferQuery(v, c.now())
	if err != nil {
		return err
	}
	return c.serveStream(w, r, q, matcher(q, v.Get("transfer_id")), func(s *streamWriter, u *update) {
		s.raw(u.event())
	})
}

// serveStream sends what match selects, each change written by write.
func (c *Console) serveStream(
	w http.ResponseWriter, r *http.Request, q hikyaku.Query, match func(hikyaku.Transfer) bool,
	write func(*streamWriter, *update),
) error {
	v := r.URL.Query()
	l := c.hub.join(match) //nolint:contextcheck // polling outlives the request that starts it
	defer c.hub.leave(l)
	c.hub.followWaits(r.Context())
	if v.Get("snapshot") != "0" {
		if err := c.snapshot(r, l, q, v.Get("transfer_id")); err != nil {
			return err
		}
	}
	ctx, end := c.whileAllowed(r.Context(), r)
	defer end()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	s := &streamWriter{w: w, rc: http.NewResponseController(w), now: c.now}
	s.raw([]byte("retry: 2000\n\n"))
	if err := c.pump(ctx, s, l, write); err != nil {
		c.log.DebugContext(r.Context(), "stream ended", slog.Any("error", err))
	}
	return nil
}

// pump writes until the client leaves, is too slow, or the console closes.
func (c *Console) pump(ctx context.Context, s *streamWriter, l *listener, write func(*streamWriter, *update)) error {
	counts := time.NewTicker(time.Second)
	defer counts.Stop()
	beat := time.NewTicker(c.heartbeat)
	defer beat.Stop()
	gap := time.NewTimer(0)
	defer gap.Stop()
	var shown uint64
	sendStats := func() {
		if b, err := c.hub.stats(ctx); err == nil { // without them the page shows its age
			s.raw(streamEvent("stats", b))
		}
	}
	sendStats()
	if err := s.flush(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.hub.done:
			return nil
		case <-counts.C:
			c.hub.followWaits(ctx)
			if g := c.hub.generation(); g != shown {
				shown = g
				sendStats()
			}
		case <-beat.C:
			s.raw([]byte(": heartbeat\n\n"))
			sendStats()
		case <-l.wake:
			updates, ok := l.take()
			if !ok {
				return errors.New("the client is too slow")
			}
			for _, u := range updates {
				write(s, u)
			}
			if err := s.flush(); err != nil {
				return err
			}
			gap.Reset(gapAfter(len(updates)))
			select { // let changes of the same transfers gather
			case <-ctx.Done():
				return nil
			case <-gap.C:
			}
			continue
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// gapAfter is how long changes gather after a flush of so many.
func gapAfter(updates int) time.Duration {
	if updates > manyUpdates {
		return busyGap
	}
	return streamGap
}

// streamEvent is an event as it is written.
func streamEvent(name string, data []byte) []byte {
	b := make([]byte, 0, len(name)+len(data)+len("event: \ndata: \n\n"))
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), data...)
	return append(b, "\n\n"...)
}

// streamWriter gathers events and writes many at once; after the first error
// it writes nothing more.
type streamWriter struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	now func() time.Time
	buf []byte
	err error
}

func (s *streamWriter) raw(b []byte) {
	if s.buf = append(s.buf, b...); len(s.buf) >= streamBuffer {
		s.write()
	}
}

// write gives the client its time to take what was gathered.
func (s *streamWriter) write() {
	if s.err == nil {
		if err := s.rc.SetWriteDeadline(s.now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			s.err = err
		}
	}
	if s.err == nil && len(s.buf) > 0 {
		_, s.err = s.w.Write(s.buf)
	}
	if s.buf = s.buf[:0]; cap(s.buf) > 2*streamBuffer {
		s.buf = nil
	}
}

// flush sends what was gathered.
func (s *streamWriter) flush() error {
	if s.write(); s.err != nil {
		return s.err
	}
	if err := s.rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.err = err
	}
	return s.err
}

func matcher(q hikyaku.Query, transferID string) func(hikyaku.Transfer) bool {
	return func(t hikyaku.Transfer) bool {
		return (transferID == "" || t.TransferID == transferID) &&
			(q.ID == "" || t.ID == q.ID) &&
			(q.Route == "" || t.Route == q.Route) &&
			(len(q.States) == 0 || slices.Contains(q.States, t.State))
	}
}

// snapshot gives the listener what is there already.
func (c *Console) snapshot(r *http.Request, l *listener, q hikyaku.Query, transferID string) error {
	if transferID != "" {
		t, err := c.transfer(r.Context(), transferID)
		if err != nil {
			return err
		}
		l.put(&update{t: t})
		return nil
	}
	limit := snapshotLimit
	if q.Limit > 0 {
		limit = q.Limit
	}
	queries := []hikyaku.Query{{ID: q.ID, Route: q.Route, States: q.States, Limit: limit}}
	if len(q.States) == 0 {
		active := []hikyaku.State{hikyaku.Starting, hikyaku.Running}
		queries = append(queries, hikyaku.Query{ID: q.ID, Route: q.Route, States: active, Limit: snapshotLimit})
	}
	for _, q := range queries {
		p, err := c.ledger.Transfers(r.Context(), q)
		if err != nil {
			return fmt.Errorf("read snapshot: %w", err)
		}
		for _, t := range slices.Backward(p.Transfers) {
			l.put(&update{t: t})
		}
	}
	return nil
}
