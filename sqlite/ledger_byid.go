package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hikyaku/hikyaku"
)

// fewSame is how many transfers of one ID are looked at one by one.
const fewSame = 16

// fewOfID answers a query for an ID that has few transfers, as nearly all have,
// with one statement; not ok if it has more, or the query is another. Every
// message and every end of a transfer asks.
func (l *Ledger) fewOfID(ctx context.Context, q hikyaku.Query, limit int) (page hikyaku.Page, ok bool, err error) {
	if q.ID == "" || q.Token != "" || limit < fewSame {
		return page, false, nil
	}
	rows, err := l.db.query(ctx,
		"SELECT route, state, record FROM transfers INDEXED BY transfers_by_id WHERE id = ? ORDER BY n DESC LIMIT ?", q.ID, fewSame+1)
	if err != nil {
		return page, false, fmt.Errorf("list transfers of an id: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	looked := 0
	for rows.Next() {
		if looked++; looked > fewSame {
			return hikyaku.Page{}, false, nil
		}
		var route, state string
		var record []byte
		if err := rows.Scan(&route, &state, &record); err != nil {
			return page, false, fmt.Errorf("list transfers of an id: %w", err)
		}
		if q.Route != "" && route != q.Route || len(q.States) > 0 && !slices.Contains(q.States, hikyaku.State(state)) {
			continue
		}
		var t hikyaku.Transfer
		if err := json.Unmarshal(record, &t); err != nil {
			return page, false, fmt.Errorf("decode a transfer of the id %q: %w", q.ID, err)
		}
		if matches(&t, q) {
			page.Transfers = append(page.Transfers, t)
		}
	}
	return page, true, rows.Err()
}
