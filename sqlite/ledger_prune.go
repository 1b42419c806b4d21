package sqlite

import (
	"context"
	"fmt"
	"time"
)

// pruneStatements remove the oldest ended transfers and what belongs to them.
// They run in one transaction and all choose the same transfers, so the
// transfers themselves go last.
func pruneStatements() []string {
	const old = "FROM transfers INDEXED BY transfers_ended WHERE ended_at < ?1 ORDER BY ended_at, n LIMIT ?2"
	return []string{
		"DELETE FROM events WHERE transfer_id IN (SELECT transfer_id " + old + ")",
		"DELETE FROM active WHERE transfer_id IN (SELECT transfer_id " + old + ")",
		"DELETE FROM words WHERE rowid IN (SELECT n " + old + ") AND rowid <= (SELECT n FROM worded)",
		"DELETE FROM failures WHERE n IN (SELECT n " + old + ")",
		executionsPruned(old),
		executionsPruned(old),
		`INSERT INTO counts (route, state, waiting, n)
			SELECT route, state, waiting, -count(*) FROM (SELECT route, state, waiting ` + old + `) GROUP BY route, state, waiting
			ON CONFLICT (route, state, waiting) DO UPDATE SET n = n + excluded.n`,
		"DELETE FROM transfers WHERE n IN (SELECT n " + old + ")",
	}
}

// Prune removes transfers that ended before a time, oldest first and at most
// limit, with their events, and Unique names taken before that time and more
// than 14 days before the newest name. It returns how many transfers it
// removed; fewer than limit means that none is left. One call is one commit,
// so callers keep limit to a few hundred. Outbox entries stay until delivered.
func (l *Ledger) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	var removed int64
	err := l.db.Update(ctx, func(tx *Tx) error {
		for _, statement := range pruneStatements() {
			var err error
			if removed, err = tx.Exec(statement, nanos(before), limit); err != nil {
				return err
			}
		}
		var newest int64
		if err := tx.QueryRow("SELECT coalesce(max(taken_at), 0) FROM uniques").Scan(&newest); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM uniques WHERE name IN (
			SELECT name FROM uniques INDEXED BY uniques_by_age WHERE taken_at < ?1 ORDER BY taken_at LIMIT ?2)`,
			min(nanos(before), newest-int64(uniqueLife)), 2*limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("prune transfers that ended before %s: %w", before.Format(time.RFC3339), err)
	}
	return int(removed), nil
}

// executionsPruned removes how transfers are found by their executions.
func executionsPruned(old string) string {
	return `DELETE FROM executions WHERE (execution, n) IN (SELECT substr(arn, instr(arn, '/execution/') + 11), n FROM (
		SELECT json_extract(a.value, '$.execution_arn') AS arn, n FROM (SELECT n, record ` + old + `) AS o,
			json_each(CAST(o.record AS TEXT), '$.attempts') AS a
		UNION SELECT json_extract(CAST(record AS TEXT), '$.execution_arn'), n FROM (SELECT n, record ` + old + `))
		WHERE instr(arn, '/execution/') > 0)`
}
