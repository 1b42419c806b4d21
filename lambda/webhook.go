package lambda

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// The headers of a webhook request beside Content-Type.
const (
	// HeaderEvent names the event: a receiver that saw it before has seen the
	// event before. Events from before it was made have none.
	HeaderEvent = "Hikyaku-Event-Id"
	// HeaderTransfer and HeaderState are the ended transfer's.
	HeaderTransfer = "Hikyaku-Transfer-Id"
	HeaderState    = "Hikyaku-State"
	// HeaderTimestamp is when the request was made, in seconds since 1970.
	HeaderTimestamp = "Hikyaku-Timestamp"
	// HeaderSignature is "v1=" and, in hexadecimal, the HMAC-SHA256 with the
	// secret of the timestamp, a full stop and the body.
	HeaderSignature = "Hikyaku-Signature"
)

const (
	webhookTimeout = 5 * time.Second
	webhookReply   = 64 << 10 // of a reply is read so that its connection serves again
)

// WebhookOptions configure a Webhook. URL, Client and Now are required.
type WebhookOptions struct {
	// URL is https, or http to a loopback address.
	URL string
	// Secret returns the key that requests are signed with; nil does not sign.
	Secret func(ctx context.Context) ([]byte, error)
	// Headers are sent with every request; Content-Type, User-Agent and what
	// begins with Hikyaku- stay as they are.
	Headers map[string]string
	Client  *http.Client
	// Timeout bounds one request; 0 is 5 s.
	Timeout time.Duration
	Now     func() time.Time
}

// Webhook sends completion events to an HTTP endpoint. Redirects are not
// followed.
type Webhook struct {
	opts   WebhookOptions
	client http.Client
}

// NewWebhook returns a webhook, or refuses a URL that is neither https nor
// loopback.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Code: hikyaku.CodeConfigInvalid, Op: "open webhook", Subject: o.URL, Message: "use https, or http to a loopback address"}
	}
	if o.Timeout <= 0 {
		o.Timeout = webhookTimeout
	}
	w := &Webhook{opts: o, client: *o.Client}
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return w, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Name is the endpoint's host, for logs.
func (w *Webhook) Name() string {
	_, rest, _ := strings.Cut(w.opts.URL, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// Send posts one event. It has no ID, because the endpoint gives none.
func (w *Webhook) Send(ctx context.Context, m hikyaku.OutMessage) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, w.opts.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.opts.URL, strings.NewReader(m.Body))
	if err != nil {
		return "", fmt.Errorf("make webhook request: %w", err)
	}
	for name, value := range w.opts.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "hikyaku")
	if id := m.Attributes["hikyaku-event-id"]; id != "" {
		r.Header.Set(HeaderEvent, id)
	}
	r.Header.Set(HeaderTransfer, m.Attributes[hikyaku.AttributeTransfer])
	r.Header.Set(HeaderState, m.Attributes["hikyaku-state"])
	stamp := strconv.FormatInt(w.opts.Now().Unix(), 10)
	r.Header.Set(HeaderTimestamp, stamp)
	if w.opts.Secret != nil {
		secret, err := w.opts.Secret(ctx)
		if err != nil {
			return "", fmt.Errorf("read webhook secret: %w", err)
		}
		r.Header.Set(HeaderSignature, Sign(secret, stamp, m.Body))
	}
	reply, err := w.client.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok { // its text has the whole address, which may hold a secret
			err = e.Err
		}
		return "", w.failed(hikyaku.KindTransient, err)
	}
	defer func() { _ = reply.Body.Close() }()                            // nothing more is wanted of it
	_, _ = io.Copy(io.Discard, io.LimitReader(reply.Body, webhookReply)) // what it says does not matter
	kind := hikyaku.KindInvalid
	switch status := reply.StatusCode; {
	case status >= 200 && status < 300:
		return "", nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		kind = hikyaku.KindDenied
	case status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= 500:
		kind = hikyaku.KindTransient
	}
	return "", w.failed(kind, &StatusError{Code: reply.StatusCode})
}

// StatusError is an answer that is no success.
type StatusError struct{ Code int }

// Error is the status in words.
func (e *StatusError) Error() string {
	return strings.TrimSpace("answered " + strconv.Itoa(e.Code) + " " + http.StatusText(e.Code))
}

// HTTPStatus is the status.
func (e *StatusError) HTTPStatus() int { return e.Code }

// Sign is the value of HeaderSignature.
func Sign(secret []byte, timestamp, body string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp + "." + body))
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

func (w *Webhook) failed(kind hikyaku.Kind, err error) error {
	return &hikyaku.Error{Kind: kind, Code: hikyaku.CodeOutboxStuck, Op: "post to webhook", Subject: w.Name(), Err: err}
}
