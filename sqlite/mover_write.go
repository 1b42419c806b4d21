package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku/mover"
)

// statement is one prepared write of a change.
type statement struct {
	query string
	args  []any
}

// Commit implements mover.Store. Documents are encoded before the writer is
// asked, so that its time is spent on the database alone.
func (m *Mover) Commit(ctx context.Context, c mover.Change) error {
	statements, err := moverStatements(c)
	if err != nil {
		return err
	}
	err = m.db.Update(ctx, func(tx *Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(s.query, s.args...); err != nil {
				return err
			}
		}
		return m.indexPaths(tx, c)
	})
	if err != nil {
		return fmt.Errorf("write %s: %w", m.db.path, err)
	}
	return nil
}

func moverStatements(c mover.Change) ([]statement, error) {
	var out []statement
	put := func(query string, data []byte, err error, args ...any) error {
		out = append(out, statement{query, append(args, data)})
		return err
	}
	for _, a := range c.Agents {
		data, err := pack(a)
		if err := put(`INSERT INTO agents (arn, data) VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET data = excluded.data`, data, err, a.ARN); err != nil {
			return nil, err
		}
	}
	for _, l := range c.Locations {
		data, err := pack(l)
		if err := put(`INSERT INTO locations (arn, secret, data) VALUES (?, ?, ?)
			ON CONFLICT (arn) DO UPDATE SET secret = excluded.secret, data = excluded.data`, data, err, l.ARN, l.SecretKey.Reveal()); err != nil {
			return nil, err
		}
	}
	for _, t := range c.Tasks {
		data, err := pack(t)
		if err := put(`INSERT INTO tasks (arn, data) VALUES (?, ?) ON CONFLICT (arn) DO UPDATE SET data = excluded.data`, data, err, t.ARN); err != nil {
			return nil, err
		}
	}
	for _, e := range c.Executions {
		data, err := pack(e)
		ended := sql.NullInt64{Int64: e.EndedAt.UnixMilli(), Valid: e.Status.Ended()}
		if err := put(`INSERT INTO executions (seq, id, task, ended, data) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (seq) DO UPDATE SET ended = excluded.ended, data = excluded.data`, data, err, e.Seq, e.ID(), idOf(e.TaskARN()), ended); err != nil {
			return nil, err
		}
	}
	for arn, files := range c.Files {
		data, err := pack(files)
		if err := put(`INSERT INTO execution_files (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`, data, err, idOf(arn)); err != nil {
			return nil, err
		}
	}
	for _, arn := range c.DeletedLocations {
		out = append(out, statement{`DELETE FROM locations WHERE arn = ?`, []any{arn}})
	}
	for _, arn := range c.DeletedTasks {
		out = append(out, statement{`DELETE FROM tasks WHERE arn = ?`, []any{arn}})
	}
	return out, nil
}

// idOf returns the last part of an ARN.
func idOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
