package console

import (
	"context"
	"time"
)

// Access says how people come in. The zero value: with a token alone, and
// sessions end 12 hours after the last use, 7 days after sign-in at the latest.
type Access struct {
	// SessionIdle ends a session that nobody uses; 0 is 12 hours, negative never.
	SessionIdle time.Duration
	// SessionMax ends every session; 0 is 7 days.
	SessionMax time.Duration
	// PublicURL is the address people type; empty where they use a loopback
	// address. Its host is one that requests may name, and if it is https,
	// cookies of requests that name it are Secure also behind a proxy.
	PublicURL string
	// HSTS makes browsers use TLS only, for so long; 0 does not.
	HSTS time.Duration
	// Provider vouches for people; nil: they have tokens.
	Provider Provider
	// Tokens keeps named tokens; nil: there are none to be managed.
	Tokens TokenKeeper
}

// Provider is an identity provider that vouches for people. Its methods may be
// called concurrently. Errors are *hikyaku.Error with a code of the catalogue.
type Provider interface {
	// Name is what the button calls it.
	Name() string
	// Begin returns where the browser has to go.
	Begin(ctx context.Context, s SignIn) (address string, err error)
	// Finish exchanges the code that the browser came back with. Who is known
	// there and has no role here gets an identity without scopes, and
	// CodeNoRole.
	Finish(ctx context.Context, code string, s SignIn) (Identity, error)
}

// SignIn holds the secrets of one sign-in at a provider: State ties the way
// back to the browser that began, Nonce the ID token to the request, Verifier
// the code to this server (PKCE).
type SignIn struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// TokenKeeper keeps named tokens. Its methods may be called concurrently;
// Options.Authenticate knows at once what they changed.
type TokenKeeper interface {
	// Tokens lists them by name.
	Tokens(ctx context.Context) ([]Token, error)
	// CreateToken makes one and returns its secret, which is kept nowhere.
	CreateToken(ctx context.Context, n NewToken, by string) (Token, string, error)
	// RevokeToken forgets one.
	RevokeToken(ctx context.Context, name string) error
}

// Token is a named token, without its secret.
type Token struct {
	// Name is recorded with what is done with it.
	Name string `json:"name"`
	Role Scope  `json:"role"`
	// CreatedAt and CreatedBy are empty for the server's own.
	CreatedAt time.Time `json:"created_at,omitzero"`
	CreatedBy string    `json:"created_by,omitempty"`
	// ExpiresAt is zero for one that does not expire.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Own is one of those made with the data folder; it cannot be revoked here.
	Own bool `json:"own"`
}

// NewToken is a token that is asked for.
type NewToken struct {
	Name string `json:"name"`
	Role Scope  `json:"role"`
	// ExpiresAt is zero for never.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// TokenList is the reply to GET tokens.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// CreatedToken is the reply to POST tokens, the only one that has the secret.
type CreatedToken struct {
	Token

	Secret string `json:"secret"`
}
