package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

func (w *changeWriter) writeTasks() error {
	for _, write := range w.change.Tasks {
		if err := w.writeTask(write); err != nil {
			return err
		}
	}
	return nil
}

func (w *changeWriter) writeTask(write hikyaku.TaskWrite) error {
	t := write.Task
	var version, token int64
	err := w.tx.QueryRow("SELECT version, token FROM tasks WHERE arn = ?", t.ARN).Scan(&version, &token)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read task %s: %w", t.ARN, err)
	}
	if version != t.Version || write.IfToken != nil && (err != nil || token != *write.IfToken) {
		return &hikyaku.ConflictError{What: "task", Key: t.ARN}
	}
	if write.Delete {
		if _, err := w.tx.Exec("DELETE FROM tasks WHERE arn = ?", t.ARN); err != nil {
			return fmt.Errorf("delete task %s: %w", t.ARN, err)
		}
		return nil
	}
	t.Version++
	record, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode task %s: %w", t.ARN, err)
	}
	if _, err := w.tx.Exec("INSERT OR REPLACE INTO tasks (arn, route, token, version, record) VALUES (?, ?, ?, ?, ?)",
		t.ARN, t.Route, t.Token, t.Version, record); err != nil {
		return fmt.Errorf("write task %s: %w", t.ARN, err)
	}
	return nil
}

// writeAgents upserts agents, then gives slots back, then takes them.
func (w *changeWriter) writeAgents() error {
	for _, a := range w.change.Agents {
		a.Today = hikyaku.Carried{} // columns of its own
		record, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("encode agent %s: %w", a.ARN, err)
		}
		if _, err := w.tx.Exec(`INSERT INTO agents (arn, online, slots, version, record) VALUES (?1, ?2, ?3, 1, ?4)
			ON CONFLICT (arn) DO UPDATE SET online = ?2, slots = ?3, version = version + 1, record = ?4`,
			a.ARN, a.Online, a.Slots, record); err != nil {
			return fmt.Errorf("write agent %s: %w", a.ARN, err)
		}
	}
	carried := w.change.Carried
	if carried.Day == "" {
		carried = hikyaku.Carried{}
	}
	for _, arn := range w.change.FreeSlots {
		if _, err := w.tx.Exec(`UPDATE agents SET busy = busy - 1, day = max(day, ?2),
			day_transfers = CASE WHEN ?2 > day THEN ?3 WHEN ?2 = day THEN day_transfers + ?3 ELSE day_transfers END,
			day_bytes = CASE WHEN ?2 > day THEN ?4 WHEN ?2 = day THEN day_bytes + ?4 ELSE day_bytes END
			WHERE arn = ?1 AND busy > 0`, arn, carried.Day, carried.Transfers, carried.Bytes); err != nil {
			return fmt.Errorf("free slot of agent %s: %w", arn, err)
		}
	}
	for _, arn := range w.change.TakeSlots {
		taken, err := w.tx.Exec("UPDATE agents SET busy = busy + 1 WHERE arn = ? AND online AND (busy < slots OR slots = 0)", arn)
		if err != nil {
			return fmt.Errorf("take slot of agent %s: %w", arn, err)
		}
		if taken == 0 {
			return &hikyaku.ConflictError{What: "agent", Key: arn}
		}
	}
	return nil
}

func (w *changeWriter) writeSettings() error {
	for _, s := range w.change.Settings {
		var version int64
		err := w.tx.QueryRow("SELECT version FROM settings WHERE route = ?", s.Route).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read settings of %s: %w", s.Route, err)
		}
		if version != s.Version {
			return &hikyaku.ConflictError{What: "settings", Key: s.Route}
		}
		s.Version++
		record, err := json.Marshal(s)
		if err != nil {
			return fmt.Errorf("encode settings of %s: %w", s.Route, err)
		}
		if _, err := w.tx.Exec("INSERT OR REPLACE INTO settings (route, version, record) VALUES (?, ?, ?)",
			s.Route, s.Version, record); err != nil {
			return fmt.Errorf("write settings of %s: %w", s.Route, err)
		}
	}
	return nil
}
