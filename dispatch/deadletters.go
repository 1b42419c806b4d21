package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

// RedriveDeadLetters sends the transfers of dead letters round again; nil
// means every one. It returns how many went. A REJECTED message that is still
// not understood stays where it is and is part of the error. Letters that lie
// in a dead-letter queue stay there; should they be redriven later, they are
// recognised as done.
func (d *Dispatcher) RedriveDeadLetters(ctx context.Context, transferIDs []string, act hikyaku.Act) (int, error) {
	if transferIDs == nil {
		var err error
		if transferIDs, err = d.deadLetters(ctx); err != nil {
			return 0, err
		}
	}
	redriven := 0
	var errs []error
	for _, id := range transferIDs {
		if err := ctx.Err(); err != nil {
			return redriven, errors.Join(append(errs, err)...)
		}
		if err := d.redriveOne(ctx, id, act); err != nil {
			errs = append(errs, fmt.Errorf("redrive %s: %w", id, err))
			continue
		}
		redriven++
	}
	return redriven, errors.Join(errs...)
}

func (d *Dispatcher) redriveOne(ctx context.Context, transferID string, act hikyaku.Act) error {
	t, err := d.Ledger.Transfer(ctx, transferID)
	if err != nil {
		return notFound(transferID, err)
	}
	if t.DeadLetter != hikyaku.DeadLetterOwed && t.DeadLetter != hikyaku.DeadLetterSent {
		return hikyaku.NewError(hikyaku.CodeNoDeadLetter, "redrive", transferID, "it has no dead letter")
	}
	_, err = d.Rerun(ctx, transferID, act)
	return err
}

// deadLetters lists the transfers whose dead letter waits for a person.
func (d *Dispatcher) deadLetters(ctx context.Context) ([]string, error) {
	ids := []string{}
	q := hikyaku.Query{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterOwed, hikyaku.DeadLetterSent}, Limit: 1000}
	for {
		page, err := d.Ledger.Transfers(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		for _, t := range page.Transfers {
			ids = append(ids, t.TransferID)
		}
		if page.NextToken == "" {
			return ids, nil
		}
		q.Token = page.NextToken
	}
}

// DiscardDeadLetter records that nothing follows a dead letter.
func (d *Dispatcher) DiscardDeadLetter(ctx context.Context, transferID string, act hikyaku.Act) error {
	_, err := d.update(ctx, transferID, func(e *edit) error {
		return e.record(ctx, act.By, &hikyaku.DiscardedDetail{Reason: act.Reason})
	})
	return notFound(transferID, err)
}
