package sqlite

import (
	"context"
	"database/sql"
)

// query runs a query on a reader's connection: it sees the last commit, or the
// one before if that is being made. Statements are prepared once per query, so
// the text must come from a small set. The caller closes the rows.
func (d *DB) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := d.readStmt(ctx, query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// queryRow is query for at most one row.
func (d *DB) queryRow(ctx context.Context, query string, args ...any) interface{ Scan(dest ...any) error } {
	s, err := d.readStmt(ctx, query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(ctx, args...)
}

// readStmt returns the prepared statement for query.
func (d *DB) readStmt(ctx context.Context, query string) (*sql.Stmt, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.reads[query]; ok {
		return s, nil
	}
	s, err := d.read.PrepareContext(ctx, query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return nil, err
	}
	d.reads[query] = s
	return s, nil
}

// failedRow is a row whose query could not be prepared.
type failedRow struct{ err error }

// Scan returns the error of the preparation.
func (f failedRow) Scan(...any) error { return f.err }
