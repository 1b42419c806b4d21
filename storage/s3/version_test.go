package s3_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/hikyaku/hikyaku/storage"
)

func TestDriver_Version(t *testing.T) {
	t.Parallel()
	s := newStub(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch r.URL.Path {
		case "/stub/versioned":
			w.Header().Set("X-Amz-Version-Id", "v7")
		case "/stub/denied":
			w.WriteHeader(http.StatusForbidden)
		}
	})
	d := s.driver(t, nil)
	for path, want := range map[string]string{"versioned": "v7", "plain": ""} {
		if got, err := d.Version(t.Context(), path); err != nil || got != want {
			t.Errorf("version of %s = %q, %v; want %q", path, got, err, want)
		}
	}
	if _, err := d.Version(t.Context(), "denied"); !errors.Is(err, storage.ErrDenied) {
		t.Errorf("error = %v, want denied", err)
	}
	if _, err := d.Version(t.Context(), "../x"); !errors.Is(err, storage.ErrName) {
		t.Errorf("error = %v, want a name's", err)
	}
}
