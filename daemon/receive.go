package daemon

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// cleanup is how long acknowledging and releasing may take once the work in
// progress was aborted.
const cleanup = 2 * time.Second

// receive takes messages from one queue until until is over. What it has
// received by then is accepted under work.
func (d *Daemon) receive(until, work context.Context, q hikyaku.Queue) {
	log := d.log.With(slog.String("queue", q.Name()))
	failures := 0
	for until.Err() == nil {
		messages, err := q.Receive(until, d.opts.Batch, d.opts.Wait)
		switch {
		case until.Err() != nil && len(messages) == 0:
			return
		case err != nil:
			failures++
			log.LogAttrs(work, slog.LevelWarn, "receive failed", slog.Any("error", err), slog.Int("failures", failures))
			sleep(until, d.backoff(failures))
			continue
		}
		failures = 0
		if len(messages) > 0 {
			d.handle(work, log, q, messages)
		}
	}
}

// handle accepts a batch, all at once so that the ledger can commit them
// together, then acknowledges what was accepted and releases the rest.
func (d *Daemon) handle(work context.Context, log *slog.Logger, q hikyaku.Queue, messages []hikyaku.Message) {
	errs := make([]error, len(messages))
	var batch sync.WaitGroup
	for i, m := range messages {
		batch.Go(func() {
			errs[i] = d.accept(work, m)
			if errs[i] == nil {
				d.assign.raise()
			}
		})
	}
	batch.Wait()
	d.owed() // a message that was not understood owes a dead letter

	// Also when work was aborted meanwhile: a message left alone would be
	// hidden until its visibility timeout.
	ctx := work
	if work.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(work), cleanup)
		defer cancel()
	}
	var done []string
	refused := map[time.Duration][]string{}
	for i, m := range messages {
		if errs[i] == nil {
			done = append(done, m.Handle)
			continue
		}
		delay := d.backoff(m.Receives)
		if work.Err() != nil {
			delay = 0 // the next process shall have it at once
		}
		refused[delay] = append(refused[delay], m.Handle)
		log.LogAttrs(work, slog.LevelError, "message was not accepted", slog.String("message_id", m.ID),
			slog.Int("receives", m.Receives), slog.Duration("released_for", delay), slog.Any("error", errs[i]))
	}
	if len(done) > 0 {
		if err := q.Delete(ctx, done); err != nil {
			// They come again and are recognized as duplicates.
			log.LogAttrs(work, slog.LevelWarn, "accepted messages were not acknowledged", slog.Any("error", err))
		}
	}
	for delay, handles := range refused {
		if err := q.Release(ctx, handles, delay); err != nil {
			// They come back by themselves when their visibility timeout ends.
			log.LogAttrs(work, slog.LevelWarn, "messages were not released", slog.Any("error", err))
		}
	}
}

// accept records one message.
func (d *Daemon) accept(work context.Context, m hikyaku.Message) error {
	ctx, cancel := context.WithTimeout(work, d.opts.AcceptTimeout)
	defer cancel()
	return d.guard(ctx, "accept", func(ctx context.Context) error { return d.dispatcher.Accept(ctx, m) })
}

// backoff is the pause before the n-th repetition, n from 1.
func (d *Daemon) backoff(n int) time.Duration {
	pause := d.opts.RetryFirst
	for i := 1; i < n && pause < d.opts.RetryMax; i++ {
		pause *= 2
	}
	return min(pause, d.opts.RetryMax)
}

// sleep waits for d or until ctx is over.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
