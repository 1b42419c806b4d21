package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku/queue"
)

// Move implements queue.Store.
func (s *QueueStore) Move(ctx context.Context, step queue.MoveStep) (queue.MoveResult, error) {
	var result queue.MoveResult
	err := s.db.Update(ctx, func(tx *Tx) error {
		result = queue.MoveResult{Task: step.Task, Arrived: map[string]int{}}
		source, err := queueID(tx, step.Task.Source)
		if err != nil {
			return err
		}
		if result.Task.LastKey == 0 {
			if err := tx.QueryRow("SELECT coalesce(max(seq), 0) FROM messages").Scan(&result.Task.LastKey); err != nil {
				return err
			}
		}
		if len(step.IDs) > 0 {
			if err := moveMessages(tx, source, step, &result); err != nil {
				return err
			}
		}
		return saveMove(tx, result.Task)
	})
	return result, err
}

// candidate is a message to be moved, and the queue it was dead-lettered from.
type candidate struct {
	seq    int64
	origin string
}

// findCandidates returns up to len(step.IDs) visible messages.
func findCandidates(tx *Tx, source int64, step queue.MoveStep, lastKey int64) (found []candidate, err error) {
	rows, err := tx.Query(`
		SELECT seq, source FROM messages WHERE queue = ? AND visible_at <= ? AND seq <= ?
		ORDER BY visible_at, receives, seq LIMIT ?`, source, step.Now.UnixMilli(), lastKey, len(step.IDs))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c candidate
		if err := rows.Scan(&c.seq, &c.origin); err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	return found, rows.Err()
}

// moveMessages moves up to len(step.IDs) messages, or as far as it gets.
func moveMessages(tx *Tx, source int64, step queue.MoveStep, result *queue.MoveResult) error {
	candidates, err := findCandidates(tx, source, step, result.Task.LastKey)
	if err != nil {
		return err
	}
	targets := map[string]int64{}
	for i, c := range candidates {
		name := step.Task.Destination
		if name == "" {
			name = c.origin
		}
		if name == "" {
			result.Failure = queue.FailureNoSource
			return nil
		}
		target, known := targets[name]
		if !known {
			target, err = queueID(tx, name)
			if errors.Is(err, queue.NoQueue()) {
				result.Failure = queue.FailureNoQueue
				return nil
			}
			if err != nil {
				return err
			}
			targets[name] = target
		}
		if err := moveMessage(tx, c.seq, target, step.IDs[i], step.Now.UnixMilli()); err != nil {
			return err
		}
		result.Task.Moved++
		result.Arrived[name]++
	}
	return nil
}

// moveMessage makes a new message of an old one.
func moveMessage(tx *Tx, seq, target int64, id string, now int64) error {
	if _, err := tx.Exec(`
		INSERT INTO messages
			(queue, visible_at, receives, total_receives, sent_at, received_at, first_received_at, source, id, extra, body)
		SELECT ?, ?, 0, 0, ?, 0, 0, '', ?, extra, body FROM messages WHERE seq = ?`, target, now, now, id, seq); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM messages WHERE seq = ?", seq)
	return err
}

// saveMove writes a task's record and forgets old tasks of its source.
func saveMove(tx *Tx, t queue.MoveTask) error {
	record, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode move task %s: %w", t.ID, err)
	}
	running := t.Status == queue.MoveRunning || t.Status == queue.MoveCancelling
	if _, err := tx.Exec(`
		INSERT INTO moves (id, source, started_at, running, record) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET running = excluded.running, record = excluded.record`,
		t.ID, t.Source, t.StartedAt.UnixMilli(), running, string(record)); err != nil {
		return err
	}
	var oldest int64
	err = tx.QueryRow("SELECT started_at FROM moves WHERE source = ? ORDER BY started_at DESC LIMIT 1 OFFSET ?",
		t.Source, queue.KeptMoves-1).Scan(&oldest)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = tx.Exec("DELETE FROM moves WHERE source = ? AND started_at < ? AND running = 0", t.Source, oldest)
	return err
}
