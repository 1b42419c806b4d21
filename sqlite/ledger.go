package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
)

// uniqueLife is how long a Unique name is kept at least.
const uniqueLife = 14 * 24 * time.Hour

// LedgerOptions are what a ledger may be told.
type LedgerOptions struct {
	// Now is the clock that dates Unique names; nil keeps them by the time of
	// the transfer's last write.
	Now func() time.Time
	// SearchRows is how many transfers one call of Transfers looks at when no
	// index answers all of the question (Code with Route, say); 0 is 20,000. A
	// page that is short for this reason has a NextToken.
	SearchRows int
}

// Ledger is the hikyaku.Ledger in one SQLite file, and a hikyaku.Subscriber.
// One process at a time; its methods may be called concurrently.
type Ledger struct {
	db   *DB
	opts LedgerOptions
	hub  *hub

	unworded int // new transfers since words were indexed; the writer's own
}

var (
	_ hikyaku.Ledger        = (*Ledger)(nil)
	_ hikyaku.Subscriber    = (*Ledger)(nil)
	_ hikyaku.FailureLister = (*Ledger)(nil)
)

// OpenLedger opens or creates the ledger in a file and brings its schema up to
// date. A file of a newer schema is refused and left alone.
func OpenLedger(ctx context.Context, path string, o LedgerOptions) (*Ledger, error) {
	if o.SearchRows <= 0 {
		o.SearchRows = 20_000
	}
	db, err := open(ctx, path, ledgerMigrations(), everyCommit)
	if err != nil {
		return nil, err
	}
	return &Ledger{db: db, opts: o, hub: newHub()}, nil
}

// Close waits for commits under way, ends all subscriptions and closes the
// file. Later commits fail.
func (l *Ledger) Close() error {
	err := l.db.Close()
	l.hub.close()
	return err
}

// Subscribe calls fn after commits that changed a transfer, in commit order
// per transfer, from one goroutine of this subscription. A subscriber that is
// slower than the commits misses versions in between, never the last. After
// stop returned, fn is not called again; stop must not be called from fn.
func (l *Ledger) Subscribe(fn func(hikyaku.Transfer)) (stop func()) { return l.hub.subscribe(fn) }

// Transfer returns a transfer by its transfer_id, or hikyaku.ErrNotFound.
func (l *Ledger) Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	var record []byte
	err := l.db.queryRow(ctx, "SELECT record FROM transfers WHERE transfer_id = ?", transferID).Scan(&record)
	if errors.Is(err, sql.ErrNoRows) {
		return hikyaku.Transfer{}, fmt.Errorf("transfer %s: %w", transferID, hikyaku.ErrNotFound)
	}
	var t hikyaku.Transfer
	if err == nil {
		err = json.Unmarshal(record, &t)
	}
	if err != nil {
		return hikyaku.Transfer{}, fmt.Errorf("read transfer %s: %w", transferID, err)
	}
	return t, nil
}

// Events returns a transfer's events with Seq > after, in order; none for an
// unknown transfer.
func (l *Ledger) Events(ctx context.Context, transferID string, after int64) ([]hikyaku.Event, error) {
	events, err := decoded[hikyaku.Event](l.db.query(ctx,
		"SELECT record FROM events WHERE transfer_id = ? AND seq > ? ORDER BY seq", transferID, after))
	if err != nil {
		return nil, fmt.Errorf("read events of %s: %w", transferID, err)
	}
	return events, nil
}

// Pool returns the tasks and settings of a route ("": of all) and all agents.
func (l *Ledger) Pool(ctx context.Context, route string) (hikyaku.Pool, error) {
	var p hikyaku.Pool
	var err error
	if p.Tasks, err = decoded[hikyaku.Task](l.db.query(ctx,
		"SELECT record FROM tasks WHERE ?1 = '' OR route = ?1 ORDER BY arn", route)); err != nil {
		return hikyaku.Pool{}, fmt.Errorf("read tasks of pool %q: %w", route, err)
	}
	if p.Settings, err = decoded[hikyaku.RouteSettings](l.db.query(ctx,
		"SELECT record FROM settings WHERE ?1 = '' OR route = ?1 ORDER BY route", route)); err != nil {
		return hikyaku.Pool{}, fmt.Errorf("read settings of pool %q: %w", route, err)
	}
	if p.Agents, err = l.agents(ctx); err != nil {
		return hikyaku.Pool{}, fmt.Errorf("read agents: %w", err)
	}
	return p, nil
}

func (l *Ledger) agents(ctx context.Context) (_ []hikyaku.Agent, err error) {
	rows, err := l.db.query(ctx, "SELECT busy, version, day, day_transfers, day_bytes, record FROM agents ORDER BY arn")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var agents []hikyaku.Agent
	for rows.Next() {
		var a hikyaku.Agent
		var busy int
		var version int64
		var record sql.RawBytes
		var today hikyaku.Carried
		if err := rows.Scan(&busy, &version, &today.Day, &today.Transfers, &today.Bytes, &record); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(record, &a); err != nil {
			return nil, err
		}
		a.Busy, a.Version, a.Today = busy, version, today
		agents = append(agents, a)
	}
	return agents, rows.Err()
}

// Stats counts transfers per route and state from counters that every commit
// keeps; its cost does not grow with the ledger.
func (l *Ledger) Stats(ctx context.Context) (hikyaku.Stats, error) {
	s := hikyaku.Stats{
		Counts:       map[string]map[hikyaku.State]int64{},
		Waiting:      map[string]map[hikyaku.WaitingReason]int64{},
		OldestQueued: map[string]time.Time{},
	}
	if err := l.counts(ctx, &s); err != nil {
		return hikyaku.Stats{}, fmt.Errorf("read counts: %w", err)
	}
	if err := l.owed(ctx, &s); err != nil {
		return hikyaku.Stats{}, fmt.Errorf("count outbox: %w", err)
	}
	for route, states := range s.Counts {
		if states[hikyaku.Queued] == 0 {
			continue
		}
		var oldest sql.NullInt64
		err := l.db.queryRow(ctx, `SELECT min(q) FROM (
			SELECT min(ready_at) AS q FROM transfers WHERE route = ?1 AND ready_at IS NOT NULL
			UNION ALL
			SELECT min(queued_at) FROM transfers INDEXED BY transfers_parked WHERE route = ?1 AND parked_until IS NOT NULL)`,
			route).Scan(&oldest)
		if err != nil {
			return hikyaku.Stats{}, fmt.Errorf("read oldest queued of %s: %w", route, err)
		}
		if oldest.Valid {
			s.OldestQueued[route] = time.Unix(0, oldest.Int64).UTC()
		}
	}
	return s, nil
}

// counts fills Counts and Waiting.
func (l *Ledger) counts(ctx context.Context, s *hikyaku.Stats) (err error) {
	rows, err := l.db.query(ctx, "SELECT route, state, waiting, n FROM counts WHERE n > 0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var route string
		var state hikyaku.State
		var waiting hikyaku.WaitingReason
		var n int64
		if err := rows.Scan(&route, &state, &waiting, &n); err != nil {
			return err
		}
		if s.Counts[route] == nil {
			s.Counts[route] = map[hikyaku.State]int64{}
		}
		s.Counts[route][state] += n
		if state == hikyaku.Queued && waiting != "" {
			if s.Waiting[route] == nil {
				s.Waiting[route] = map[hikyaku.WaitingReason]int64{}
			}
			s.Waiting[route][waiting] += n
		}
	}
	return rows.Err()
}

// decoded reads rows of one JSON column.
func decoded[T any](rows *sql.Rows, err error) (list []T, _ error) {
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var record sql.RawBytes
		if err := rows.Scan(&record); err != nil {
			return nil, err
		}
		var v T
		if err := json.Unmarshal(record, &v); err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// nanos is a time as stored; the zero time, and what a 64-bit count of
// nanoseconds cannot hold, sorts before or after everything.
func nanos(t time.Time) int64 {
	switch {
	case t.IsZero() || t.Year() < 1700:
		return 0
	case t.Year() > 2261:
		return 1<<63 - 1
	}
	return t.UnixNano()
}
