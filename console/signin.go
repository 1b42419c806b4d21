package console

import (
	"net/http"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku/web"
)

// signInGuard lets few wrong tokens pass per minute, whoever sends them:
// behind one address may be everybody.
type signInGuard struct {
	now   func() time.Time
	mu    sync.Mutex
	since time.Time
	wrong int
}

const (
	signInWindow   = time.Minute
	signInMaxWrong = 20
)

func newSignInGuard(now func() time.Time) *signInGuard { return &signInGuard{now: now} }

// open reports whether another attempt may be made.
func (g *signInGuard) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := g.now(); now.Sub(g.since) > signInWindow {
		g.since, g.wrong = now, 0
	}
	return g.wrong < signInMaxWrong
}

func (g *signInGuard) failed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.wrong++
}

// login takes a token from the link that `hikyaku` prints (GET) or from the
// sign-in form (POST) and keeps it in the page's cookie.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		token = r.PostFormValue("token")
	}
	if token == "" {
		c.signInPage(w, r, http.StatusOK, "")
		return
	}
	if !c.signIn.open() {
		w.Header().Set("Retry-After", "60")
		c.signInPage(w, r, http.StatusTooManyRequests, "signin_limited")
		return
	}
	if c.auth != nil {
		if _, ok := c.auth(token); ok {
			c.setSession(w, r, token)
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
	}
	c.signIn.failed()
	c.signInPage(w, r, http.StatusUnauthorized, "signin_wrong")
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	c.endSession(w, r)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request, status int, problem string) {
	c.page(w, r, status, "signin", &web.Page{Title: "signin_title", Problem: problem})
}
