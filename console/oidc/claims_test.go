package oidc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/oidc"
)

func TestIdentity_FromClaims(t *testing.T) {
	t.Parallel()
	roles := map[string]console.Scope{"a": console.ScopeAdmin, "o": console.ScopeOperator, "v": console.ScopeViewer}
	for _, tt := range []struct {
		claim, claims, name string
		roles               map[string]console.Scope
		role                console.Scope
	}{
		{"groups", `{"groups":["v","o"],"email":"e@x","email_verified":true}`, "e@x", roles, console.ScopeOperator},
		{"groups", `{"groups":"a","email":"e@x","email_verified":"true"}`, "e@x", roles, console.ScopeAdmin},
		{"groups", `{"groups":["v",7,null],"email":"e@x","email_verified":false}`, "oidc:s", roles, console.ScopeViewer},
		{"groups", `{"groups":["v"],"email":"admin","email_verified":true}`, "oidc:s", roles, console.ScopeViewer}, // no address: it could be a token's name
		{"realm_access.roles", `{"realm_access":{"roles":["o"]}}`, "oidc:s", roles, console.ScopeOperator},
		{"urn:roles", `{"urn:roles":{"o":{"1":"x"}}}`, "oidc:s", roles, console.ScopeOperator},
		{"https://x.example/roles", `{"https://x.example/roles":["a"]}`, "oidc:s", roles, console.ScopeAdmin},
		{"groups", `{"groups":["A"]}`, "oidc:s", roles, ""}, // names are as they are
		{"groups", `{}`, "oidc:s", roles, ""},
		{"groups", `{"groups":[]}`, "oidc:s", map[string]console.Scope{"*": console.ScopeViewer}, console.ScopeViewer},
	} {
		var claims map[string]any
		if err := json.Unmarshal([]byte(tt.claims), &claims); err != nil {
			t.Fatal(err)
		}
		id, err := oidc.Identify(oidc.Options{RoleClaim: tt.claim, Roles: tt.roles}, "s", claims)
		if id.Name != tt.name || id.Role() != tt.role || (tt.role == "") != (hikyaku.CodeOf(err) == hikyaku.CodeNoRole) {
			t.Errorf("%s: %+v, %v", tt.claims, id, err)
		}
	}
}

// FuzzIdentity: whatever a provider claims, nobody gets a role that no group has.
func FuzzIdentity(f *testing.F) {
	f.Add(`{"groups":["v"]}`, "groups")
	f.Add(`{"a":{"b":{"c":["v"]}}}`, "a.b.c")
	f.Fuzz(func(t *testing.T, text, claim string) {
		var claims map[string]any
		if json.Unmarshal([]byte(text), &claims) != nil {
			t.Skip("not an object")
		}
		id, err := oidc.Identify(oidc.Options{RoleClaim: claim, Roles: map[string]console.Scope{"viewers": console.ScopeViewer}}, "s", claims)
		if err == nil && (id.Role() != console.ScopeViewer || !strings.Contains(text, "v") && !strings.Contains(text, `\u`)) {
			t.Errorf("%s gives %+v", text, id)
		}
	})
}
