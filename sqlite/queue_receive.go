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

// maxRemoved bounds how many expired and dead messages one receive removes.
const maxRemoved = 200

// Receive implements queue.Store. A queue without a visible message costs a
// read only: the writer is not troubled.
func (s *QueueStore) Receive(ctx context.Context, call queue.ReceiveCall) (queue.ReceiveResult, error) {
	var result queue.ReceiveResult
	var id, next int64
	err := s.next.QueryRowContext(ctx, call.Queue).Scan(&id, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return result, queue.NoQueue()
	}
	if err != nil {
		return result, err
	}
	if next < 0 || next > call.Now.UnixMilli() {
		result.Next = fromMillis(next)
		return result, nil
	}
	err = s.db.Update(ctx, func(tx *Tx) error {
		result, err = receive(tx, call)
		return err
	})
	return result, err
}

// place is where a scan of the visible messages stands: they are ordered by
// visible_at, receives, seq.
type place struct {
	visibleAt, seq int64
	receives       int
}

// receiver is one receive under way.
type receiver struct {
	tx         *Tx
	call       queue.ReceiveCall
	queue      int64
	deadLetter int64 // 0: none
	at         place
	result     queue.ReceiveResult
}

func receive(tx *Tx, call queue.ReceiveCall) (queue.ReceiveResult, error) {
	id, err := queueID(tx, call.Queue)
	if err != nil {
		return queue.ReceiveResult{}, err
	}
	r := &receiver{tx: tx, call: call, queue: id, at: place{visibleAt: -1}}
	if call.DeadLetter != "" {
		r.deadLetter, err = queueID(tx, call.DeadLetter)
		if err != nil && !errors.Is(err, queue.NoQueue()) {
			return queue.ReceiveResult{}, err
		}
	}
	removed := 0
	for len(r.result.Messages) < call.Max && removed < maxRemoved {
		limit := call.Max - len(r.result.Messages)
		found, err := r.scan(limit)
		if err != nil {
			return queue.ReceiveResult{}, err
		}
		for _, m := range found {
			gone, err := r.settle(m)
			if err != nil {
				return queue.ReceiveResult{}, err
			}
			if gone {
				removed++
			}
		}
		if len(found) < limit {
			break
		}
	}
	if err := r.handOut(); err != nil {
		return queue.ReceiveResult{}, err
	}
	var next sql.NullInt64
	if err := tx.QueryRow("SELECT min(visible_at) FROM messages WHERE queue = ?", id).Scan(&next); err != nil {
		return queue.ReceiveResult{}, err
	}
	if next.Valid {
		r.result.Next = fromMillis(next.Int64)
	}
	return r.result, nil
}

// scan returns the next visible messages in order.
func (r *receiver) scan(limit int) (found []queue.Message, err error) {
	rows, err := r.tx.Query(`
		SELECT seq, visible_at, receives, total_receives, sent_at, first_received_at, source, id, extra, body
		FROM messages
		WHERE queue = ? AND visible_at <= ? AND (visible_at, receives, seq) > (?, ?, ?)
		ORDER BY visible_at, receives, seq LIMIT ?`,
		r.queue, r.call.Now.UnixMilli(), r.at.visibleAt, r.at.receives, r.at.seq, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		m, visibleAt, err := scanMessage(rows)
		if err != nil {
			return nil, err
		}
		r.at = place{visibleAt: visibleAt, receives: m.Receives, seq: m.Key}
		found = append(found, m)
	}
	return found, rows.Err()
}

func scanMessage(rows *sql.Rows) (m queue.Message, visibleAt int64, err error) {
	var sentAt, first int64
	var raw []byte
	if err := rows.Scan(&m.Key, &visibleAt, &m.Receives, &m.TotalReceives, &sentAt, &first, &m.Source, &m.ID, &raw, &m.Body); err != nil {
		return m, 0, err
	}
	var e extra
	if err := json.Unmarshal(raw, &e); err != nil {
		return m, 0, fmt.Errorf("decode message %s: %w", m.ID, err)
	}
	m.Attributes, m.TraceHeader, m.GroupID, m.SenderID = e.Attributes, e.TraceHeader, e.GroupID, e.SenderID
	m.SentAt, m.VisibleAt, m.FirstReceivedAt = fromMillis(sentAt), fromMillis(visibleAt), fromMillis(first)
	return m, visibleAt, nil
}

// settle takes a message to be handed out, or removes it if it is expired or
// dead.
func (r *receiver) settle(m queue.Message) (gone bool, err error) {
	if m.SentAt.Before(r.call.SentAfter) {
		_, err := r.tx.Exec("DELETE FROM messages WHERE seq = ?", m.Key)
		return true, err
	}
	now := r.call.Now
	if r.deadLetter != 0 && r.deadLetter != r.queue && m.Receives >= r.call.MaxReceives {
		r.result.DeadLettered++
		_, err := r.tx.Exec("UPDATE messages SET queue = ?, visible_at = ?, receives = 0, source = ? WHERE seq = ?",
			r.deadLetter, now.UnixMilli(), r.call.Queue, m.Key)
		return true, err
	}
	m.Receives, m.TotalReceives, m.ReceivedAt, m.VisibleAt = m.Receives+1, m.TotalReceives+1, now, r.call.VisibleAt
	if m.FirstReceivedAt.IsZero() {
		m.FirstReceivedAt = now
	}
	r.result.Messages = append(r.result.Messages, m)
	return false, nil
}

// handOut records the receive, after the scan is over: a message that stays
// visible must not be met by it again.
func (r *receiver) handOut() error {
	for _, m := range r.result.Messages {
		if _, err := r.tx.Exec(`
			UPDATE messages SET visible_at = ?, receives = ?, total_receives = ?, received_at = ?, first_received_at = ? WHERE seq = ?`,
			m.VisibleAt.UnixMilli(), m.Receives, m.TotalReceives, m.ReceivedAt.UnixMilli(), m.FirstReceivedAt.UnixMilli(), m.Key); err != nil {
			return err
		}
	}
	return nil
}

// fromMillis reads a time; zero and less are the zero time.
func fromMillis(ms int64) time.Time {
	if ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
