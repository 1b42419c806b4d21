package console

import (
	"context"
	"fmt"
	"net/http"

	"github.com/hikyaku/hikyaku"
)

func (c *Console) listDeadLetters(w http.ResponseWriter, r *http.Request) error {
	q, err := transferQuery(r.URL.Query(), c.now())
	if err != nil {
		return err
	}
	if len(q.DeadLetters) == 0 {
		q.DeadLetters = openDeadLetters()
	}
	p, err := c.ledger.Transfers(r.Context(), q)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	c.reply(w, r, http.StatusOK, DeadLetterList{DeadLetters: p.Transfers, NextToken: tokenOf(p.NextToken)})
	return nil
}

// chosenDeadLetters returns the transfers a request names, or all that are open.
func (c *Console) chosenDeadLetters(ctx context.Context, req ActRequest) ([]string, error) {
	if !req.All {
		if len(req.TransferIDs) == 0 {
			return nil, invalid("transfer_ids must be given, or all")
		}
		return req.TransferIDs, nil
	}
	if len(req.TransferIDs) > 0 {
		return nil, invalid("give transfer_ids or all, not both")
	}
	var ids []string
	q := hikyaku.Query{DeadLetters: openDeadLetters(), Limit: maxLimit}
	for {
		p, err := c.ledger.Transfers(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		for _, t := range p.Transfers {
			ids = append(ids, t.TransferID)
		}
		if p.NextToken == "" {
			return ids, nil
		}
		q.Token = p.NextToken
	}
}

func (c *Console) redriveDeadLetters(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	var req ActRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	ids, err := c.chosenDeadLetters(r.Context(), req)
	if err != nil {
		return err
	}
	n := 0
	if len(ids) > 0 {
		if n, err = c.op.RedriveDeadLetters(r.Context(), ids, act(r.Context(), req)); err != nil {
			return err
		}
	}
	c.reply(w, r, http.StatusOK, RedriveResult{Redriven: n})
	return nil
}

func (c *Console) discardDeadLetters(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	var req ActRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	ids, err := c.chosenDeadLetters(r.Context(), req)
	if err != nil {
		return err
	}
	res := DiscardResult{Failed: []ItemError{}}
	a, err := c.bulk(r.Context(), hikyaku.AuditDiscard, len(ids), act(r.Context(), req))
	if err != nil {
		return err
	}
	for _, id := range ids {
		err := c.op.DiscardDeadLetter(r.Context(), id, a)
		switch {
		case err == nil:
			res.Discarded++
		case len(ids) == 1 || r.Context().Err() != nil:
			return err
		default:
			res.Failed = append(res.Failed, ItemError{ID: id, Error: AsAPIError(err)})
		}
	}
	c.reply(w, r, http.StatusOK, res)
	return nil
}
