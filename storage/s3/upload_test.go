package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

const partSize = 5 << 20

func begin(t *testing.T, d *s3.Driver) storage.Stage {
	t.Helper()
	st, err := d.Stage(t.Context(), "run")
	if err != nil {
		t.Fatal(err)
	}
	return st
}

const uploadBegun = `<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>`

// multipartStub answers a multipart upload; complete answers its last request.
func multipartStub(t *testing.T, complete func(w http.ResponseWriter, r *http.Request, try int)) *stub {
	t.Helper()
	var mu sync.Mutex // a broken connection orders nothing
	tries := 0
	return newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			write(w, uploadBegun)
		case r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"p"`)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			mu.Lock()
			defer mu.Unlock()
			tries++
			complete(w, r, tries)
		}
	})
}

// large stages an object of two parts.
func large(t *testing.T, s *stub) (storage.StagedFile, storage.Entry, []byte) {
	t.Helper()
	content := bytes.Repeat([]byte{1, 2, 3, 4}, (partSize+400)/4)
	e := storage.Entry{Path: "large", Size: int64(len(content))}
	f, err := begin(t, s.driver(t, func(o *s3.Options) { o.PartSize = partSize })).Create(t.Context(), e)
	if err == nil {
		err = f.WritePart(t.Context(), 0, partSize, bytes.NewReader(content))
	}
	if err == nil {
		err = f.WritePart(t.Context(), partSize, 400, bytes.NewReader(content[partSize:]))
	}
	if err != nil {
		t.Fatal(err)
	}
	return f, e, content
}

func TestStagedFile_Finish_answers(t *testing.T) {
	t.Parallel()
	done := `<CompleteMultipartUploadResult><ETag>&quot;whole&quot;</ETag></CompleteMultipartUploadResult>`
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, try int, sum string)
		want   error
		tries  int
	}{
		"done": {func(w http.ResponseWriter, _ *http.Request, _ int, _ string) { write(w, done) }, nil, 1},
		"error with status 200": {func(w http.ResponseWriter, _ *http.Request, _ int, _ string) {
			write(w, "<Error><Code>InternalError</Code></Error>")
		}, storage.ErrTransient, 4},
		"corrupt": {func(w http.ResponseWriter, _ *http.Request, _ int, _ string) { fail(w, 400, "BadDigest") }, storage.ErrCorrupt, 1},
		"answer lost, object there": {func(w http.ResponseWriter, r *http.Request, try int, sum string) {
			switch {
			case try == 1:
				panic(http.ErrAbortHandler)
			case r.Method == http.MethodHead:
				w.Header().Set("X-Amz-Checksum-Crc64nvme", sum)
				w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
				w.Header().Set("ETag", `"whole"`)
				w.Header().Set("Content-Length", "5243280")
			default:
				fail(w, 404, "NoSuchUpload")
			}
		}, nil, 3},
		"answer lost, other object there": {func(w http.ResponseWriter, r *http.Request, try int, _ string) {
			switch {
			case try == 1:
				panic(http.ErrAbortHandler)
			case r.Method == http.MethodHead:
				w.Header().Set("ETag", `"other"`)
				w.Header().Set("Content-Length", "5243280")
			default:
				fail(w, 404, "NoSuchUpload")
			}
		}, storage.ErrNotExist, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sum := ""
			s := multipartStub(t, func(w http.ResponseWriter, r *http.Request, try int) {
				if v := r.Header.Get("X-Amz-Checksum-Crc64nvme"); v != "" {
					sum = v
				}
				c.answer(w, r, try, sum)
			})
			f, e, content := large(t, s)
			err := f.Finish(t.Context(), e, storage.Origin{}, sumOf(storage.CRC64NVME, content))
			if !errors.Is(kind(err), c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("Finish: %v, want %v", err, c.want)
			}
			const before = 3 // one begins the upload, two send parts
			if got := s.requests(); len(got)-before != c.tries {
				t.Errorf("requests %q, want %d to complete", got, c.tries)
			}
		})
	}
}

func TestStage_Close_abortsUploads(t *testing.T) {
	t.Parallel()
	s := multipartStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w, 500, "InternalError") })
	d := s.driver(t, func(o *s3.Options) { o.PartSize = partSize })
	st := begin(t, d)
	f, err := st.Create(t.Context(), storage.Entry{Path: "x", Size: partSize + 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WritePart(t.Context(), partSize, 1, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.requests()
	if want := "DELETE /stub/x?uploadId=u%2F1"; got[len(got)-1] != want {
		t.Errorf("last request %q, want %q", got[len(got)-1], want)
	}
	if _, err := st.Create(t.Context(), storage.Entry{Path: "y"}); err == nil {
		t.Error("Create after Close succeeded")
	}
}

// A refused part must not leave net/http reading from the caller's reader.
func TestStagedFile_WritePart_earlyAnswer(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Method == http.MethodPost {
			write(w, uploadBegun)
			return
		}
		fail(w, 503, "SlowDown") // without reading the body
	})
	f, err := begin(t, s.driver(t, func(o *s3.Options) { o.PartSize = partSize })).Create(t.Context(), storage.Entry{Path: "x", Size: partSize + 1})
	if err != nil {
		t.Fatal(err)
	}
	source := &countingReader{}
	err = f.WritePart(t.Context(), 0, partSize, source)
	if !errors.Is(err, storage.ErrTransient) {
		t.Errorf("WritePart: %v, want %v", err, storage.ErrTransient)
	}
	source.n = -1 // the race detector sees a reader that goes on
	if got := s.requests(); len(got) != 2 {
		t.Errorf("requests %q: a stream cannot be sent again", got)
	}
}

type countingReader struct{ n int }

func (r *countingReader) Read(p []byte) (int, error) {
	r.n += len(p)
	return len(p), nil
}

func TestStage_Create_veryLarge(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w, 500, "InternalError") })
	d := s.driver(t, nil)
	f, err := begin(t, d).Create(t.Context(), storage.Entry{Path: "x", Size: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	p, ok := f.(storage.PartSizer)
	if !ok {
		t.Fatal("no PartSizer")
	}
	if n := (1<<40 + p.PartSize() - 1) / p.PartSize(); n > 10_000 || p.PartSize()%(1<<20) != 0 {
		t.Errorf("part size %d makes %d parts", p.PartSize(), n)
	}
	if _, err := begin(t, d).Create(t.Context(), storage.Entry{Path: "x", Size: 1 << 50}); err == nil {
		t.Error("Create of 1 PiB succeeded")
	}
}
