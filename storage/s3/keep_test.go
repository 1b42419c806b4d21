package s3_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
)

// TestStage_KeepExisting: what a service may answer to If-None-Match.
func TestStage_KeepExisting(t *testing.T) {
	t.Parallel()
	const checksum = "X-Amz-Checksum-Crc64nvme"
	tests := map[string]struct {
		put    func(w http.ResponseWriter, r *http.Request, try int)
		stored string // the checksum that HEAD tells; "ours" is what was sent
		want   error
	}{
		"somebody else's": {
			put:    func(w http.ResponseWriter, _ *http.Request, _ int) { fail(w, 412, "PreconditionFailed") },
			stored: "AAAAAAAAAAA=", want: storage.ErrExists,
		},
		"ours, whose answer was lost": {
			put: func(w http.ResponseWriter, _ *http.Request, try int) {
				if try == 1 {
					fail(w, 500, "InternalError")
					return
				}
				fail(w, 412, "PreconditionFailed")
			},
			stored: "ours",
		},
		"unknown to the service": {
			put: func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Header.Get("If-None-Match") != "" {
					fail(w, 501, "NotImplemented")
				}
			},
		},
		"free": {put: func(w http.ResponseWriter, r *http.Request, _ int) {
			if r.Header.Get("If-None-Match") != "*" {
				fail(w, 400, "InvalidRequest")
			}
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := ""
			s := newStub(t, func(w http.ResponseWriter, r *http.Request, n int) {
				switch r.Method {
				case http.MethodHead:
					if tt.stored == "ours" {
						w.Header().Set(checksum, sent)
					} else {
						w.Header().Set(checksum, tt.stored)
					}
					w.Header().Set("ETag", `"one"`)
					w.Header().Set("X-Amz-Checksum-Type", "FULL_OBJECT")
					w.Header().Set("Content-Length", "4")
				case http.MethodPut:
					sent = r.Header.Get(checksum)
					tt.put(w, r, n)
				default:
					t.Errorf("%s %s: nothing may be deleted", r.Method, r.URL)
				}
			})
			st := begin(t, s.driver(t, nil))
			k, ok := st.(storage.Keeper)
			if !ok {
				t.Fatal("the stage is no Keeper")
			}
			k.KeepExisting()
			e := storage.Entry{Path: "f", Size: 4}
			f, err := st.Create(t.Context(), e)
			if err == nil {
				err = f.WritePart(t.Context(), 0, 4, strings.NewReader("four"))
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Finish(t.Context(), e, storage.Origin{}, storage.Sum{}); !errors.Is(err, tt.want) {
				t.Errorf("Finish: %v, want %v", err, tt.want)
			}
			if tt.want != nil {
				if err := f.Discard(t.Context()); err != nil {
					t.Errorf("Discard: %v", err)
				}
			}
		})
	}
}
