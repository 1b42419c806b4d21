package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Common is what every function needs. Logger and Now are required.
type Common struct {
	Logger *slog.Logger
	Now    func() time.Time
	// Settings is the route's changeable part; nil where the function has none.
	Settings *Settings
	// Meter collects what the invocation did and writes it at its end; nil
	// counts nothing.
	Meter *Meter
}

// Limits of the time kept back at the end of an invocation.
const (
	marginShare = 5 // a fifth of the time that is left at its start
	marginMin   = 500 * time.Millisecond
	marginMax   = 10 * time.Second
	// replyMargin is what a reply itself needs, whatever still runs.
	replyMargin = 250 * time.Millisecond
	// settingsTime is what reading the settings may take at most; they keep
	// nobody from working with those that are known.
	settingsTime = 3 * time.Second
)

// work returns a context that ends so long before the invocation does that
// what was begun can be ended in order. Without a deadline it ends never.
func (c *Common) work(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(max(deadline.Sub(c.Now())/marginShare, marginMin), marginMax)
	return context.WithDeadline(ctx, deadline.Add(-margin))
}

// begin starts an invocation: the route's settings are brought up to date. The
// function returned ends it.
func (c *Common) begin(ctx context.Context) (end func()) {
	if c.Settings != nil {
		limited, cancel := context.WithTimeout(ctx, c.settingsTime(ctx))
		defer cancel()
		if err := c.guard(limited, "settings", c.Settings.Refresh); err != nil {
			c.Logger.ErrorContext(ctx, "settings not refreshed", errorAttrs("settings", err)...)
		}
	}
	return func() {
		if c.Meter == nil {
			return
		}
		if err := c.Meter.Flush(); err != nil {
			c.Logger.ErrorContext(ctx, "metrics not written", slog.Any("error", err))
		}
	}
}

// settingsTime is at most a quarter of what is left.
func (c *Common) settingsTime(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return settingsTime
	}
	return min(settingsTime, deadline.Sub(c.Now())/4)
}

// guard calls do and turns a panic into an error, logging the stack.
func (c *Common) guard(ctx context.Context, step string, do func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Logger.ErrorContext(ctx, "panic", slog.String("step", step), slog.Any("value", p), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%s: panic: %v", step, p)
		}
	}()
	return do(ctx)
}

// within waits for do, but not longer than a reply can wait. What is not done
// by then goes on when the environment is next awake, or is found by a sweep.
func (c *Common) within(ctx context.Context, step string, do func(context.Context) error) error {
	deadline, ok := ctx.Deadline()
	if !ok {
		return c.guard(ctx, step, do)
	}
	done := make(chan error, 1)
	go func() { // ends with do, whose context ends before the invocation
		done <- c.guard(ctx, step, do)
	}()
	timer := time.NewTimer(max(deadline.Sub(c.Now())-replyMargin, 0))
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%s: %w", step, context.DeadlineExceeded)
	}
}
