package console

import (
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// login takes a token from the link that `hikyaku` prints (GET) or from the
// sign-in form (POST) and begins a session, which the page's cookie names.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	token, next := r.URL.Query().Get("token"), r.URL.Query().Get("next")
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		token, next = r.PostFormValue("token"), r.PostFormValue("next")
	}
	if token == "" {
		c.signInPage(w, r, http.StatusOK, "", next)
		return
	}
	addr := clientAddress(r)
	wait, ok := c.signIn.begin(r.Context(), addr)
	if !ok {
		retryAfter(w, wait)
		c.signInPage(w, r, http.StatusTooManyRequests, "signin_limited", next)
		return
	}
	id, err := c.byToken(token)
	if err != nil {
		c.log.WarnContext(r.Context(), "sign-in failed: unknown token", slog.String("address", addr))
		c.recordSignIn(r.Context(), hikyaku.AuditSignInRefused, "", "address="+addr)
		c.signInPage(w, r, http.StatusUnauthorized, "signin_wrong", next)
		return
	}
	c.signIn.succeeded(addr)
	c.signedIn(w, r, session{token: token, who: id}, next)
}

// signedIn begins a session and leads to where the person wanted to go.
func (c *Console) signedIn(w http.ResponseWriter, r *http.Request, x session, next string) {
	c.setSession(w, r, x)
	c.log.InfoContext(r.Context(), "signed in", slog.String("by", x.who.Name), slog.String("role", string(x.who.Role())), slog.String("address", clientAddress(r)))
	c.recordSignIn(r.Context(), hikyaku.AuditSignIn, x.who.Name, "role="+string(x.who.Role())+" address="+clientAddress(r))
	http.Redirect(w, r, localPath(next), http.StatusSeeOther) //nolint:gosec // localPath gives paths of this console only
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if id, err := c.authenticate(r, true); err == nil {
		c.log.InfoContext(r.Context(), "signed out", slog.String("by", id.Name))
	}
	c.endSession(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request, status int, problem, next string) {
	content := web.SignIn{}
	if next = localPath(next); next != "/" {
		content.Next = next
	}
	if c.access.Provider != nil {
		content.Provider, content.Start = c.access.Provider.Name(), "/login/start"
		if content.Next != "" {
			content.Start += "?next=" + url.QueryEscape(content.Next)
		}
	}
	c.page(w, r, status, "signin", &web.Page{Title: "signin_title", Problem: problem, Content: content})
}

// toSignIn leads who is not signed in to the sign-in page, and from there back.
func (c *Console) toSignIn(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if next := localPath(r.URL.RequestURI()); r.Method == http.MethodGet && next != "/" {
		to += "?next=" + url.QueryEscape(next)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// deniedPage tells in words why somebody may not come in or do something.
func (c *Console) deniedPage(w http.ResponseWriter, r *http.Request, err error, f *forbidden) {
	l := requestLang(r)
	entry, _ := hikyaku.Lookup(hikyaku.CodeOf(err))
	text := entry.Text(string(l))
	d := web.Denied{Code: entry.Code, Title: text.Title, Cause: text.Cause, Remedy: text.Remedy}
	if f != nil {
		d.Who, d.Role, d.Need = printableText(f.who.Name), RoleWord(f.who.Role(), l), RoleWord(f.need, l)
	} else if who, ok := whoOf(err); ok {
		d.Who = printableText(who)
	}
	c.page(w, r, statusOf(err), "denied", &web.Page{Title: "problem_title", Subject: text.Title, Content: d})
}

// RoleWord is a role in words, with the name that configs and commands use.
func RoleWord(s Scope, l Lang) string {
	if s == "" {
		return web.Text(l, "role_none")
	}
	return web.Text(l, "role_"+string(s))
}

func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// localPath is s if it is a path of this console, else the first page.
func localPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}
