package console

import (
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

// The defaults of a session's length.
const (
	defaultSessionIdle = 12 * time.Hour
	defaultSessionMax  = 7 * 24 * time.Hour
	// maxSessions bounds the memory; the one used longest ago gives way.
	maxSessions = 10_000
)

// session is one sign-in of one browser.
type session struct {
	// token is what it was signed in with, asked again at each request; empty
	// if a provider vouched for who.
	token       string
	who         Identity
	begun, used time.Time
}

// sessions are the sign-ins of this process. Only a digest of what is in the
// cookies is kept. Its methods may be called concurrently.
type sessions struct {
	now       func() time.Time
	idle, max time.Duration // idle 0: no end by idleness

	mu      sync.Mutex
	all     map[[sha256.Size]byte]*session
	changed chan struct{}
}

func newSessions(now func() time.Time, idle, longest time.Duration) *sessions {
	switch {
	case idle == 0:
		idle = defaultSessionIdle
	case idle < 0:
		idle = 0
	}
	if longest <= 0 {
		longest = defaultSessionMax
	}
	return &sessions{
		now: now, idle: idle, max: longest,
		all: map[[sha256.Size]byte]*session{}, changed: make(chan struct{}),
	}
}

// begin keeps a session and returns the secret that names it.
func (s *sessions) begin(x session) string {
	secret := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	x.begun = s.now()
	x.used = x.begun
	s.sweep()
	s.all[sha256.Sum256([]byte(secret))] = &x
	return secret
}

// sweep forgets what has ended and makes room for one more.
func (s *sessions) sweep() {
	var oldest [sha256.Size]byte
	var since time.Time
	for key, x := range s.all {
		if s.over(x) {
			delete(s.all, key)
		} else if since.IsZero() || x.used.Before(since) {
			oldest, since = key, x.used
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, oldest)
	}
}

func (s *sessions) over(x *session) bool {
	now := s.now()
	return now.Sub(x.begun) >= s.max || (s.idle > 0 && now.Sub(x.used) >= s.idle)
}

// find returns the session that a secret names, while it lasts. A digest is
// looked up, so the time it takes says nothing about the secret.
func (s *sessions) find(secret string, use bool) (session, bool) {
	key := sha256.Sum256([]byte(secret))
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.all[key]
	if !ok {
		return session{}, false
	}
	if s.over(x) {
		delete(s.all, key)
		return session{}, false
	}
	if use {
		x.used = s.now()
	}
	return *x, true
}

// end forgets a session and what streams by it.
func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(secret))
	if _, ok := s.all[key]; ok {
		delete(s.all, key)
		s.announce()
	}
}

// announce makes every stream ask whether it may go on; s.mu is held.
func (s *sessions) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// rightsChanged is announce for who does not hold the lock.
func (s *sessions) rightsChanged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announce()
}

// changes is closed when somebody's right to be here may have ended.
func (s *sessions) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// sessionCookie is the cookie's name. Over TLS its prefix makes browsers refuse
// one that another host of the domain, or plain HTTP, would like to plant.
func (c *Console) sessionCookie(r *http.Request) string {
	if c.secure(r) {
		return "__Host-hikyaku_session"
	}
	return "hikyaku_session"
}

// secure reports whether the browser talks TLS: to us, or to the proxy that
// the public address names.
func (c *Console) secure(r *http.Request) bool {
	return r.TLS != nil || (c.secureHost != "" && hostName(r.Host) == c.secureHost)
}

// setSession keeps a sign-in in the browser. SameSite is Lax and not Strict, so
// that a link to a transfer in a mail or a ticket, and the way back from the
// provider, find the person signed in. Nothing is changed by a GET, and what
// changes something is refused to other sites besides.
func (c *Console) setSession(w http.ResponseWriter, r *http.Request, x session) {
	if k, err := r.Cookie(c.sessionCookie(r)); err == nil {
		c.sessions.end(k.Value)
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: c.sessionCookie(r), Value: c.sessions.begin(x), Path: "/", HttpOnly: true, Secure: c.secure(r),
		SameSite: http.SameSiteLaxMode, MaxAge: int(c.sessions.max.Seconds()),
	})
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) {
	if k, err := r.Cookie(c.sessionCookie(r)); err == nil {
		c.sessions.end(k.Value)
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: c.sessionCookie(r), Path: "/", HttpOnly: true, Secure: c.secure(r),
		SameSite: http.SameSiteLaxMode, MaxAge: -1,
	})
}
