package sqlite

import "context"

// Synchronous returns the writer's synchronous setting: 2 is FULL, 1 NORMAL.
func (d *DB) Synchronous(ctx context.Context) (level int, err error) {
	err = d.Update(ctx, func(tx *Tx) error { return tx.QueryRow("PRAGMA synchronous").Scan(&level) })
	return level, err
}

// DB lets tests reach the ledger's file.
func (l *Ledger) DB() *DB { return l.db }

// DB lets tests reach the queues' file.
func (q *QueueStore) DB() *DB { return q.db }

// DB lets tests reach the mover's file.
func (m *Mover) DB() *DB { return m.db }
