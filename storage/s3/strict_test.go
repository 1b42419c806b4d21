package s3_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/s3"
)

// What is asked about a version is asked about no other.
func TestDriver_Sum_pinned(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		if r.Header.Get("If-Match") != `"e"` {
			w.Header().Set("X-Amz-Checksum-Crc32c", "AAAAAQ==")
			return
		}
		w.WriteHeader(http.StatusPreconditionFailed)
	})
	sum, err := s.driver(t, nil).Sum(t.Context(), storage.Entry{Path: "k", Size: 3, ETag: `"e"`})
	if !errors.Is(err, storage.ErrChanged) {
		t.Errorf("Sum of another version: %v, %v", sum, err)
	}
}

// A store without versions may have the object of somebody else by the time it
// is read back.
func TestStagedFile_ReadBack_pinned(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("ETag", `"ours"`)
		case r.Header.Get("If-Match") != `"ours"`:
			write(w, "abc")
		default:
			fail(w, http.StatusPreconditionFailed, "PreconditionFailed")
		}
	})
	e := storage.Entry{Path: "k", Size: 3}
	f, err := begin(t, s.driver(t, nil)).Create(t.Context(), e)
	if err == nil {
		err = f.WritePart(t.Context(), 0, 3, strings.NewReader("abc"))
	}
	if err == nil {
		err = f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{})
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := f.ReadBack(t.Context(), 0, -1)
	if !errors.Is(err, storage.ErrChanged) {
		t.Errorf("ReadBack of another version: %v", err)
	}
	if err == nil {
		_ = body.Close()
	}
}

// An answer that does not tell its length, and ends early, is no whole one.
func TestDriver_Open_shortWithoutLength(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		write(w, "12345")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	})
	c, err := s.driver(t, nil).Open(t.Context(), storage.Entry{Path: "k", Size: 10, ETag: `"e"`}, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Body.Close() }()
	if got, err := io.ReadAll(c.Body); !errors.Is(err, storage.ErrTransient) {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestDriver_List_refusesToGoRound(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n > 5 {
			write(w, listing("", false))
			return
		}
		write(w, listing("t", false))
	})
	got := listed(t, s.driver(t, nil), "")
	if len(got) != 1 || len(s.requests()) != 2 {
		t.Errorf("List = %q after %d requests, want an error at the first page that repeats", got, len(s.requests()))
	}
}

// A checksum of any algorithm is held against what is sent, before it is.
func TestStagedFile_Finish_wrongSum(t *testing.T) {
	t.Parallel()
	for _, own := range []storage.Algorithm{storage.CRC64NVME, storage.CRC32C} {
		for _, given := range []storage.Algorithm{storage.CRC64NVME, storage.CRC32C} {
			for _, size := range []int{100, partSize + 400} {
				if own == given && size == 100 {
					continue // the service compares
				}
				s := multipartStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
					write(w, `<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>`)
				})
				d := s.driver(t, func(o *s3.Options) { o.PartSize, o.Algorithm = partSize, own })
				e := storage.Entry{Path: "k", Size: int64(size)}
				content := bytes.Repeat([]byte{7}, size)
				f, err := begin(t, d).Create(t.Context(), e)
				for from := 0; err == nil && from < size; from += partSize {
					n := min(partSize, size-from)
					err = f.WritePart(t.Context(), int64(from), int64(n), bytes.NewReader(content[from:from+n]))
				}
				if err != nil {
					t.Fatal(err)
				}
				before := len(s.requests())
				err = f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{Algorithm: given, Value: [8]byte{1, 2, 3, 4}})
				if !errors.Is(err, storage.ErrCorrupt) || len(s.requests()) != before {
					t.Errorf("%d bytes, algorithm %d, sum of %d: %v after %q", size, own, given, err, s.requests()[before:])
				}
			}
		}
	}
}

func TestStage_Create_keys(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w, http.StatusTeapot, "") })
	st := begin(t, s.driver(t, func(o *s3.Options) { o.Prefix = "root" }))
	room := 1024 - len("root/")
	for path, want := range map[string]error{
		strings.Repeat("k", room): nil, strings.Repeat("k", room+1): storage.ErrName, "a\xff": storage.ErrName,
	} {
		if _, err := st.Create(t.Context(), storage.Entry{Path: path, Size: 1}); !errors.Is(err, want) {
			t.Errorf("Create of a path of %d bytes: %v, want %v", len(path), err, want)
		}
	}
	if got := s.requests(); len(got) != 0 {
		t.Errorf("requests %q", got)
	}
}
