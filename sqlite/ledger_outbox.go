package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// writeOutbox adds entries, puts entries off that are still there, and removes
// delivered ones.
func (w *changeWriter) writeOutbox() error {
	for _, e := range w.change.Outbox {
		if err := w.writeEntry(`INSERT INTO outbox (id, due, record, target, created, failing)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING`, e); err != nil {
			return err
		}
	}
	for _, e := range w.change.OutboxLater {
		if err := w.writeEntry("UPDATE outbox SET due = ?2, record = ?3, target = ?4, created = ?5, failing = ?6 WHERE id = ?1", e); err != nil {
			return err
		}
	}
	for _, id := range w.change.OutboxDone {
		if _, err := w.tx.Exec("DELETE FROM outbox WHERE id = ?", id); err != nil {
			return fmt.Errorf("remove outbox entry %s: %w", id, err)
		}
	}
	return nil
}

func (w *changeWriter) writeEntry(statement string, e hikyaku.OutboxEntry) error {
	record, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode outbox entry %s: %w", e.ID, err)
	}
	due := nanos(e.CreatedAt)
	if !e.NotBefore.IsZero() {
		due = nanos(e.NotBefore)
	}
	if _, err := w.tx.Exec(statement, e.ID, due, record, e.Target, nanos(e.CreatedAt), e.Failing()); err != nil {
		return fmt.Errorf("write outbox entry %s: %w", e.ID, err)
	}
	return nil
}

// Outbox returns undelivered entries that q selects, those that became due
// first first.
func (l *Ledger) Outbox(ctx context.Context, q hikyaku.OutboxQuery) ([]hikyaku.OutboxEntry, error) {
	due := int64(1<<63 - 1)
	if !q.Due.IsZero() {
		due = nanos(q.Due)
	}
	where, args := []string{"due <= ?"}, []any{due}
	if q.Target != "" { // the index is of entries with a target only, which a parameter does not promise
		where, args = append(where, "target = ? AND target <> ''"), append(args, q.Target)
	}
	for _, name := range q.Except {
		where, args = append(where, "target <> ?"), append(args, name)
	}
	if prefix := q.Prefix(); prefix != "" {
		where = append(where, "id >= ? AND id < ?")
		args = append(args, prefix, strings.TrimSuffix(prefix, "/")+"0") // "0" is what follows "/"
	}
	entries, err := decoded[hikyaku.OutboxEntry](l.db.query(ctx,
		"SELECT record FROM outbox WHERE "+strings.Join(where, " AND ")+" ORDER BY due, id LIMIT ?", append(args, max(q.Limit, 0))...))
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	return entries, nil
}

// owed fills OutboxPending and Owed.
func (l *Ledger) owed(ctx context.Context, s *hikyaku.Stats) (err error) {
	if err := l.db.queryRow(ctx, "SELECT count(*) FROM outbox").Scan(&s.OutboxPending); err != nil || s.OutboxPending == 0 {
		return err
	}
	rows, err := l.db.query(ctx, "SELECT target, count(*), min(created), sum(failing) FROM outbox WHERE target <> '' GROUP BY target")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var target string
		var since int64
		var o hikyaku.Owed
		if err := rows.Scan(&target, &o.Events, &since, &o.Failing); err != nil {
			return err
		}
		o.Since = time.Unix(0, since).UTC()
		if s.Owed == nil {
			s.Owed = map[string]hikyaku.Owed{}
		}
		s.Owed[target] = o
	}
	return rows.Err()
}
