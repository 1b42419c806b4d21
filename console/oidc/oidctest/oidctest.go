// Package oidctest runs a real OpenID Connect provider on a loopback address
// and signs people in as a browser does. Imported by tests only.
package oidctest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// The client that a console is, and everybody's password.
const (
	ClientID = "hikyaku"
	Secret   = "a secret of the client"
	Password = "verysecure"
)

// Person is somebody whom the provider knows.
type Person struct {
	Email    string
	Verified bool
	Groups   []string
}

// Provider is a running provider.
type Provider struct {
	*httptest.Server

	Issuer string
	// InIDToken puts the groups into the ID token; otherwise only the user info
	// has them.
	InIDToken atomic.Bool
	// CodesExpired makes every code too old.
	CodesExpired atomic.Bool
}

// New starts a provider that sends people back to redirect. people are by
// their user name, which is their subject too.
func New(tb testing.TB, redirect string, people map[string]Person) *Provider {
	tb.Helper()
	srv := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	p := &Provider{Server: srv, Issuer: "http://localhost:" + port} // another site than 127.0.0.1, to browsers
	client := storage.WebClient(ClientID, Secret, redirect)
	kept := &keeper{
		Storage: storage.NewStorageWithClients(users(people), map[string]*storage.Client{ClientID: client}),
		people:  people, provider: p,
	}
	srv.Config.Handler = exampleop.SetupServer(p.Issuer, kept, nil, false)
	srv.Start()
	tb.Cleanup(srv.Close)
	return p
}

// keeper is the provider's storage, with groups.
type keeper struct {
	*storage.Storage

	people   map[string]Person
	provider *Provider
}

// GetClientByClientID returns the client, which may want claims in ID tokens.
func (k *keeper) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := k.Storage.GetClientByClientID(ctx, id)
	return claiming{c, k.provider.InIDToken.Load()}, err
}

type claiming struct {
	op.Client

	inIDToken bool
}

// IDTokenUserinfoClaimsAssertion puts the user info into ID tokens.
func (c claiming) IDTokenUserinfoClaimsAssertion() bool { return c.inIDToken }

// AuthRequestByCode finds what a code is for, if it is not too old.
func (k *keeper) AuthRequestByCode(ctx context.Context, code string) (op.AuthRequest, error) {
	if k.provider.CodesExpired.Load() {
		return nil, errors.New("the code has expired")
	}
	return k.Storage.AuthRequestByCode(ctx, code)
}

// SetUserinfoFromRequest adds the groups to ID tokens.
func (k *keeper) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, token op.IDTokenRequest, scopes []string) error {
	err := k.Storage.SetUserinfoFromRequest(ctx, info, token, scopes)
	if k.provider.InIDToken.Load() {
		info.AppendClaims("groups", k.people[token.GetSubject()].Groups)
	}
	return err
}

// SetUserinfoFromToken adds the groups to the user info.
func (k *keeper) SetUserinfoFromToken(ctx context.Context, info *oidc.UserInfo, tokenID, subject, origin string) error {
	err := k.Storage.SetUserinfoFromToken(ctx, info, tokenID, subject, origin)
	info.AppendClaims("groups", k.people[subject].Groups)
	return err
}

type users map[string]Person

// GetUserByID returns a person.
func (u users) GetUserByID(id string) *storage.User {
	p, ok := u[id]
	if !ok {
		return nil
	}
	return &storage.User{ID: id, Username: id, Password: Password, Email: p.Email, EmailVerified: p.Verified}
}

// GetUserByUsername returns a person.
func (u users) GetUserByUsername(name string) *storage.User { return u.GetUserByID(name) }

// ExampleClientID names no client.
func (u users) ExampleClientID() string { return "" }

// Page is a page as a browser has it.
type Page struct {
	Status  int
	Address *url.URL
	Header  http.Header
	Body    string
}

// Browser keeps cookies and follows redirects, as browsers do.
type Browser struct{ *http.Client }

// NewBrowser returns a browser without cookies.
func NewBrowser(tb testing.TB) Browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return Browser{&http.Client{Jar: jar}}
}

// Open reads a page.
func (b Browser) Open(tb testing.TB, address string) Page {
	tb.Helper()
	return b.do(tb, http.MethodGet, address, nil)
}

// Submit sends a form.
func (b Browser) Submit(tb testing.TB, address string, form url.Values) Page {
	tb.Helper()
	return b.do(tb, http.MethodPost, address, form)
}

func (b Browser) do(tb testing.TB, method, address string, form url.Values) Page {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		tb.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	text, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return Page{Status: res.StatusCode, Address: res.Request.URL, Header: res.Header, Body: string(text)}
}

// Login fills in the provider's form, on which the browser is, and follows the
// way back.
func (b Browser) Login(tb testing.TB, at Page, user string) Page {
	tb.Helper()
	id := at.Address.Query().Get("authRequestID")
	if at.Status != http.StatusOK || id == "" {
		tb.Fatalf("%s is not the provider's form: status %d: %.500s", at.Address, at.Status, at.Body)
	}
	return b.Submit(tb, at.Address.Scheme+"://"+at.Address.Host+at.Address.Path, url.Values{"username": {user}, "password": {Password}, "id": {id}})
}
