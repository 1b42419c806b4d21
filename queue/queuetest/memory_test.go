package queuetest_test

import (
	"testing"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(testing.TB) queue.Store { return queuetest.NewMemory() })
}
