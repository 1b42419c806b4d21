package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// example is a request that a route's pattern matches; the method is empty for
// patterns that take all.
func example(pattern string) (method, path string) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok {
		method, path = "", pattern
	}
	path = strings.NewReplacer("{$}", "", "{transfer_id}", consoletest.ID(9), "{name}", "orders").Replace(path)
	if path == "/assets/" {
		path += "app.css"
	}
	return method, path
}

// methods are those that a route is asked with.
func methods(method string) []string {
	if method == "" {
		return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch}
	}
	return []string{method}
}

func tokens() map[console.Scope]string {
	return map[console.Scope]string{
		console.ScopeProducer: consoletest.ProducerToken, console.ScopeViewer: consoletest.ViewerToken,
		console.ScopeOperator: consoletest.OperatorToken, console.ScopeAdmin: consoletest.AdminToken,
	}
}

// TestGuard_EveryRoute holds every route that the mux has against what must
// hold for all: the Host allow-list, the content policy, and that no other
// site's page changes anything.
func TestGuard_EveryRoute(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	other := consoletest.New(t, nil) // asked by other sites alone: what a canary does later is not theirs
	routes := f.Console.Routes()
	if len(routes) < 50 {
		t.Fatalf("only %d routes are known", len(routes))
	}
	for _, route := range routes {
		method, path := example(route.Pattern)
		for _, m := range methods(method) {
			if strings.HasSuffix(path, "/stream") || path == "/live" {
				path += "?state=nonsense" // refused before it streams
			}
			ask := request{method: m, path: path, token: consoletest.AdminToken}
			res := ask.do(t, f)
			csp := res.Header.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'; script-src 'self'; style-src 'self'; ") || strings.Contains(csp, "unsafe") ||
				!strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "form-action 'self'") {
				t.Errorf("%s %s: policy %q", m, path, csp)
			}
			if res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s %s: headers %v", m, path, res.Header)
			}
			for _, host := range []string{"evil.example", "127.0.0.1.nip.io:7700", ""} {
				rebound := ask
				rebound.host = host
				if host == "" {
					rebound.host = "." // an empty name
				}
				if res := rebound.do(t, f); res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "HKY-8023") {
					t.Errorf("%s %s for the host %q: status %d", m, path, host, res.StatusCode)
				}
			}
			crossed(t, other, ask)
		}
	}
}

// crossed fails unless a changing request of another site is refused, before
// anything happens.
func crossed(t *testing.T, f *consoletest.Fixture, ask request) {
	t.Helper()
	before := len(f.Operator.Calls())
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
	} {
		ask.header = header
		res := ask.do(t, f)
		safe := ask.method == http.MethodGet
		if refused := res.StatusCode == http.StatusForbidden && strings.Contains(res.body, "HKY-8024"); refused == safe {
			t.Errorf("%s %s with %v: status %d", ask.method, ask.path, header, res.StatusCode)
		}
	}
	if n := len(f.Operator.Calls()); n != before {
		t.Errorf("%s %s: %d calls came through", ask.method, ask.path, n-before)
	}
}

// TestGuard_NoGetChanges asks every GET route, whose patterns take HEAD too.
func TestGuard_NoGetChanges(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, route := range f.Console.Routes() {
		method, path := example(route.Pattern)
		if method != http.MethodGet && method != "" || strings.HasSuffix(path, "/stream") || path == "/live" {
			continue
		}
		request{path: path, token: consoletest.AdminToken}.do(t, f)
		request{method: http.MethodHead, path: path, token: consoletest.AdminToken}.do(t, f)
	}
	if calls := f.Operator.Calls(); len(calls) != 0 {
		t.Errorf("reading called %+v", calls)
	}
}

// public are the routes that need no role: who is to sign in must reach them,
// and they tell nothing of transfers.
func public() []string {
	return []string{
		"/api/", "GET /metrics", "GET /healthz", "GET /readyz", "GET /assets/",
		"GET /login", "POST /login", "GET /login/start", "GET /login/callback", "POST /logout",
	}
}

// TestRoles_EveryRoute asks every route as nobody and in every role: below the
// least role it is refused, in words, and nothing happens.
func TestRoles_EveryRoute(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	for _, route := range f.Console.Routes() {
		method, path := example(route.Pattern)
		if route.Scope == "" {
			if !slices.Contains(public(), route.Pattern) {
				t.Errorf("%s needs no role", route.Pattern)
			}
			continue
		}
		api := strings.HasPrefix(path, "/api/")
		for _, m := range methods(method) {
			res := request{method: m, path: path, header: form}.do(t, f)
			if want := map[bool]int{true: http.StatusUnauthorized, false: http.StatusSeeOther}[api]; res.StatusCode != want {
				t.Errorf("%s %s by nobody: status %d", m, path, res.StatusCode)
			}
			for have, token := range tokens() {
				if (console.Identity{Scopes: []console.Scope{have}}).May(route.Scope) {
					continue
				}
				res := request{method: m, path: path, token: token, header: form}.do(t, f)
				if res.StatusCode != http.StatusForbidden || !strings.Contains(res.body, "HKY-8018") || !strings.Contains(res.body, string(route.Scope)) {
					t.Errorf("%s %s by %s: status %d: %.300s", m, path, have, res.StatusCode, res.body)
				}
				if !api {
					res := request{method: m, path: path + "?lang=ja", token: token, header: form}.do(t, f)
					if !strings.Contains(res.body, "この役割では操作できません") {
						t.Errorf("%s %s by %s: no Japanese words", m, path, have)
					}
				}
			}
		}
	}
	if calls := f.Operator.Calls(); len(calls) != 0 {
		t.Errorf("what was refused called %+v", calls)
	}
}

// TestRoles_Table is what each role may change, as docs/console.md says.
func TestRoles_Table(t *testing.T) {
	t.Parallel()
	want := map[string]console.Scope{
		"POST /api/v1/transfers": console.ScopeProducer, "POST /columns": console.ScopeViewer,
		"POST /transfers/{transfer_id}/rerun": console.ScopeOperator, "POST /transfers/{transfer_id}/cancel": console.ScopeOperator,
		"POST /transfers/{transfer_id}/notify": console.ScopeOperator, "POST /api/v1/transfers/{transfer_id}/resend": console.ScopeOperator,
		"POST /dlq/redrive": console.ScopeOperator, "POST /dlq/resend": console.ScopeOperator, "POST /dlq/discard": console.ScopeOperator,
		"POST /routes/{name}/pause": console.ScopeOperator, "POST /routes/{name}/resume": console.ScopeOperator,
		"POST /routes/{name}/limit": console.ScopeAdmin, "POST /tasks/bench": console.ScopeAdmin, "POST /tasks/unbench": console.ScopeAdmin,
		"GET /api/v1/tokens": console.ScopeAdmin, "POST /api/v1/tokens": console.ScopeAdmin,
	}
	for _, r := range consoletest.New(t, nil).Console.Routes() {
		if s, ok := want[r.Pattern]; ok && r.Scope != s {
			t.Errorf("%s needs %s, want %s", r.Pattern, r.Scope, s)
		}
		delete(want, r.Pattern)
		if strings.HasPrefix(r.Pattern, "POST ") && r.Scope == console.ScopeViewer && r.Pattern != "POST /columns" {
			t.Errorf("%s changes something and viewers may", r.Pattern)
		}
	}
	if len(want) > 0 {
		t.Errorf("there are no routes %v", want)
	}
}

// TestRoles_Controls: what a role may not do is shown, disabled, with the reason.
func TestRoles_Controls(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	act, admin := "You may look, not act", "Bandwidth and benching need the role admin"
	for _, tt := range []struct {
		path, token    string
		acts, disabled int // buttons at least, and how many of them are disabled: -1 is all
		says, not      string
	}{
		{"/transfers", consoletest.ViewerToken, 4, -1, act, ""},
		{"/transfers", consoletest.OperatorToken, 4, 0, "", act},
		{"/dlq", consoletest.ViewerToken, 4, -1, act, ""},
		{"/dlq", consoletest.OperatorToken, 4, 0, "", act},
		{"/errors", consoletest.ViewerToken, 2, -1, act, ""},
		{"/errors", consoletest.OperatorToken, 2, 0, "", act},
		{"/pool", consoletest.ViewerToken, 3, -1, act, ""},
		{"/pool", consoletest.OperatorToken, 3, 6, admin, act},
		{"/pool", consoletest.AdminToken, 3, 0, "", admin},
		{"/transfers/" + consoletest.ID(8), consoletest.ViewerToken, 1, -1, act, ""},
	} {
		page := text(t, request{path: tt.path, token: tt.token}.do(t, f))
		all := strings.Count(page, `data-confirm="`)
		disabled := strings.Count(page, ` disabled title="`)
		if want := tt.disabled; all < tt.acts || (want >= 0 && disabled != want) || (want < 0 && disabled < all-1) {
			t.Errorf("%s by %s: %d actions, %d disabled", tt.path, tt.token, all, disabled)
		}
		if !strings.Contains(page, tt.says) || (tt.not != "" && strings.Contains(page, tt.not)) {
			t.Errorf("%s by %s: it should say %q and not %q", tt.path, tt.token, tt.says, tt.not)
		}
		if role := strings.TrimSuffix(tt.token, "-token"); !strings.Contains(page, "<bdi>"+role+"</bdi> <small>"+role+"</small>") {
			t.Errorf("%s does not say who is signed in", tt.path)
		}
	}
}

// TestMetrics_BehindAProxy: a proxy on this machine must not open the metrics.
func TestMetrics_BehindAProxy(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, func(o *console.Options) { o.Access.PublicURL = "https://hikyaku.example" })
	for host, want := range map[string]int{"127.0.0.1:7700": 200, "hikyaku.example": 401} {
		r := request{path: "/metrics", host: host, remote: "127.0.0.1:999"}
		if res := r.do(t, f); res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", host, res.StatusCode, want)
		}
	}
}

// TestLogin_Next leads back to where somebody wanted to go, on this console only.
func TestLogin_Next(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	res := request{path: "/transfers?state=FAILED"}.do(t, f)
	at := res.Header.Get("Location")
	if at != "/login?next=%2Ftransfers%3Fstate%3DFAILED" {
		t.Fatalf("led to %s", at)
	}
	if page := (request{path: at}).do(t, f); !strings.Contains(page.body, `name="next" value="/transfers?state=FAILED"`) {
		t.Errorf("the form forgets where to go")
	}
	for next, want := range map[string]string{"/transfers?state=FAILED": "/transfers?state=FAILED", "//evil.example/": "/", "https://evil.example": "/", `/\evil.example`: "/", "": "/"} {
		res := submit(t, f, "", "/login", url.Values{"token": {consoletest.ViewerToken}, "next": {next}})
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != want {
			t.Errorf("%q: status %d to %q", next, res.StatusCode, got)
		}
	}
}
