package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

// TestLoadConfig_RefusesAccess names the key of what is not safe or cannot work.
func TestLoadConfig_RefusesAccess(t *testing.T) {
	t.Parallel()
	oidc := `access: {public_url: "https://h.example", oidc: {issuer: "https://id.example", client_id: c, roles: {g: viewer}`
	for text, want := range map[string]string{
		`listen: {console: "0.0.0.0:7700"}`:                                                                      "set access.tls, or access.allow_plaintext",
		`listen: {console: ":7700"}`:                                                                             "set access.tls",
		`{listen: {console: "192.0.2.1:7700"}, access: {allow_plaintext: true}}`:                                 "access.public_url: it is required",
		`{listen: {api: "0.0.0.0:7701"}, access: {allow_plaintext: true, public_url: "http://h"}}`:               "listen.api",
		`{listen: {s3: "0.0.0.0:7702"}, access: {tls: {cert_file: a, key_file: b}, public_url: "https://h"}}`:    "listen.s3",
		`{listen: {local: "0.0.0.0:7703"}, access: {tls: {cert_file: a, key_file: b}, public_url: "https://h"}}`: "listen.local",
		`access: {tls: {cert_file: a}}`:                                                                          "belong together",
		`access: {tls: {cert_file: a, key_file: b}, public_url: "http://h.example"}`:                             "must begin with https://",
		`access: {public_url: "h.example"}`:                                                                      "access.public_url",
		`access: {public_url: "https://h.example/console"}`:                                                      "access.public_url",
		`access: {hosts: ["h.example:7700"]}`:                                                                    "access.hosts",
		`access: {hosts: ["*.example"]}`:                                                                         "access.hosts",
		`access: {session_max: soon}`:                                                                            "duration",
		`access: {oidc: {client_id: c}}`:                                                                         "access.oidc.issuer",
		`access: {oidc: {issuer: "https://id.example", client_id: c, roles: {g: viewer}}}`:                       "redirect_url",
		strings.Replace(oidc, "https://id", "http://id", 1) + "}}":                                               "must begin with https://",
		strings.Replace(oidc, "client_id: c, ", "", 1) + "}}":                                                    "client_id",
		strings.Replace(oidc, "g: viewer", "", 1) + "}}":                                                         "access.oidc.roles",
		strings.Replace(oidc, "g: viewer", "g: producer", 1) + "}}":                                              "is not admin, operator or viewer",
		oidc + `, redirect_url: "https://h.example/callback"}}`:                                                  "/login/callback",
	} {
		file := filepath.Join(t.TempDir(), "hikyaku.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadConfig(file, "")
		if err == nil || !strings.Contains(err.Error(), want) || hikyaku.CodeOf(err) != hikyaku.CodeConfigInvalid {
			t.Errorf("%s: got %v, want an error with %q", text, err, want)
		}
	}
}

// TestLoadConfig_Access: what the keys mean for the console.
func TestLoadConfig_Access(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "hikyaku.yaml")
	err := os.WriteFile(file, []byte(`
listen: {console: "0.0.0.0:7700"}
access:
  public_url: https://hikyaku.example
  hosts: [hikyaku.lan]
  tls: {cert_file: c.pem, key_file: k.pem}
  hsts: 30d
  session_idle: 0s
  session_max: 2d
  oidc: {issuer: "https://id.example/realms/x", client_id: hikyaku, role_claim: realm_access.roles, roles: {ops: operator}}
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(file, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := c.Access.options()
	if o.SessionIdle >= 0 || o.SessionMax != 48*time.Hour || o.HSTS != 30*24*time.Hour || o.PublicURL != "https://hikyaku.example" || o.Provider.Name() != "id.example" {
		t.Errorf("options %+v", o)
	}
	if got := c.Access.allowedHosts(c.Listen.Console); len(got) != 1 || got[0] != "hikyaku.lan" {
		t.Errorf("hosts %v", got)
	}
	if got := c.Access.allowedHosts("192.0.2.7:7700"); len(got) != 2 || got[1] != "192.0.2.7" {
		t.Errorf("hosts %v", got)
	}
	plain := newConfig("").Access.options()
	if plain.Provider != nil || plain.SessionIdle != 0 || plain.SessionMax != 0 || plain.HSTS != 0 {
		t.Errorf("the defaults are %+v", plain)
	}
}
