package console

import (
	"bytes"
	"cmp"
	"errors"
	"log/slog"
	"net/http"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// pageRoutes registers the pages; what changes something is a POST of a form.
func (c *Console) pageRoutes(m *router) {
	m.open("GET /assets/", c.site.ServeHTTP)
	m.open("GET /login", c.login)
	m.open("POST /login", c.login)
	m.open("GET /login/start", c.startSignIn)
	m.open("GET /login/callback", c.finishSignIn)
	m.open("POST /logout", c.logout)
	c.guarded(m, []endpoint{
		{"GET", "/{$}", ScopeViewer, c.nowPage},
		{"GET", "/transfers", ScopeViewer, c.transfersPage},
		{"GET", "/transfers.csv", ScopeViewer, c.transfersCSV},
		{"GET", "/transfers.json", ScopeViewer, c.transfersJSON},
		{"POST", "/transfers/bulk", ScopeOperator, c.formBulk},
		{"POST", "/columns", ScopeViewer, c.keepColumns},
		{"GET", "/errors", ScopeViewer, c.errorsPage},
		{"GET", "/agents", ScopeViewer, c.agentsPage},
		{"GET", "/audit", ScopeViewer, c.auditPage},
		{"GET", "/audit.jsonl", ScopeViewer, c.auditDownload},
		{"", "/", ScopeViewer, noPage},
		{"GET", "/transfers/{transfer_id}", ScopeViewer, c.transferPage},
		{"GET", "/dlq", ScopeViewer, c.deadLettersPage},
		{"GET", "/pool", ScopeViewer, c.poolPage},
		{"GET", "/side", ScopeViewer, c.sidePart},
		{"GET", "/live", ScopeViewer, c.livePart},
		{"POST", "/transfers/{transfer_id}/rerun", ScopeOperator, c.formRerun},
		{"POST", "/transfers/{transfer_id}/cancel", ScopeOperator, c.formCancel},
		{"POST", "/transfers/{transfer_id}/notify", ScopeOperator, c.formResendCompletion},
		{"POST", "/dlq/redrive", ScopeOperator, c.formRedrive},
		{"POST", "/dlq/discard", ScopeOperator, c.formDiscard},
		{"POST", "/dlq/resend", ScopeOperator, c.formResend},
		{"POST", "/dlq/canary", ScopeOperator, c.formCanary},
		{"POST", "/dlq/canary/stop", ScopeOperator, c.formCanaryStop},
		{"POST", "/routes/{name}/limit", ScopeAdmin, c.formLimit},
		{"POST", "/routes/{name}/pause", ScopeOperator, c.formPause},
		{"POST", "/routes/{name}/resume", ScopeOperator, c.formResume},
		{"POST", "/tasks/bench", ScopeAdmin, c.formBench},
		{"POST", "/tasks/unbench", ScopeAdmin, c.formUnbench},
	}, c.problemPage)
}

func noPage(_ http.ResponseWriter, r *http.Request) error {
	return notFound("there is no page " + Printable(r.URL.Path))
}

// problemPage tells an error; who is not signed in is sent to sign in.
func (c *Console) problemPage(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errUnauthenticated) {
		c.toSignIn(w, r)
		return
	}
	if f, ok := errors.AsType[*forbidden](err); ok {
		c.deniedPage(w, r, err, f)
		return
	}
	status := statusOf(err)
	if status == http.StatusInternalServerError {
		c.log.ErrorContext(r.Context(), "page failed", slog.String("path", r.URL.Path), slog.Any("error", err))
	}
	e := AsAPIError(err)
	text := printableText(e.Message)
	if e.Code != "" {
		text = e.Code + " " + text
	}
	if l := requestLang(r); e.Remedy != "" {
		text += " " + Remedy(&hikyaku.Failure{Code: e.Code, Remedy: e.Remedy}, l)
	}
	c.page(w, r, status, "problem", &web.Page{Title: "problem_title", Content: text})
}

// page renders a page with what all pages share.
func (c *Console) page(w http.ResponseWriter, r *http.Request, status int, name string, p *web.Page) {
	p.Lang = c.pageLang(w, r)
	if p.Path, p.Query = r.URL.Path, r.URL.Query(); r.Method == http.MethodPost && p.Path != "/login" {
		p.Path, p.Query = "/", nil // what only takes forms cannot be linked to
	}
	p.Version, p.Now = c.version, c.now()
	c.rights(p, identityOf(r.Context()))
	p.Notice, p.SearchHint = notice(p.Query, p.Lang), "search_hint"
	if c.byPrefix {
		p.SearchHint = "search_hint_prefix"
	}
	var b bytes.Buffer
	if err := c.site.Render(&b, name, p); err != nil {
		c.log.ErrorContext(r.Context(), "render page", slog.String("page", name), slog.Any("error", err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	c.html(w, r, status, b.Bytes())
}

// rights says on a page who is signed in and what that person may do.
func (c *Console) rights(p *web.Page, id Identity) {
	if !id.May(ScopeViewer) {
		return
	}
	p.User, p.Role = cmp.Or(printableText(id.Name), "–"), RoleWord(id.Role(), p.Lang)
	p.CanAct = c.op != nil && id.May(ScopeOperator)
	p.CanAdmin = c.op != nil && id.May(ScopeAdmin)
	p.ReadOnly = c.op == nil
}

func (c *Console) html(w http.ResponseWriter, r *http.Request, status int, b []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		c.log.DebugContext(r.Context(), "client went away", slog.Any("error", err))
	}
}

const langCookie = "hikyaku_lang"

// pageLang is the language asked for by ?lang=, which is kept, or chosen
// before, or preferred by the browser.
func (c *Console) pageLang(w http.ResponseWriter, r *http.Request) Lang {
	if l, ok := web.ParseLang(r.URL.Query().Get("lang")); ok {
		http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
			Name: langCookie, Value: string(l), Path: "/", HttpOnly: true, Secure: c.secure(r),
			SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600,
		})
		return l
	}
	return requestLang(r)
}

func requestLang(r *http.Request) Lang {
	if l, ok := web.ParseLang(r.URL.Query().Get("lang")); ok {
		return l
	}
	if k, err := r.Cookie(langCookie); err == nil {
		if l, ok := web.ParseLang(k.Value); ok {
			return l
		}
	}
	return web.AcceptLanguage(r.Header.Get("Accept-Language"))
}
