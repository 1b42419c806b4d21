package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	// fewDue is how many parked transfers may have come due before they are
	// moved into the ready order, so that Ready need not sort them every time.
	fewDue = 500
	// unparkBatch is how many are moved in one commit.
	unparkBatch = 10_000
)

// Ready returns QUEUED transfers of a route whose NotBefore has come, oldest
// QueuedAt first, at most limit. Its cost depends neither on how many are
// QUEUED nor on how many are parked: when very many parked ones have come due
// it moves them into the ready order first, which changes no record.
func (l *Ledger) Ready(ctx context.Context, route string, now time.Time, limit int) ([]hikyaku.Transfer, error) {
	if limit <= 0 {
		return nil, nil
	}
	if err := l.unpark(ctx, route, nanos(now)); err != nil {
		return nil, fmt.Errorf("unpark transfers of %s: %w", route, err)
	}
	list, err := decoded[hikyaku.Transfer](l.db.query(ctx, `SELECT record FROM (
			SELECT * FROM (SELECT n, ready_at AS q FROM transfers INDEXED BY transfers_ready
				WHERE route = ?1 AND ready_at IS NOT NULL ORDER BY ready_at, n LIMIT ?3)
			UNION ALL
			SELECT n, queued_at FROM transfers INDEXED BY transfers_parked WHERE route = ?1 AND parked_until <= ?2
			ORDER BY q, n LIMIT ?3
		) AS r CROSS JOIN transfers USING (n) ORDER BY r.q, n`, route, nanos(now), limit))
	if err != nil {
		return nil, fmt.Errorf("read ready transfers of %s: %w", route, err)
	}
	return slices.DeleteFunc(list, func(t hikyaku.Transfer) bool { return t.NotBefore.After(now) }), nil
}

// unpark moves parked transfers that have come due into the ready order if
// there are more than a few. It runs between two commits like any change; a
// transfer parked again meanwhile is not touched.
func (l *Ledger) unpark(ctx context.Context, route string, now int64) error {
	for {
		var many int64
		err := l.db.queryRow(ctx, `SELECT parked_until FROM transfers INDEXED BY transfers_parked
			WHERE route = ? AND parked_until <= ? ORDER BY parked_until LIMIT 1 OFFSET ?`, route, now, fewDue).Scan(&many)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		err = l.db.Update(ctx, func(tx *Tx) error {
			_, err := tx.Exec(`UPDATE transfers SET ready_at = queued_at, parked_until = NULL WHERE n IN (
				SELECT n FROM transfers INDEXED BY transfers_parked
				WHERE route = ? AND parked_until <= ? ORDER BY parked_until LIMIT ?)`, route, now, unparkBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
}
