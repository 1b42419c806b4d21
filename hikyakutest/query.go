package hikyakutest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Transfers implements hikyaku.Ledger.
func (l *Ledger) Transfers(ctx context.Context, q hikyaku.Query) (hikyaku.Page, error) {
	if err := ctx.Err(); err != nil {
		return hikyaku.Page{}, err
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 1000)
	if at, id, _ := strings.Cut(q.Token, "|"); q.Token != "" {
		if _, err := time.Parse(tokenTime, at); err != nil || id == "" {
			return hikyaku.Page{}, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "list transfers", Message: "the page token is not one"}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []hikyaku.Transfer
	for _, t := range l.transfers {
		if matches(q, &t) && (q.Token == "" || newestFirst(&t, q.Token) > 0) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b hikyaku.Transfer) int { return newestFirst(&a, pageToken(&b)) })
	var page hikyaku.Page
	if len(found) > limit {
		found = found[:limit]
		page.NextToken = pageToken(&found[limit-1])
	}
	for _, t := range found {
		page.Transfers = append(page.Transfers, copyTransfer(t))
	}
	return page, nil
}

const tokenTime = "20060102150405.000000000"

// pageToken orders transfers by creation, then transfer_id.
func pageToken(t *hikyaku.Transfer) string {
	return t.CreatedAt.UTC().Format(tokenTime) + "|" + t.TransferID
}

// newestFirst is negative when t comes before the transfer of token.
func newestFirst(t *hikyaku.Transfer, token string) int {
	return strings.Compare(token, pageToken(t))
}

func matches(q hikyaku.Query, t *hikyaku.Transfer) bool {
	switch {
	case q.ID != "" && t.ID != q.ID,
		len(q.States) > 0 && !slices.Contains(q.States, t.State),
		q.Route != "" && t.Route != q.Route,
		q.Code != "" && (t.Failure == nil || t.Failure.Code != q.Code),
		len(q.DeadLetters) > 0 && !slices.Contains(q.DeadLetters, t.DeadLetter),
		!q.Since.IsZero() && t.CreatedAt.Before(q.Since),
		!q.Until.IsZero() && !t.CreatedAt.Before(q.Until),
		q.Text != "" && !containsText(t, q.Text) && !slices.Contains(q.Executions, t.ExecutionARN[strings.LastIndexByte(t.ExecutionARN, '/')+1:]):
		return false
	}
	return true
}

func containsText(t *hikyaku.Transfer, text string) bool {
	in := []string{t.ID, t.TransferID, t.ExecutionARN}
	if t.Failure != nil {
		in = append(in, t.Failure.Code, t.Failure.Message, t.Failure.Detail)
	}
	return slices.ContainsFunc(in, func(s string) bool { return strings.Contains(s, text) })
}
