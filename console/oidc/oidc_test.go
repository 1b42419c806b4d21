package oidc_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
	"github.com/hikyaku/hikyaku/console/oidc"
	"github.com/hikyaku/hikyaku/console/oidc/oidctest"
)

// bed is a console whose people a real provider vouches for.
type bed struct {
	f        *consoletest.Fixture
	base     string
	provider *oidctest.Provider
	login    *oidc.Provider
	late     atomic.Int64 // nanoseconds that the console's clock is ahead
	log      *buffer
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func people() map[string]oidctest.Person {
	return map[string]oidctest.Person{
		"ann":  {Email: "ann@example.com", Verified: true, Groups: []string{"staff", "hikyaku-admins"}},
		"bob":  {Email: "bob@example.com", Verified: true, Groups: []string{"operators", "lookers"}},
		"cho":  {Email: "admin@example.com", Groups: []string{"lookers"}}, // not verified
		"dave": {Email: "dave@example.com", Verified: true, Groups: []string{"sales"}},
	}
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{log: &buffer{}}
	srv := httptest.NewUnstartedServer(nil)
	b.base = "http://" + srv.Listener.Addr().String()
	b.provider = oidctest.New(t, b.base+"/login/callback", people())
	now := func() time.Time { return time.Now().Add(time.Duration(b.late.Load())) }
	b.login = oidc.New(oidc.Options{
		Name: "Example ID", Issuer: b.provider.Issuer, ClientID: oidctest.ClientID, RedirectURL: b.base + "/login/callback", Now: now,
		Secret: func() (string, error) { return oidctest.Secret, nil },
		Roles:  map[string]console.Scope{"hikyaku-admins": console.ScopeAdmin, "operators": console.ScopeOperator, "lookers": console.ScopeViewer},
	})
	b.f = consoletest.NewWith(t, now, func(o *console.Options) {
		o.Access.Provider, o.Logger = b.login, slog.New(slog.NewTextHandler(b.log, nil))
	})
	srv.Config.Handler = b.f.Console
	srv.Start()
	t.Cleanup(srv.Close)
	t.Cleanup(b.f.Console.Close)
	return b
}

func TestSignIn_Roles(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, tt := range []struct {
		user, name, role string
		inIDToken        bool
		rerun, limit     int
	}{
		{"ann", "ann@example.com", "admin", true, 200, 200},
		{"bob", "bob@example.com", "operator", false, 200, 403},
		{"cho", "oidc:cho", "viewer", false, 403, 403},
	} {
		b.provider.InIDToken.Store(tt.inIDToken)
		browser := oidctest.NewBrowser(t)
		front := browser.Open(t, b.base+"/transfers?state=FAILED")
		if !strings.Contains(front.Body, `<a class="button primary" href="/login/start?next=%2Ftransfers%3Fstate%3DFAILED">Sign in with Example ID</a>`) {
			t.Fatalf("no button: %.2000s", front.Body)
		}
		form := browser.Open(t, b.base+"/login/start?next="+url.QueryEscape("/transfers?state=FAILED"))
		page := browser.Login(t, form, tt.user)
		if page.Status != http.StatusOK || page.Address.RequestURI() != "/transfers?state=FAILED" {
			t.Fatalf("%s: status %d at %s: %s", tt.user, page.Status, page.Address, b.log)
		}
		if want := "<bdi>" + tt.name + "</bdi> <small>" + tt.role + "</small>"; !strings.Contains(page.Body, want) {
			t.Errorf("%s: the page lacks %s", tt.user, want)
		}
		for path, want := range map[string]int{"/transfers/" + consoletest.ID(9) + "/rerun": tt.rerun, "/routes/orders/limit": tt.limit} {
			if got := browser.Submit(t, b.base+path, url.Values{"rate": {"10MiB"}, "force": {"true"}}); got.Status != want {
				t.Errorf("%s %s: status %d, want %d", tt.user, path, got.Status, want)
			}
		}
		if calls := b.f.Operator.Calls(); tt.rerun == 200 && calls[len(calls)-1].Act.By != tt.name {
			t.Errorf("recorded by %q", calls[len(calls)-1].Act.By)
		}
		if page := browser.Submit(t, b.base+"/logout", nil); page.Address.Path != "/login" {
			t.Errorf("after signing out: %s", page.Address)
		}
		if page := browser.Open(t, b.base+"/"); page.Address.Path != "/login" {
			t.Errorf("the session goes on: %s", page.Address)
		}
	}
}

func TestSignIn_NoGroup(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	browser := oidctest.NewBrowser(t)
	page := browser.Login(t, browser.Open(t, b.base+"/login/start"), "dave")
	for _, want := range []string{"HKY-8022", "You are known, but have no role here", "dave@example.com"} {
		if page.Status != http.StatusForbidden || !strings.Contains(page.Body, want) {
			t.Errorf("status %d, lacks %q: %s", page.Status, want, page.Body)
		}
	}
	browser.Open(t, b.base+"/login?lang=ja")
	page = browser.Login(t, browser.Open(t, b.base+"/login/start"), "dave")
	if !strings.Contains(page.Body, "ここでの役割がありません") {
		t.Errorf("not in Japanese: %s", page.Body)
	}
	if page := browser.Open(t, b.base+"/"); page.Address.Path != "/login" {
		t.Errorf("without a role at %s", page.Address)
	}
}

// begun returns a browser on the provider's form, after change altered the
// request on its way to the provider.
func begun(t *testing.T, b *bed, change func(url.Values)) (oidctest.Browser, oidctest.Page) {
	t.Helper()
	browser := oidctest.NewBrowser(t)
	follow := browser.CheckRedirect
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	start := browser.Open(t, b.base+"/login/start")
	browser.CheckRedirect = follow
	to, err := url.Parse(start.Header.Get("Location"))
	if err != nil || start.Status != http.StatusSeeOther {
		t.Fatalf("status %d to %q, %v", start.Status, start.Header.Get("Location"), err)
	}
	q := to.Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(q.Get(name)) < 20 {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || !strings.Contains(q.Get("scope"), "openid") {
		t.Errorf("asked with %v", q)
	}
	if change != nil {
		change(q)
	}
	to.RawQuery = q.Encode()
	return browser, browser.Open(t, to.String())
}

func TestSignIn_Refused(t *testing.T) {
	t.Parallel()
	other := func(name string) func(url.Values) {
		return func(q url.Values) { q.Set(name, strings.Repeat("x", 43)) }
	}
	for name, tt := range map[string]struct {
		change func(url.Values)
		before func(*bed, oidctest.Browser)
		logged string
	}{
		"nonce":        {other("nonce"), nil, "its nonce differs"},
		"state":        {other("state"), nil, "the state is not that of this browser's sign-in"},
		"challenge":    {other("code_challenge"), nil, "the provider refused the code"},
		"expired code": {nil, func(b *bed, _ oidctest.Browser) { b.provider.CodesExpired.Store(true) }, "the provider refused the code"},
		"too late":     {nil, func(b *bed, _ oidctest.Browser) { b.late.Store(int64(11 * time.Minute)) }, "it took too long"},
		"other browser": {nil, func(_ *bed, br oidctest.Browser) {
			br.Jar = oidctest.NewBrowser(t).Jar
		}, "this browser has begun no sign-in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			browser, form := begun(t, b, tt.change)
			if tt.before != nil {
				tt.before(b, browser)
			}
			page := browser.Login(t, form, "ann")
			if page.Status != http.StatusForbidden || !strings.Contains(page.Body, "HKY-8021") || !strings.Contains(page.Body, "The sign-in could not be completed") {
				t.Errorf("status %d at %s: %.3000s", page.Status, page.Address, page.Body)
			}
			if !strings.Contains(b.log.String(), tt.logged) {
				t.Errorf("the log lacks %q: %s", tt.logged, b.log)
			}
			if page := browser.Open(t, b.base+"/"); page.Address.Path != "/login" {
				t.Errorf("signed in nevertheless: %s", page.Address)
			}
		})
	}
}

// TestSignIn_Once: the way back works once.
func TestSignIn_Once(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	browser, form := begun(t, b, nil)
	var callback string
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/login/callback" {
			callback = r.URL.String()
		}
		return nil
	}
	if page := browser.Login(t, form, "ann"); page.Status != http.StatusOK || callback == "" {
		t.Fatalf("status %d, came back at %q: %s", page.Status, callback, b.log)
	}
	if page := browser.Open(t, callback); page.Status != http.StatusForbidden {
		t.Errorf("the same way back again: status %d", page.Status)
	}
	u, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.login.Finish(t.Context(), u.Query().Get("code"), console.SignIn{Nonce: "n", Verifier: strings.Repeat("v", 43)})
	if hikyaku.CodeOf(err) != hikyaku.CodeSignInRefused {
		t.Errorf("the same code again: %v", err)
	}
	if page := browser.Open(t, b.base+"/login/callback?error=access_denied&error_description=no"); page.Status != http.StatusForbidden {
		t.Errorf("an error out of nowhere: status %d", page.Status)
	}
}

// TestSignIn_ProviderSaysNo shows what it says in words, not as it is.
func TestSignIn_ProviderSaysNo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	var state string
	browser, _ := begun(t, b, func(q url.Values) { state = q.Get("state") })
	page := browser.Open(t, b.base+"/login/callback?error=access_denied&error_description=%3Cb%3Eno&state="+state)
	if page.Status != http.StatusForbidden || strings.Contains(page.Body, "<b>no") || !strings.Contains(b.log.String(), "access_denied") {
		t.Errorf("status %d: %s", page.Status, b.log)
	}
}

func TestSignIn_ProviderDown(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	browser, form := begun(t, b, nil)
	var callback string
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == "/login/callback" {
			callback = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	browser.Login(t, form, "ann")
	b.provider.Close()
	page := browser.Open(t, callback) // after it said who it is
	if page.Status != http.StatusServiceUnavailable || !strings.Contains(page.Body, "HKY-8020") || !strings.Contains(page.Body, "The identity provider does not answer") {
		t.Errorf("status %d: %.2000s", page.Status, page.Body)
	}
	never := oidc.New(oidc.Options{Issuer: b.provider.Issuer, ClientID: "c", RedirectURL: "http://localhost/", Now: time.Now})
	for range 2 { // the second is told what the first found
		if _, err := never.Begin(t.Context(), console.SignIn{}); hikyaku.CodeOf(err) != hikyaku.CodeProviderUnreachable {
			t.Errorf("begin: %v", err)
		}
	}
	if page := oidctest.NewBrowser(t).Submit(t, b.base+"/login", url.Values{"token": {consoletest.ViewerToken}}); page.Status != http.StatusOK {
		t.Errorf("a token still signs in: status %d", page.Status)
	}
}

func TestProvider_Misconfigured(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for name, tt := range map[string]struct {
		change func(*oidc.Options)
		code   string
	}{
		"wrong secret": {func(o *oidc.Options) { o.Secret = func() (string, error) { return "wrong", nil } }, hikyaku.CodeSignInRefused},
		"no secret":    {func(o *oidc.Options) { o.Secret = func() (string, error) { return "", errors.New("no such file") } }, hikyaku.CodeConfigInvalid},
		"other issuer": {func(o *oidc.Options) { o.Issuer += "/realm" }, hikyaku.CodeProviderUnreachable},
	} {
		o := oidc.Options{Issuer: b.provider.Issuer, ClientID: oidctest.ClientID, RedirectURL: b.base + "/login/callback", Now: time.Now}
		tt.change(&o)
		if _, err := oidc.New(o).Finish(t.Context(), "code", console.SignIn{Verifier: strings.Repeat("v", 43)}); hikyaku.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}
