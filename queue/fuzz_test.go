package queue_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/queue"
	"github.com/hikyaku/hikyaku/queue/queuetest"
)

// memoryService returns a service with the queue q in real time.
func memoryService(tb testing.TB) *queue.Service {
	tb.Helper()
	s, err := queue.New(tb.Context(), queue.Options{
		Store: queuetest.NewMemory(), Account: "000000000000", Region: "local-1", Now: time.Now, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	if err := s.Create(tb.Context(), "q", nil, nil); err != nil {
		tb.Fatal(err)
	}
	return s
}
