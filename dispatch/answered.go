package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

// Answered takes the answer to a start that Start handed over
// (hikyaku.ErrHandedOver): the execution's ARN, or the error of the call, which
// means what it means from Start. s needs no more than the task, the tags and
// the bandwidth. The answer may come twice. If the attempt is over by then, its
// execution belongs to nobody and is cancelled; an error is of no interest.
func (d *Dispatcher) Answered(ctx context.Context, s hikyaku.Start, executionARN string, callErr error) error {
	id := s.Tags[hikyaku.TagTransfer]
	t, err := d.Ledger.Transfer(ctx, id)
	if err != nil && !errors.Is(err, hikyaku.ErrNotFound) {
		return fmt.Errorf("read transfer %s: %w", id, err)
	}
	current := err == nil && t.TaskARN == s.TaskARN && ours(hikyaku.Execution{Tags: s.Tags}, t)
	switch {
	case executionARN == "" && (!current || t.State != hikyaku.Starting):
		return nil
	case !current:
		if err := d.Executor.Cancel(ctx, executionARN); err != nil && hikyaku.KindOf(err) != hikyaku.KindNotFound {
			return fmt.Errorf("cancel execution %s of an attempt that is over: %w", executionARN, err)
		}
		return nil
	}
	if executionARN != "" {
		callErr = nil
	}
	_, err = d.answered(ctx, t, s, executionARN, callErr)
	return err
}
