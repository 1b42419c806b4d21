package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// letterWindow is how many of the newest dead letters are grouped by reason.
	letterWindow = 5000
	// lettersShown is how many a page shows: each comes with its message, twice.
	lettersShown = 25
)

// deadLettersPage shows what waits for a person, by reason. The letters are
// read from the ledger, so that looking consumes nothing.
func (c *Console) deadLettersPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, err := transferQuery(v, c.now())
	if err != nil {
		return err
	}
	if len(q.DeadLetters) == 0 {
		q.DeadLetters = openDeadLetters()
	}
	if q.Limit == 0 {
		q.Limit = lettersShown
	}
	page, err := c.ledger.Transfers(r.Context(), q)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	l, now := requestLang(r), c.now()
	p := &web.Page{Title: "nav_dlq", Section: "dlq", Lang: l, Path: r.URL.Path, Query: v}
	c.rights(p, identityOf(r.Context())) // its actions say what may not be done
	content := &web.DeadLetters{Code: q.Code, Run: c.canaries.shown(c, p)}
	for _, t := range page.Transfers {
		rw := row(t, l, now)
		if !t.EndedAt.IsZero() {
			rw.At, rw.Age = t.EndedAt, FormatDuration(now.Sub(t.EndedAt), l)
		}
		rw.Body, rw.Draft = printableText(t.Body), draft(t)
		content.Rows = append(content.Rows, rw)
	}
	if page.NextToken != "" {
		content.NextLink = p.With("token", page.NextToken)
	}
	if err := c.letterGroups(r.Context(), p, content); err != nil {
		return err
	}
	p.Content = content
	c.page(w, r, http.StatusOK, "deadletters", p)
	return nil
}

// draft is what an edited message starts from: the message, or one that asks
// for the same.
func draft(t hikyaku.Transfer) string {
	if t.Body != "" {
		if json.Valid([]byte(t.Body)) {
			return visibleJSON([]byte(t.Body))
		}
		return printableText(t.Body)
	}
	b, err := json.Marshal(hikyaku.Send{ID: t.ID, Route: t.Route, Paths: t.Paths, Metadata: t.Metadata})
	if err != nil {
		return ""
	}
	return visibleJSON(b)
}

func (c *Console) letterGroups(ctx context.Context, p *web.Page, content *web.DeadLetters) error {
	counts, firsts := map[string]int{}, map[string]hikyaku.Failure{}
	list, more, err := readFailures(ctx, c.ledger.Ledger, hikyaku.FailureQuery{DeadLetters: openDeadLetters(), Limit: letterWindow})
	if err != nil {
		return fmt.Errorf("group dead letters: %w", err)
	}
	for _, t := range list {
		if counts[t.Failure.Code]++; counts[t.Failure.Code] == 1 {
			firsts[t.Failure.Code] = t.Failure
		}
	}
	if more {
		content.Window = p.T("letters_window", numberText(int64(len(list))))
	}
	for _, code := range mostFirst(counts, len(counts)) {
		f := firsts[code]
		g := web.LetterGroup{
			Code: printableText(code), Title: printableText(FailureTitle(&f, p.Lang)), Remedy: printableText(Remedy(&f, p.Lang)),
			Count: numberText(int64(counts[code])), Link: "/dlq?" + url.Values{"error": {code}}.Encode(), Active: code == content.Code && code != "",
			Canary:  p.CodeAction("/dlq/canary", "canary", code, "primary"),
			Discard: p.CodeAction("/dlq/discard", "discard_all", code, "danger"),
		}
		if e, ok := hikyaku.Lookup(code); ok {
			g.Title = e.Text(string(p.Lang)).Title
		}
		content.Groups = append(content.Groups, g)
	}
	return nil
}

// lettersOf returns the open dead letters of a code, oldest first, at most limit.
func (c *Console) lettersOf(ctx context.Context, code string, limit int) ([]hikyaku.Transfer, error) {
	var out []hikyaku.Transfer
	q := hikyaku.Query{DeadLetters: openDeadLetters(), Code: code, Limit: maxLimit}
	for {
		p, err := c.ledger.Ledger.Transfers(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list dead letters: %w", err)
		}
		out = append(out, p.Transfers...)
		if q.Token = p.NextToken; q.Token == "" {
			slices.Reverse(out)
			return out[:min(len(out), limit)], nil
		}
	}
}

// formResend sends an edited message in place of a dead letter.
func (c *Console) formResend(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read")
	}
	t, err := c.transfer(r.Context(), r.PostForm.Get("transfer_id"))
	if err != nil {
		return err
	}
	if !slices.Contains(openDeadLetters(), t.DeadLetter) {
		return &hikyaku.Error{Kind: hikyaku.KindConflict, Message: "its dead letter was redriven or discarded already"}
	}
	all, err := hikyaku.ParseBody(r.PostForm.Get("body"))
	if err != nil {
		return err
	}
	if len(all) != 1 || all[0].Object != nil {
		return invalid("one message that names one ID can be sent here; send an S3 event to its queue")
	}
	m := all[0]
	req := ActRequest{Reason: r.PostForm.Get("reason")}
	a := act(r.Context(), req)
	a.As = hikyaku.AuditEditAndResend
	sent, err := c.op.Send(r.Context(), hikyaku.Send{
		ID: m.ID, Route: cmp.Or(m.Route, t.Route), Key: m.Key, Paths: m.Paths, Metadata: m.Metadata,
	}, a)
	if err != nil {
		return fmt.Errorf("send %s: %w", Printable(m.ID), err)
	}
	if req.Reason == "" {
		req.Reason = "sent again, edited, as " + sent.TransferID
	}
	if err := c.op.DiscardDeadLetter(r.Context(), t.TransferID, act(r.Context(), req)); err != nil {
		return err
	}
	http.Redirect(w, r, withNotice(backTo(r), "resend", 1), http.StatusSeeOther) //nolint:gosec // backTo gives paths of this console only
	return nil
}
