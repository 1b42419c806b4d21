package daemon_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/daemon"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// released is one handle given back, and for how long.
type released struct {
	handle string
	delay  time.Duration
}

// memoryQueue is a queue of messages put in by a test.
type memoryQueue struct {
	name string
	in   chan []hikyaku.Message
	fail func() error // of Receive; nil never fails

	mu       sync.Mutex
	receives []time.Time
	deleted  []string
	released []released
	ctxErr   error // of the context of the last Delete or Release
}

var _ hikyaku.Queue = (*memoryQueue)(nil)

func newQueue() *memoryQueue {
	return &memoryQueue{name: "orders", in: make(chan []hikyaku.Message, 100)}
}

// put makes messages with these IDs available as one batch.
func (q *memoryQueue) put(ids ...string) {
	batch := make([]hikyaku.Message, len(ids))
	for i, id := range ids {
		batch[i] = hikyaku.Message{ID: id, Handle: "h-" + id, Body: id, Receives: 1, Queue: q.name}
	}
	q.in <- batch
}

func (q *memoryQueue) Name() string { return q.name }

func (q *memoryQueue) Receive(ctx context.Context, _ int, wait time.Duration) ([]hikyaku.Message, error) {
	q.mu.Lock()
	q.receives = append(q.receives, time.Now())
	q.mu.Unlock()
	if q.fail != nil {
		if err := q.fail(); err != nil {
			return nil, err
		}
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case batch := <-q.in:
		return batch, nil
	case <-timer.C:
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (q *memoryQueue) Delete(ctx context.Context, handles []string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ctxErr = ctx.Err()
	q.deleted = append(q.deleted, handles...)
	return nil
}

func (q *memoryQueue) Release(ctx context.Context, handles []string, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ctxErr = ctx.Err()
	for _, h := range handles {
		q.released = append(q.released, released{h, delay})
	}
	return nil
}

func (q *memoryQueue) Send(context.Context, hikyaku.OutMessage) (string, error) { return "", nil }

// gone returns the handles deleted, sorted.
func (q *memoryQueue) gone() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Sorted(slices.Values(q.deleted))
}

func (q *memoryQueue) back() []released {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.released)
}

func (q *memoryQueue) received() []time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.receives)
}

// script is a dispatcher made of functions; nil ones do nothing. It counts calls.
type script struct {
	accept    func(ctx context.Context, m hikyaku.Message) error
	assignAll func(ctx context.Context) (int, error)
	refresh   func(ctx context.Context, arn string) error
	reap      func(ctx context.Context) error
	recover   func(ctx context.Context) error

	mu    sync.Mutex
	calls map[string]int
}

var _ daemon.Dispatcher = (*script)(nil)

func (s *script) count(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = map[string]int{}
	}
	s.calls[name]++
}

// times tells how often a method was called.
func (s *script) times(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[name]
}

func (s *script) Accept(ctx context.Context, m hikyaku.Message) error {
	s.count("accept")
	if s.accept == nil {
		return nil
	}
	return s.accept(ctx, m)
}

func (s *script) AssignAll(ctx context.Context) (int, error) {
	s.count("assign")
	if s.assignAll == nil {
		return 0, nil
	}
	return s.assignAll(ctx)
}

func (s *script) Refresh(ctx context.Context, arn string) error {
	s.count("refresh")
	if s.refresh == nil {
		return nil
	}
	return s.refresh(ctx, arn)
}

func (s *script) RefreshAll(context.Context) error { s.count("refresh_all"); return nil }

func (s *script) Reap(ctx context.Context) error {
	s.count("reap")
	if s.reap == nil {
		return nil
	}
	return s.reap(ctx)
}

func (s *script) Watch(context.Context) error { s.count("watch"); return nil }

func (s *script) DrainOutbox(context.Context) (int, error) { s.count("outbox"); return 0, nil }

func (s *script) Recover(ctx context.Context) error {
	s.count("recover")
	if s.recover == nil {
		return nil
	}
	return s.recover(ctx)
}

// quiet is options whose timers do not disturb a test of something else.
func quiet() daemon.Options {
	const never = 1000 * time.Hour
	return daemon.Options{
		AssignEvery: never, RefreshEvery: never, ReapEvery: never, WatchEvery: never, OutboxEvery: never,
	}
}

// logged is a logger and what it wrote.
func logged() (*slog.Logger, *syncBuffer) {
	var b syncBuffer
	return slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})), &b
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func ids(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = strconv.Itoa(i)
	}
	return out
}
