package console

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// InProcess returns an HTTP client that calls h directly, streams included, so
// that the command line can be a client of a console in its own process.
// Requests must name a host that the console allows, like localhost.
func InProcess(h http.Handler) *http.Client {
	return &http.Client{Transport: handlerTransport{h}}
}

type handlerTransport struct{ h http.Handler }

// RoundTrip runs the handler; it returns at the first byte or header, and the
// handler goes on while the body is read. Closing the body ends it.
func (t handlerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	r := req.Clone(ctx)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	r.RequestURI = r.URL.RequestURI()
	pr, pw := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: pw, ready: make(chan struct{})}
	go func() { // ends when the handler does: cancel and the closed pipe make it
		defer func() {
			w.WriteHeader(http.StatusOK)
			_ = pw.Close() // it never fails
			cancel()
		}()
		t.h.ServeHTTP(w, r)
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
		cancel()
		_ = pr.CloseWithError(req.Context().Err())
		return nil, req.Context().Err()
	}
	return &http.Response{
		StatusCode: w.status, Status: http.StatusText(w.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: &pipeBody{PipeReader: pr, cancel: cancel}, ContentLength: -1, Request: req,
	}, nil
}

type pipeWriter struct {
	header, sent http.Header
	body         *io.PipeWriter
	status       int
	once         sync.Once
	ready        chan struct{}
}

// Header returns the header to be sent.
func (w *pipeWriter) Header() http.Header { return w.header }

// WriteHeader releases the caller of RoundTrip.
func (w *pipeWriter) WriteHeader(status int) {
	w.once.Do(func() {
		w.status, w.sent = status, w.header.Clone()
		close(w.ready)
	})
}

// Write passes bytes on; it blocks until they are read.
func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush does nothing: nothing is buffered.
func (w *pipeWriter) Flush() {}

type pipeBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the handler.
func (b *pipeBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
