package s3

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/hikyaku/hikyaku/storage"
)

const (
	// pipeFrom is the length from which a body is worth piping.
	pipeFrom = 1 << 20
	// readBuffer is a connection's. What remains of a body may lie there if it
	// is no longer than that, and is read as usual.
	readBuffer = 32 << 10
)

// pipeConn is an unencrypted connection whose next bytes can be moved into a
// pipe in place of memory. The HTTP client reads a body of known length with
// the caller's own slice once its buffer is empty; by that slice a read is
// recognised that stands for the pipe. Any other read is an ordinary one, so
// that nothing depends on how the client reads.
type pipeConn struct {
	*net.TCPConn
	armed atomic.Pointer[pipeTarget]
}

// pipeTarget is where the read goes that is given into's slice.
type pipeTarget struct {
	w     uintptr
	into  *byte
	piped bool
}

// Read implements [io.Reader].
func (c *pipeConn) Read(p []byte) (int, error) {
	t := c.armed.Load()
	if t == nil || len(p) == 0 || &p[0] != t.into {
		return c.TCPConn.Read(p) //nolint:wrapcheck // io.Reader
	}
	n, ok, err := c.splice(t.w, len(p))
	if !ok {
		return c.TCPConn.Read(p) //nolint:wrapcheck // io.Reader
	}
	t.piped = true
	return n, err
}

// connOf returns a context that makes conn the connection of the request made
// with it, if what it reads can be piped and is worth it.
func connOf(ctx context.Context, scheme string, length int64, conn **pipeConn) context.Context {
	if !canPipe || scheme != "http" || length < pipeFrom {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		*conn, _ = i.Conn.(*pipeConn)
	}})
}

// pipedBody is a body that comes as it is over a connection.
type pipedBody struct {
	body
	conn *pipeConn
}

var _ storage.Piper = (*pipedBody)(nil)

// Pipe implements [storage.Piper].
func (b *pipedBody) Pipe(w uintptr, buf []byte) (n int, piped bool, err error) {
	if b.left <= readBuffer || len(buf) <= readBuffer {
		n, err = b.Read(buf)
		return n, false, err
	}
	t := &pipeTarget{w: w, into: &buf[0]}
	b.conn.armed.Store(t)
	n, err = b.Read(buf)
	b.conn.armed.Store(nil)
	return n, t.piped, err
}
