package main

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// tokenRecord is a named token in keys.json. A token is 200 random bits, so
// that a plain digest of it tells nothing.
type tokenRecord struct {
	Name      string        `json:"name"`
	Role      console.Scope `json:"role"`
	SHA256    string        `json:"sha256"`
	CreatedAt time.Time     `json:"created_at"`
	CreatedBy string        `json:"created_by"`
	ExpiresAt time.Time     `json:"expires_at,omitzero"`
}

// tokenStore knows the tokens of keys.json: the server's own and the named
// ones. It may be used concurrently.
type tokenStore struct {
	path string
	now  func() time.Time

	mu   sync.RWMutex
	ring keyring
}

var _ console.TokenKeeper = (*tokenStore)(nil)

// authenticate finds whose token it is. It compares digests with every token
// there is, in constant time.
func (s *tokenStore) authenticate(token string) (console.Identity, bool) {
	digest := sha256.Sum256([]byte(token))
	var found console.Identity
	ok := false
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, k := range s.ring.Keys {
		own := sha256.Sum256([]byte(k.Token))
		if subtle.ConstantTimeCompare(own[:], digest[:]) == 1 && k.Token != "" {
			found, ok = console.Identity{Name: k.Name}, true
			for _, scope := range k.Scopes {
				found.Scopes = append(found.Scopes, console.Scope(scope))
			}
		}
	}
	given := hex.EncodeToString(digest[:])
	for _, t := range s.ring.Tokens {
		if subtle.ConstantTimeCompare([]byte(t.SHA256), []byte(given)) == 1 && !t.expired(s.now()) {
			found, ok = console.Identity{Name: t.Name, Scopes: []console.Scope{t.Role}}, true
		}
	}
	return found, ok
}

func (t tokenRecord) expired(now time.Time) bool {
	return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)
}

// Tokens lists the server's own and the named ones.
func (s *tokenStore) Tokens(context.Context) ([]console.Token, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []console.Token
	for _, k := range s.ring.Keys {
		id := console.Identity{}
		for _, scope := range k.Scopes {
			id.Scopes = append(id.Scopes, console.Scope(scope))
		}
		out = append(out, console.Token{Name: k.Name, Role: id.Role(), Own: true})
	}
	for _, t := range s.ring.Tokens {
		out = append(out, t.token())
	}
	slices.SortStableFunc(out, func(a, b console.Token) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

func (t tokenRecord) token() console.Token {
	return console.Token{Name: t.Name, Role: t.Role, CreatedAt: t.CreatedAt, CreatedBy: t.CreatedBy, ExpiresAt: t.ExpiresAt}
}

// CreateToken makes a token and keeps its digest.
func (s *tokenStore) CreateToken(_ context.Context, n console.NewToken, by string) (console.Token, string, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`).MatchString(n.Name) {
		return console.Token{}, "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "create token", Message: "a name is 1 to 63 lower-case letters, digits, dots, dashes and underscores, and begins with a letter or digit"}
	}
	secret := newKey("").Token
	digest := sha256.Sum256([]byte(secret))
	record := tokenRecord{
		Name: n.Name, Role: n.Role, SHA256: hex.EncodeToString(digest[:]),
		CreatedAt: s.now().UTC().Truncate(time.Second), CreatedBy: by, ExpiresAt: n.ExpiresAt.UTC(),
	}
	err := s.change(func(ring *keyring) error {
		taken := slices.ContainsFunc(ring.Keys, func(k accessKey) bool { return k.Name == n.Name }) ||
			slices.ContainsFunc(ring.Tokens, func(t tokenRecord) bool { return t.Name == n.Name })
		if taken {
			return &hikyaku.Error{Kind: hikyaku.KindConflict, Op: "create token", Subject: n.Name, Message: "there is one of that name; what it did is in the record, so choose another"}
		}
		ring.Tokens = append(ring.Tokens, record)
		return nil
	})
	if err != nil {
		return console.Token{}, "", err
	}
	return record.token(), secret, nil
}

// RevokeToken forgets a named token.
func (s *tokenStore) RevokeToken(_ context.Context, name string) error {
	return s.change(func(ring *keyring) error {
		kept := slices.DeleteFunc(slices.Clone(ring.Tokens), func(t tokenRecord) bool { return t.Name == name })
		switch {
		case len(kept) < len(ring.Tokens):
			ring.Tokens = kept
			return nil
		case slices.ContainsFunc(ring.Keys, func(k accessKey) bool { return k.Name == name }):
			return &hikyaku.Error{Kind: hikyaku.KindConflict, Op: "revoke token", Subject: name, Message: "it is one of the server's own; change it in keys.json and reload the server"}
		}
		return &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "revoke token", Subject: console.Printable(name), Message: "there is no token of that name"}
	})
}

// change writes keys.json anew, from what the file holds now, so that what was
// edited by hand stays.
func (s *tokenStore) change(do func(*keyring) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ring, err := s.read()
	if err != nil {
		return err
	}
	if err := do(&ring); err != nil {
		return err
	}
	if err := writePrivate(s.path, ring); err != nil {
		return err
	}
	s.ring = ring
	return nil
}

// reload takes over what the file holds.
func (s *tokenStore) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ring, err := s.read()
	if err == nil {
		s.ring = ring
	}
	return err
}

func (s *tokenStore) read() (keyring, error) {
	var ring keyring
	text, err := os.ReadFile(s.path)
	if err == nil {
		err = json.Unmarshal(text, &ring)
	}
	if err == nil && len(ring.Keys) == 0 {
		err = fmt.Errorf("holds no keys")
	}
	if err != nil {
		return ring, fmt.Errorf("read keys %s: %w", s.path, err)
	}
	return ring, nil
}
