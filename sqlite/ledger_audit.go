package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/hikyaku/hikyaku"
)

var _ hikyaku.AuditLog = (*Ledger)(nil)

// auditMigration makes the audit log: one row per record, and the head, which
// tells that rows were cut off. Nothing ever removes them.
const auditMigration = `
CREATE TABLE audit (
	seq    INTEGER PRIMARY KEY,
	record BLOB NOT NULL
);
CREATE TABLE audit_head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	seq  INTEGER NOT NULL,
	hash TEXT NOT NULL
);
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '');
`

// writeAudit appends the change's record. A head that is gone, or a record that
// is there before its time, is somebody's doing: nothing is made up.
func (w *changeWriter) writeAudit() error {
	if w.change.Audit == nil {
		return nil
	}
	head, err := headOf(w.tx.QueryRow(auditHeadQuery))
	if err != nil {
		return err
	}
	r := w.change.Audit.Sealed(head)
	record, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode audit record %d: %w", r.Seq, err)
	}
	added, err := w.tx.Exec("INSERT INTO audit (seq, record) VALUES (?, ?) ON CONFLICT DO NOTHING", r.Seq, record)
	if err != nil {
		return fmt.Errorf("write audit record %d: %w", r.Seq, err)
	}
	if added == 0 {
		return hikyaku.NewError(hikyaku.CodeAuditBroken, "append to the audit log", "", fmt.Sprintf("record %d is there already", r.Seq))
	}
	if _, err := w.tx.Exec("UPDATE audit_head SET seq = ?, hash = ? WHERE one = 1", r.Seq, r.Hash); err != nil {
		return fmt.Errorf("write head of the audit log: %w", err)
	}
	return nil
}

const auditHeadQuery = "SELECT seq, hash FROM audit_head WHERE one = 1"

func headOf(row interface{ Scan(dest ...any) error }) (hikyaku.AuditHead, error) {
	var h hikyaku.AuditHead
	err := row.Scan(&h.Seq, &h.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return h, hikyaku.NewError(hikyaku.CodeAuditBroken, "read head of the audit log", "", "it is gone")
	}
	if err != nil {
		return h, fmt.Errorf("read head of the audit log: %w", err)
	}
	return h, nil
}

// AuditHead returns what the newest record of the audit log is meant to be.
func (l *Ledger) AuditHead(ctx context.Context) (hikyaku.AuditHead, error) {
	return headOf(l.db.queryRow(ctx, auditHeadQuery))
}

// AuditRecords returns a part of the audit log, in order of the rows.
func (l *Ledger) AuditRecords(ctx context.Context, r hikyaku.AuditRange) (_ hikyaku.AuditPage, err error) {
	statement := "SELECT seq, record FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
	if r.Newest {
		statement = "SELECT seq, record FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?"
		if r.After == 0 {
			r.After = 1<<63 - 1
		}
	}
	rows, err := l.db.query(ctx, statement, r.After, r.Bound()+1)
	if err != nil {
		return hikyaku.AuditPage{}, fmt.Errorf("read audit log: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var page hikyaku.AuditPage
	var last int64
	for rows.Next() {
		if len(page.Records) == r.Bound() {
			page.Next = last
			break
		}
		var raw []byte
		if err := rows.Scan(&last, &raw); err != nil {
			return hikyaku.AuditPage{}, fmt.Errorf("read audit log: %w", err)
		}
		var record hikyaku.AuditRecord
		if json.Unmarshal(raw, &record) != nil {
			record = hikyaku.AuditRecord{Seq: last}
		}
		page.Records = append(page.Records, record)
	}
	if err := rows.Err(); err != nil {
		return hikyaku.AuditPage{}, fmt.Errorf("read audit log: %w", err)
	}
	page.Records = slices.Clip(page.Records)
	return page, nil
}
