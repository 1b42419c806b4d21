package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// visit is a browser's request with a cookie.
func visit(t *testing.T, f *consoletest.Fixture, k *http.Cookie) reply {
	t.Helper()
	return visitWith(t, f, k.Name+"="+k.Value)
}

func visitWith(t *testing.T, f *consoletest.Fixture, cookie string) reply {
	t.Helper()
	return request{path: "/", header: map[string]string{"Cookie": cookie, "Sec-Fetch-Dest": "document"}}.do(t, f)
}

// enter signs in with a token and returns the session's cookie.
func enter(t *testing.T, f *consoletest.Fixture, token string) *http.Cookie {
	t.Helper()
	res := submit(t, f, "", "/login", url.Values{"token": {token}})
	if res.StatusCode != http.StatusSeeOther || len(res.cookies) != 1 {
		t.Fatalf("sign-in: status %d, cookies %v", res.StatusCode, res.cookies)
	}
	return res.cookies[0]
}

func TestSession_Cookie(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	k := enter(t, f, consoletest.ViewerToken)
	if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Secure || k.Path != "/" || k.MaxAge != 7*24*3600 {
		t.Errorf("cookie %+v", k)
	}
	if strings.Contains(k.Value, consoletest.ViewerToken) || len(k.Value) < 26 {
		t.Errorf("the cookie holds %q", k.Value)
	}
	if again := enter(t, f, consoletest.ViewerToken); again.Value == k.Value {
		t.Error("two sign-ins are one session")
	}
}

// TestSession_SecureOverTLS: over TLS, and behind a proxy that speaks it, the
// cookie is Secure and of this host alone.
func TestSession_SecureOverTLS(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, func(o *console.Options) {
		o.Access.PublicURL, o.Access.HSTS = "https://hikyaku.example", time.Hour
	})
	srv := httptest.NewTLSServer(f.Console)
	defer srv.Close()
	client := srv.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Get(srv.URL + "/login?token=" + consoletest.ViewerToken) //nolint:noctx // a local server
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // a local server
	if k := res.Cookies(); len(k) != 1 || !k[0].Secure || k[0].Name != "__Host-hikyaku_session" {
		t.Errorf("over TLS: %+v", k)
	}
	if got := res.Header.Get("Strict-Transport-Security"); got != "max-age=3600" {
		t.Errorf("HSTS %q", got)
	}
	proxied := request{path: "/login?token=" + consoletest.ViewerToken, host: "hikyaku.example"}.do(t, f)
	if k := proxied.cookies; len(k) != 1 || !k[0].Secure || k[0].Name != "__Host-hikyaku_session" {
		t.Errorf("behind a proxy: %+v", k)
	}
	plain := request{path: "/login?token=" + consoletest.ViewerToken}.do(t, f)
	if k := plain.cookies; len(k) != 1 || k[0].Secure || plain.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("on loopback: %+v, %v", k, plain.Header)
	}
}

func TestSession_SignOut(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	k := enter(t, f, consoletest.ViewerToken)
	other := enter(t, f, consoletest.ViewerToken)
	if res := visit(t, f, k); res.StatusCode != http.StatusOK {
		t.Fatalf("signed in: status %d", res.StatusCode)
	}
	res := request{method: "POST", path: "/logout", header: map[string]string{"Cookie": k.Name + "=" + k.Value}}.do(t, f)
	if res.StatusCode != http.StatusSeeOther || len(res.cookies) != 1 || res.cookies[0].MaxAge >= 0 {
		t.Errorf("sign-out: status %d, cookies %v", res.StatusCode, res.cookies)
	}
	if res := visit(t, f, k); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the old cookie still opens the console: status %d", res.StatusCode)
	}
	if res := visit(t, f, other); res.StatusCode != http.StatusOK {
		t.Errorf("another browser was signed out too: status %d", res.StatusCode)
	}
	if res := visitWith(t, f, k.Name+"="+strings.Repeat("A", 26)); res.StatusCode != http.StatusSeeOther {
		t.Errorf("a made-up cookie: status %d", res.StatusCode)
	}
	if res := visitWith(t, f, k.Name+"="+consoletest.AdminToken); res.StatusCode != http.StatusSeeOther {
		t.Errorf("a token as a cookie: status %d", res.StatusCode)
	}
}

// TestSession_Ends by idleness, which what a page reads by itself does not
// prevent, and at its longest.
func TestSession_Ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := consoletest.NewWith(t, time.Now, func(o *console.Options) {
			o.Access.SessionIdle, o.Access.SessionMax = time.Hour, 3*time.Hour
		})
		k := enter(t, f, consoletest.ViewerToken)
		for range 2 {
			time.Sleep(59 * time.Minute)
			if res := visit(t, f, k); res.StatusCode != http.StatusOK {
				t.Fatalf("in use: status %d", res.StatusCode)
			}
		}
		time.Sleep(50 * time.Minute)
		polled := request{path: "/side", header: map[string]string{"Cookie": k.Name + "=" + k.Value, "Sec-Fetch-Dest": "empty"}}
		if res := polled.do(t, f); res.StatusCode != http.StatusOK {
			t.Fatalf("what a page reads: status %d", res.StatusCode)
		}
		time.Sleep(10 * time.Minute)
		if res := visit(t, f, k); res.StatusCode != http.StatusSeeOther {
			t.Errorf("an hour after the last use: status %d", res.StatusCode)
		}
		k = enter(t, f, consoletest.ViewerToken)
		for range 3 {
			time.Sleep(59 * time.Minute)
			visit(t, f, k)
		}
		time.Sleep(3 * time.Minute)
		if res := visit(t, f, k); res.StatusCode != http.StatusSeeOther {
			t.Errorf("three hours after sign-in: status %d", res.StatusCode)
		}
	})
}

// TestSession_EndsWithItsToken: what is revoked ends at once, streams as well.
func TestSession_EndsWithItsToken(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	revoked := false
	f := consoletest.NewWith(t, time.Now, func(o *console.Options) { // streams give writes their time by the clock
		o.Heartbeat = time.Hour // so that nothing but the revocation ends the streams
		o.Authenticate = func(token string) (console.Identity, bool) {
			mu.Lock()
			defer mu.Unlock()
			id, ok := consoletest.Authenticate(token)
			return id, ok && (!revoked || token != consoletest.ViewerToken)
		}
	})
	k, out := enter(t, f, consoletest.ViewerToken), enter(t, f, consoletest.OperatorToken)
	srv := httptest.NewServer(f.Console)
	defer srv.Close()
	stream := func(header, value string) <-chan struct{} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/live", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, value)
		begun, ended := make(chan error, 1), make(chan struct{})
		go func() {
			defer close(ended)
			res, err := srv.Client().Do(req)
			if begun <- err; err != nil {
				return
			}
			defer func() { _ = res.Body.Close() }() // reading is over
			_, _ = io.Copy(io.Discard, res.Body)    // however it ends
		}()
		if err := <-begun; err != nil {
			t.Fatal(err)
		}
		return ended
	}
	bySession, byHeader := stream("Cookie", k.Name+"="+k.Value), stream("Authorization", "Bearer "+consoletest.ViewerToken)
	byOther := stream("Cookie", out.Name+"="+out.Value)
	mu.Lock()
	revoked = true
	mu.Unlock()
	f.Console.RightsChanged()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, ended := range map[string]<-chan struct{}{"session": bySession, "header": byHeader} {
		select {
		case <-ended:
		case <-ctx.Done():
			t.Errorf("the stream by %s goes on", name)
		}
	}
	if res := visit(t, f, k); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the session of a revoked token: status %d", res.StatusCode)
	}
	select {
	case <-byOther:
		t.Error("another token's stream ended too")
	default:
	}
	request{method: "POST", path: "/logout", header: map[string]string{"Cookie": out.Name + "=" + out.Value}}.do(t, f)
	select {
	case <-byOther:
	case <-ctx.Done():
		t.Error("the stream goes on after sign-out")
	}
}

// TestSignIn_Limits: ten failures a minute from an address, a hundred overall,
// Retry-After, one line in the log.
func TestSignIn_Limits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		f := consoletest.NewWith(t, time.Now, func(o *console.Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		guess := func(addr string) reply {
			return request{path: "/login?token=guess", remote: addr}.do(t, f)
		}
		for i := range 10 {
			if res := guess("192.0.2.1:" + strconv.Itoa(1000+i)); res.StatusCode != http.StatusUnauthorized {
				t.Fatalf("guess %d: status %d", i, res.StatusCode)
			}
		}
		time.Sleep(20 * time.Second)
		for range 3 {
			res := guess("192.0.2.1:5")
			if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") != "40" || !strings.Contains(res.body, "Too many attempts") {
				t.Errorf("the eleventh: status %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
			}
		}
		right := request{path: "/login?token=" + consoletest.ViewerToken, remote: "192.0.2.1:5"}
		if res := right.do(t, f); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the right token from there: status %d", res.StatusCode)
		}
		right.remote = "192.0.2.2:5"
		for range 30 { // what succeeds does not count
			if res := right.do(t, f); res.StatusCode != http.StatusSeeOther {
				t.Fatalf("from elsewhere: status %d", res.StatusCode)
			}
		}
		if n := strings.Count(log.String(), "sign-in refused"); n != 1 || !strings.Contains(log.String(), "address=192.0.2.1 ") {
			t.Errorf("%d lines of refusals: %s", n, log.String())
		}
		for i := range 90 { // one customer's IPv6 addresses are one address
			if res := guess("[2001:db8:0:" + strconv.Itoa(i/10) + "::" + strconv.Itoa(i) + "]:1"); res.StatusCode != http.StatusUnauthorized {
				t.Fatalf("address %d: status %d", i, res.StatusCode)
			}
		}
		if res := guess("198.51.100.7:1"); res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("more than a hundred overall: status %d", res.StatusCode)
		}
		if strings.Contains(log.String(), "guess") {
			t.Error("a token is in the log")
		}
		time.Sleep(41 * time.Second)
		right.remote = "192.0.2.1:5"
		if res := right.do(t, f); res.StatusCode != http.StatusSeeOther {
			t.Errorf("a minute later: status %d", res.StatusCode)
		}
	})
}
