package console

import (
	"context"
	"net/url"
)

// Tokens lists the named tokens, without secrets.
func (c *Client) Tokens(ctx context.Context) (TokenList, error) {
	var out TokenList
	return out, c.get(ctx, "tokens", nil, &out)
}

// CreateToken makes a token; its secret is in the reply and nowhere else.
func (c *Client) CreateToken(ctx context.Context, n NewToken) (CreatedToken, error) {
	var out CreatedToken
	return out, c.post(ctx, "tokens", n, &out)
}

// RevokeToken ends a token and the sessions begun with it.
func (c *Client) RevokeToken(ctx context.Context, name string) (Revoked, error) {
	var out Revoked
	return out, c.post(ctx, "tokens/"+url.PathEscape(name)+"/revoke", struct{}{}, &out)
}
