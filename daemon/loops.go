package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/hikyaku/hikyaku"
)

// signal wakes one loop. Raising it again before the loop has looked changes
// nothing.
type signal chan struct{}

func newSignal() signal { return make(signal, 1) }

func (s signal) raise() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// assigning assigns whenever it is signalled, when a parked transfer comes
// due, and every AssignEvery.
func (d *Daemon) assigning(until, work context.Context) {
	timer := time.NewTimer(d.opts.AssignEvery)
	defer timer.Stop()
	failures := 0
	for {
		select {
		case <-until.Done():
			return
		case <-d.assign:
		case <-timer.C:
		}
		started := 0
		err := d.guard(work, "assign", func(ctx context.Context) (err error) {
			started, err = d.dispatcher.AssignAll(ctx)
			return err
		})
		if err != nil {
			failures++
			d.failed(work, "assign", err)
			// No loop of its own making: signals wait until the pause is over.
			sleep(until, min(d.backoff(failures), d.opts.AssignEvery))
		} else {
			failures = 0
		}
		if started > 0 {
			d.log.LogAttrs(work, slog.LevelDebug, "assigned", slog.Int("started", started))
		}
		timer.Reset(d.untilNext(work))
	}
}

// untilNext is how long assigning may wait for a signal.
func (d *Daemon) untilNext(ctx context.Context) time.Duration {
	s, ok := d.dispatcher.(scheduler)
	if !ok || d.opts.Now == nil {
		return d.opts.AssignEvery
	}
	var next time.Time
	if err := d.guard(ctx, "next", func(ctx context.Context) error {
		next = s.Next(ctx)
		return nil
	}); err != nil {
		d.failed(ctx, "next", err)
	}
	if next.IsZero() {
		return d.opts.AssignEvery
	}
	// Never at once: what is due and could not be assigned now waits for a signal.
	const least = 10 * time.Millisecond
	return min(max(next.Sub(d.opts.Now()), least), d.opts.AssignEvery)
}

// refreshing refreshes executions that events named.
func (d *Daemon) refreshing(until, work context.Context) {
	for {
		arn, ended, ok := d.intake.take(until)
		if !ok {
			return
		}
		err := d.guard(work, "refresh", func(ctx context.Context) error { return d.dispatcher.Refresh(ctx, arn) })
		switch kind := hikyaku.KindOf(err); {
		case err == nil:
			d.intake.done(arn)
		case ended && (kind == hikyaku.KindNotFound || kind == hikyaku.KindConflict):
			// The execution was quicker than the write that makes it known, or
			// another write came between: soon again.
			d.intake.again(arn)
		default:
			d.intake.done(arn)
			d.log.LogAttrs(work, slog.LevelWarn, "refresh failed", slog.String("execution_arn", arn), slog.Any("error", err))
		}
		if ended {
			d.Kick()
		}
	}
}

// collecting looks into the dead-letter queues at once, for what came while
// nobody looked, and every CollectEvery.
func (d *Daemon) collecting(until, work context.Context, c collector) {
	for until.Err() == nil {
		collected := 0
		err := d.guard(work, "collect", func(ctx context.Context) (err error) {
			collected, err = c.CollectDeadLetters(ctx)
			return err
		})
		if err != nil {
			d.failed(work, "collect", err)
		}
		if collected > 0 {
			d.owed() // each owes a letter that says why
		}
		sleep(until, d.opts.CollectEvery)
	}
}

// every starts a loop that calls do, one call at a time, each interval.
func (d *Daemon) every(until, work context.Context, name string, interval time.Duration, do func(ctx context.Context) error) {
	d.running.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-until.Done():
				return
			case <-ticker.C:
			}
			if err := d.guard(work, name, do); err != nil {
				d.failed(work, name, err)
			}
		}
	})
}

// failed logs what a loop could not do; the next round tries again.
func (d *Daemon) failed(ctx context.Context, loop string, err error) {
	if ctx.Err() != nil {
		return // aborted by Stop
	}
	d.log.LogAttrs(ctx, slog.LevelWarn, "round failed", slog.String("loop", loop), slog.Any("error", err))
}

// guard calls do and turns a panic into an error, logging the stack.
func (d *Daemon) guard(ctx context.Context, step string, do func(ctx context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.log.LogAttrs(ctx, slog.LevelError, "panic", slog.String("step", step),
				slog.Any("value", p), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%s: panic: %v", step, p)
		}
	}()
	return do(ctx)
}
