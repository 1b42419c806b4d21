package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
)

// operator hands people's commands to the dispatcher and wakes the loops, so
// that what became ready starts at once.
type operator struct {
	*dispatch.Dispatcher
	kick func()
}

// Send accepts an ID and wakes the loops.
func (o operator) Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Send(ctx, s, a)
}

// Rerun sends a transfer round again and wakes the loops.
func (o operator) Rerun(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Rerun(ctx, id, a)
}

// Cancel cancels a transfer and wakes the loops.
func (o operator) Cancel(ctx context.Context, id string, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.Cancel(ctx, id, a)
}

// ResumeRoute resumes a route and wakes the loops.
func (o operator) ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	defer o.kick()
	return o.Dispatcher.ResumeRoute(ctx, name, a)
}

// Unbench returns a task to its pool and wakes the loops.
func (o operator) Unbench(ctx context.Context, taskARN string, a hikyaku.Act) error {
	defer o.kick()
	return o.Dispatcher.Unbench(ctx, taskARN, a)
}

// RedriveDeadLetters sends dead letters round again and wakes the loops.
func (o operator) RedriveDeadLetters(ctx context.Context, ids []string, a hikyaku.Act) (int, error) {
	defer o.kick()
	return o.Dispatcher.RedriveDeadLetters(ctx, ids, a)
}

// ResendCompletion makes a completion event owed once more and wakes the loops.
func (o operator) ResendCompletion(ctx context.Context, id string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error) {
	defer o.kick()
	return o.Dispatcher.ResendCompletion(ctx, id, r, a)
}

// pruneBatch bounds one removal of old transfers.
const pruneBatch = 1000

// prune removes ended transfers older than the retention.
func (s *server) prune(ctx context.Context) error {
	if s.cfg.Retention == 0 {
		return nil
	}
	before := time.Now().Add(-time.Duration(s.cfg.Retention))
	for {
		n, err := s.ledger.Prune(ctx, before, pruneBatch)
		if err != nil {
			return fmt.Errorf("remove old transfers: %w", err)
		}
		if n < pruneBatch {
			return nil
		}
	}
}
