package console

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// allowedHosts is the set of names that Host may carry, against DNS rebinding.
func allowedHosts(extra []string) map[string]bool {
	m := map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true}
	for _, h := range extra {
		m[hostName(h)] = true
	}
	return m
}

// hostName returns the name in a Host header: no port, no brackets, lower case.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// publicHost is the host of the address that people type, and whether it is
// reached over TLS.
func publicHost(address string) (host string, secure bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", false
	}
	return hostName(u.Host), u.Scheme == "https"
}

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard wraps the routes: Host first, then headers every reply carries, then
// the check that a changing request comes from our own pages or from no browser.
func (c *Console) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, hikyaku.NewError(hikyaku.CodeCrossSite, "refuse", r.Method+" "+Printable(r.URL.Path), "the request comes from another site"))
	}))
	protected := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.TLS != nil && c.access.HSTS > 0 {
			h.Set("Strict-Transport-Security", "max-age="+strconv.Itoa(int(c.access.HSTS.Seconds())))
		}
		if !c.hosts[hostName(r.Host)] {
			c.refuse(w, r, hikyaku.NewError(hikyaku.CodeHostUnknown, "refuse", Printable(r.Host), "the host name is not one of this server's"))
			return
		}
		protected.ServeHTTP(w, r)
	})
}

// refuse answers people with a page and programs with JSON.
func (c *Console) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, "/api/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		c.fail(w, r, err)
		return
	}
	c.deniedPage(w, r, err, nil)
}
