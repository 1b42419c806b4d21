package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// auditWindow is how many of the newest transfers are looked through for what
	// people did, auditLogs how many event logs are read for it.
	auditWindow = 500
	auditLogs   = 200
	// auditShown is how many entries the page has.
	auditShown = 200
)

// auditPage shows who did what, and why, newest first. The ledger keeps events
// by transfer, so those are read that show a person's hand.
func (c *Console) auditPage(w http.ResponseWriter, r *http.Request) error {
	l := requestLang(r)
	p := &web.Page{Title: "nav_audit", Section: "audit", Lang: l, Path: r.URL.Path, Query: r.URL.Query()}
	touched, err := c.touched(r.Context())
	if err != nil {
		return err
	}
	entries, err := c.deeds(r.Context(), touched, l)
	if err != nil {
		return err
	}
	pool, err := c.readPool(r.Context(), "")
	if err != nil {
		return err
	}
	entries = append(entries, settingsDeeds(pool, p)...)
	slices.SortStableFunc(entries, func(a, b web.AuditEntry) int { return b.At.Compare(a.At) })
	content := &web.Audit{Hint: p.T("audit_hint", numberText(auditWindow)), People: people(p, entries)}
	by := p.Query.Get("by")
	for _, e := range entries {
		if (by == "" || e.By == by) && len(content.Entries) < auditShown {
			content.Entries = append(content.Entries, e)
		}
	}
	p.Content = content
	c.page(w, r, http.StatusOK, "audit", p)
	return nil
}

// touched returns the newest transfers that a person did something to.
func (c *Console) touched(ctx context.Context) ([]hikyaku.Transfer, error) {
	var out []hikyaku.Transfer
	seen := map[string]bool{}
	for _, q := range []hikyaku.Query{
		{Limit: auditWindow},
		{States: []hikyaku.State{hikyaku.Cancelled}, Limit: auditLogs / 2},
		{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterRedriven, hikyaku.DeadLetterDiscarded}, Limit: auditLogs / 2},
	} {
		p, err := c.ledger.Ledger.Transfers(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("list transfers: %w", err)
		}
		for _, t := range p.Transfers {
			byHand := t.Reruns > 0 || t.CancelRequested || t.State == hikyaku.Cancelled || t.MessageID == "" ||
				t.DeadLetter == hikyaku.DeadLetterDiscarded || t.DeadLetter == hikyaku.DeadLetterRedriven
			if byHand && !seen[t.TransferID] {
				seen[t.TransferID] = true
				out = append(out, t)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b hikyaku.Transfer) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
	return out[:min(len(out), auditLogs)], nil
}

// deeds reads what people did to transfers out of their event logs.
func (c *Console) deeds(ctx context.Context, ts []hikyaku.Transfer, l Lang) ([]web.AuditEntry, error) {
	var mu sync.Mutex
	var out []web.AuditEntry
	var failed error
	c.each(ctx, ts, func(ctx context.Context, t hikyaku.Transfer) {
		events, err := c.ledger.Events(ctx, t.TransferID, 0)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed = fmt.Errorf("read events of %s: %w", t.TransferID, err)
			return
		}
		for _, e := range events {
			if e.By != "" {
				out = append(out, deed(t, e, l))
			}
		}
	})
	return out, failed
}

func deed(t hikyaku.Transfer, e hikyaku.Event, l Lang) web.AuditEntry {
	var d struct {
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(e.Detail, &d) // without a reason it is told all the same
	text := eventText(e, l)
	if e.Type == hikyaku.EventAccepted {
		text = web.Text(l, "audit_sent")
	}
	return web.AuditEntry{
		At: e.At, By: printableText(e.By), What: text, Subject: printableText(cmp.Or(t.ID, t.TransferID)),
		Reason: printableText(d.Reason), Link: "/transfers/" + url.PathEscape(t.TransferID),
	}
}

// settingsDeeds are what routes and tasks say of the last person who changed them.
func settingsDeeds(pool hikyaku.Pool, p *web.Page) []web.AuditEntry {
	var out []web.AuditEntry
	for _, s := range pool.Settings {
		if s.By == "" {
			continue
		}
		what := "audit_resumed"
		if s.Paused {
			what = "audit_paused"
		}
		out = append(out, web.AuditEntry{
			At: s.UpdatedAt, By: printableText(s.By), What: p.T(what), Subject: s.Route,
			Reason: printableText(s.PausedReason), Link: "/pool#r-" + url.PathEscape(s.Route),
		})
	}
	for _, t := range pool.Tasks {
		if t.BenchedBy != "" && t.State == hikyaku.Benched {
			out = append(out, web.AuditEntry{
				At: t.LastUsed, By: printableText(t.BenchedBy), What: p.T("audit_benched"), Subject: lastPart(t.ARN),
				Reason: printableText(t.BenchedReason), Link: "/pool",
			})
		}
	}
	return out
}

// people are those who did something, as filters.
func people(p *web.Page, entries []web.AuditEntry) []web.Chip {
	counts := map[string]int{}
	for _, e := range entries {
		counts[e.By]++
	}
	now := p.Query.Get("by")
	out := []web.Chip{{Text: p.T("all"), Count: int64(len(entries)), Active: now == "", Link: p.With("by", "")}}
	for _, name := range mostFirst(counts, 20) {
		out = append(out, web.Chip{Text: name, Count: int64(counts[name]), Active: name == now, Link: p.With("by", name)})
	}
	return out
}
