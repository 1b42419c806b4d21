package engine

import (
	"context"
	"errors"
	"io"

	"github.com/hikyaku/hikyaku/storage"
)

// sourceReader passes a body on: limited, counted, summed. It keeps the
// source's error apart from the destination's.
type sourceReader struct {
	ctx     context.Context //nolint:containedctx // lives as long as the part it reads
	r       *run
	it      *item
	body    io.Reader
	primary *running
	other   *running
	n       int64
	err     error
	one     [1]byte
}

// Read implements [io.Reader].
func (s *sourceReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.body.Read(p[:s.r.job.Limit.allowed(len(p))])
	if n > 0 {
		if s.primary != nil {
			s.primary.add(p[:n])
		}
		if s.other != nil {
			s.other.add(p[:n])
		}
	}
	return s.passed(n, err)
}

// passed counts n bytes, and waits if they were too many.
func (s *sourceReader) passed(n int, err error) (int, error) {
	if n > 0 {
		s.n += int64(n)
		s.it.meter.add(int64(n))
		if waitErr := s.r.job.Limit.take(s.ctx, s.r.job.Now, n); waitErr != nil && err == nil {
			err = waitErr
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err //nolint:wrapcheck // io.Reader
}

// piped returns the reader, as one that pipes if its content need not be seen
// here and its body can.
func (s *sourceReader) piped() io.Reader {
	p, ok := s.body.(storage.Piper)
	if !ok || s.primary != nil || s.other != nil {
		return s
	}
	return &pipingReader{sourceReader: s, body: p}
}

// pipingReader is a sourceReader whose content is not seen.
type pipingReader struct {
	*sourceReader
	body storage.Piper
}

var _ storage.Piper = (*pipingReader)(nil)

// Pipe implements [storage.Piper].
func (s *pipingReader) Pipe(w uintptr, buf []byte) (int, bool, error) {
	if s.err != nil {
		return 0, false, s.err
	}
	n, piped, err := s.body.Pipe(w, buf[:s.r.job.Limit.allowed(len(buf))])
	n, err = s.passed(n, err)
	return n, piped, err
}

// drain reads the body's end, for the connection's sake and to notice a
// source that is longer than it was listed.
func (s *sourceReader) drain(size int64) {
	if s.n != size {
		return
	}
	for s.err == nil {
		n, err := s.body.Read(s.one[:])
		switch {
		case n > 0:
			s.err = storage.ErrChanged
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			s.err = err
		}
	}
}
