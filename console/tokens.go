package console

import (
	"log/slog"
	"net/http"
	"slices"

	"github.com/hikyaku/hikyaku"
)

// errNoTokens is what a console without a keeper says.
var errNoTokens = &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: "this console keeps no tokens"}

func (c *Console) listTokens(w http.ResponseWriter, r *http.Request) error {
	if c.access.Tokens == nil {
		return errNoTokens
	}
	list, err := c.access.Tokens.Tokens(r.Context())
	if err != nil {
		return err
	}
	if list == nil {
		list = []Token{}
	}
	c.reply(w, r, http.StatusOK, TokenList{Tokens: list})
	return nil
}

func (c *Console) createToken(w http.ResponseWriter, r *http.Request) error {
	if c.access.Tokens == nil {
		return errNoTokens
	}
	var req NewToken
	if err := body(w, r, &req); err != nil {
		return err
	}
	if !slices.Contains(Scopes(), req.Role) {
		return invalid("role must be one of admin, operator, viewer, producer")
	}
	if !req.ExpiresAt.IsZero() && !req.ExpiresAt.After(c.now()) {
		return invalid("expires_at is in the past")
	}
	t, secret, err := c.access.Tokens.CreateToken(r.Context(), req, identityOf(r.Context()).Name)
	if err != nil {
		return err
	}
	by := identityOf(r.Context()).Name
	c.log.InfoContext(r.Context(), "token created", slog.String("name", t.Name), slog.String("role", string(t.Role)), slog.String("by", by))
	c.recordSignIn(r.Context(), hikyaku.AuditTokenCreate, by, "name="+t.Name+" role="+string(t.Role))
	c.reply(w, r, http.StatusCreated, CreatedToken{Token: t, Secret: secret})
	return nil
}

func (c *Console) revokeToken(w http.ResponseWriter, r *http.Request) error {
	if c.access.Tokens == nil {
		return errNoTokens
	}
	name := r.PathValue("name")
	if err := c.access.Tokens.RevokeToken(r.Context(), name); err != nil {
		return err
	}
	c.RightsChanged()
	by := identityOf(r.Context()).Name
	c.log.InfoContext(r.Context(), "token revoked", slog.String("name", name), slog.String("by", by))
	c.recordSignIn(r.Context(), hikyaku.AuditTokenRevoke, by, "name="+name)
	c.reply(w, r, http.StatusOK, Revoked{Name: name})
	return nil
}

// Revoked is the reply to the revocation of a token.
type Revoked struct {
	Name string `json:"name"`
}

// RightsChanged ends every stream whose token is not valid any more; requests
// ask each time.
func (c *Console) RightsChanged() { c.sessions.rightsChanged() }
