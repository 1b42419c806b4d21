package awsjson

import "slices"

// Scope is a right that an access key carries.
type Scope string

// The scopes. Operator includes producer and viewer, admin includes all.
const (
	ScopeProducer Scope = "producer"
	ScopeViewer   Scope = "viewer"
	ScopeOperator Scope = "operator"
	ScopeAdmin    Scope = "admin"
)

// includes reports whether a key that carries s may do what needs want.
func (s Scope) includes(want Scope) bool {
	switch s {
	case ScopeAdmin:
		return true
	case ScopeOperator:
		return want != ScopeAdmin
	case ScopeProducer, ScopeViewer:
		return s == want
	}
	return false
}

// Identity is the verified caller of a request.
type Identity struct {
	AccessKey string
	Scopes    []Scope
}

// May reports whether the identity carries, directly or by inclusion, at least
// one of the wanted scopes. Nothing wanted is allowed to nobody.
func (i Identity) May(wanted ...Scope) bool {
	return slices.ContainsFunc(i.Scopes, func(have Scope) bool {
		return slices.ContainsFunc(wanted, have.includes)
	})
}
