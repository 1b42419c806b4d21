package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// auditShown is how many records a page has.
	auditShown = 200
	// shortHash is how much of a hash is shown; so much is accepted as noted.
	shortHash = 12
)

// auditPage shows who did what, and why, newest first, and whether the chain of
// records verifies.
func (c *Console) auditPage(w http.ResponseWriter, r *http.Request) error {
	l := requestLang(r)
	p := &web.Page{Title: "nav_audit", Section: "audit", Lang: l, Path: r.URL.Path, Query: r.URL.Query()}
	q, err := auditQuery(p.Query, c.now())
	if err != nil {
		return err
	}
	before, err := placeOf(p.Query, "token")
	if err != nil {
		return err
	}
	records, next, err := c.auditRecords(r.Context(), q, before, auditShown)
	if err != nil {
		return err
	}
	content := &web.Audit{Ops: opChips(p), Any: len(p.Query) > 0}
	if content.People, err = c.people(r.Context(), p); err != nil {
		return err
	}
	for i := range records {
		content.Entries = append(content.Entries, deed(&records[i], l))
	}
	if next > 0 {
		content.NextLink = withToken(p, strconv.FormatInt(next, 10))
	}
	v, err := c.audit.check(r.Context(), c.now())
	if err != nil {
		return err
	}
	content.Chain, content.Broken = verdictText(p, v)
	content.Head = v.head.Hash
	p.Content = content
	c.page(w, r, http.StatusOK, "audit", p)
	return nil
}

// withToken is the page's own address with the place to go on from.
func withToken(p *web.Page, token string) string {
	u, err := url.Parse(p.With("", ""))
	if err != nil {
		return p.Path
	}
	q := u.Query()
	q.Set("token", token)
	u.RawQuery = q.Encode()
	return u.String()
}

// verdictText says whether the chain verifies.
func verdictText(p *web.Page, v auditVerdict) (text string, broken bool) {
	switch {
	case v.broken != nil:
		return p.T("audit_chain_broken", numberText(v.broken.Seq), p.T("audit_fault_"+string(v.broken.Fault))), true
	case v.whole && v.proved == 0:
		return p.T("audit_chain_empty"), false
	case v.whole:
		return p.T("audit_chain_whole", numberText(v.proved), p.Clock(v.at)), false
	}
	return p.T("audit_chain_part", numberText(v.proved), numberText(v.head.Seq)), false
}

// deed is a record as the page shows it.
func deed(r *hikyaku.AuditRecord, l Lang) web.AuditEntry {
	e := web.AuditEntry{
		Seq: numberText(r.Seq), Hash: r.Hash[:min(len(r.Hash), shortHash)], FullHash: printableText(r.Hash),
		At: r.At, By: cmp.Or(printableText(r.By), "–"), What: opText(l, r.Op), Reason: printableText(r.Reason),
		Detail: printableText(r.Detail), Origin: printableText(r.Origin),
	}
	e.Hash = printableText(e.Hash)
	switch {
	case r.TransferID != "":
		e.Subject, e.Link = printableText(cmp.Or(r.ID, r.TransferID)), "/transfers/"+url.PathEscape(r.TransferID)
	case r.Count > 0:
		e.Subject = sprintf(web.Text(l, "audit_many"), numberText(r.Count))
	case r.TaskARN != "":
		e.Subject, e.Link = printableText(lastPart(r.TaskARN)), "/pool"
	case r.Route != "":
		e.Subject, e.Link = printableText(r.Route), "/pool#r-"+url.PathEscape(r.Route)
	}
	return e
}

// opText is an operation in words; one of a newer version by its name.
func opText(l Lang, op hikyaku.AuditOp) string {
	key := "audit_op_" + string(op)
	if text := web.Text(l, key); text != key {
		return text
	}
	return printableText(string(op))
}

// people are those who did something lately, as filters.
func (c *Console) people(ctx context.Context, p *web.Page) ([]web.Chip, error) {
	log, err := c.auditLog()
	if err != nil {
		return nil, err
	}
	page, err := log.AuditRecords(ctx, hikyaku.AuditRange{Newest: true})
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	counts := map[string]int{}
	for _, r := range page.Records {
		if r.By != "" {
			counts[r.By]++
		}
	}
	now := p.Query.Get("by")
	out := []web.Chip{{Text: p.T("all"), Count: int64(len(page.Records)), Active: now == "", Link: p.With("by", "")}}
	for _, name := range mostFirst(counts, 20) {
		out = append(out, web.Chip{Text: printableText(name), Count: int64(counts[name]), Active: name == now, Link: p.With("by", name)})
	}
	return out, nil
}

// opChips are the operations, as filters.
func opChips(p *web.Page) []web.Chip {
	now := p.Query.Get("op")
	out := []web.Chip{{Text: p.T("all"), Active: now == "", Link: p.With("op", "")}}
	for _, op := range hikyaku.AuditOps() {
		out = append(out, web.Chip{Text: opText(p.Lang, op), Active: now == string(op), Link: p.With("op", string(op))})
	}
	return out
}
