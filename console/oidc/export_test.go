package oidc

import "github.com/hikyaku/hikyaku/console"

// Identify says who claims are about.
func Identify(o Options, subject string, claims map[string]any) (console.Identity, error) {
	return New(o).identity(subject, claims)
}
