package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Scope is what a token may do. Admin includes operator, operator includes
// viewer and producer.
type Scope string

// The scopes.
const (
	ScopeProducer Scope = "producer" // send
	ScopeViewer   Scope = "viewer"   // read everything
	ScopeOperator Scope = "operator" // act on transfers, dead letters, tasks, pauses
	ScopeAdmin    Scope = "admin"    // change what routes may use
)

// Identity is whose token it is.
type Identity struct {
	// Name is recorded with every action.
	Name   string
	Scopes []Scope
}

// May reports whether the identity's scopes include s.
func (i Identity) May(s Scope) bool {
	for _, have := range i.Scopes {
		if slices.Contains(included(have), s) {
			return true
		}
	}
	return false
}

func included(s Scope) []Scope {
	switch s {
	case ScopeAdmin:
		return []Scope{ScopeAdmin, ScopeOperator, ScopeViewer, ScopeProducer}
	case ScopeOperator:
		return []Scope{ScopeOperator, ScopeViewer, ScopeProducer}
	case ScopeViewer, ScopeProducer:
		return []Scope{s}
	}
	return nil
}

// sessionCookie carries a page's token; HttpOnly, SameSite=Strict.
const sessionCookie = "hikyaku_session"

const sessionLife = 12 * time.Hour

type identityKey struct{}

func withIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

func identityOf(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// authenticate returns who asks. A header wins over the cookie.
func (c *Console) authenticate(r *http.Request) (Identity, error) {
	token := ""
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, rest, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return Identity{}, errUnauthenticated
		}
		token = strings.TrimSpace(rest)
	} else if k, err := r.Cookie(sessionCookie); err == nil {
		token = k.Value
	}
	if token == "" || c.auth == nil {
		return Identity{}, errUnauthenticated
	}
	id, ok := c.auth(token)
	if !ok {
		return Identity{}, errUnauthenticated
	}
	return id, nil
}

func (c *Console) allow(r *http.Request, s Scope) (*http.Request, error) {
	id, err := c.authenticate(r)
	if err != nil {
		return r, err
	}
	if !id.May(s) {
		return r, &hikyaku.Error{Kind: hikyaku.KindDenied, Code: hikyaku.CodeUnauthorized, Message: "this token lacks the scope " + string(s)}
	}
	return r.WithContext(withIdentity(r.Context(), id)), nil
}

func (c *Console) setSession(w http.ResponseWriter, r *http.Request, token string) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteStrictMode, MaxAge: int(sessionLife.Seconds()),
	})
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: sessionCookie, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteStrictMode, MaxAge: -1,
	})
}
