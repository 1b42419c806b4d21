package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/oidc"
)

// accessConfig says how people come in.
type accessConfig struct {
	// PublicURL is the console's address as people type it.
	PublicURL string `yaml:"public_url"`
	// Hosts are more names that requests may use.
	Hosts []string  `yaml:"hosts"`
	TLS   tlsConfig `yaml:"tls"`
	// AllowPlaintext lets the console listen for other machines without TLS.
	AllowPlaintext bool       `yaml:"allow_plaintext"`
	HSTS           duration   `yaml:"hsts"`
	SessionIdle    *duration  `yaml:"session_idle"`
	SessionMax     duration   `yaml:"session_max"`
	OIDC           oidcConfig `yaml:"oidc"`
}

type tlsConfig struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// oidcConfig is an OpenID Connect provider; without an Issuer there is none.
type oidcConfig struct {
	Name             string            `yaml:"name"`
	Issuer           string            `yaml:"issuer"`
	ClientID         string            `yaml:"client_id"`
	ClientSecretFile string            `yaml:"client_secret_file"`
	RedirectURL      string            `yaml:"redirect_url"`
	Scopes           []string          `yaml:"scopes"`
	RoleClaim        string            `yaml:"role_claim"`
	Roles            map[string]string `yaml:"roles"`
}

func (t tlsConfig) on() bool { return t.CertFile != "" || t.KeyFile != "" }

// validate refuses what cannot work, or is not safe, naming the key.
func (a accessConfig) validate(listen string) error {
	host, err := checkAddress(listen)
	if err != nil {
		return fmt.Errorf("listen.console: %w", err)
	}
	if !isLoopback(host) {
		switch {
		case !a.TLS.on() && !a.AllowPlaintext:
			return fmt.Errorf("listen.console: %q is not a loopback address: set access.tls, or access.allow_plaintext where something else encrypts the way", listen)
		case a.PublicURL == "":
			return fmt.Errorf("access.public_url: it is required when the console listens on %q: the address that people type", listen)
		}
	}
	if a.TLS.on() && (a.TLS.CertFile == "" || a.TLS.KeyFile == "") {
		return errors.New("access.tls: cert_file and key_file belong together")
	}
	if err := checkPublic(a.PublicURL); err != nil {
		return err
	}
	if a.TLS.on() && strings.HasPrefix(a.PublicURL, "http:") {
		return fmt.Errorf("access.public_url: %q must begin with https:// when access.tls is set", a.PublicURL)
	}
	for _, h := range a.Hosts {
		if h == "" || strings.ContainsAny(h, "/:*[] ") {
			return fmt.Errorf("access.hosts: %q is not a host name: no port, no pattern", h)
		}
	}
	return a.OIDC.validate(a.PublicURL)
}

// checkPublic accepts the address of a console: no path, no user, nothing else.
func checkPublic(address string) error {
	u, err := url.Parse(address)
	if address != "" && (err != nil || !isWebAddress(address) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		return fmt.Errorf("access.public_url: %q is not an address like https://hikyaku.example.com", address)
	}
	return nil
}

func (o oidcConfig) validate(publicURL string) error {
	if o.Issuer == "" {
		if o.ClientID != "" || len(o.Roles) > 0 {
			return errors.New("access.oidc.issuer: it is required with the other keys of access.oidc")
		}
		return nil
	}
	u, err := url.Parse(o.Issuer)
	switch {
	case err != nil || !isWebAddress(o.Issuer):
		return fmt.Errorf("access.oidc.issuer: %q is not an http or https address", o.Issuer)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return fmt.Errorf("access.oidc.issuer: %q must begin with https://: whoever is on the way could be anybody", o.Issuer)
	case o.ClientID == "":
		return errors.New("access.oidc.client_id: it is required")
	case o.RedirectURL == "" && publicURL == "":
		return errors.New("access.oidc.redirect_url: it or access.public_url is required")
	case o.RedirectURL != "" && !strings.HasSuffix(o.RedirectURL, callbackPath):
		return fmt.Errorf("access.oidc.redirect_url: %q must end in %s", o.RedirectURL, callbackPath)
	case len(o.Roles) == 0:
		return errors.New("access.oidc.roles: it is required: which group has which role")
	}
	for group, role := range o.Roles {
		if !slices.Contains(peopleRoles(), console.Scope(role)) {
			return fmt.Errorf("access.oidc.roles: %q of %q is not admin, operator or viewer", role, group)
		}
	}
	return nil
}

// callbackPath is where the console takes those who come back from the provider.
const callbackPath = "/login/callback"

// peopleRoles are those that people have; producers are programs.
func peopleRoles() []console.Scope {
	return []console.Scope{console.ScopeAdmin, console.ScopeOperator, console.ScopeViewer}
}

// allowedHosts are the names that requests may use besides loopback and the
// public one.
func (a accessConfig) allowedHosts(listen string) []string {
	hosts := slices.Clone(a.Hosts)
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// options are the config's for the console, but for Tokens and Record.
func (a accessConfig) options() console.Access {
	out := console.Access{PublicURL: a.PublicURL, HSTS: time.Duration(a.HSTS), SessionMax: time.Duration(a.SessionMax)}
	if a.SessionIdle != nil {
		if out.SessionIdle = time.Duration(*a.SessionIdle); out.SessionIdle == 0 {
			out.SessionIdle = -1 // never
		}
	}
	if a.OIDC.Issuer != "" {
		out.Provider = a.OIDC.provider(a.PublicURL)
	}
	return out
}

func (o oidcConfig) provider(publicURL string) *oidc.Provider {
	opts := oidc.Options{
		Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, RedirectURL: o.RedirectURL,
		Scopes: o.Scopes, RoleClaim: o.RoleClaim, Roles: map[string]console.Scope{}, Now: time.Now,
	}
	if opts.RedirectURL == "" {
		opts.RedirectURL = strings.TrimSuffix(publicURL, "/") + callbackPath
	}
	for group, role := range o.Roles {
		opts.Roles[group] = console.Scope(role)
	}
	if o.ClientSecretFile != "" {
		opts.Secret = func() (string, error) {
			text, err := os.ReadFile(o.ClientSecretFile)
			return strings.TrimSpace(string(text)), err
		}
	}
	return oidc.New(opts)
}
