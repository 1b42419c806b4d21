package daemon

import (
	"context"
	"log/slog"
	"time"
)

// Options configure a daemon. The zero value is usable.
type Options struct {
	// Logger defaults to discarding.
	Logger *slog.Logger
	// Now is the clock; nil is what timers follow, which a test in fake time
	// wants too. It is only used to tell how far off Next is.
	Now func() time.Time

	// Receivers is how many loops receive from each queue; 0 is 4.
	Receivers int
	// Batch is how many messages one receive asks for; 0 is 10, the most.
	Batch int
	// Wait is the long poll; 0 is 20 s.
	Wait time.Duration
	// AcceptTimeout bounds accepting one message; 0 is 20 s. It must be
	// shorter than the queue's visibility timeout.
	AcceptTimeout time.Duration
	// Retry is the pause after a failed receive and the delay with which a
	// message that could not be accepted is released: First, doubled each
	// time, Max at most; zero values are 1 s and 1 min.
	RetryFirst, RetryMax time.Duration

	// Refreshers is how many executions are refreshed at once on events; 0 is 8.
	Refreshers int
	// EventDelay is how long events other than an execution's end are held
	// back, so that short executions are refreshed once; 0 is 200 ms.
	EventDelay time.Duration

	// AssignEvery is the longest time between two rounds of assigning; 0 is 1 s.
	AssignEvery time.Duration
	// RefreshEvery is the time between two looks at all running transfers; 0 is 1 s.
	RefreshEvery time.Duration
	// ReapEvery, WatchEvery and OutboxEvery are the other timers; 0 is 15 s,
	// 15 s and 5 s.
	ReapEvery, WatchEvery, OutboxEvery time.Duration
	// CollectEvery is the time between two looks into the dead-letter queues,
	// if the Dispatcher can; the first is at the start. 0 is 5 min.
	CollectEvery time.Duration
	// OutboxGap is the shortest time between two rounds of the outbox; 0 is 50 ms.
	OutboxGap time.Duration
	// Retain removes what is past retention, every RetainEvery (0 is 1 h); nil does not.
	Retain      func(ctx context.Context) error
	RetainEvery time.Duration

	// Drain is how long Stop lets work in progress go on; 0 is 10 s.
	Drain time.Duration
}

func (o *Options) applyDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.Wait, 20 * time.Second},
		{&o.AcceptTimeout, 20 * time.Second},
		{&o.RetryFirst, time.Second},
		{&o.RetryMax, time.Minute},
		{&o.EventDelay, 200 * time.Millisecond},
		{&o.AssignEvery, time.Second},
		{&o.RefreshEvery, time.Second},
		{&o.ReapEvery, 15 * time.Second},
		{&o.WatchEvery, 15 * time.Second},
		{&o.OutboxEvery, 5 * time.Second},
		{&o.CollectEvery, 5 * time.Minute},
		{&o.OutboxGap, 50 * time.Millisecond},
		{&o.RetainEvery, time.Hour},
		{&o.Drain, 10 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	for _, n := range []struct {
		value    *int
		fallback int
	}{{&o.Receivers, 4}, {&o.Batch, 10}, {&o.Refreshers, 8}} {
		if *n.value <= 0 {
			*n.value = n.fallback
		}
	}
}
