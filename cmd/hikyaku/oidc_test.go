package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/oidc/oidctest"
)

// freePort is a loopback address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// TestServe_OIDC signs people in to the real server through a real provider, as
// the config says, and what they do is recorded under their address.
func TestServe_OIDC(t *testing.T) {
	t.Parallel()
	dir, at := t.TempDir(), freePort(t)
	base := "http://" + at
	provider := oidctest.New(t, base+callbackPath, map[string]oidctest.Person{
		"bob":  {Email: "bob@example.com", Verified: true, Groups: []string{"operators"}},
		"cho":  {Email: "cho@example.com", Groups: []string{"lookers"}},
		"dave": {Email: "dave@example.com", Verified: true, Groups: []string{"sales"}},
	})
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(oidctest.Secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, _ := started(t, dir, fmt.Sprintf(`
listen: {console: %q, api: "127.0.0.1:0", s3: "127.0.0.1:0"}
access:
  public_url: %s
  oidc: {name: Example ID, issuer: %q, client_id: hikyaku, client_secret_file: %q, roles: {operators: operator, lookers: viewer}}
`, at, base, provider.Issuer, filepath.Join(dir, "secret")))
	for _, tt := range []struct {
		user, name, role string
		pause            int
	}{{"bob", "bob@example.com", "operator", http.StatusOK}, {"cho", "oidc:cho", "viewer", http.StatusForbidden}} {
		browser := oidctest.NewBrowser(t)
		page := browser.Login(t, browser.Open(t, base+"/login/start"), tt.user)
		if page.Status != http.StatusOK || !strings.Contains(page.Body, "<bdi>"+tt.name+"</bdi> <small>"+tt.role+"</small>") {
			t.Fatalf("%s: status %d at %s", tt.user, page.Status, page.Address)
		}
		if page := browser.Submit(t, base+"/routes/default/pause", url.Values{"reason": {"stocktaking"}}); page.Status != tt.pause {
			t.Errorf("%s pauses: status %d, want %d", tt.user, page.Status, tt.pause)
		}
	}
	pool, err := console.NewClient(e.Console, e.Token, nil).Pool(t.Context(), "")
	if err != nil || len(pool.Settings) != 1 || pool.Settings[0].By != "bob@example.com" || !pool.Settings[0].Paused {
		t.Errorf("settings %+v, %v", pool.Settings, err)
	}
	browser := oidctest.NewBrowser(t)
	if page := browser.Login(t, browser.Open(t, base+"/login/start"), "dave"); page.Status != http.StatusForbidden || !strings.Contains(page.Body, "HKY-8022") {
		t.Errorf("no group: status %d at %s", page.Status, page.Address)
	}
}
