package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxBody is the most an action may send, in bytes.
const maxBody = 4 << 20

// endpoint is one operation of the API.
type endpoint struct {
	method, path string
	scope        Scope
	serve        func(w http.ResponseWriter, r *http.Request) error
}

// endpoints is the API; the OpenAPI document is held against it.
func (c *Console) endpoints() []endpoint {
	return []endpoint{
		{"GET", "/api/v1/transfers", ScopeViewer, c.listTransfers},
		{"POST", "/api/v1/transfers", ScopeProducer, c.sendTransfers},
		{"GET", "/api/v1/transfers/{transfer_id}", ScopeViewer, c.getTransfer},
		{"GET", "/api/v1/transfers/{transfer_id}/files", ScopeViewer, c.getFiles},
		{"GET", "/api/v1/transfers/{transfer_id}/events", ScopeViewer, c.getEvents},
		{"POST", "/api/v1/transfers/{transfer_id}/rerun", ScopeOperator, c.rerunTransfer},
		{"POST", "/api/v1/transfers/{transfer_id}/cancel", ScopeOperator, c.cancelTransfer},
		{"POST", "/api/v1/transfers/{transfer_id}/resend", ScopeOperator, c.resendCompletion},
		{"GET", "/api/v1/pool", ScopeViewer, c.getPool},
		{"POST", "/api/v1/tasks/bench", ScopeAdmin, c.benchTask},
		{"POST", "/api/v1/tasks/unbench", ScopeAdmin, c.unbenchTask},
		{"GET", "/api/v1/agents", ScopeViewer, c.getAgents},
		{"GET", "/api/v1/dlq", ScopeViewer, c.listDeadLetters},
		{"POST", "/api/v1/dlq/redrive", ScopeOperator, c.redriveDeadLetters},
		{"POST", "/api/v1/dlq/discard", ScopeOperator, c.discardDeadLetters},
		{"GET", "/api/v1/routes", ScopeViewer, c.listRoutes},
		{"POST", "/api/v1/routes/{name}/pause", ScopeOperator, c.pauseRoute},
		{"POST", "/api/v1/routes/{name}/resume", ScopeOperator, c.resumeRoute},
		{"POST", "/api/v1/routes/{name}/limit", ScopeAdmin, c.limitRoute},
		{"GET", "/api/v1/audit", ScopeViewer, c.listAudit},
		{"GET", "/api/v1/audit/head", ScopeViewer, c.auditHead},
		{"GET", "/api/v1/audit/records", ScopeViewer, c.auditLines},
		{"GET", "/api/v1/stats", ScopeViewer, c.getStats},
		{"GET", "/api/v1/stream", ScopeViewer, c.stream},
		{"GET", "/api/v1/tokens", ScopeAdmin, c.listTokens},
		{"POST", "/api/v1/tokens", ScopeAdmin, c.createToken},
		{"POST", "/api/v1/tokens/{name}/revoke", ScopeAdmin, c.revokeToken},
	}
}

// router is a mux that knows its routes, so that tests miss none.
type router struct {
	*http.ServeMux

	all []Route
}

// Route is one route of the console: the pattern of http.ServeMux, and the
// least scope that it needs; none where everybody may.
type Route struct {
	Pattern string
	Scope   Scope
}

// open adds a route that checks by itself who may use it, or that everybody may.
func (m *router) open(pattern string, serve http.HandlerFunc) { m.add(pattern, "", serve) }

func (m *router) add(pattern string, s Scope, serve http.HandlerFunc) {
	m.all = append(m.all, Route{pattern, s})
	m.HandleFunc(pattern, serve)
}

// guarded adds endpoints, each for who has its scope; told answers errors.
func (c *Console) guarded(m *router, all []endpoint, told func(http.ResponseWriter, *http.Request, error)) {
	for _, e := range all {
		m.add(strings.TrimSpace(e.method+" "+e.path), e.scope, func(w http.ResponseWriter, r *http.Request) {
			r, err := c.allow(r, e.scope)
			if err == nil {
				err = e.serve(w, r)
			}
			if err != nil {
				told(w, r, err)
			}
		})
	}
}

func (c *Console) mux() *router {
	m := &router{ServeMux: http.NewServeMux()}
	c.guarded(m, c.endpoints(), c.fail)
	m.open("/api/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, notFound("no such operation: "+r.Method+" "+Printable(r.URL.Path)))
	})
	m.add("GET /api/v1/openapi.json", ScopeViewer, c.openAPIDocument)
	m.add("GET /api/v1/openapi.yaml", ScopeViewer, c.openAPISource)
	m.open("GET /metrics", c.metricsPage)
	m.open("GET /healthz", c.healthz)
	m.open("GET /readyz", c.readyz)
	c.pageRoutes(m)
	return m
}

// body decodes a JSON body into v; an empty body leaves it as it is.
func body(w http.ResponseWriter, r *http.Request, v any) error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return invalid(fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	}
	if err != nil {
		return invalid("the body cannot be read: " + err.Error())
	}
	if !utf8.Valid(raw) { // decoding would replace what is not, and make another ID of it
		return invalid("the body is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &wrongType):
		name := wrongType.Field[strings.LastIndexByte(wrongType.Field, '.')+1:]
		return invalid(fmt.Sprintf("the body is not what this operation takes: %q must not be a %s", name, wrongType.Value))
	case err != nil:
		return invalid("the body is not what this operation takes: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if d.More() {
		return invalid("the body holds more than one JSON value")
	}
	return nil
}

func (c *Console) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // a client that went away needs no answer
}

func (c *Console) readyz(w http.ResponseWriter, r *http.Request) {
	if c.ready != nil {
		if err := c.ready(r.Context()); err != nil {
			c.log.WarnContext(r.Context(), "not ready", slog.Any("error", err))
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
	}
	c.healthz(w, r)
}
