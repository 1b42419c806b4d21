package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) }) // nothing is left to lose
	return fds[0], fds[1]
}

// drained reads a body as a destination does, and tells how much of it never
// was in this process on its way.
func drained(t *testing.T, body io.Reader) (content []byte, piped int, err error) {
	t.Helper()
	p, ok := body.(storage.Piper)
	if !ok {
		content, err = io.ReadAll(body)
		return content, 0, err
	}
	r, w := pipe(t)
	buf := make([]byte, 64<<10) // a pipe's size
	for {
		n, inPipe, err := p.Pipe(uintptr(w), buf)
		if inPipe && n > 0 {
			piped += n
			if m, err := io.ReadFull(fd(r), buf[:n]); m != n {
				t.Fatalf("the pipe holds %d of %d bytes: %v", m, n, err)
			}
		}
		content = append(content, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return content, piped, nil
		}
		if err != nil {
			return content, piped, err
		}
	}
}

type fd int

func (f fd) Read(p []byte) (int, error) { return unix.Read(int(f), p) }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

func TestContent_Pipe(t *testing.T) {
	t.Parallel()
	want := random(5<<20 + 777)
	serve := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(want))
	}
	for name, tc := range map[string]struct {
		handle        func(w http.ResponseWriter, r *http.Request)
		tls           bool
		offset        int64
		length        int64
		piped         bool
		broken, other bool
	}{
		"whole":      {handle: serve, length: int64(len(want)), piped: true},
		"range":      {handle: serve, offset: 12345, length: 3 << 20, piped: true},
		"just worth": {handle: serve, offset: 1, length: 1 << 20, piped: true},
		"small":      {handle: serve, offset: 9, length: 1<<20 - 1},
		"encrypted":  {handle: serve, length: int64(len(want)), tls: true},
		"chunked": {length: int64(len(want)), handle: func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush() // without a length from here on
			_, _ = w.Write(want)
		}},
		"header and body in pieces": {length: int64(len(want)), piped: true, handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(want)))
			for rest := want; len(rest) > 0; {
				n := min(len(rest), 1+len(rest)/3)
				_, _ = w.Write(rest[:n])
				_ = http.NewResponseController(w).Flush()
				rest = rest[n:]
			}
		}},
		"breaks off": {length: int64(len(want)), piped: true, broken: true, handle: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(want)))
			_, _ = w.Write(want[:2<<20])
			panic(http.ErrAbortHandler)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var conns atomic.Int64
			srv := httptest.NewUnstartedServer(http.HandlerFunc(tc.handle))
			srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateNew {
					conns.Add(1)
				}
			}
			o := s3.Options{Bucket: "b", PathStyle: true, NoChecksums: true, Attempts: 1, Now: time.Now}
			if tc.tls {
				srv.StartTLS()
				o.HTTPClient = srv.Client()
			} else {
				srv.Start()
			}
			defer srv.Close()
			o.Endpoint = srv.URL
			d := open(t, o)
			for round := range 3 { // what follows on the connection is in step
				c, err := d.Open(t.Context(), storage.Entry{Path: "big", Kind: storage.File, Size: int64(len(want))}, tc.offset, tc.length)
				if err != nil {
					t.Fatal(err)
				}
				got, piped, err := drained(t, c.Body)
				if closeErr := c.Body.Close(); closeErr != nil && err == nil {
					t.Error(closeErr)
				}
				if tc.broken {
					if !errors.Is(err, storage.ErrTransient) || len(got) > 2<<20 || !bytes.HasPrefix(want, got) {
						t.Errorf("round %d: %d bytes, %v", round, len(got), err)
					}
					continue
				}
				if err != nil || !bytes.Equal(got, want[tc.offset:tc.offset+tc.length]) {
					t.Fatalf("round %d: %d bytes of %d, %v", round, len(got), tc.length, err)
				}
				if (piped > 0) != tc.piped || tc.piped && piped < int(tc.length)-2*(64<<10) {
					t.Errorf("%d of %d bytes were piped, want that: %t", piped, tc.length, tc.piped)
				}
			}
			if n := conns.Load(); n != 1 && !tc.broken {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

func TestContent_Pipe_endsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Length", strconv.Itoa(4<<20))
		_, _ = w.Write(make([]byte, 1<<20))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	c, err := s.driver(t, nil).Open(ctx, storage.Entry{Path: "big", Kind: storage.File, Size: 4 << 20}, 0, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Body.Close() //nolint:errcheck // it broke off
	time.AfterFunc(100*time.Millisecond, func() { cancel(errors.New("enough")) })
	got, _, err := drained(t, c.Body)
	if !errors.Is(err, context.Canceled) || len(got) > 1<<20 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
