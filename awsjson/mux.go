package awsjson

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"strings"
)

// Mux serves several services on one listener: a request goes to the service
// whose target prefix X-Amz-Target carries, else to the one named in its
// credential scope.
type Mux struct {
	byPrefix  map[string]*Server
	byService map[string]*Server
	first     *Server
}

var _ http.Handler = (*Mux)(nil)

// NewMux returns a Mux of at least one server. The first one answers what
// cannot be attributed to any (with an error: it verifies, too).
func NewMux(first *Server, others ...*Server) *Mux {
	m := &Mux{byPrefix: map[string]*Server{}, byService: map[string]*Server{}, first: first}
	for _, s := range append([]*Server{first}, others...) {
		m.byPrefix[s.opts.TargetPrefix] = s
		m.byService[s.opts.Service] = s
	}
	return m
}

// ServeHTTP serves one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := target(r)
	if name == "" && isQueryProtocol(r) {
		refuseQueryProtocol(w)
		return
	}
	prefix, _, _ := strings.Cut(name, ".")
	if s, ok := m.byPrefix[prefix]; ok {
		s.ServeHTTP(w, r)
		return
	}
	if a, err := parseAuthorization(r); err == nil {
		if s, ok := m.byService[a.service]; ok {
			s.ServeHTTP(w, r)
			return
		}
	}
	m.first.ServeHTTP(w, r)
}

// isQueryProtocol recognises clients of the protocol that SQS spoke before
// 2023: parameters in a form or in the query.
func isQueryProtocol(r *http.Request) bool {
	return strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded") ||
		r.URL.Query().Has("Action")
}

// queryRefusal is an error reply of the query protocol.
type queryRefusal struct {
	XMLName   xml.Name `xml:"http://queue.amazonaws.com/doc/2012-11-05/ ErrorResponse"`
	Type      string   `xml:"Error>Type"`
	Code      string   `xml:"Error>Code"`
	Message   string   `xml:"Error>Message"`
	RequestID string   `xml:"RequestId"`
}

// refuseQueryProtocol answers in the protocol that the client understands.
func refuseQueryProtocol(w http.ResponseWriter) {
	body, err := xml.Marshal(queryRefusal{
		Type: "Sender", Code: "UnsupportedOperation", RequestID: newRequestID(),
		Message: "This endpoint speaks the AWS JSON protocol only (X-Amz-Target). Use an AWS SDK or CLI of November 2023 or later.",
	})
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(bytes.Join([][]byte{[]byte(xml.Header), body}, nil)) // the caller is gone
}
