package awsjson

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Operation is one entry of a service's table.
type Operation struct {
	// Name as in X-Amz-Target behind the dot, such as SendMessage.
	Name string
	// Scopes: the caller needs any one of them. Empty allows nobody.
	Scopes []Scope
	// Handle serves the operation. The result is rendered by Encode; nil is an
	// empty reply. It is called concurrently.
	Handle func(ctx context.Context, r *Request) (any, error)
}

// Request is a verified request.
type Request struct {
	// ID is the request's own ID, also sent to the caller and logged.
	ID        string
	Operation string
	// Host is the Host header as the caller sent it.
	Host     string
	Identity Identity
	Body     []byte
}

// Decode is Decode(r.Body, v).
func (r *Request) Decode(v any) error { return Decode(r.Body, v) }

// Options configures a Server.
type Options struct {
	// Service is the name in the credential scope: "sqs", "datasync".
	Service string
	// TargetPrefix precedes the dot in X-Amz-Target: "AmazonSQS", "FmrsService".
	TargetPrefix string
	// Version of the protocol in content types: "1.0" or "1.1".
	Version string
	// QueryErrors makes error replies carry x-amzn-query-error (SQS).
	QueryErrors bool
	Operations  []Operation
	Verifier    *Verifier
	// MapError turns what a handler returned into an error reply; nil, or a nil
	// result, leaves the rules of Error. It also sees errors of the edge itself
	// (they are *Error already) except those of authentication.
	MapError func(error) *Error
	// AllowHost decides by the Host header whether to answer at all (against
	// DNS rebinding); nil allows every host.
	AllowHost func(host string) bool
	// MaxBody is the largest request body in bytes; 0 means 1 MiB.
	MaxBody int64
	// Logger is required.
	Logger *slog.Logger
	// Now is the clock; required.
	Now func() time.Time
}

// Server is the HTTP handler of one service.
type Server struct {
	opts       Options
	operations map[string]Operation
}

var _ http.Handler = (*Server)(nil)

// NewServer returns the handler of a service. An operation listed twice is an
// error of the program and panics.
func NewServer(opts Options) *Server {
	if opts.MaxBody == 0 {
		opts.MaxBody = 1 << 20
	}
	s := &Server{opts: opts, operations: map[string]Operation{}}
	for _, op := range opts.Operations {
		if _, twice := s.operations[op.Name]; twice {
			panic("awsjson: operation " + op.Name + " listed twice")
		}
		s.operations[op.Name] = op
	}
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start, id := s.opts.Now(), newRequestID()
	operation := strings.TrimPrefix(target(r), s.opts.TargetPrefix+".")
	log := s.opts.Logger.With(slog.String("service", s.opts.Service), slog.String("request_id", id), slog.String("operation", printable(operation)))
	defer s.survive(w, r, id, log)
	reply, err := s.serve(r, id)
	if err != nil {
		refusal := s.refusal(err)
		level := slog.LevelDebug
		if refusal.status() >= http.StatusInternalServerError && r.Context().Err() == nil { // not when the caller left
			level = slog.LevelError
		}
		log.LogAttrs(r.Context(), level, "request failed", slog.Int("status", refusal.status()), slog.String("error", err.Error()))
		s.fail(w, id, refusal)
		return
	}
	s.write(w, id, http.StatusOK, reply)
	log.DebugContext(r.Context(), "request served", slog.Int64("duration_ms", s.opts.Now().Sub(start).Milliseconds()))
}

// survive, deferred, answers for a handler that panicked.
func (s *Server) survive(w http.ResponseWriter, r *http.Request, id string, log *slog.Logger) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, never wrapped
		panic(p)
	}
	log.ErrorContext(r.Context(), "request panicked", slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
	s.fail(w, id, internalFailure(nil))
}

// serve returns the encoded reply.
func (s *Server) serve(r *http.Request, id string) ([]byte, error) {
	if s.opts.AllowHost != nil && !s.opts.AllowHost(r.Host) {
		return nil, accessDenied("This endpoint does not answer to the host name of the request.")
	}
	if r.Method != http.MethodPost {
		return nil, &Error{
			Status: http.StatusMethodNotAllowed, Type: "UnknownOperationException", Namespace: coral, QueryCode: "InvalidAction",
			Message: "Requests must be POSTs.",
		}
	}
	var body []byte
	identity, err := s.opts.Verifier.Verify(r, s.opts.Service, func() (_ []byte, err error) {
		body, err = s.readBody(r)
		return body, err
	})
	if err != nil {
		return nil, err
	}
	prefix, name, _ := strings.Cut(target(r), ".")
	op, known := s.operations[name]
	if prefix != s.opts.TargetPrefix || !known {
		return nil, unknownOperation(printable(target(r)))
	}
	if !identity.May(op.Scopes...) {
		return nil, accessDenied(fmt.Sprintf("Access key %s is not allowed to perform %s: it needs one of the scopes %v.",
			identity.AccessKey, name, op.Scopes))
	}
	if err := s.checkContentType(r); err != nil {
		return nil, err
	}
	out, err := op.Handle(r.Context(), &Request{ID: id, Operation: name, Host: r.Host, Identity: identity, Body: body})
	if err != nil {
		return nil, err
	}
	reply, err := Encode(out)
	if err != nil {
		return nil, fmt.Errorf("encode reply of %s: %w", name, err)
	}
	return reply, nil
}

// target is the operation asked for. Presigning moves x-amz- headers into the
// query.
func target(r *http.Request) string {
	if t := r.Header.Get("X-Amz-Target"); t != "" {
		return t
	}
	return r.URL.Query().Get("X-Amz-Target")
}

// checkContentType wants application/x-amz-json-1.0 or -1.1, whichever: the
// body is the same.
func (s *Server) checkContentType(r *http.Request) error {
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "application/x-amz-json-1.0", "application/x-amz-json-1.1":
		return nil
	}
	return serializationError(fmt.Errorf("the content type must be application/x-amz-json-%s", s.opts.Version))
}

func (s *Server) readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > s.opts.MaxBody {
		return nil, tooLarge(s.opts.MaxBody)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, s.opts.MaxBody+1))
	if err != nil {
		return nil, &Error{Type: "SerializationException", Namespace: coral, Message: "The request body could not be read.", Err: err}
	}
	if int64(len(body)) > s.opts.MaxBody {
		return nil, tooLarge(s.opts.MaxBody)
	}
	return body, nil
}

// refusal decides what a failure looks like to the caller.
func (s *Server) refusal(err error) *Error {
	if s.opts.MapError != nil {
		if e := s.opts.MapError(err); e != nil {
			return e
		}
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return internalFailure(err)
}

func (s *Server) fail(w http.ResponseWriter, id string, e *Error) {
	w.Header().Set("X-Amzn-Errortype", e.Type)
	if s.opts.QueryErrors {
		w.Header().Set("X-Amzn-Query-Error", e.queryError())
	}
	body, err := Encode(e.body())
	if err != nil {
		body = []byte(`{"__type":"InternalFailure"}`)
	}
	s.write(w, id, e.status(), body)
}

func (s *Server) write(w http.ResponseWriter, id string, status int, body []byte) {
	h := w.Header()
	h.Set("X-Amzn-Requestid", id)
	h.Set("Content-Type", "application/x-amz-json-"+s.opts.Version)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // JSON, never HTML; if it fails the caller is gone
}

// newRequestID returns a random UUID, the form of AWS's request IDs.
func newRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
