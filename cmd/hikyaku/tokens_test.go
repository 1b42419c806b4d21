package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/oidc/oidctest"
)

// newStore returns a store over a new keys.json.
func newStore(t *testing.T) *tokenStore {
	t.Helper()
	dir := t.TempDir()
	ring, err := loadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &tokenStore{path: filepath.Join(dir, keysFile), now: time.Now, ring: ring}
}

func TestTokenStore_Expires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t)
		_, secret, err := s.CreateToken(t.Context(), console.NewToken{Name: "ci", Role: console.ScopeOperator, ExpiresAt: time.Now().Add(time.Hour)}, "admin")
		if err != nil {
			t.Fatal(err)
		}
		id, ok := s.authenticate(secret)
		if !ok || id.Name != "ci" || id.Role() != console.ScopeOperator {
			t.Errorf("before: %+v, %v", id, ok)
		}
		time.Sleep(time.Hour)
		if _, ok := s.authenticate(secret); ok {
			t.Error("it has not expired")
		}
	})
}

func TestTokenStore_Knows(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	for _, k := range s.ring.Keys {
		if id, ok := s.authenticate(k.Token); !ok || id.Name != k.Name || string(id.Role()) != k.Scopes[0] {
			t.Errorf("%s is %+v, %v", k.Name, id, ok)
		}
	}
	_, secret, err := s.CreateToken(t.Context(), console.NewToken{Name: "look", Role: console.ScopeViewer}, "admin")
	if err != nil {
		t.Fatal(err)
	}
	// a digest is no token, and neither is nothing, also if a key has none
	s.ring.Keys = append(s.ring.Keys, accessKey{Name: "aws-only", Scopes: []string{"admin"}})
	for _, wrong := range []string{"", secret + "x", secret[:len(secret)-1], s.ring.Tokens[0].SHA256, strings.ToUpper(secret)} {
		if id, ok := s.authenticate(wrong); ok {
			t.Errorf("%q is %+v", wrong, id)
		}
	}
	for name, kind := range map[string]hikyaku.Kind{
		"look": hikyaku.KindConflict, "admin": hikyaku.KindConflict, "": hikyaku.KindInvalid, "Ann": hikyaku.KindInvalid,
		"ann@example.com": hikyaku.KindInvalid, "oidc:1": hikyaku.KindInvalid, "a b": hikyaku.KindInvalid, strings.Repeat("a", 64): hikyaku.KindInvalid,
	} {
		if _, _, err := s.CreateToken(t.Context(), console.NewToken{Name: name, Role: console.ScopeViewer}, "admin"); hikyaku.KindOf(err) != kind {
			t.Errorf("create %q: %v", name, err)
		}
	}
}

// TestTokenStore_KeepsWhatWasEdited: the file is read before it is written, and
// many at once lose nothing.
func TestTokenStore_KeepsWhatWasEdited(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	var edited keyring
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &edited); err != nil {
		t.Fatal(err)
	}
	edited.Keys[1].Token = "hky_by_hand"
	if err := writePrivate(s.path, edited); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			name := "t" + strconv.Itoa(i)
			if _, _, err := s.CreateToken(context.Background(), console.NewToken{Name: name, Role: console.ScopeViewer}, "admin"); err != nil {
				t.Error(err)
			}
			if i%2 == 0 {
				if err := s.RevokeToken(context.Background(), name); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	again := &tokenStore{path: s.path, now: time.Now}
	if err := again.reload(); err != nil {
		t.Fatal(err)
	}
	list, err := again.Tokens(t.Context())
	if err != nil || len(list) != len(edited.Keys)+4 {
		t.Errorf("%d tokens, %v", len(list), err)
	}
	if id, ok := again.authenticate("hky_by_hand"); !ok || id.Name != edited.Keys[1].Name {
		t.Errorf("what was edited by hand is %+v, %v", id, ok)
	}
	if info, err := os.Stat(s.path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(s.path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := again.reload(); err == nil {
		t.Error("a broken file was taken over")
	}
	if _, ok := again.authenticate("hky_by_hand"); !ok {
		t.Error("a broken file locks everybody out")
	}
}

// TestServe_RevokedToken: on the real server a browser that signed in with a
// token is out as soon as the token is revoked.
func TestServe_RevokedToken(t *testing.T) {
	t.Parallel()
	e, _ := started(t, t.TempDir(), `listen: {console: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}`)
	client := console.NewClient(e.Console, e.Token, nil)
	made, err := client.CreateToken(t.Context(), console.NewToken{Name: "look", Role: console.ScopeViewer})
	if err != nil {
		t.Fatal(err)
	}
	browser := oidctest.NewBrowser(t)
	page := browser.Open(t, e.Console+"/login?token="+made.Secret)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "<bdi>look</bdi> <small>viewer</small>") {
		t.Fatalf("status %d at %s", page.Status, page.Address)
	}
	if _, err := client.RevokeToken(t.Context(), "look"); err != nil {
		t.Fatal(err)
	}
	if page := browser.Open(t, e.Console+"/"); page.Address.Path != "/login" {
		t.Errorf("still in: %s", page.Address)
	}
	if _, err := client.RevokeToken(t.Context(), "look"); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("revoked twice: %v", err)
	}
}
