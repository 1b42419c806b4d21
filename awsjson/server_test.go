package awsjson_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/awsjson"
)

// server answers a few operations of a made-up service.
func server(log io.Writer) *awsjson.Server {
	handle := func(f func(r *awsjson.Request) (any, error)) func(context.Context, *awsjson.Request) (any, error) {
		return func(_ context.Context, r *awsjson.Request) (any, error) { return f(r) }
	}
	viewer := []awsjson.Scope{awsjson.ScopeViewer}
	return awsjson.NewServer(awsjson.Options{
		Service: service, TargetPrefix: "AmazonSQS", Version: "1.0", QueryErrors: true, MaxBody: 100,
		Verifier: verifier(), Logger: slog.New(slog.NewTextHandler(log, nil)), Now: clock,
		AllowHost: func(host string) bool { return !strings.HasPrefix(host, "evil") },
		Operations: []awsjson.Operation{
			{Name: "Echo", Scopes: viewer, Handle: handle(func(r *awsjson.Request) (any, error) {
				var in struct{ Text string }
				if err := r.Decode(&in); err != nil {
					return nil, err
				}
				return &struct{ Text, Caller string }{in.Text, r.Identity.AccessKey}, nil
			})},
			{Name: "Nothing", Scopes: viewer, Handle: handle(func(*awsjson.Request) (any, error) { return nil, nil })},
			{Name: "Refuse", Scopes: viewer, Handle: handle(func(*awsjson.Request) (any, error) {
				return nil, &awsjson.Error{Type: "NoSuchThing", Namespace: "ns", QueryCode: "Old.NoSuchThing", Message: "no", Fields: map[string]any{"errorCode": "E1"}}
			})},
			{Name: "Fail", Scopes: viewer, Handle: handle(func(*awsjson.Request) (any, error) { return nil, errors.New("disk on fire") })},
			{Name: "Panic", Scopes: viewer, Handle: handle(func(*awsjson.Request) (any, error) { panic("boom") })},
			{Name: "Admin", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}, Handle: handle(func(*awsjson.Request) (any, error) { return nil, nil })},
			{Name: "Nobody", Handle: handle(func(*awsjson.Request) (any, error) { return nil, nil })},
		},
	})
}

func call(tb testing.TB, h http.Handler, operation, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	tb.Helper()
	a := valid()
	a.body = body
	a.header.Set("X-Amz-Target", operation)
	r := a.sign(tb)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServer_ServeHTTP(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation, body    string
		change             func(*http.Request)
		status             int
		kind, query, reply string
	}{
		"reply":     {"AmazonSQS.Echo", `{"Text":"hi"}`, nil, 200, "", "", `{"Text":"hi","Caller":"AKEXAMPLE"}`},
		"no output": {"AmazonSQS.Nothing", ``, nil, 200, "", "", `{}`},
		"refusal":   {"AmazonSQS.Refuse", `{}`, nil, 400, "NoSuchThing", "Old.NoSuchThing;Sender", `{"__type":"ns#NoSuchThing","message":"no","errorCode":"E1"}`},
		"failure":   {"AmazonSQS.Fail", `{}`, nil, 500, "InternalFailure", "InternalFailure;Receiver", ""},
		"panic":     {"AmazonSQS.Panic", `{}`, nil, 500, "InternalFailure", "InternalFailure;Receiver", ""},
		"scope":     {"AmazonSQS.Admin", `{}`, nil, 403, "AccessDeniedException", "AccessDenied;Sender", ""},
		"no scopes": {"AmazonSQS.Nobody", `{}`, nil, 403, "AccessDeniedException", "AccessDenied;Sender", ""},
		"operation": {"AmazonSQS.Other", `{}`, nil, 400, "UnknownOperationException", "InvalidAction;Sender", ""},
		"prefix":    {"Other.Echo", `{}`, nil, 400, "UnknownOperationException", "InvalidAction;Sender", ""},
		"type":      {"AmazonSQS.Echo", `{"Text":1}`, nil, 400, "SerializationException", "MalformedInput;Sender", ""},
		"too large": {"AmazonSQS.Echo", `{"Text":"` + strings.Repeat("x", 100) + `"}`, nil, 413, "RequestEntityTooLargeException", "RequestEntityTooLarge;Sender", ""},
		"too large, length unknown": {
			"AmazonSQS.Echo", `{"Text":"` + strings.Repeat("x", 100) + `"}`, func(r *http.Request) { r.ContentLength = -1 },
			413, "RequestEntityTooLargeException", "RequestEntityTooLarge;Sender", "",
		},
		"host":      {"AmazonSQS.Echo", `{}`, func(r *http.Request) { r.Host = "evil.example" }, 403, "AccessDeniedException", "AccessDenied;Sender", ""},
		"method":    {"AmazonSQS.Echo", `{}`, func(r *http.Request) { r.Method = http.MethodGet }, 405, "UnknownOperationException", "InvalidAction;Sender", ""},
		"signature": {"AmazonSQS.Echo", `{}`, func(r *http.Request) { r.Header.Set("X-Spaces", "c") }, 403, "InvalidSignatureException", "SignatureDoesNotMatch;Sender", ""},
		"unsigned":  {"AmazonSQS.Echo", `{}`, func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationTokenException", "MissingAuthenticationToken;Sender", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := call(t, server(io.Discard), test.operation, test.body, test.change)
			if w.Code != test.status || w.Header().Get("X-Amzn-Errortype") != test.kind || w.Header().Get("X-Amzn-Query-Error") != test.query {
				t.Errorf("got %d %v %s, want %d %s %s", w.Code, w.Header(), w.Body, test.status, test.kind, test.query)
			}
			if w.Header().Get("X-Amzn-Requestid") == "" || w.Header().Get("Content-Type") != "application/x-amz-json-1.0" {
				t.Errorf("got headers %v, want a request ID and the JSON type", w.Header())
			}
			if strings.Contains(w.Body.String(), "fire") || strings.Contains(w.Body.String(), "boom") {
				t.Errorf("the reply tells internals: %s", w.Body)
			}
			if test.reply != "" && !sameJSON(t, w.Body.String(), test.reply) {
				t.Errorf("got %s, want %s", w.Body, test.reply)
			}
		})
	}
}

func sameJSON(tb testing.TB, a, b string) bool {
	tb.Helper()
	var x, y map[string]any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		tb.Fatal(err)
	}
	am, _ := json.Marshal(x)
	bm, _ := json.Marshal(y)
	return bytes.Equal(am, bm)
}

func TestServer_ServeHTTP_Presigned(t *testing.T) {
	t.Parallel()
	a := valid()
	a.body = `{"Text":"hi"}`
	a.header.Set("X-Amz-Target", "AmazonSQS.Echo")
	w := httptest.NewRecorder()
	server(io.Discard).ServeHTTP(w, a.presign(t))
	if w.Code != 200 || !sameJSON(t, w.Body.String(), `{"Text":"hi","Caller":"AKEXAMPLE"}`) {
		t.Errorf("got %d %s, want the echo", w.Code, w.Body)
	}
}

func TestServer_ServeHTTP_Logs(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := server(&log)
	call(t, s, "AmazonSQS.Fail", `{}`, nil)
	call(t, s, "AmazonSQS.Panic", `{}`, nil)
	for _, want := range []string{"disk on fire", "boom", "request_id=", "operation=Fail"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	if strings.Contains(log.String(), secret) {
		t.Error("the log holds the secret")
	}
}

func TestMux_ServeHTTP(t *testing.T) {
	t.Parallel()
	other := awsjson.NewServer(awsjson.Options{
		Service: "datasync", TargetPrefix: "FmrsService", Version: "1.1", Verifier: verifier(), Logger: slog.New(slog.DiscardHandler), Now: clock,
		Operations: []awsjson.Operation{{
			Name: "ListTasks", Scopes: []awsjson.Scope{awsjson.ScopeViewer},
			Handle: func(context.Context, *awsjson.Request) (any, error) {
				return &struct{ Tasks []string }{[]string{}}, nil
			},
		}},
	})
	mux := awsjson.NewMux(server(io.Discard), other)
	request := func(service, target string) *httptest.ResponseRecorder {
		a := valid()
		a.service = service
		a.header.Set("X-Amz-Target", target)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, a.sign(t))
		return w
	}
	if w := request("datasync", "FmrsService.ListTasks"); w.Code != 200 || w.Body.String() != `{"Tasks":[]}` || w.Header().Get("Content-Type") != "application/x-amz-json-1.1" {
		t.Errorf("by prefix: got %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := request("sqs", "AmazonSQS.Nothing"); w.Code != 200 {
		t.Errorf("by prefix: got %d %s", w.Code, w.Body)
	}
	if w := request("datasync", "Elsewhere.X"); w.Header().Get("Content-Type") != "application/x-amz-json-1.1" || w.Header().Get("X-Amzn-Errortype") != "UnknownOperationException" {
		t.Errorf("by credential scope: got %d %v", w.Code, w.Header())
	}
	if w := request("datasync", "AmazonSQS.Nothing"); w.Code != 403 {
		t.Errorf("signed for the other service: got %d %s", w.Code, w.Body)
	}
}

func TestMux_ServeHTTP_QueryProtocol(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("Action=ListQueues&Version=2012-11-05"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	w := httptest.NewRecorder()
	awsjson.NewMux(server(io.Discard)).ServeHTTP(w, r)
	if w.Code != 400 || w.Header().Get("Content-Type") != "text/xml" || !strings.Contains(w.Body.String(), "<Code>UnsupportedOperation</Code>") {
		t.Errorf("got %d %v %s, want an XML error", w.Code, w.Header(), w.Body)
	}
}

func TestIdentity_May(t *testing.T) {
	t.Parallel()
	all := []awsjson.Scope{awsjson.ScopeProducer, awsjson.ScopeViewer, awsjson.ScopeOperator, awsjson.ScopeAdmin}
	may := map[awsjson.Scope]string{"producer": "1000", "viewer": "0100", "operator": "1110", "admin": "1111", "": "0000", "root": "0000"}
	for have, want := range may {
		got := ""
		for _, s := range all {
			got += map[bool]string{true: "1", false: "0"}[awsjson.Identity{Scopes: []awsjson.Scope{have}}.May(s)]
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", have, got, want)
		}
	}
	if (awsjson.Identity{Scopes: all}).May() {
		t.Error("an operation without scopes is allowed")
	}
}
