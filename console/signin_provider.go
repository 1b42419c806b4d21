package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hikyaku/hikyaku"
)

// signInTime is how long a person may take at the provider.
const signInTime = 10 * time.Minute

// pending is a sign-in under way at the provider. It is kept in the browser,
// sealed, so that whoever begins many costs no memory here.
type pending struct {
	SignIn SignIn    `json:"sign_in"`
	Next   string    `json:"next"`
	Until  time.Time `json:"until"`
}

// newSealer encrypts with a key of this process.
func newSealer() cipher.AEAD {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("console: AES-256: " + err.Error()) // the key has its length
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("console: GCM: " + err.Error())
	}
	return gcm
}

func (c *Console) signInCookie(r *http.Request) string {
	if c.secure(r) {
		return "__Host-hikyaku_signin"
	}
	return "hikyaku_signin"
}

func (c *Console) setPending(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: c.signInCookie(r), Value: value, Path: "/", HttpOnly: true, Secure: c.secure(r),
		SameSite: http.SameSiteLaxMode, // the way back comes from the provider's site
		MaxAge:   age,
	})
}

// startSignIn leads to the provider.
func (c *Console) startSignIn(w http.ResponseWriter, r *http.Request) {
	if c.access.Provider == nil {
		c.toSignIn(w, r)
		return
	}
	p := pending{
		SignIn: SignIn{State: rand.Text(), Nonce: rand.Text(), Verifier: rand.Text() + rand.Text()},
		Next:   localPath(r.URL.Query().Get("next")), Until: c.now().Add(signInTime),
	}
	to, err := c.access.Provider.Begin(r.Context(), p.SignIn)
	if err != nil {
		c.signInFailed(w, r, err)
		return
	}
	plain, err := json.Marshal(p)
	if err != nil {
		c.signInFailed(w, r, err)
		return
	}
	sealed := c.seal.Seal(nil, nil, plain, nil) //nolint:gosec // it takes its own nonces
	c.setPending(w, r, base64.RawURLEncoding.EncodeToString(sealed), int(signInTime.Seconds()))
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// finishSignIn takes who comes back from the provider.
func (c *Console) finishSignIn(w http.ResponseWriter, r *http.Request) {
	if c.access.Provider == nil {
		c.toSignIn(w, r)
		return
	}
	addr := clientAddress(r)
	wait, ok := c.signIn.begin(r.Context(), addr)
	if !ok {
		retryAfter(w, wait)
		c.deniedPage(w, r, hikyaku.NewError(hikyaku.CodeSignInLimited, "sign in", "", "too many attempts failed"), nil)
		return
	}
	p, err := c.pendingOf(r)
	c.setPending(w, r, "", -1) // whatever comes of it, it is used up
	if err != nil {
		c.signInFailed(w, r, err)
		return
	}
	id, err := c.access.Provider.Finish(r.Context(), r.URL.Query().Get("code"), p.SignIn)
	if err != nil {
		if hikyaku.KindOf(err) == hikyaku.KindDenied {
			who, _ := whoOf(err)
			c.recordSignIn(r.Context(), hikyaku.AuditSignInRefused, who, hikyaku.CodeOf(err)+" address="+addr)
		}
		if hikyaku.KindOf(err) == hikyaku.KindTransient || hikyaku.CodeOf(err) == hikyaku.CodeNoRole {
			c.signIn.succeeded(addr) // nothing was guessed
		}
		c.signInFailed(w, r, err)
		return
	}
	c.signIn.succeeded(addr)
	c.signedIn(w, r, session{who: id}, p.Next)
}

// pendingOf returns the sign-in that a request ends, if it is this browser's,
// in time, and not refused.
func (c *Console) pendingOf(r *http.Request) (pending, error) {
	refused := func(why string) error {
		return hikyaku.NewError(hikyaku.CodeSignInRefused, "sign in", "", why)
	}
	var p pending
	k, err := r.Cookie(c.signInCookie(r))
	if err != nil {
		return p, refused("this browser has begun no sign-in")
	}
	sealed, err := base64.RawURLEncoding.DecodeString(k.Value)
	if err == nil {
		sealed, err = c.seal.Open(nil, nil, sealed, nil)
	}
	if err == nil {
		err = json.Unmarshal(sealed, &p)
	}
	q := r.URL.Query()
	switch {
	case err != nil:
		return p, refused("the sign-in began before this server started")
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(p.SignIn.State)) != 1:
		return p, refused("the state is not that of this browser's sign-in")
	case c.now().After(p.Until):
		return p, refused("it took too long")
	case q.Get("error") != "":
		return p, refused("the provider says " + Printable(q.Get("error")) + " " + Printable(q.Get("error_description")))
	case q.Get("code") == "":
		return p, refused("the provider gave no code")
	}
	return p, nil
}

// signInFailed logs what went wrong, in detail, and shows it, in words.
func (c *Console) signInFailed(w http.ResponseWriter, r *http.Request, err error) {
	if hikyaku.CodeOf(err) == "" {
		c.problemPage(w, r, err)
		return
	}
	c.log.WarnContext(r.Context(), "sign-in failed", slog.String("address", clientAddress(r)), slog.String("code", hikyaku.CodeOf(err)), slog.Any("error", err))
	c.deniedPage(w, r, err, nil)
}

// whoOf is the person that an error is about.
func whoOf(err error) (string, bool) {
	e, ok := errors.AsType[*hikyaku.Error](err)
	if !ok || e.Code != hikyaku.CodeNoRole || e.Subject == "" {
		return "", false
	}
	return e.Subject, true
}
