package s3

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/hikyaku/hikyaku/storage"
)

// sourceError carries an error of the caller's reader through net/http.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

var errEnded = errors.New("part was given up")

// partReader sends a part of a known size in the aws-chunked form, as one
// chunk with the checksum behind it, which is made in passing; without
// checksums it sends the content alone.
//
// net/http may go on reading a body after the answer has come. end waits for
// that and then keeps it from the caller's reader.
type partReader struct {
	plain bool
	size  int64

	mu     sync.Mutex
	src    io.Reader
	left   int64
	pre    []byte // to be sent before the content
	post   []byte // after it; made when the content has been read
	closed bool
	sums   crcs
	err    error
	// trailer is the name of the checksum at the end.
	trailer   string
	algorithm storage.Algorithm
}

func newPartReader(d *Driver, src io.Reader, size int64) *partReader {
	r := &partReader{plain: d.opts.NoChecksums, src: src, size: size, left: size, algorithm: d.opts.Algorithm}
	name, _ := sumHeader(storage.Sum{Algorithm: r.algorithm})
	r.trailer = strings.ToLower(name)
	if !r.plain {
		r.pre = append(strconv.AppendInt(nil, size, 16), "\r\n"...)
	}
	return r
}

// length is the number of bytes that Read returns in all.
func (r *partReader) length() int64 {
	if r.plain {
		return r.size
	}
	return int64(len(r.pre)) + r.size + int64(len(r.ending(storage.Sum{Algorithm: r.algorithm})))
}

// Read returns framing and content.
func (r *partReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return 0, errEnded
	case r.err != nil:
		return 0, &sourceError{r.err}
	}
	n := 0
	if len(r.pre) > 0 {
		n = copy(p, r.pre)
		r.pre = r.pre[n:]
	}
	for r.left > 0 && n < len(p) {
		m, err := r.src.Read(p[n:min(int64(len(p)), int64(n)+r.left)])
		r.take(p[n : n+m])
		n += m
		if err != nil && r.left > 0 {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			r.err = err
			return n, &sourceError{err}
		}
	}
	if r.left > 0 || n == len(p) {
		return n, nil
	}
	m := copy(p[n:], r.post)
	r.post = r.post[m:]
	if n+m == 0 {
		return 0, io.EOF
	}
	return n + m, nil
}

// take counts content that was read, and makes the trailer after the last.
func (r *partReader) take(b []byte) {
	r.sums.add(b)
	r.left -= int64(len(b))
	if r.left == 0 && !r.plain {
		r.post = r.ending(r.sums.sumBy(r.algorithm))
	}
}

// ending is what follows the content; its length does not depend on sum.
func (r *partReader) ending(sum storage.Sum) []byte {
	_, value := sumHeader(sum)
	return []byte("\r\n0\r\n" + r.trailer + ":" + value + "\r\n\r\n")
}

// end stops the reading and returns the checksums, or the source's error.
func (r *partReader) end() (crcs, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.src = nil
	return r.sums, r.err
}
