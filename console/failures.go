package console

import (
	"context"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

// readFailures lists the newest transfers that q selects, at most q.Limit, and
// whether there are more: quickly where the ledger keeps failures apart, from
// whole records otherwise.
func readFailures(ctx context.Context, l hikyaku.Ledger, q hikyaku.FailureQuery) (list []hikyaku.FailedTransfer, more bool, err error) {
	if quick, ok := l.(hikyaku.FailureLister); ok {
		return quick.Failures(ctx, q)
	}
	all := hikyaku.Query{States: q.States, DeadLetters: q.DeadLetters, Limit: maxLimit}
	for {
		p, err := l.Transfers(ctx, all)
		if err != nil {
			return nil, false, fmt.Errorf("list failures: %w", err)
		}
		for _, t := range p.Transfers {
			if len(list) == q.Limit {
				return list, true, nil
			}
			f := hikyaku.FailedTransfer{ID: t.ID, Route: t.Route, State: t.State, DeadLetter: t.DeadLetter, EndedAt: t.EndedAt}
			if t.Failure != nil {
				f.Failure = *t.Failure
			}
			list = append(list, f)
		}
		if all.Token = p.NextToken; all.Token == "" {
			return list, false, nil
		}
	}
}
