//go:build !darwin

package local

// normalizes: names are what their bytes are, as a rule.
const normalizes = false

// Normal implements [storage.Normalizer].
func (*Driver) Normal(name string) string { return name }
