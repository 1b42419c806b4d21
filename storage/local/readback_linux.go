package local

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
)

// mapFrom is the length from which a range is read back through a mapping,
// which saves copying it; mapWindow is how much is mapped at a time.
const (
	mapFrom   = 1 << 20
	mapWindow = 4 << 20
)

// WriteTo hands the rest of the range to w, long ones straight from the page
// cache.
func (r *readBack) WriteTo(w io.Writer) (written int64, err error) {
	if r.end-r.off < mapFrom || r.off%int64(os.Getpagesize()) != 0 {
		buf := r.driver.buffer()
		defer r.driver.buffers.Put(buf)
		// The reader is hidden behind an interface without WriteTo.
		return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
	}
	for r.off < r.end {
		if err := r.ctx.Err(); err != nil {
			return written, err
		}
		n, err := r.mapped(w, min(mapWindow, r.end-r.off))
		written += n
		r.off += n
		if err != nil {
			return written, &storage.PathError{Op: "read back", Path: r.path, Kind: storage.ErrCorrupt, Err: err}
		}
	}
	return written, nil
}

// mapped hands n bytes from r.off to w. Somebody who shortens the file
// meanwhile makes reading the mapping fault, which becomes an error.
func (r *readBack) mapped(w io.Writer, n int64) (written int64, err error) {
	info, err := r.file.Stat()
	if err != nil {
		return 0, err
	}
	if info.Size() < r.off+n {
		return 0, io.ErrUnexpectedEOF
	}
	window, err := unix.Mmap(int(r.file.Fd()), r.off, int(n), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return 0, fmt.Errorf("map: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Munmap(window)) }()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = fmt.Errorf("file was shortened while it was read: %v", p)
		default:
			panic(p)
		}
	}()
	k, err := w.Write(window)
	return int64(k), err
}
