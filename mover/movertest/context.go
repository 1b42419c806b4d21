package movertest

import (
	"context"
	"testing"
)

// contextEnded returns a context that has ended.
func contextEnded(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}
