package console_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// request is one request to the fixture's console.
type request struct {
	method, path, token, body string
	host, remote              string
	header                    map[string]string
}

func (q request) do(t *testing.T, f *consoletest.Fixture) reply {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r := httptest.NewRequestWithContext(t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Host = "localhost:7700"
	if q.host != "" {
		r.Host = q.host
	}
	if q.remote != "" {
		r.RemoteAddr = q.remote
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	for k, v := range q.header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	f.Console.ServeHTTP(w, r)
	res := w.Result()
	defer func() { _ = res.Body.Close() }() // of a recorder: nothing to release
	return reply{StatusCode: res.StatusCode, Header: res.Header, cookies: res.Cookies(), body: w.Body.String()}
}

// reply is a response that was read.
type reply struct {
	StatusCode int
	Header     http.Header
	cookies    []*http.Cookie
	body       string
}

func text(t *testing.T, r reply) string {
	t.Helper()
	return r.body
}

func TestConsole_Scopes(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	act := "/api/v1/transfers/" + consoletest.ID(9) + "/rerun"
	tests := []struct {
		name   string
		req    request
		status int
	}{
		{"no token", request{path: "/api/v1/transfers"}, 401},
		{"wrong token", request{path: "/api/v1/transfers", token: "guess"}, 401},
		{"wrong scheme", request{path: "/api/v1/transfers", header: map[string]string{"Authorization": "Basic YTpi"}}, 401},
		{"viewer reads", request{path: "/api/v1/transfers", token: consoletest.ViewerToken}, 200},
		{"producer does not read", request{path: "/api/v1/transfers", token: consoletest.ProducerToken}, 403},
		{"producer sends", request{method: "POST", path: "/api/v1/transfers", token: consoletest.ProducerToken, body: `{"id":"P-1"}`}, 201},
		{"viewer does not send", request{method: "POST", path: "/api/v1/transfers", token: consoletest.ViewerToken, body: `{"id":"P-2"}`}, 403},
		{"viewer does not act", request{method: "POST", path: act, token: consoletest.ViewerToken}, 403},
		{"operator acts", request{method: "POST", path: act, token: consoletest.OperatorToken}, 200},
		{"operator does not limit", request{method: "POST", path: "/api/v1/routes/orders/limit", token: consoletest.OperatorToken, body: `{"bytes_per_second":5}`}, 403},
		{"admin limits", request{method: "POST", path: "/api/v1/routes/orders/limit", token: consoletest.AdminToken, body: `{"bytes_per_second":5}`}, 200},
		{"GET never acts", request{path: act, token: consoletest.AdminToken}, 404},
		{"stream needs a token", request{path: "/api/v1/stream"}, 401},
		{"live page stream needs a token", request{path: "/live"}, 303},
		{"page leads to sign in", request{path: "/"}, 303},
		{"health is open", request{path: "/healthz"}, 200},
		{"metrics from elsewhere need a token", request{path: "/metrics"}, 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := tt.req.do(t, f)
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, text(t, res))
			}
		})
	}
}

func TestConsole_HostAllowList(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, func(o *console.Options) { o.AllowedHosts = []string{"Hikyaku.Example"} })
	for host, status := range map[string]int{
		"localhost": 200, "127.0.0.1:7700": 200, "[::1]:7700": 200, "hikyaku.example:443": 200, "HIKYAKU.example.": 200,
		"evil.example": 403, "localhost.evil.example": 403, "127.0.0.1.nip.io": 403, "169.254.169.254": 403,
	} {
		res := request{path: "/api/v1/stats", token: consoletest.ViewerToken, host: host}.do(t, f)
		if res.StatusCode != status {
			t.Errorf("host %s: status %d, want %d", host, res.StatusCode, status)
		}
	}
}

func TestConsole_CrossOrigin(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	act := request{method: "POST", path: "/transfers/" + consoletest.ID(9) + "/rerun", token: consoletest.AdminToken}
	for _, tt := range []struct {
		header map[string]string
		status int
	}{
		{map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{map[string]string{"Origin": "http://127.0.0.1:9999"}, 403},
		{map[string]string{"Sec-Fetch-Site": "same-origin"}, 303},
	} {
		act.header = tt.header
		if res := act.do(t, f); res.StatusCode != tt.status {
			t.Errorf("%v: status %d, want %d", tt.header, res.StatusCode, tt.status)
		}
	}
	if calls := f.Operator.Calls(); len(calls) != 1 {
		t.Errorf("got %d calls, want only that of the same origin", len(calls))
	}
}

func TestConsole_Headers(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, path := range []string{"/", "/api/v1/stats", "/login", "/assets/app.js", "/nowhere"} {
		h := request{path: path, token: consoletest.ViewerToken}.do(t, f).Header
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestConsole_SignIn(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	res := request{path: "/login?token=" + consoletest.ViewerToken}.do(t, f)
	if res.StatusCode != http.StatusSeeOther || len(res.cookies) != 1 {
		t.Fatalf("status %d, cookies %v", res.StatusCode, res.cookies)
	}
	k := res.cookies[0]
	if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %v", k)
	}
	if res := (request{path: "/", header: map[string]string{"Cookie": k.Name + "=" + k.Value}}).do(t, f); res.StatusCode != http.StatusOK {
		t.Errorf("with the cookie: status %d", res.StatusCode)
	}
	status := 0
	for range 30 {
		status = request{path: "/login?token=guess"}.do(t, f).StatusCode
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("after 30 guesses: status %d", status)
	}
}

func TestConsole_ErrorBodies(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for kind, status := range map[hikyaku.Kind]int{
		hikyaku.KindInvalid: 400, hikyaku.KindNotFound: 404, hikyaku.KindConflict: 409, hikyaku.KindBusy: 503,
		hikyaku.KindTransient: 503, hikyaku.KindDenied: 403, hikyaku.KindInternal: 500,
	} {
		f.Operator.Err = &hikyaku.Error{Kind: kind, Code: "HKY-9", Message: "so it is"}
		res := request{method: "POST", path: "/api/v1/transfers", token: consoletest.AdminToken, body: `{"id":"x"}`}.do(t, f)
		var b console.ErrorBody
		if err := json.Unmarshal([]byte(text(t, res)), &b); err != nil || b.Error == nil {
			t.Fatalf("%s: no error body: %v", kind, err)
		}
		if res.StatusCode != status || b.Error.Kind != kind || b.Error.Code != "HKY-9" || b.Error.Message == "" {
			t.Errorf("%s: status %d, body %+v", kind, res.StatusCode, b.Error)
		}
		if (status == 503) != (res.Header.Get("Retry-After") != "") {
			t.Errorf("%s: Retry-After %q", kind, res.Header.Get("Retry-After"))
		}
	}
}

func TestConsole_BadInput(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, q := range []request{
		{path: "/api/v1/transfers?state=asleep"},
		{path: "/api/v1/transfers?limit=0"},
		{path: "/api/v1/transfers?limit=1001"},
		{path: "/api/v1/transfers?since=yesterdayish"},
		{path: "/api/v1/dlq?dead_letter=lost"},
		{method: "POST", path: "/api/v1/transfers", body: `{}`},
		{method: "POST", path: "/api/v1/transfers", body: `{"idd":"x"}`},
		{method: "POST", path: "/api/v1/transfers", body: `{"id":"x"}{"id":"y"}`},
		{method: "POST", path: "/api/v1/transfers", body: `[`},
		{method: "POST", path: "/api/v1/transfers", body: `{"id":5}`},
		{method: "POST", path: "/api/v1/transfers", body: "{\"id\":\"\xff\"}"},
		{method: "POST", path: "/api/v1/transfers", body: `{"ids":["a","b"],"key":"k"}`},
		{method: "POST", path: "/api/v1/dlq/redrive"},
		{method: "POST", path: "/api/v1/tasks/bench", body: `{}`},
		{method: "POST", path: "/api/v1/routes/orders/limit", body: `{"bytes_per_second":0}`},
	} {
		q.token = consoletest.AdminToken
		if res := q.do(t, f); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s %s: status %d", q.method, q.path, q.body, res.StatusCode)
		}
	}
	if len(f.Operator.Calls()) != 0 {
		t.Errorf("bad input reached the operator: %v", f.Operator.Calls())
	}
}

func TestClient_Lists(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	c := f.Client(consoletest.ViewerToken)
	ids := func(q console.Filter) []string {
		l, err := c.Transfers(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, tr := range l.Transfers {
			out = append(out, tr.ID)
		}
		slices.Sort(out)
		return out
	}
	for _, tt := range []struct {
		q    console.Filter
		want []string
	}{
		{console.Filter{ID: "A-1001"}, []string{"A-1001"}},
		{console.Filter{States: []hikyaku.State{hikyaku.Running}}, []string{"A-1001", "A-1002"}},
		{console.Filter{Route: "images"}, []string{"IMG-2207"}},
		{console.Filter{Error: "hky-6002"}, []string{"A-0997"}},
		{console.Filter{Query: "請求"}, []string{"請求書-2026-11"}},
		{console.Filter{DeadLetters: []string{"sent"}}, []string{"A-0997", "A-0998"}},
		{console.Filter{Since: f.Now.Add(-100e9), States: []hikyaku.State{hikyaku.Starting}}, []string{"A-1003"}},
		{console.Filter{Until: f.Now.Add(-150 * 60e9)}, []string{"A-0991"}},
	} {
		if got := ids(tt.q); !slices.Equal(got, tt.want) {
			t.Errorf("%+v: got %v, want %v", tt.q, got, tt.want)
		}
	}
	first, err := c.Transfers(t.Context(), console.Filter{Limit: 10})
	if err != nil || first.NextToken == nil {
		t.Fatal(first.NextToken, err)
	}
	rest, err := c.Transfers(t.Context(), console.Filter{Limit: 10, Token: *first.NextToken})
	if err != nil || len(rest.Transfers) != 4 || rest.NextToken != nil {
		t.Errorf("second page: %d transfers, token %v, %v", len(rest.Transfers), rest.NextToken, err)
	}
}

// TestClient_OverHTTP holds the client against a real server.
func TestClient_OverHTTP(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	defer f.Console.Close()
	c := console.NewClient(srv.URL, consoletest.AdminToken, srv.Client())
	d, err := c.Transfer(t.Context(), consoletest.ID(2))
	if err != nil || d.ID != "A-1001" || len(d.Events) == 0 {
		t.Fatalf("got %v, %v", d.ID, err)
	}
	_, err = c.Rerun(t.Context(), consoletest.ID(0), console.ActRequest{})
	var api *console.APIError
	if !errors.As(err, &api) || hikyaku.KindOf(err) != hikyaku.KindConflict {
		t.Errorf("rerun of what succeeded: %v", err)
	}
	if tr, err := c.Rerun(t.Context(), consoletest.ID(0), console.ActRequest{Force: true, Reason: "again"}); err != nil || tr.State != hikyaku.Queued {
		t.Errorf("forced: %v, %v", tr.State, err)
	}
	_, err = console.NewClient("http://127.0.0.1:1", "", nil).Stats(t.Context())
	if hikyaku.KindOf(err) != hikyaku.KindTransient {
		t.Errorf("nobody there: %v", err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if _, err = console.NewClient(other.URL, "", nil).Stats(t.Context()); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("another server: %v", err)
	}
	var scrape bytes.Buffer
	res, err := srv.Client().Get(srv.URL + "/metrics") //nolint:noctx // a local server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // a local server
	_, _ = scrape.ReadFrom(res.Body)
	for _, want := range []string{
		`hikyaku_transfers{route="orders",state="RUNNING"} 2`, `hikyaku_transfers_waiting{reason="route_paused",route="images"} 1`,
		`hikyaku_oldest_queued_seconds{route="images"} 1080`, `hikyaku_agents{online="false"} 1`, `hikyaku_build_info{version="1.2.3"} 1`,
		`hikyaku_pool_tasks{route="orders",state="BENCHED"} 1`, `hikyaku_ledger_up 1`,
	} {
		if !strings.Contains(scrape.String(), want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestConsole_ReadyAndReadOnly(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, func(o *console.Options) {
		o.Operator = nil
		o.Ready = func(context.Context) error { return errors.New("still migrating") }
	})
	if res := (request{path: "/readyz"}).do(t, f); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", res.StatusCode)
	}
	res := request{method: "POST", path: "/api/v1/transfers", token: consoletest.AdminToken, body: `{"id":"x"}`}.do(t, f)
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("send to a read-only console: %d", res.StatusCode)
	}
	if res := (request{path: "/pool", token: consoletest.AdminToken}).do(t, f); res.StatusCode != http.StatusOK {
		t.Errorf("page of a read-only console: %d", res.StatusCode)
	}
}
