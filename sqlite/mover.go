package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku/mover"
)

// Mover keeps the mover's records (mover.Store) in mover.db.
//
// Items are JSON documents beside the few columns that are searched. Each
// document begins with its version, so that a later release knows what it reads.
type Mover struct {
	db *DB
	// unpathed is how many executions with how many files wait for the index of
	// paths since it was last filled; the writer's.
	unpathed, unpathedFiles int
}

var _ mover.Store = (*Mover)(nil)

// OpenMover opens or creates the mover's database file at path.
//
// A power cut may undo the last commits here, which costs time and never a
// file: an execution whose end was undone runs again and finds its files
// unchanged or replaces them; one whose start was undone is unknown, and whoever
// started it finds that out and starts another. The files themselves were
// flushed before the end was recorded. Two flushes less per execution.
func OpenMover(ctx context.Context, path string) (*Mover, error) {
	db, err := open(ctx, path, moverMigrations(), checkpoints)
	if err != nil {
		return nil, err
	}
	return &Mover{db: db}, nil
}

// Close waits for updates under way and closes the file.
func (m *Mover) Close() error { return m.db.Close() }

func moverMigrations() []string {
	return []string{`
CREATE TABLE agents    (arn TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE locations (arn TEXT PRIMARY KEY, secret TEXT NOT NULL DEFAULT '', data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE tasks     (arn TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE executions (
	seq   INTEGER PRIMARY KEY, -- order of request
	id    TEXT NOT NULL UNIQUE, -- exec-…
	task  TEXT NOT NULL, -- task-…
	ended INTEGER, -- unix milliseconds, NULL while it has not ended
	data  BLOB NOT NULL
);
CREATE INDEX executions_task  ON executions (task, seq);
CREATE INDEX executions_live  ON executions (seq) WHERE ended IS NULL;
CREATE INDEX executions_ended ON executions (ended) WHERE ended IS NOT NULL;
CREATE TABLE execution_files (id TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
`, pathsStep()}
}

// moverVersion is the version of the documents written.
const moverVersion = 1

// document wraps an item with its version.
type document[T any] struct {
	Version int `json:"v"`
	Item    T   `json:"item"`
}

func pack[T any](item T) ([]byte, error) {
	b, err := json.Marshal(document[T]{moverVersion, item})
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", item, err)
	}
	return b, nil
}

func unpack[T any](data []byte) (T, error) {
	var d document[T]
	if err := json.Unmarshal(data, &d); err != nil {
		return d.Item, fmt.Errorf("decode %T: %w", d.Item, err)
	}
	if d.Version > moverVersion {
		return d.Item, fmt.Errorf("decode %T: version %d is newer than this program knows (%d)", d.Item, d.Version, moverVersion)
	}
	return d.Item, nil
}

// Load implements mover.Store.
func (m *Mover) Load(ctx context.Context) (mover.Snapshot, error) {
	var s mover.Snapshot
	err := errors.Join(
		each(ctx, m.db, `SELECT data FROM agents ORDER BY arn`, nil, func(data []byte) error { return collect(&s.Agents, data) }),
		each(ctx, m.db, `SELECT data FROM tasks ORDER BY arn`, nil, func(data []byte) error { return collect(&s.Tasks, data) }),
		each(ctx, m.db, `SELECT data FROM executions WHERE ended IS NULL ORDER BY seq`, nil, func(data []byte) error { return collect(&s.Live, data) }),
		m.loadLocations(ctx, &s),
		m.db.read.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM executions`).Scan(&s.LastSeq),
	)
	s.Latest = map[string]string{}
	for _, t := range s.Tasks {
		var id string
		e := m.db.read.QueryRowContext(ctx, `SELECT id FROM executions WHERE task = ? ORDER BY seq DESC LIMIT 1`, idOf(t.ARN)).Scan(&id)
		switch {
		case e == nil:
			s.Latest[t.ARN] = t.ARN + "/execution/" + id
		case !errors.Is(e, sql.ErrNoRows):
			err = errors.Join(err, e)
		}
	}
	if err != nil {
		return mover.Snapshot{}, fmt.Errorf("read %s: %w", m.db.path, err)
	}
	return s, nil
}

func (m *Mover) loadLocations(ctx context.Context, s *mover.Snapshot) (err error) {
	rows, err := m.db.read.QueryContext(ctx, `SELECT data, secret FROM locations ORDER BY arn`)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data []byte
		var secret string
		if err := rows.Scan(&data, &secret); err != nil {
			return err
		}
		if err := collect(&s.Locations, data); err != nil {
			return err
		}
		s.Locations[len(s.Locations)-1].SecretKey = mover.NewSecret(secret)
	}
	return rows.Err()
}

func collect[T any](to *[]T, data []byte) error {
	item, err := unpack[T](data)
	*to = append(*to, item)
	return err
}

// each calls fn with the first column of every row.
func each(ctx context.Context, db *DB, query string, args []any, fn func(data []byte) error) (err error) {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return err
		}
		if err := fn(data); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Execution implements mover.Store.
func (m *Mover) Execution(ctx context.Context, arn string) (mover.Execution, error) {
	var data []byte
	err := m.db.read.QueryRowContext(ctx, `SELECT data FROM executions WHERE id = ?`, idOf(arn)).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return mover.Execution{}, mover.ErrNotFound
	}
	if err != nil {
		return mover.Execution{}, fmt.Errorf("read execution %s: %w", arn, err)
	}
	e, err := unpack[mover.Execution](data)
	if err == nil && e.ARN != arn { // the id of another task's execution
		return mover.Execution{}, mover.ErrNotFound
	}
	return e, err
}

// Ended implements mover.Store.
func (m *Mover) Ended(ctx context.Context, id string) (bool, error) {
	var ended bool
	err := m.db.read.QueryRowContext(ctx, `SELECT ended IS NOT NULL FROM executions WHERE id = ?`, id).Scan(&ended)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, fmt.Errorf("read execution %s: %w", id, err)
	}
	return ended, nil
}

// Executions implements mover.Store.
func (m *Mover) Executions(ctx context.Context, q mover.ExecutionQuery) ([]mover.Execution, error) {
	query, args := `SELECT data FROM executions`, []any{}
	where := " WHERE"
	if q.TaskARN != "" {
		query, args, where = query+where+` task = ?`, append(args, idOf(q.TaskARN)), " AND"
	}
	if q.BeforeSeq > 0 {
		query, args = query+where+` seq < ?`, append(args, q.BeforeSeq)
	}
	var found []mover.Execution
	err := each(ctx, m.db, query+` ORDER BY seq DESC LIMIT ?`, append(args, q.Limit), func(data []byte) error { return collect(&found, data) })
	if err != nil {
		return nil, fmt.Errorf("read executions: %w", err)
	}
	return found, nil
}

// Files implements mover.Store.
func (m *Mover) Files(ctx context.Context, arn string) ([]mover.FileOutcome, error) {
	var data []byte
	err := m.db.read.QueryRowContext(ctx, `SELECT data FROM execution_files WHERE id = ?`, idOf(arn)).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read files of execution %s: %w", arn, err)
	}
	return unpack[[]mover.FileOutcome](data)
}

// Prune implements mover.Store. It works in small commits, so that nobody
// waits long behind it.
func (m *Mover) Prune(ctx context.Context, before time.Time) (int, error) {
	const batch = 500
	total := 0
	for {
		var n int64
		err := m.db.Update(ctx, func(tx *Tx) (err error) {
			const old = `SELECT id FROM executions AS e WHERE ended < ?1 AND (
				seq < (SELECT max(seq) FROM executions AS l WHERE l.task = e.task)
				OR NOT EXISTS (SELECT 1 FROM tasks WHERE tasks.arn LIKE '%/' || e.task)) LIMIT ?2`
			if _, err := tx.Exec(`DELETE FROM paths WHERE rowid IN (SELECT seq FROM executions WHERE id IN (`+old+`))`, before.UnixMilli(), batch); err != nil {
				return err
			}
			if _, err := tx.Exec(`DELETE FROM execution_files WHERE id IN (`+old+`)`, before.UnixMilli(), batch); err != nil {
				return err
			}
			n, err = tx.Exec(`DELETE FROM executions WHERE id IN (`+old+`)`, before.UnixMilli(), batch)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("prune executions: %w", err)
		}
		total += int(n)
		if n < batch {
			return total, nil
		}
	}
}
