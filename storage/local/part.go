package local

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/hikyaku/hikyaku/storage"
)

// bufferSize is the unit of writing: large enough that system calls do not
// count, small enough to stay in the cache.
const bufferSize = 256 << 10

// partWriter writes one part of a staged file.
type partWriter struct {
	f    *stagedFile
	file *os.File
	// offset is where the next byte goes.
	offset int64
	buf    *[]byte
	pipe   *pipe // nil: none was needed yet
}

// close gives back what the writer used.
func (w *partWriter) close() {
	w.f.stage.driver.buffers.Put(w.buf)
	w.f.stage.driver.putPipe(w.pipe)
}

// copy writes size bytes of r, block by block; see [stagedFile.WritePartBack].
func (w *partWriter) copy(ctx context.Context, size int64, r io.Reader, back func([]byte)) error {
	for end := w.offset + size; w.offset < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		began := w.offset
		block := (*w.buf)[:min(bufferSize, end-began)]
		if err := w.store(r, block); err != nil {
			return err
		}
		if back == nil {
			continue
		}
		// The block was handed over: its memory is free for what the file has.
		if _, err := w.file.ReadAt(block, began); err != nil {
			return pathError("read back", w.f.path, err)
		}
		back(block)
	}
	return nil
}

// store writes the next len(block) bytes of r.
func (w *partWriter) store(r io.Reader, block []byte) error {
	if p, ok := r.(storage.Piper); ok {
		return w.storePiped(p, block)
	}
	n, err := io.ReadFull(r, block)
	if err != nil {
		return w.readError(err)
	}
	return w.write(block[:n])
}

// storePiped is store without a copy in this process, where the kernel can.
func (w *partWriter) storePiped(p storage.Piper, block []byte) error {
	if w.pipe == nil {
		var err error
		if w.pipe, err = w.f.stage.driver.pipe(); err != nil {
			return pathError("make a pipe for", w.f.path, err)
		}
	}
	for done := 0; done < len(block); {
		n, piped, err := p.Pipe(w.pipe.in(), block[done:])
		if n == 0 && err != nil {
			return w.readError(err)
		}
		if piped {
			err = w.drain(block[done : done+n])
		} else {
			err = w.write(block[done : done+n])
		}
		if err != nil {
			return err
		}
		done += n
	}
	return nil
}

// write writes one block. Parts take turns: the kernel lets one writer at a
// time into a file anyway, and those who wait for it there burn a core.
func (w *partWriter) write(b []byte) error {
	w.f.writing.Lock()
	defer w.f.writing.Unlock()
	n, err := w.file.WriteAt(b, w.offset)
	w.offset += int64(n)
	return pathError("write", w.f.path, err)
}

// drain writes what the pipe holds: as many bytes as b is room for. A pipe
// that could not be drained is not used again.
func (w *partWriter) drain(b []byte) error {
	w.f.writing.Lock()
	n, err := w.pipe.drain(w.file, w.offset, len(b))
	w.f.writing.Unlock()
	w.offset += int64(n)
	if errors.Is(err, errors.ErrUnsupported) { // by this file system
		if _, err = io.ReadFull(w.pipe, b[n:]); err == nil {
			return w.write(b[n:])
		}
	}
	if err != nil {
		w.pipe.close()
		w.pipe = nil
	}
	return pathError("write", w.f.path, err)
}

func (w *partWriter) readError(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return pathError("read part of", w.f.path, err)
}
