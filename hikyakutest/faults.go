package hikyakutest

import (
	"context"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Fault decides about one call, by its name ("Commit", "Start", …): before is
// returned instead of doing anything, after once the call has taken effect.
// It may be called concurrently, and may do something else meanwhile.
type Fault func(op string) (before, after error)

func (f Fault) around(op string, call func() error) error {
	if f == nil {
		return call()
	}
	before, after := f(op)
	if before != nil {
		return before
	}
	if err := call(); err != nil {
		return err
	}
	return after
}

// FaultyLedger is a ledger whose calls may fail before or after they took effect.
type FaultyLedger struct {
	hikyaku.Ledger
	Fault Fault
}

// Commit implements hikyaku.Ledger.
func (l *FaultyLedger) Commit(ctx context.Context, c hikyaku.Change) error {
	return l.Fault.around("Commit", func() error { return l.Ledger.Commit(ctx, c) })
}

// Transfer implements hikyaku.Ledger.
func (l *FaultyLedger) Transfer(ctx context.Context, id string) (t hikyaku.Transfer, err error) {
	err = l.Fault.around("Transfer", func() error { t, err = l.Ledger.Transfer(ctx, id); return err })
	return t, err
}

// Transfers implements hikyaku.Ledger.
func (l *FaultyLedger) Transfers(ctx context.Context, q hikyaku.Query) (p hikyaku.Page, err error) {
	err = l.Fault.around("Transfers", func() error { p, err = l.Ledger.Transfers(ctx, q); return err })
	return p, err
}

// Ready implements hikyaku.Ledger.
func (l *FaultyLedger) Ready(ctx context.Context, route string, now time.Time, limit int) (ts []hikyaku.Transfer, err error) {
	err = l.Fault.around("Ready", func() error { ts, err = l.Ledger.Ready(ctx, route, now, limit); return err })
	return ts, err
}

// Pool implements hikyaku.Ledger.
func (l *FaultyLedger) Pool(ctx context.Context, route string) (p hikyaku.Pool, err error) {
	err = l.Fault.around("Pool", func() error { p, err = l.Ledger.Pool(ctx, route); return err })
	return p, err
}

// FaultyExecutor is an executor whose calls may fail before or after they took
// effect. A failing Start is unclear, as a broken connection leaves it.
type FaultyExecutor struct {
	hikyaku.Executor
	Fault Fault
}

// Start implements hikyaku.Executor.
func (x *FaultyExecutor) Start(ctx context.Context, s hikyaku.Start) (arn string, err error) {
	before, after := error(nil), error(nil)
	if x.Fault != nil {
		before, after = x.Fault("Start")
	}
	if before != nil {
		return "", &hikyaku.UnclearError{Err: before}
	}
	if arn, err = x.Executor.Start(ctx, s); err != nil {
		return "", err
	}
	if after != nil {
		return "", &hikyaku.UnclearError{Err: after}
	}
	return arn, nil
}

// Describe implements hikyaku.Executor.
func (x *FaultyExecutor) Describe(ctx context.Context, arn string) (e hikyaku.Execution, err error) {
	err = x.Fault.around("Describe", func() error { e, err = x.Executor.Describe(ctx, arn); return err })
	return e, err
}

// Current implements hikyaku.Executor.
func (x *FaultyExecutor) Current(ctx context.Context, arn string) (e hikyaku.Execution, ok bool, err error) {
	err = x.Fault.around("Current", func() error { e, ok, err = x.Executor.Current(ctx, arn); return err })
	return e, ok, err
}

// Cancel implements hikyaku.Executor.
func (x *FaultyExecutor) Cancel(ctx context.Context, arn string) error {
	return x.Fault.around("Cancel", func() error { return x.Executor.Cancel(ctx, arn) })
}
