package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
	// maxLooked is how many records one call reads that do not match.
	maxLooked = 2000
	// tokenPrefix is the version of page tokens.
	tokenPrefix = "1."
)

// Transfers lists transfers, newest first, by the time they were created. It
// may lag behind commits by moments.
//
// ID, Code, DeadLetters and States but SUCCEEDED are answered by an index.
// Text is a prefix of the ID, a transfer_id, or the ARN of a transfer's last
// execution, in full. A page may be shorter than Limit, or even empty, and
// still have a NextToken.
func (l *Ledger) Transfers(ctx context.Context, q hikyaku.Query) (hikyaku.Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	below, err := parseToken(q.Token)
	if err != nil {
		return hikyaku.Page{}, err
	}
	if !q.Until.IsZero() {
		below = min(below, moment(q.Until))
	}
	s := selection{Query: q, below: below, size: limit + 1}
	if !q.Since.IsZero() {
		s.from = moment(q.Since)
	}
	streams, err := l.streams(ctx, s)
	if err != nil {
		return hikyaku.Page{}, fmt.Errorf("list transfers: %w", err)
	}
	m := merge(ctx, streams)
	defer m.stop()
	page, err := l.page(ctx, m, q, limit)
	if err != nil {
		return hikyaku.Page{}, fmt.Errorf("list transfers: %w", err)
	}
	return page, nil
}

// page fills a page from candidates, which it reads and looks at again.
func (l *Ledger) page(ctx context.Context, m *merged, q hikyaku.Query, limit int) (hikyaku.Page, error) {
	var page hikyaku.Page
	for looked := 0; ; {
		want := limit - len(page.Transfers)
		if looked > 0 { // much does not match: look at more at once
			want = max(want, min(batch, maxLooked))
		}
		places, err := m.take(want)
		if err != nil {
			return page, err
		}
		ids := make([]string, len(places))
		for i, p := range places {
			ids[i] = p.transferID
		}
		found, err := l.load(ctx, ids)
		if err != nil {
			return page, err
		}
		for _, t := range found {
			if !matches(&t, q) {
				continue
			}
			if len(page.Transfers) == limit { // it begins the next page
				last := page.Transfers[limit-1]
				page.NextToken = tokenPrefix + position(last.CreatedAt, last.TransferID)
				return page, nil
			}
			page.Transfers = append(page.Transfers, t)
		}
		looked += len(places)
		more, err := m.more()
		if err != nil || !more {
			return page, err
		}
		if len(page.Transfers) == limit || looked >= maxLooked {
			page.NextToken = tokenPrefix + places[len(places)-1].at
			return page, nil
		}
	}
}

// parseToken returns the position below which a page begins.
func parseToken(token string) (string, error) {
	if token == "" {
		return after, nil
	}
	at, ok := strings.CutPrefix(token, tokenPrefix)
	if ok {
		_, ok = momentOf(at)
	}
	if !ok {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "list transfers", Message: "the token is not one that a page gave"}
	}
	return at, nil
}

// matches is the query as a predicate.
func matches(t *hikyaku.Transfer, q hikyaku.Query) bool {
	return q.Matches(t) && (q.Text == "" || strings.HasPrefix(t.ID, q.Text) || t.TransferID == q.Text || t.ExecutionARN == q.Text)
}
