package mover

import (
	"fmt"
	"io"
	"log/slog"
)

// hidden is what every rendering of a non-empty secret shows.
const hidden = "***"

// Secret is a value that is never printed, logged or marshalled: every
// rendering of it is "***". The zero value is an empty secret.
type Secret struct{ value string }

// NewSecret wraps value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value itself, for the one place that needs it.
func (s Secret) Reveal() string { return s.value }

// IsZero says whether the secret is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// String returns "***".
func (s Secret) String() string { return hidden }

// Format writes "***" for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) } // a State cannot fail

// LogValue returns "***".
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "***".
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
