package lambda_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
)

func webhook(t *testing.T, h http.HandlerFunc, change func(*lambda.WebhookOptions)) *lambda.Webhook {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	o := lambda.WebhookOptions{URL: server.URL + "/done", Client: server.Client(), Now: hikyakutest.NewClock().Now}
	if change != nil {
		change(&o)
	}
	w, err := lambda.NewWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func ended() hikyaku.OutMessage {
	return hikyaku.OutMessage{Body: `{"id":"A"}`, Attributes: map[string]string{hikyaku.AttributeTransfer: "01J0", "hikyaku-state": "SUCCEEDED"}}
}

func TestWebhook_Send(t *testing.T) {
	t.Parallel()
	secret := []byte("secret")
	w := webhook(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		h := r.Header
		if err != nil || string(body) != `{"id":"A"}` || h.Get("Content-Type") != "application/json" || h.Get(lambda.HeaderTransfer) != "01J0" || h.Get(lambda.HeaderState) != "SUCCEEDED" {
			t.Errorf("request %q %v, %v", body, h, err)
		}
		if stamp := h.Get(lambda.HeaderTimestamp); stamp == "" || h.Get(lambda.HeaderSignature) != lambda.Sign(secret, stamp, string(body)) {
			t.Errorf("signature %q of %q", h.Get(lambda.HeaderSignature), stamp)
		}
		w.WriteHeader(http.StatusNoContent)
	}, func(o *lambda.WebhookOptions) {
		o.Secret = func(context.Context) ([]byte, error) { return secret, nil }
	})
	if _, err := w.Send(t.Context(), ended()); err != nil {
		t.Error(err)
	}
}

// TestSign is a fixed value, for those who write the other end.
func TestSign(t *testing.T) {
	t.Parallel()
	const want = "v1=ea2aff32caa4a699b3ddfc0f2396a967c7e477cd546fd3993fb769b8fd8b1424"
	if got := lambda.Sign([]byte("secret"), "1767225600", `{"id":"A"}`); got != want {
		t.Errorf("Sign = %s, want %s", got, want)
	}
}

func TestWebhook_Send_refused(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]hikyaku.Kind{
		http.StatusMovedPermanently: hikyaku.KindInvalid, http.StatusBadRequest: hikyaku.KindInvalid, http.StatusForbidden: hikyaku.KindDenied,
		http.StatusTooManyRequests: hikyaku.KindTransient, http.StatusBadGateway: hikyaku.KindTransient,
	} {
		calls := 0
		w := webhook(t, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}, nil)
		_, err := w.Send(t.Context(), ended())
		if hikyaku.KindOf(err) != kind || hikyaku.CodeOf(err) != hikyaku.CodeOutboxStuck || calls != 1 {
			t.Errorf("%d: %v after %d calls, want %s after one", status, err, calls, kind)
		}
	}
	gone := make(chan struct{})
	slow := webhook(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-gone:
		}
	}, func(o *lambda.WebhookOptions) { o.Timeout = 50 * time.Millisecond })
	t.Cleanup(func() { close(gone) })
	if _, err := slow.Send(t.Context(), ended()); hikyaku.KindOf(err) != hikyaku.KindTransient || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("slow: %v", err)
	}
}

func TestNewWebhook(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{
		"https://example.com/done": true, "http://127.0.0.1:8080/x": true, "http://[::1]/x": true, "http://localhost/x": true,
		"http://example.com/done": false, "ftp://example.com": false, "https://": false, "": false, "http://169.254.169.254/latest": false,
	} {
		_, err := lambda.NewWebhook(lambda.WebhookOptions{URL: url, Client: http.DefaultClient, Now: time.Now})
		if (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}
