package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options configures a Service.
type Options struct {
	// Store is required; the Service is its only user.
	Store Store
	// Account is the 12-digit account and Region the region in ARNs. Required.
	Account string
	Region  string
	// Now is the clock; required.
	Now func() time.Time
	// Logger is required.
	Logger *slog.Logger
	// NewID makes message and task IDs; nil means random UUIDs. IDs must be
	// unique and at most 255 bytes long.
	NewID func() string
	// SweepEvery is how often expired messages are removed; 0 means a minute.
	SweepEvery time.Duration
}

// Service is a set of queues. Its methods may be called concurrently. Refusals
// are *Error.
type Service struct {
	opts  Options
	store Store

	admin sync.Mutex // held while a queue's record changes
	mu    sync.RWMutex
	// queues and moves hold copies of the store's records.
	queues map[string]*entry
	moves  map[string]*move

	ctx    context.Context //nolint:containedctx // the life of the background work
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// entry is a queue in memory. The record is replaced, never changed.
type entry struct {
	record   Queue
	gate     *gate
	purgedAt time.Time
}

// New loads the queues. Start must be called before move tasks go on and
// expired messages are removed; Close in the end.
func New(ctx context.Context, opts Options) (*Service, error) {
	if opts.NewID == nil {
		opts.NewID = newUUID
	}
	if opts.SweepEvery == 0 {
		opts.SweepEvery = time.Minute
	}
	records, err := opts.Store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("load queues: %w", err)
	}
	s := &Service{opts: opts, store: opts.Store, queues: map[string]*entry{}, moves: map[string]*move{}}
	for _, q := range records.Queues {
		s.queues[q.Name] = s.newEntry(q)
	}
	for _, t := range records.Moves {
		s.moves[t.ID] = newMove(t)
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return s, nil
}

// Start resumes the move tasks that were running and starts removing expired
// messages.
func (s *Service) Start() {
	s.mu.RLock()
	moves := slices.Collect(maps.Values(s.moves))
	s.mu.RUnlock()
	for _, m := range moves {
		if m.active() {
			s.work.Go(func() { s.runMove(m) })
		}
	}
	s.work.Go(s.sweepLoop)
}

// Close wakes waiting receivers, who get nothing, and waits for background
// work to stop; running move tasks go on after the next Start. The store stays
// open.
func (s *Service) Close() {
	s.cancel()
	s.work.Wait()
}

// Release makes the messages of a queue that are in flight visible at once and
// returns their number: for a process that knows that those who received them
// are gone.
func (s *Service) Release(ctx context.Context, name string) (int, error) {
	e, err := s.lookup(name)
	if err != nil {
		return 0, err
	}
	n, err := s.store.Sweep(ctx, name, Sweep{Kind: SweepRelease, Now: s.now()})
	if err != nil {
		return 0, storeFailure("release messages of queue", name, err)
	}
	e.gate.wake(n)
	return n, nil
}

// ReleaseAll is Release for every queue.
func (s *Service) ReleaseAll(ctx context.Context) (int, error) {
	total := 0
	for _, name := range s.names("") {
		n, err := s.Release(ctx, name)
		if err != nil && !errors.Is(err, NoQueue()) {
			return total, err
		}
		total += n
	}
	return total, nil
}

// ARN returns the ARN of a queue by name.
func (s *Service) ARN(name string) string {
	return "arn:aws:sqs:" + s.opts.Region + ":" + s.opts.Account + ":" + name
}

// Account returns the account that all queues belong to.
func (s *Service) Account() string { return s.opts.Account }

// nameOf returns the name in one of our ARNs.
func (s *Service) nameOf(arn string) (string, bool) {
	name, ok := strings.CutPrefix(arn, s.ARN(""))
	return name, ok && isName(name)
}

func (s *Service) newEntry(q Queue) *entry {
	return &entry{record: q, gate: &gate{now: s.now}}
}

// now is the time as the store keeps it.
func (s *Service) now() time.Time { return s.opts.Now().Truncate(time.Millisecond) }

// lookup returns the queue. The entry's record must not be changed.
func (s *Service) lookup(name string) (*entry, error) {
	if name == "" {
		return nil, missing("QueueUrl")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.queues[name]
	if !ok {
		return nil, NoQueue()
	}
	return e, nil
}

// record returns the current record of a queue.
func (s *Service) record(e *entry) Queue {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return e.record
}

// wake tells the receivers of a queue that n messages arrived.
func (s *Service) wake(name string, n int) {
	if e, err := s.lookup(name); err == nil && n > 0 {
		e.gate.wake(n)
	}
}

// sweepLoop removes expired messages until Close.
func (s *Service) sweepLoop() {
	tick := time.NewTicker(s.opts.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			if err := s.sweepExpired(s.ctx); err != nil && s.ctx.Err() == nil {
				s.opts.Logger.Error("removing expired messages failed", slog.String("error", err.Error()))
			}
		}
	}
}

// sweepExpired removes messages older than their queue's retention.
func (s *Service) sweepExpired(ctx context.Context) error {
	const limit = 1000
	for _, name := range s.names("") {
		e, err := s.lookup(name)
		if err != nil {
			continue // deleted meanwhile
		}
		before := s.expiry(s.record(e).Settings)
		for n := limit; n == limit; {
			n, err = s.store.Sweep(ctx, name, Sweep{Kind: SweepExpired, SentBefore: before, Limit: limit})
			if err != nil && !errors.Is(err, NoQueue()) {
				return fmt.Errorf("remove expired messages of queue %s: %w", name, err)
			}
		}
	}
	return nil
}

// expiry is when a message must have been sent to be alive.
func (s *Service) expiry(settings Settings) time.Time {
	return s.now().Add(-time.Duration(settings.Retention) * time.Second)
}

// storeFailure wraps what the store returned; refusals stay as they are.
func storeFailure(operation, subject string, err error) error {
	if refusal, ok := errors.AsType[*Error](err); ok {
		return refusal
	}
	return fmt.Errorf("%s %s: %w", operation, subject, err)
}

// newUUID returns a random UUID, the form of SQS's message IDs.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}
