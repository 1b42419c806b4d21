package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/hikyaku/hikyaku"
)

func (c *Console) listTransfers(w http.ResponseWriter, r *http.Request) error {
	q, err := c.query(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	p, err := c.ledger.Transfers(r.Context(), q)
	if err != nil {
		return fmt.Errorf("list transfers: %w", err)
	}
	c.reply(w, r, http.StatusOK, TransferList{Transfers: p.Transfers, NextToken: tokenOf(p.NextToken)})
	return nil
}

func (c *Console) detail(ctx context.Context, transferID string) (TransferDetail, error) {
	t, err := c.transfer(ctx, transferID)
	if err != nil {
		return TransferDetail{}, err
	}
	events, err := c.ledger.Events(ctx, transferID, 0)
	if err != nil {
		return TransferDetail{}, fmt.Errorf("read events of %s: %w", Printable(transferID), err)
	}
	told, err := c.completionEvents(ctx, transferID, events)
	if err != nil {
		return TransferDetail{}, err
	}
	return TransferDetail{Transfer: t, Events: completeEvents(events), CompletionEvents: told}, nil
}

func (c *Console) transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	t, err := c.ledger.Transfer(ctx, transferID)
	if errors.Is(err, hikyaku.ErrNotFound) {
		return t, notFound("no transfer " + Printable(transferID))
	}
	if err != nil {
		return t, fmt.Errorf("read transfer %s: %w", Printable(transferID), err)
	}
	return t, nil
}

func (c *Console) getTransfer(w http.ResponseWriter, r *http.Request) error {
	d, err := c.detail(r.Context(), r.PathValue("transfer_id"))
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, d)
	return nil
}

func (c *Console) getEvents(w http.ResponseWriter, r *http.Request) error {
	d, err := c.detail(r.Context(), r.PathValue("transfer_id"))
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, EventList{Events: d.Events})
	return nil
}

func (c *Console) getFiles(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	limit, err := limitOf(v)
	if err != nil {
		return err
	}
	t, err := c.transfer(r.Context(), r.PathValue("transfer_id"))
	if err != nil {
		return err
	}
	list, err := c.fileList(r.Context(), t, FileQuery{State: v.Get("state"), Limit: limit, Token: v.Get("token")})
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, list)
	return nil
}

func (c *Console) fileList(ctx context.Context, t hikyaku.Transfer, q FileQuery) (FileList, error) {
	if c.files == nil {
		return FileList{Files: []File{}}, nil
	}
	list, err := c.files.Files(ctx, t, q)
	if err != nil {
		return FileList{}, fmt.Errorf("list files of %s: %w", t.TransferID, err)
	}
	if list.Files == nil {
		list.Files = []File{}
	}
	return list, nil
}

// maxSend is how many IDs one request may send.
const maxSend = 1000

func (c *Console) sendTransfers(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	var req SendRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	ids := req.IDs
	if req.ID != "" {
		ids = append([]string{req.ID}, ids...)
	}
	switch {
	case len(ids) == 0:
		return invalid("an id, or ids, must be given")
	case len(ids) > maxSend:
		return invalid(fmt.Sprintf("at most %d ids may be sent at once", maxSend))
	case len(ids) > 1 && req.Key != "":
		return invalid("a key is for one id; several were given")
	}
	res := SendResult{Transfers: []hikyaku.Transfer{}, Failed: []ItemError{}}
	all := make([]hikyaku.Send, len(ids))
	for i, id := range ids {
		all[i] = req.Send
		all[i].ID = id
	}
	for i, sent := range c.sendAll(r.Context(), all, act(r.Context(), ActRequest{Reason: req.Reason})) {
		switch {
		case sent.Err == nil:
			res.Transfers = append(res.Transfers, c.ledger.tell(r.Context(), sent.Transfer))
		case len(ids) == 1 || r.Context().Err() != nil:
			return fmt.Errorf("send %s: %w", Printable(ids[i]), sent.Err)
		default:
			res.Failed = append(res.Failed, ItemError{ID: ids[i], Error: AsAPIError(sent.Err)})
		}
	}
	c.reply(w, r, http.StatusCreated, res)
	return nil
}

// sendAll sends one after the other, unless the operator has a quicker way.
func (c *Console) sendAll(ctx context.Context, all []hikyaku.Send, a hikyaku.Act) []Sent {
	if bulk, ok := c.op.(BulkSender); ok {
		return bulk.SendAll(ctx, all, a)
	}
	var sent []Sent
	a, err := c.bulk(ctx, hikyaku.AuditSend, len(all), a)
	for _, s := range all {
		if err != nil {
			return append(sent, slices.Repeat([]Sent{{Err: err}}, len(all))...)
		}
		t, err := c.op.Send(ctx, s, a)
		sent = append(sent, Sent{t, err})
		if ctx.Err() != nil {
			break
		}
	}
	return sent
}

type transferAct func(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error)

func (c *Console) rerunTransfer(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	return c.actOnTransfer(w, r, c.op.Rerun)
}

func (c *Console) cancelTransfer(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	return c.actOnTransfer(w, r, c.op.Cancel)
}

func (c *Console) actOnTransfer(w http.ResponseWriter, r *http.Request, do transferAct) error {
	var req ActRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	t, err := do(r.Context(), r.PathValue("transfer_id"), act(r.Context(), req))
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, Document{c.ledger.tell(r.Context(), t)})
	return nil
}

func act(ctx context.Context, req ActRequest) hikyaku.Act {
	return hikyaku.Act{By: identityOf(ctx).Name, Reason: req.Reason, Force: req.Force, Origin: originOf(ctx)}
}

func (c *Console) canAct() error {
	if c.op == nil {
		return &hikyaku.Error{Kind: hikyaku.KindDenied, Message: "this console is read only"}
	}
	return nil
}
