package dispatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// lateStart is an execution that was started and is not in the ledger yet. It
// is written down with what is seen of it next; most short ones have ended by
// then, which saves a commit. Should this process go away before, the start is
// found as any other whose answer was lost.
type lateStart struct {
	transfer hikyaku.Transfer // as it was leased
	detail   *hikyaku.StartedDetail
	at       time.Time
	given    int64 // bandwidth
}

// lateStarts holds them by execution ARN: never more than there are tasks.
type lateStarts struct {
	mu    sync.Mutex
	byARN map[string]*lateStart
}

func (l *lateStarts) put(s *lateStart) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byARN == nil {
		l.byARN = map[string]*lateStart{}
	}
	l.byARN[s.detail.ExecutionARN] = s
}

// get returns the late start of an execution, or nil.
func (l *lateStarts) get(arn string) *lateStart {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byARN[arn]
}

// of returns the late start of a transfer, or nil.
func (l *lateStarts) of(transferID string) *lateStart {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.byARN {
		if s.transfer.TransferID == transferID {
			return s
		}
	}
	return nil
}

func (l *lateStarts) drop(arn string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byARN, arn)
}

// startLate keeps a start for the first look at its execution.
func (d *Dispatcher) startLate(ctx context.Context, s *lateStart) error {
	d.late.put(s)
	if d.refreshing.missed(s.detail.ExecutionARN) {
		return d.Refresh(ctx, s.detail.ExecutionARN)
	}
	return nil
}

// refreshLate looks at an execution whose start is not written down: if it has
// ended, start and end go into one commit; else the start goes alone.
func (d *Dispatcher) refreshLate(ctx context.Context, s *lateStart) error {
	arn := s.detail.ExecutionARN
	execution, err := d.Executor.Describe(ctx, arn)
	if err == nil && execution.Ended() {
		if err = d.settle(ctx, s.transfer, execution, s); err == nil {
			d.late.drop(arn)
		}
		return err
	}
	if err := d.started(ctx, s.transfer, s.detail, s.at); err != nil {
		return err
	}
	d.late.drop(arn)
	return errors.Join(d.limitStarted(ctx, s.transfer, arn, s.given), d.refresh(ctx, arn))
}
