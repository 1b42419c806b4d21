package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

// BenchmarkQueueStore_Send sends single messages from 32 callers at once.
func BenchmarkQueueStore_Send(b *testing.B) {
	store := openQueues(b, filepath.Join(b.TempDir(), "queue.db"))
	if err := store.SaveQueue(b.Context(), queue.Queue{Name: "q"}); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := store.Send(b.Context(), "q", []queue.Message{{ID: "id", Body: "A-123", SentAt: now, VisibleAt: now}}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// BenchmarkQueueStore_Receive receives ten of 100,000 messages per call.
func BenchmarkQueueStore_Receive(b *testing.B) {
	store := openQueues(b, filepath.Join(b.TempDir(), "queue.db"))
	if err := store.SaveQueue(b.Context(), queue.Queue{Name: "q"}); err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	for i := range 100 {
		messages := make([]queue.Message, 1000)
		for j := range messages {
			id := fmt.Sprint(i, j)
			messages[j] = queue.Message{ID: id, Body: id, SentAt: now, VisibleAt: now}
		}
		if err := store.Send(b.Context(), "q", messages); err != nil {
			b.Fatal(err)
		}
	}
	at := now
	for b.Loop() {
		at = at.Add(time.Millisecond)
		result, err := store.Receive(b.Context(), queue.ReceiveCall{Queue: "q", Now: at, VisibleAt: at.Add(time.Second), Max: 10})
		if err != nil || len(result.Messages) != 10 {
			b.Fatalf("got %d messages, %v, want 10", len(result.Messages), err)
		}
	}
}
