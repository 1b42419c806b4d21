// Package oidc lets an OpenID Connect provider vouch for the people of a
// console: authorization code flow with PKCE, state and nonce.
package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// Options say which provider, and who may do what. All but Name, Scopes,
// RoleClaim and HTTP are required.
type Options struct {
	// Name is what the sign-in button calls the provider; empty is the issuer's host.
	Name string
	// Issuer is the provider's address, below which its configuration is found.
	Issuer   string
	ClientID string
	// Secret returns the client's secret; it is asked at each sign-in, so that
	// it can be changed. Nil: the client has none (PKCE alone).
	Secret func() (string, error)
	// RedirectURL is the console's /login/callback, as people reach it.
	RedirectURL string
	// Scopes are asked for besides openid; nil is email and profile.
	Scopes []string
	// RoleClaim names the claim with the person's groups; empty is "groups". Dots
	// lead into objects: realm_access.roles.
	RoleClaim string
	// Roles says which group has which role; the highest counts. "*" is everybody
	// whom the provider knows.
	Roles map[string]console.Scope
	// HTTP talks to the provider; nil is a client that waits 10 s.
	HTTP *http.Client
	// Now is the clock.
	Now func() time.Time
}

// Provider is an OpenID Connect provider. It is looked for when it is first
// needed, so that a console starts without it. It may be used concurrently.
type Provider struct {
	o Options

	mu     sync.Mutex
	found  *gooidc.Provider
	tried  time.Time
	failed error
}

var _ console.Provider = (*Provider)(nil)

// retryDiscovery is how long a provider that did not answer is left alone.
const retryDiscovery = 2 * time.Second

// New returns a provider.
func New(o Options) *Provider {
	if o.Name == "" {
		if u, err := url.Parse(o.Issuer); err == nil {
			o.Name = u.Host
		}
	}
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	if !slices.Contains(o.Scopes, gooidc.ScopeOpenID) {
		o.Scopes = append([]string{gooidc.ScopeOpenID}, o.Scopes...)
	}
	if o.RoleClaim == "" {
		o.RoleClaim = "groups"
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	return &Provider{o: o}
}

// Name is what the sign-in button calls the provider.
func (p *Provider) Name() string { return p.o.Name }

// discover returns the provider's configuration.
func (p *Provider) discover(ctx context.Context) (*gooidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.failed != nil && p.o.Now().Sub(p.tried) < retryDiscovery {
		return nil, p.failed
	}
	found, err := gooidc.NewProvider(gooidc.ClientContext(ctx, p.o.HTTP), p.o.Issuer)
	p.tried = p.o.Now()
	if err != nil {
		p.failed = p.unreachable("find", err)
		return nil, p.failed
	}
	p.found, p.failed = found, nil
	return found, nil
}

func (p *Provider) unreachable(op string, err error) error {
	return &hikyaku.Error{Kind: hikyaku.KindTransient, Code: hikyaku.CodeProviderUnreachable, Op: op, Subject: p.o.Issuer, Err: err}
}

func (p *Provider) refused(message string, err error) error {
	return &hikyaku.Error{Kind: hikyaku.KindDenied, Code: hikyaku.CodeSignInRefused, Op: "sign in", Subject: p.o.Issuer, Message: message, Err: err}
}

func (p *Provider) client(found *gooidc.Provider) (oauth2.Config, error) {
	c := oauth2.Config{ClientID: p.o.ClientID, Endpoint: found.Endpoint(), RedirectURL: p.o.RedirectURL, Scopes: p.o.Scopes}
	if p.o.Secret == nil {
		return c, nil
	}
	secret, err := p.o.Secret()
	if err != nil {
		return c, &hikyaku.Error{Kind: hikyaku.KindInternal, Code: hikyaku.CodeConfigInvalid, Op: "read the client's secret", Err: err}
	}
	c.ClientSecret = secret
	return c, nil
}

// Begin returns where the browser has to go.
func (p *Provider) Begin(ctx context.Context, s console.SignIn) (string, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	c, err := p.client(found)
	if err != nil {
		return "", err
	}
	return c.AuthCodeURL(s.State, gooidc.Nonce(s.Nonce), oauth2.S256ChallengeOption(s.Verifier)), nil
}

// Finish exchanges the code and says who it is and which role they have.
func (p *Provider) Finish(ctx context.Context, code string, s console.SignIn) (console.Identity, error) {
	found, err := p.discover(ctx)
	if err != nil {
		return console.Identity{}, err
	}
	c, err := p.client(found)
	if err != nil {
		return console.Identity{}, err
	}
	ctx = gooidc.ClientContext(ctx, p.o.HTTP)
	tokens, err := c.Exchange(ctx, code, oauth2.VerifierOption(s.Verifier))
	if err != nil {
		return console.Identity{}, p.exchangeFailed(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return console.Identity{}, p.refused("the provider gave no ID token", nil)
	}
	id, err := found.VerifierContext(ctx, &gooidc.Config{ClientID: p.o.ClientID, Now: p.o.Now}).Verify(ctx, raw)
	if err != nil {
		if _, network := errors.AsType[*url.Error](err); network {
			return console.Identity{}, p.unreachable("read the keys of", err)
		}
		return console.Identity{}, p.refused("the ID token is not valid", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(s.Nonce)) != 1 {
		return console.Identity{}, p.refused("the ID token is for another sign-in: its nonce differs", nil)
	}
	claims, err := p.claims(ctx, found, tokens, id)
	if err != nil {
		return console.Identity{}, err
	}
	return p.identity(id.Subject, claims)
}

// exchangeFailed tells a provider that refuses from one that does not answer.
func (p *Provider) exchangeFailed(err error) error {
	said, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return p.unreachable("exchange the code at", err)
	}
	if said.Response != nil && said.Response.StatusCode >= http.StatusInternalServerError {
		return p.unreachable("exchange the code at", fmt.Errorf("it answered %s", said.Response.Status))
	}
	return p.refused("the provider refused the code: "+said.ErrorCode, nil)
}

// claims returns those of the ID token, and those of the user info besides where
// the token does not say which groups the person is in, or the address.
func (p *Provider) claims(ctx context.Context, found *gooidc.Provider, tokens *oauth2.Token, id *gooidc.IDToken) (map[string]any, error) {
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return nil, p.refused("the ID token cannot be read", err)
	}
	_, hasGroups := lookup(claims, p.o.RoleClaim)
	if _, hasEmail := claims["email"]; hasGroups && hasEmail || found.UserInfoEndpoint() == "" {
		return claims, nil
	} else if !hasEmail {
		delete(claims, "email_verified") // of which address?
	}
	info, err := found.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, p.unreachable("ask about a person", err)
	}
	if info.Subject != id.Subject {
		return nil, p.refused("the user info is about somebody else", nil)
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return nil, p.refused("the user info cannot be read", err)
	}
	top, _, _ := strings.Cut(p.o.RoleClaim, ".")
	for name, v := range more {
		if _, ok := claims[name]; !ok || !hasGroups && (name == p.o.RoleClaim || name == top) {
			claims[name] = v
		}
	}
	return claims, nil
}

// identity is who somebody is here: the e-mail address if the provider has
// verified it, else the subject, marked so that it is no token's name.
func (p *Provider) identity(subject string, claims map[string]any) (console.Identity, error) {
	id := console.Identity{Name: "oidc:" + subject}
	if email, _ := claims["email"].(string); strings.Contains(email, "@") && isTrue(claims["email_verified"]) {
		id.Name = email
	}
	value, _ := lookup(claims, p.o.RoleClaim)
	groups := append(names(value), "*")
	for _, role := range console.Scopes() {
		if slices.ContainsFunc(groups, func(g string) bool { return p.o.Roles[g] == role }) {
			id.Scopes = []console.Scope{role}
			return id, nil
		}
	}
	return id, &hikyaku.Error{Kind: hikyaku.KindDenied, Code: hikyaku.CodeNoRole, Op: "sign in", Subject: id.Name, Message: "none of the groups has a role"}
}

// isTrue reads a boolean that some providers write as a string.
func isTrue(v any) bool { return v == true || v == "true" }

// lookup finds a claim by its name, or by the way through objects.
func lookup(claims map[string]any, name string) (any, bool) {
	if v, ok := claims[name]; ok {
		return v, true
	}
	first, rest, ok := strings.Cut(name, ".")
	if !ok {
		return nil, false
	}
	inner, ok := claims[first].(map[string]any)
	if !ok {
		return nil, false
	}
	return lookup(inner, rest)
}

// names are the groups in a claim: one, a list, or the keys of an object.
func names(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
	case map[string]any:
		for name := range v {
			out = append(out, name)
		}
	}
	return out
}
