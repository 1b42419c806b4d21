package local

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pipe is one of the kernel's, for one goroutine at a time. It takes
// bufferSize bytes, unless the user has too many pipes already.
type pipe struct{ r, w int }

func newPipe() (*pipe, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("pipe2", err)
	}
	// A smaller one does as well: content comes in smaller pieces.
	_, _ = unix.FcntlInt(uintptr(fds[1]), unix.F_SETPIPE_SZ, bufferSize)
	return &pipe{r: fds[0], w: fds[1]}, nil
}

func (p *pipe) in() uintptr { return uintptr(p.w) }

// drain moves n bytes from the pipe into a file. It returns how many it moved,
// and [errors.ErrUnsupported] if the file takes none from pipes.
func (p *pipe) drain(file *os.File, offset int64, n int) (moved int, err error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		for moved < n && err == nil {
			var m int64
			m, err = unix.Splice(p.r, nil, int(fd), &offset, n-moved, unix.SPLICE_F_MOVE)
			switch {
			case errors.Is(err, unix.EINTR):
				err = nil
			case err == nil && m == 0:
				err = io.ErrShortWrite
			case err == nil:
				moved += int(m)
			}
		}
	})
	switch {
	case controlErr != nil:
		return moved, controlErr
	case errors.Is(err, unix.EINVAL):
		return moved, errors.ErrUnsupported
	}
	return moved, os.NewSyscallError("splice", err)
}

// Read implements [io.Reader].
func (p *pipe) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(p.r, b)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), os.NewSyscallError("read pipe", err)
		}
	}
}

func (p *pipe) close() {
	_ = unix.Close(p.r) // what it held is lost with the part
	_ = unix.Close(p.w)
}
