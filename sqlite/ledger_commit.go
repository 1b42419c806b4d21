package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Commit carries out the whole change or nothing of it. A condition that does
// not hold gives *hikyaku.ConflictError. What the change carries is encoded
// before it waits for the writer, and not kept.
func (l *Ledger) Commit(ctx context.Context, c hikyaku.Change) error {
	if c.Transfer == nil && (len(c.Unique) > 0 || c.LockActive || c.UnlockActive) {
		return &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "commit", Message: "unique names and the active lock need a transfer",
		}
	}
	w := &changeWriter{change: c, ledger: l}
	if c.Transfer != nil {
		stored := *c.Transfer
		stored.Version++
		record, err := json.Marshal(stored)
		if err != nil {
			return fmt.Errorf("encode transfer %s: %w", stored.TransferID, err)
		}
		w.transfer, w.record = &stored, record
		w.takenAt = stored.UpdatedAt
		if l.opts.Now != nil {
			w.takenAt = l.opts.Now()
		}
	}
	return l.db.Update(ctx, func(tx *Tx) error {
		w.tx = tx
		if err := w.write(); err != nil {
			return err
		}
		if w.transfer != nil && l.hub.watched() {
			tx.onCommit(func() { l.hub.publish(w.published()) })
		}
		return nil
	})
}

// changeWriter writes one change inside a transaction.
type changeWriter struct {
	ledger   *Ledger
	tx       *Tx
	change   hikyaku.Change
	transfer *hikyaku.Transfer // as it will be stored; nil: no transfer
	record   []byte
	takenAt  time.Time
}

// published is the stored transfer, sharing nothing with the caller.
func (w *changeWriter) published() notice {
	transfer, record := *w.transfer, w.record
	return notice{transfer.TransferID, sync.OnceValue(func() hikyaku.Transfer {
		var t hikyaku.Transfer
		if json.Unmarshal(record, &t) != nil {
			return transfer // cannot happen: encoded by the same program
		}
		return t
	})}
}

func (w *changeWriter) write() error {
	for _, step := range []func() error{
		w.writeTransfer, w.writeEvents, w.writeUnique, w.writeActive, w.writeTasks,
		w.writeAgents, w.writeSettings, w.writeOutbox, w.writeAudit,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// columns are the indexed columns of a transfer.
type columns struct {
	id, route, state, waiting string
	code, deadLetter          sql.NullString
	queuedAt                  int64
	readyAt, parkedUntil      sql.NullInt64
	endedAt                   sql.NullInt64
}

func columnsOf(t *hikyaku.Transfer) columns {
	c := columns{
		id: t.ID, route: t.Route, state: string(t.State), queuedAt: nanos(t.QueuedAt),
		deadLetter: sql.NullString{String: string(t.DeadLetter), Valid: t.DeadLetter != ""},
	}
	if t.Failure != nil {
		c.code = sql.NullString{String: t.Failure.Code, Valid: t.Failure.Code != ""}
	}
	switch {
	case t.State == hikyaku.Queued && t.NotBefore.IsZero():
		c.readyAt = sql.NullInt64{Int64: c.queuedAt, Valid: true}
	case t.State == hikyaku.Queued:
		c.parkedUntil = sql.NullInt64{Int64: nanos(t.NotBefore), Valid: true}
	case t.State.Ended():
		ended := t.EndedAt
		if ended.IsZero() {
			ended = t.UpdatedAt
		}
		c.endedAt = sql.NullInt64{Int64: nanos(ended), Valid: true}
	}
	if t.State == hikyaku.Queued {
		c.waiting = string(t.WaitingReason)
	}
	return c
}

func (w *changeWriter) writeTransfer() error {
	if w.transfer == nil {
		return nil
	}
	var n, version int64
	var old columns
	err := w.tx.QueryRow(`SELECT n, version, id, route, state, waiting, code, dead_letter, queued_at, ready_at, parked_until, ended_at
		FROM transfers WHERE transfer_id = ?`, w.transfer.TransferID).Scan(&n, &version, &old.id, &old.route, &old.state,
		&old.waiting, &old.code, &old.deadLetter, &old.queuedAt, &old.readyAt, &old.parkedUntil, &old.endedAt)
	found := !errors.Is(err, sql.ErrNoRows)
	switch {
	case found && err != nil:
		return fmt.Errorf("read transfer %s: %w", w.transfer.TransferID, err)
	case version != w.change.Transfer.Version:
		return &hikyaku.ConflictError{What: "transfer", Key: w.transfer.TransferID}
	}
	if found {
		err = w.replaceTransfer(n, old)
	} else {
		err = w.insertTransfer()
	}
	if err != nil {
		return fmt.Errorf("write transfer %s: %w", w.transfer.TransferID, err)
	}
	return nil
}

func (w *changeWriter) insertTransfer() error {
	n, err := w.position(w.transfer.CreatedAt)
	if err != nil {
		return err
	}
	c := columnsOf(w.transfer)
	if _, err := w.tx.Exec(`INSERT INTO transfers (n, transfer_id, version, id, route, state, waiting, code, dead_letter,
		queued_at, ready_at, parked_until, ended_at, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		n, w.transfer.TransferID, w.transfer.Version, c.id, c.route, c.state, c.waiting, c.code, c.deadLetter,
		c.queuedAt, c.readyAt, c.parkedUntil, c.endedAt, w.record); err != nil {
		return err
	}
	if err := errors.Join(w.indexID(n), w.keepFailure(n, c, false), w.keepExecution(n)); err != nil {
		return err
	}
	return count(w.tx, c, 1)
}

// replaceTransfer leaves the indexes alone when no indexed column changed,
// which is so for most refreshes of a running transfer.
func (w *changeWriter) replaceTransfer(n int64, old columns) error {
	c := columnsOf(w.transfer)
	var err error
	if c == old {
		_, err = w.tx.Exec("UPDATE transfers SET version = ?, record = ? WHERE n = ?", w.transfer.Version, w.record, n)
	} else {
		_, err = w.tx.Exec(`UPDATE transfers SET version = ?, id = ?, route = ?, state = ?, waiting = ?, code = ?, dead_letter = ?,
			queued_at = ?, ready_at = ?, parked_until = ?, ended_at = ?, record = ? WHERE n = ?`,
			w.transfer.Version, c.id, c.route, c.state, c.waiting, c.code, c.deadLetter,
			c.queuedAt, c.readyAt, c.parkedUntil, c.endedAt, w.record, n)
	}
	if err != nil {
		return err
	}
	if err := w.keepFailure(n, c, failedOnce(old)); err != nil {
		return err
	}
	if c.state != old.state {
		if err := w.keepExecution(n); err != nil {
			return err
		}
	}
	if c.route == old.route && c.state == old.state && c.waiting == old.waiting {
		return nil
	}
	if err := count(w.tx, old, -1); err != nil {
		return err
	}
	return count(w.tx, c, 1)
}

// count moves the counter of a transfer's route, state and waiting reason.
func count(tx *Tx, c columns, by int) error {
	_, err := tx.Exec(`INSERT INTO counts (route, state, waiting, n) VALUES (?1, ?2, ?3, ?4)
		ON CONFLICT (route, state, waiting) DO UPDATE SET n = n + ?4`, c.route, c.state, c.waiting, by)
	return err
}

const (
	// tieBits leave room for 2048 transfers created in the same microsecond.
	tieBits = 11
	// lastMicro keeps positions within 63 bits (the year 2112).
	lastMicro = 1<<52 - 1
)

// base is the first position of a creation time.
func base(t time.Time) int64 {
	if t.Year() < 1970 {
		return 0
	}
	if t.Year() > 2111 {
		return lastMicro << tieBits
	}
	return min(max(t.UnixMicro(), 0), lastMicro) << tieBits
}

// position finds a free place in the order of lists. Should more transfers
// than fit carry the very same time, they spill over to the next free place.
func (w *changeWriter) position(created time.Time) (int64, error) {
	from := base(created)
	for span := int64(1) << tieBits; ; span <<= 4 {
		var last sql.NullInt64
		if err := w.tx.QueryRow("SELECT max(n) FROM transfers WHERE n >= ? AND n < ?", from, from+span).Scan(&last); err != nil {
			return 0, err
		}
		switch {
		case !last.Valid:
			return from, nil
		case last.Int64+1 < from+span:
			return last.Int64 + 1, nil
		}
	}
}

func (w *changeWriter) writeEvents() error {
	for _, e := range w.change.Events {
		record, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode event %s/%d: %w", e.TransferID, e.Seq, err)
		}
		added, err := w.tx.Exec("INSERT INTO events (transfer_id, seq, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			e.TransferID, e.Seq, record)
		if err != nil {
			return fmt.Errorf("write event %s/%d: %w", e.TransferID, e.Seq, err)
		}
		if added == 0 {
			return &hikyaku.ConflictError{What: "event", Key: e.TransferID}
		}
	}
	return nil
}

func (w *changeWriter) writeUnique() error {
	for _, name := range w.change.Unique {
		added, err := w.tx.Exec("INSERT INTO uniques (name, transfer_id, taken_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
			name, w.transfer.TransferID, nanos(w.takenAt))
		if err != nil {
			return fmt.Errorf("take name %s: %w", name, err)
		}
		if added > 0 {
			continue
		}
		var owner string
		if err := w.tx.QueryRow("SELECT transfer_id FROM uniques WHERE name = ?", name).Scan(&owner); err != nil {
			return fmt.Errorf("read owner of %s: %w", name, err)
		}
		return &hikyaku.ConflictError{What: "unique", Key: name, Owner: owner}
	}
	return nil
}

func (w *changeWriter) writeActive() error {
	t := w.transfer
	if w.change.LockActive {
		owner, err := w.lockActive()
		if err != nil {
			return fmt.Errorf("lock %s of %s: %w", t.ID, t.Route, err)
		}
		if owner != t.TransferID {
			return &hikyaku.ConflictError{What: "active", Key: t.ID, Owner: owner}
		}
	}
	if w.change.UnlockActive {
		if _, err := w.tx.Exec("DELETE FROM active WHERE route = ? AND id = ? AND transfer_id = ?",
			t.Route, t.ID, t.TransferID); err != nil {
			return fmt.Errorf("unlock %s of %s: %w", t.ID, t.Route, err)
		}
	}
	return nil
}

// lockActive takes ACTIVE for the transfer, and returns the transfer that
// holds it or one in its way: IDs below lie between "id/" and "id0", "0" being
// what follows "/". Who holds the lock already can have nobody in the way.
func (w *changeWriter) lockActive() (owner string, err error) {
	t := w.transfer
	for _, above := range hikyaku.Ancestors(t.ID) {
		err := w.tx.QueryRow("SELECT transfer_id FROM active WHERE route = ? AND id = ?", t.Route, above).Scan(&owner)
		if !errors.Is(err, sql.ErrNoRows) {
			return owner, err
		}
	}
	added, err := w.tx.Exec(`INSERT INTO active (route, id, transfer_id) SELECT ?1, ?2, ?3
		WHERE NOT EXISTS (SELECT 1 FROM active WHERE route = ?1 AND id >= ?4 AND id < ?5) ON CONFLICT DO NOTHING`,
		t.Route, t.ID, t.TransferID, t.ID+"/", t.ID+"0")
	if err != nil || added > 0 {
		return t.TransferID, err
	}
	err = w.tx.QueryRow(`SELECT transfer_id FROM active WHERE route = ?1 AND id = ?2 UNION ALL
		SELECT transfer_id FROM active WHERE route = ?1 AND id >= ?3 AND id < ?4 LIMIT 1`,
		t.Route, t.ID, t.ID+"/", t.ID+"0").Scan(&owner)
	return owner, err
}
