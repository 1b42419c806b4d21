package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/hikyaku/hikyaku"
)

// RedriveDeadLetters sends the transfers of dead letters round again; nil
// means every one. It returns how many went. A REJECTED message that is still
// not understood stays where it is and is part of the error. When all are
// redriven, the letters are moved out of the dead-letter queues as well: they
// come in as messages, are recognised as done and acknowledged, and with them
// comes what the queue had moved away by itself.
func (d *Dispatcher) RedriveDeadLetters(ctx context.Context, transferIDs []string, act hikyaku.Act) (int, error) {
	all := transferIDs == nil
	if all {
		var err error
		if transferIDs, err = d.deadLetters(ctx); err != nil {
			return 0, err
		}
	}
	act, err := d.Bulk(ctx, hikyaku.AuditRedrive, len(transferIDs), act)
	if err != nil {
		return 0, err
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
	if all {
		d.emptyDeadLetters(ctx)
	}
	return redriven, errors.Join(errs...)
}

// emptyDeadLetters moves what lies in the dead-letter queues back to the
// queues it came from. The ledger has been told already, so that a queue that
// cannot do it, or does it already, costs nothing but a line in the log.
func (d *Dispatcher) emptyDeadLetters(ctx context.Context) {
	for source, q := range d.DeadLetters {
		r, ok := q.(hikyaku.Redriver)
		if !ok || source == "" {
			continue
		}
		if _, err := r.Redrive(ctx, source); err != nil {
			d.Logger.WarnContext(ctx, "dead-letter queue not emptied", slog.String("queue", q.Name()), slog.Any("error", err))
		}
	}
}

func (d *Dispatcher) redriveOne(ctx context.Context, transferID string, act hikyaku.Act) error {
	t, err := d.Ledger.Transfer(ctx, transferID)
	if err != nil {
		return notFound(transferID, err)
	}
	if t.DeadLetter != hikyaku.DeadLetterOwed && t.DeadLetter != hikyaku.DeadLetterSent {
		return hikyaku.NewError(hikyaku.CodeNoDeadLetter, "redrive", transferID, "it has no dead letter")
	}
	_, err = d.rerun(ctx, transferID, hikyaku.AuditRedrive, act)
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
		e.audit(hikyaku.AuditDiscard, act)
		return e.record(ctx, act.By, &hikyaku.DiscardedDetail{Reason: act.Reason})
	})
	return notFound(transferID, err)
}
