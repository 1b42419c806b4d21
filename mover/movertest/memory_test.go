package movertest_test

import (
	"testing"

	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	movertest.TestStore(t, func(*testing.T) func() mover.Store {
		m := &movertest.Memory{}
		return func() mover.Store { return m }
	})
}
