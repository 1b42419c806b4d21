package console

import (
	"bytes"
	"net/http"

	"github.com/hikyaku/hikyaku/web"
)

func (c *Console) pageRoutes(m *http.ServeMux) {
	m.Handle("GET /assets/", c.site)
	m.HandleFunc("GET /login", c.login)
	m.HandleFunc("POST /login", c.login)
	m.HandleFunc("POST /logout", c.logout)
}

// page renders a page with what all pages share.
func (c *Console) page(w http.ResponseWriter, r *http.Request, status int, name string, p *web.Page) {
	p.Lang = pageLang(w, r)
	p.Path, p.Query = r.URL.Path, r.URL.Query()
	p.Version, p.Now = c.version, c.now()
	id := identityOf(r.Context())
	p.User, p.CanAct = id.Name, c.op != nil && id.May(ScopeOperator)
	var b bytes.Buffer
	if err := c.site.Render(&b, name, p); err != nil {
		c.log.ErrorContext(r.Context(), "render page", "page", name, "error", err)
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	if _, err := b.WriteTo(w); err != nil {
		c.log.DebugContext(r.Context(), "client went away", "error", err)
	}
}

const langCookie = "hikyaku_lang"

// pageLang is the language asked for by ?lang=, which is kept, or chosen
// before, or preferred by the browser.
func pageLang(w http.ResponseWriter, r *http.Request) Lang {
	if l, ok := web.ParseLang(r.URL.Query().Get("lang")); ok {
		http.SetCookie(w, &http.Cookie{
			Name: langCookie, Value: string(l), Path: "/", HttpOnly: true, Secure: r.TLS != nil,
			SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600,
		})
		return l
	}
	if k, err := r.Cookie(langCookie); err == nil {
		if l, ok := web.ParseLang(k.Value); ok {
			return l
		}
	}
	return web.AcceptLanguage(r.Header.Get("Accept-Language"))
}
