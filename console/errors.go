package console

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/hikyaku/hikyaku"
)

// retryAfterSeconds is what a busy or throttled server asks clients to wait.
const retryAfterSeconds = 5

// errUnauthenticated is the one error whose status is not that of its kind.
var errUnauthenticated = &hikyaku.Error{
	Kind: hikyaku.KindDenied, Code: hikyaku.CodeUnauthorized, Message: "a valid bearer token is required",
}

func statusOf(err error) int {
	if errors.Is(err, errUnauthenticated) {
		return http.StatusUnauthorized
	}
	if hikyaku.CodeOf(err) == hikyaku.CodeSignInLimited {
		return http.StatusTooManyRequests
	}
	switch hikyaku.KindOf(err) {
	case "":
		return http.StatusOK
	case hikyaku.KindInvalid:
		return http.StatusBadRequest
	case hikyaku.KindNotFound:
		return http.StatusNotFound
	case hikyaku.KindConflict:
		return http.StatusConflict
	case hikyaku.KindBusy, hikyaku.KindTransient:
		return http.StatusServiceUnavailable
	case hikyaku.KindDenied:
		return http.StatusForbidden
	case hikyaku.KindCorrupt, hikyaku.KindInternal:
	}
	return http.StatusInternalServerError
}

func invalid(message string) error {
	return &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: message}
}

func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		c.log.ErrorContext(r.Context(), "console request failed", slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="hikyaku"`)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	c.reply(w, r, status, ErrorBody{Error: AsAPIError(err)})
}

func (c *Console) reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		c.log.ErrorContext(r.Context(), "encode reply", slog.String("path", r.URL.Path), slog.Any("error", err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := w.Write(append(body, '\n')); err != nil {
		c.log.DebugContext(r.Context(), "client went away", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
}
