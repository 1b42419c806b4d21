package s3

import (
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/sys/unix"
)

const canPipe = true

// dial makes connections that can be piped.
func dial(d *net.Dialer) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if tcp, ok := conn.(*net.TCPConn); ok && err == nil {
			return &pipeConn{TCPConn: tcp}, nil
		}
		return conn, err //nolint:wrapcheck // as net.Dialer has it
	}
}

// splice moves what has come, most bytes at most, into a pipe; it waits for
// the first. ok is false if the kernel cannot: nothing was moved then.
func (c *pipeConn) splice(w uintptr, most int) (n int, ok bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var failed error
	waitErr := raw.Read(func(fd uintptr) bool {
		for n < most {
			var m int64
			m, failed = unix.Splice(int(fd), nil, int(w), nil, most-n, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			switch {
			case errors.Is(failed, unix.EINTR):
				continue
			case failed != nil || m == 0:
				return n > 0 || !errors.Is(failed, unix.EAGAIN)
			}
			n += int(m)
		}
		return true
	})
	switch {
	case n > 0:
		return n, true, nil // what failed then fails again
	case waitErr != nil:
		return 0, true, waitErr
	case errors.Is(failed, unix.EINVAL):
		return 0, false, nil
	case failed != nil:
		return 0, true, &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: failed}
	}
	return 0, true, io.EOF
}
