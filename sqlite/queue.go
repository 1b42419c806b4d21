package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku/queue"
)

// queueMigrations is the schema of queue.db, step by step.
func queueMigrations() []string {
	return []string{`
		CREATE TABLE queues (
			id     INTEGER PRIMARY KEY AUTOINCREMENT,
			name   TEXT NOT NULL UNIQUE,
			record TEXT NOT NULL
		) STRICT;
		CREATE TABLE messages (
			seq               INTEGER PRIMARY KEY AUTOINCREMENT,
			queue             INTEGER NOT NULL,
			visible_at        INTEGER NOT NULL,
			receives          INTEGER NOT NULL,
			total_receives    INTEGER NOT NULL,
			sent_at           INTEGER NOT NULL,
			received_at       INTEGER NOT NULL,
			first_received_at INTEGER NOT NULL,
			source            TEXT NOT NULL,
			id                TEXT NOT NULL,
			extra             TEXT NOT NULL,
			body              TEXT NOT NULL
		) STRICT;
		CREATE INDEX messages_visible ON messages (queue, visible_at, receives);
		CREATE INDEX messages_sent ON messages (queue, sent_at);
		CREATE TABLE moves (
			id         TEXT PRIMARY KEY,
			source     TEXT NOT NULL,
			started_at INTEGER NOT NULL,
			running    INTEGER NOT NULL,
			record     TEXT NOT NULL
		) STRICT;
		CREATE INDEX moves_source ON moves (source, started_at);`}
}

// QueueStore keeps queues and their messages in queue.db.
type QueueStore struct {
	db   *DB
	next *sql.Stmt // reads when the first message of a queue is visible
}

var _ queue.Store = (*QueueStore)(nil)

// OpenQueues opens or creates the file.
func OpenQueues(ctx context.Context, path string) (*QueueStore, error) {
	db, err := open(ctx, path, queueMigrations(), everyCommit)
	if err != nil {
		return nil, err
	}
	next, err := db.read.PrepareContext(ctx, `
		SELECT q.id, coalesce((SELECT min(visible_at) FROM messages WHERE queue = q.id), -1) FROM queues q WHERE q.name = ?`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &QueueStore{db: db, next: next}, nil
}

// Close closes the file. Calls under way finish first.
func (s *QueueStore) Close() error { return errors.Join(s.next.Close(), s.db.Close()) }

// Load implements queue.Store.
func (s *QueueStore) Load(ctx context.Context) (queue.Records, error) {
	var r queue.Records
	if err := loadRecords(ctx, s.db.read, "SELECT record FROM queues ORDER BY name", &r.Queues); err != nil {
		return r, err
	}
	return r, loadRecords(ctx, s.db.read, "SELECT record FROM moves ORDER BY started_at", &r.Moves)
}

// loadRecords reads a column of JSON documents.
func loadRecords[T any](ctx context.Context, db *sql.DB, query string, into *[]T) (err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var raw []byte
		var record T
		if err := rows.Scan(&raw); err != nil {
			return err
		}
		if err := json.Unmarshal(raw, &record); err != nil {
			return fmt.Errorf("decode record: %w", err)
		}
		*into = append(*into, record)
	}
	return rows.Err()
}

// SaveQueue implements queue.Store.
func (s *QueueStore) SaveQueue(ctx context.Context, q queue.Queue) error {
	record, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode queue %s: %w", q.Name, err)
	}
	return s.db.Update(ctx, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO queues (name, record) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET record = excluded.record",
			q.Name, string(record))
		return err
	})
}

// queueID returns the row of a queue.
func queueID(tx *Tx, name string) (int64, error) {
	var id int64
	err := tx.QueryRow("SELECT id FROM queues WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, queue.NoQueue()
	}
	return id, err
}

// extra is what a message carries that no statement asks for.
type extra struct {
	Attributes  map[string]queue.Attribute `json:"attributes,omitempty"`
	TraceHeader string                     `json:"trace_header,omitempty"`
	GroupID     string                     `json:"group_id,omitempty"`
	SenderID    string                     `json:"sender_id,omitempty"`
}

// Send implements queue.Store.
func (s *QueueStore) Send(ctx context.Context, name string, messages []queue.Message) error {
	extras := make([]string, len(messages))
	for i, m := range messages {
		raw, err := json.Marshal(extra{Attributes: m.Attributes, TraceHeader: m.TraceHeader, GroupID: m.GroupID, SenderID: m.SenderID})
		if err != nil {
			return fmt.Errorf("encode message %s: %w", m.ID, err)
		}
		extras[i] = string(raw)
	}
	return s.db.Update(ctx, func(tx *Tx) error {
		id, err := queueID(tx, name)
		if err != nil {
			return err
		}
		for i, m := range messages {
			if _, err := tx.Exec(`
				INSERT INTO messages
					(queue, visible_at, receives, total_receives, sent_at, received_at, first_received_at, source, id, extra, body)
				VALUES (?, ?, 0, 0, ?, 0, 0, '', ?, ?, ?)`,
				id, m.VisibleAt.UnixMilli(), m.SentAt.UnixMilli(), m.ID, extras[i], m.Body); err != nil {
				return err
			}
		}
		return nil
	})
}

// Counts implements queue.Store.
func (s *QueueStore) Counts(ctx context.Context, name string, now time.Time) (queue.Counts, error) {
	var c queue.Counts
	var id int64
	err := s.db.read.QueryRowContext(ctx, "SELECT id FROM queues WHERE name = ?", name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return c, queue.NoQueue()
	}
	if err != nil {
		return c, err
	}
	at := now.UnixMilli()
	err = s.db.read.QueryRowContext(ctx, `
		SELECT (SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at <= ?2),
		       (SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at > ?2 AND receives > 0),
		       (SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at > ?2 AND receives = 0)`, id, at,
	).Scan(&c.Visible, &c.InFlight, &c.Delayed)
	return c, err
}

// Sweep implements queue.Store.
func (s *QueueStore) Sweep(ctx context.Context, name string, sweep queue.Sweep) (int, error) {
	var touched int64
	err := s.db.Update(ctx, func(tx *Tx) error {
		id, err := queueID(tx, name)
		if err != nil {
			return err
		}
		switch sweep.Kind {
		case queue.SweepPurge:
			touched, err = tx.Exec("DELETE FROM messages WHERE queue = ?", id)
		case queue.SweepExpired:
			touched, err = tx.Exec(`DELETE FROM messages WHERE seq IN
				(SELECT seq FROM messages WHERE queue = ? AND sent_at < ? ORDER BY sent_at LIMIT ?)`, id, sweep.SentBefore.UnixMilli(), sweep.Limit)
		case queue.SweepRelease:
			now := sweep.Now.UnixMilli()
			touched, err = tx.Exec("UPDATE messages SET visible_at = ? WHERE queue = ? AND visible_at > ? AND receives > 0", now, id, now)
		case queue.SweepDrop:
			touched, err = dropQueue(tx, id, name)
		}
		return err
	})
	return int(touched), err
}

func dropQueue(tx *Tx, id int64, name string) (int64, error) {
	n, err := tx.Exec("DELETE FROM messages WHERE queue = ?", id)
	if err != nil {
		return 0, err
	}
	if _, err := tx.Exec("DELETE FROM moves WHERE source = ?", name); err != nil {
		return 0, err
	}
	_, err = tx.Exec("DELETE FROM queues WHERE id = ?", id)
	return n, err
}

// Change implements queue.Store.
func (s *QueueStore) Change(ctx context.Context, name string, changes []queue.Change) ([]queue.Outcome, error) {
	outcomes := make([]queue.Outcome, len(changes))
	err := s.db.Update(ctx, func(tx *Tx) error {
		id, err := queueID(tx, name)
		if err != nil {
			return err
		}
		for i, c := range changes {
			if outcomes[i], err = change(tx, id, c); err != nil {
				return err
			}
		}
		return nil
	})
	return outcomes, err
}

func change(tx *Tx, queueID int64, c queue.Change) (queue.Outcome, error) {
	if c.Delete {
		n, err := tx.Exec("DELETE FROM messages WHERE seq = ? AND id = ? AND queue = ?", c.Key, c.ID, queueID)
		if err == nil && n == 0 {
			return queue.Gone, nil
		}
		return queue.Done, err
	}
	var visibleAt, receivedAt int64
	var receives, generation int
	err := tx.QueryRow("SELECT visible_at, receives, total_receives, received_at FROM messages WHERE seq = ? AND id = ? AND queue = ?",
		c.Key, c.ID, queueID).Scan(&visibleAt, &receives, &generation, &receivedAt)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return queue.Gone, nil
	case err != nil:
		return 0, err
	case visibleAt <= c.Now.UnixMilli() || receives == 0:
		return queue.NotInFlight, nil
	case generation != c.Generation:
		return queue.Stale, nil
	case c.VisibleAt.UnixMilli() > receivedAt+c.Limit.Milliseconds():
		return queue.TooLong, nil
	}
	_, err = tx.Exec("UPDATE messages SET visible_at = ? WHERE seq = ?", c.VisibleAt.UnixMilli(), c.Key)
	return queue.Done, err
}
