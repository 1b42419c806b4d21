package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Tx runs statements inside the writer's transaction. Statements are prepared
// once per database. It must not be kept after the update returned.
type Tx struct {
	//nolint:containedctx // lives exactly as long as one update
	ctx   context.Context
	db    *DB
	after []func()
}

// run carries out a batch in the transaction that has begun, and ends it.
// errs are the updates' own errors; a returned error is that of all.
func (t *Tx) run(batch []*update, errs []error) error {
	undo := func(err error) error { return errors.Join(err, t.exec("ROLLBACK")) }
	if len(batch) == 1 { // needs no savepoint
		if !batch[0].taken.CompareAndSwap(false, true) {
			return undo(nil)
		}
		if errs[0] = batch[0].fn(t); errs[0] != nil {
			t.after = nil
			return undo(nil)
		}
	} else {
		for i, u := range batch {
			if !u.taken.CompareAndSwap(false, true) {
				continue
			}
			var err error
			if errs[i], err = t.savepoint(u.fn); err != nil {
				return undo(err)
			}
		}
	}
	if err := t.exec("COMMIT"); err != nil {
		return undo(err)
	}
	return nil
}

// savepoint runs fn so that its work can be undone alone. failed is fn's own
// error; broken means that the whole transaction cannot go on.
func (t *Tx) savepoint(fn func(*Tx) error) (failed, broken error) {
	if err := t.exec("SAVEPOINT u"); err != nil {
		return nil, err
	}
	after := len(t.after)
	if failed = fn(t); failed != nil {
		t.after = t.after[:after]
		if err := t.exec("ROLLBACK TO u"); err != nil {
			return failed, err
		}
	}
	return failed, t.exec("RELEASE u")
}

// onCommit has the writer call fn once the transaction is on disk, in the
// order of updates and before they return. fn must not block.
func (t *Tx) onCommit(fn func()) { t.after = append(t.after, fn) }

func (t *Tx) exec(query string) error {
	_, err := t.Exec(query)
	return err
}

// stmt returns the prepared statement for query.
func (t *Tx) stmt(query string) (*sql.Stmt, error) {
	if s, ok := t.db.stmts[query]; ok {
		return s, nil
	}
	s, err := t.db.conn.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, err
	}
	t.db.stmts[query] = s
	return s, nil
}

// Exec runs a statement and returns the number of rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := t.stmt(query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// QueryRow runs a query that yields at most one row.
func (t *Tx) QueryRow(query string, args ...any) interface{ Scan(dest ...any) error } {
	s, err := t.stmt(query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(t.ctx, args...)
}

// Query runs a query. The caller closes the rows before its next statement.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(query) //nolint:sqlclosecheck // closed with the database
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.ctx, args...)
}
