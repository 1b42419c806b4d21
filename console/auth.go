package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Scope is what a token or a person may do. Admin includes operator, operator
// includes viewer and producer. All but producer are the roles of people.
type Scope string

// The scopes.
const (
	ScopeProducer Scope = "producer" // send
	ScopeViewer   Scope = "viewer"   // read everything
	ScopeOperator Scope = "operator" // act on transfers and dead letters, pause routes
	ScopeAdmin    Scope = "admin"    // change what routes and tasks may use; tokens
)

// Scopes lists them from the highest.
func Scopes() []Scope { return []Scope{ScopeAdmin, ScopeOperator, ScopeViewer, ScopeProducer} }

// Identity is who asks.
type Identity struct {
	// Name is recorded with every action: a token's name, or the person that a
	// provider vouches for.
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

// Role is the highest scope; empty without any.
func (i Identity) Role() Scope {
	for _, s := range Scopes() {
		if slices.Contains(i.Scopes, s) {
			return s
		}
	}
	return ""
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

type identityKey struct{}

func withIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

func identityOf(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}

// forbidden is a refusal to who is known: the scope is too low.
type forbidden struct {
	need Scope
	who  Identity
}

// Error names the least scope that is needed.
func (f *forbidden) Error() string {
	return Printable(f.who.Name) + " has the role " + string(f.who.Role()) + "; this needs at least the role " + string(f.need)
}

// Unwrap returns the refusal as the catalogue knows it.
func (f *forbidden) Unwrap() error {
	return &hikyaku.Error{Kind: hikyaku.KindDenied, Code: hikyaku.CodeForbidden, Message: f.Error()}
}

// authenticate returns who asks. A header wins over the cookie. use tells
// whether the request is the person's and not the page's own.
func (c *Console) authenticate(r *http.Request, use bool) (Identity, error) {
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, _ := strings.Cut(h, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return Identity{}, errUnauthenticated
		}
		return c.byToken(strings.TrimSpace(token))
	}
	k, err := r.Cookie(c.sessionCookie(r))
	if err != nil || k.Value == "" {
		return Identity{}, errUnauthenticated
	}
	s, ok := c.sessions.find(k.Value, use)
	if !ok {
		return Identity{}, errUnauthenticated
	}
	if s.token == "" {
		return s.who, nil
	}
	id, err := c.byToken(s.token) // asked each time: what was revoked ends at once
	if err != nil {
		c.sessions.end(k.Value)
	}
	return id, err
}

func (c *Console) byToken(token string) (Identity, error) {
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
	id, err := c.authenticate(r, byPerson(r))
	if err != nil {
		return r, err
	}
	r = r.WithContext(withIdentity(r.Context(), id))
	if !id.May(s) {
		return r, &forbidden{need: s, who: id}
	}
	return r, nil
}

// byPerson tells a person's request from what a page reads by itself to stay
// up to date, which must not keep a session alive.
func byPerson(r *http.Request) bool {
	return r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Dest") != "empty"
}

// whileAllowed returns a context that ends when the right to a request does: after
// sign-out, the session's end, or the token's.
func (c *Console) whileAllowed(ctx context.Context, r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	beat := time.NewTicker(c.heartbeat)
	go func() { // ends with ctx, which the caller cancels
		defer beat.Stop()
		for {
			changed := c.sessions.changes()
			if _, err := c.authenticate(r, false); err != nil {
				cancel(err)
				return
			}
			select {
			case <-changed:
			case <-beat.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { cancel(errStreamOver) }
}

var errStreamOver = errors.New("the stream has ended")
