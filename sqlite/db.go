// Package sqlite keeps the ledger, the queues and the mover's records in
// three SQLite files: queue.db, ledger.db and mover.db.
//
// Each file has one writer. Updates that arrive while a commit is being
// flushed are committed together by the next one (group commit), so that many
// acknowledged writes share one flush to disk. Readers use connections of
// their own and see the last commit (WAL mode).
//
// Durability: journal_mode=WAL. An update that returned nil survives a killed
// process. In queue.db and ledger.db (synchronous=FULL) it also survives a
// power cut as far as the disk keeps its word; mover.db gives up the last
// commits then (see OpenMover). One process at a time: the caller holds a lock
// on the folder.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver; docs/dependencies.md says why this one
)

// maxBatch is how many updates may share one commit.
const maxBatch = 256

// errClosed is returned by updates after Close.
var errClosed = errors.New("database is closed")

// DB is one database file. Its methods may be called concurrently.
type DB struct {
	path  string
	read  *sql.DB
	write *sql.DB
	conn  *sql.Conn
	check *checkpointer
	stmts map[string]*sql.Stmt

	mu    sync.Mutex // guards reads
	reads map[string]*sql.Stmt

	jobs   chan *update
	closed chan struct{}
	ended  chan struct{} // closed when the writer is gone
	once   sync.Once
	done   sync.WaitGroup
}

// update is one caller's transaction waiting for the writer.
type update struct {
	fn     func(*Tx) error
	result chan error
	// taken decides between the writer, which begins it, and the caller, who
	// gives up while it still waits.
	taken atomic.Bool
}

// flush is SQLite's synchronous setting.
type flush string

const (
	// everyCommit flushes to disk before a commit is acknowledged.
	everyCommit flush = "FULL"
	// checkpoints flushes only when the log is moved into the database: what was
	// committed survives a killed process, and a power cut may undo the last
	// commits, never half of one.
	checkpoints flush = "NORMAL"
)

// open opens or creates the file and brings its schema up to date.
// migrations[i] brings version i to i+1; the version is PRAGMA user_version. A
// file of a later version than known is refused and left alone.
func open(ctx context.Context, path string, migrations []string, sync flush) (*DB, error) {
	dsn := func(mode string) string {
		q := url.Values{"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + string(sync) + ")", "foreign_keys(ON)",
			"temp_store(MEMORY)", "wal_autocheckpoint(0)", "journal_size_limit(" + strconv.Itoa(logKept) + ")",
		}}
		if mode == "ro" {
			q["_pragma"] = append(q["_pragma"], "query_only(ON)", "cache_size(-4096)")
		} else {
			q["_pragma"] = append(q["_pragma"], "cache_size(-16384)")
		}
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}
		return u.String()
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	d := &DB{path: path, stmts: map[string]*sql.Stmt{}, reads: map[string]*sql.Stmt{}, jobs: make(chan *update, maxBatch), closed: make(chan struct{}), ended: make(chan struct{})}
	var err error
	if d.write, err = sql.Open("sqlite", dsn("rw")); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := d.connect(ctx, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), d.disconnect())
	}
	if d.read, err = sql.Open("sqlite", dsn("ro")); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), d.disconnect())
	}
	d.read.SetMaxOpenConns(4)
	d.read.SetMaxIdleConns(4)
	d.done.Go(d.run)
	d.done.Go(d.check.run)
	return d, nil
}

// create makes a new database's file readable to its owner only; SQLite would
// let everybody read it. The files SQLite puts beside it take over the mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the caller's folder
	if errors.Is(err, fs.ErrExist) {
		return nil // SQLite says whether it can be used
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// connect opens the writer's connection, brings the schema up to date, and
// opens the checkpointer's.
func (d *DB) connect(ctx context.Context, migrations []string) (err error) {
	d.write.SetMaxOpenConns(2)
	if d.conn, err = d.write.Conn(ctx); err != nil {
		return err
	}
	if err := d.migrate(ctx, migrations); err != nil {
		return err
	}
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	d.check = newCheckpointer(d.path, conn, d.closed)
	return nil
}

// disconnect closes whatever is open.
func (d *DB) disconnect() error {
	var errs []error
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	if d.check != nil {
		errs = append(errs, d.check.conn.Close())
	}
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	return errors.Join(append(errs, d.write.Close())...)
}

// migrate applies the migrations that the file lacks, each in a transaction.
func (d *DB) migrate(ctx context.Context, migrations []string) error {
	var version int
	if err := d.conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if version > len(migrations) {
		return fmt.Errorf("schema version %d is newer than this program knows (%d): use a newer hikyaku", version, len(migrations))
	}
	for i := version; i < len(migrations); i++ {
		tx, err := d.conn.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
		if _, err := tx.ExecContext(ctx, migrations[i]+fmt.Sprintf("; PRAGMA user_version = %d", i+1)); err != nil {
			return errors.Join(fmt.Errorf("migrate to version %d: %w", i+1, err), tx.Rollback())
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("migrate to version %d: %w", i+1, err)
		}
	}
	return nil
}

// Update runs fn inside a transaction and returns once it is on disk. If fn
// returns an error, what it did is undone and the error is returned as it is.
// fn may run together with other updates in one commit, one after another, on
// one goroutine; it must not block on anything but the database. If ctx ends
// before fn began, fn never runs.
func (d *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	u := &update{fn: fn, result: make(chan error, 1)}
	select {
	case d.jobs <- u:
	case <-d.closed:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-u.result:
		return err
	case <-ctx.Done():
		if u.taken.CompareAndSwap(false, true) {
			return context.Cause(ctx)
		}
		return <-u.result // begun: its outcome is what counts
	case <-d.ended: // an update may have slipped in behind the writer's last look
		select {
		case err := <-u.result:
			return err
		default:
			return errClosed
		}
	}
}

// Close waits for updates under way and closes the file. Updates that have
// not begun fail.
func (d *DB) Close() error {
	d.once.Do(func() { close(d.closed) })
	d.done.Wait()
	for _, s := range d.stmts {
		_ = s.Close() // the connection goes next
	}
	d.mu.Lock()
	for _, s := range d.reads {
		_ = s.Close() // as above
	}
	clear(d.reads)
	d.mu.Unlock()
	return d.disconnect()
}

// run is the writer.
func (d *DB) run() {
	defer close(d.ended)
	for {
		var batch []*update
		select {
		case u := <-d.jobs:
			batch = append(batch, u)
		case <-d.closed:
			for {
				select {
				case u := <-d.jobs:
					u.result <- errClosed
				default:
					return
				}
			}
		}
	drain:
		for len(batch) < maxBatch {
			select {
			case u := <-d.jobs:
				batch = append(batch, u)
			default:
				break drain
			}
		}
		d.commit(batch)
	}
}

// commit runs a batch in one transaction, each update in a savepoint of its
// own, and answers all of them.
func (d *DB) commit(batch []*update) {
	tx := &Tx{ctx: context.Background(), db: d}
	errs := make([]error, len(batch))
	err := tx.exec("BEGIN IMMEDIATE")
	if err == nil {
		err = tx.run(batch, errs)
	}
	if err == nil {
		for _, fn := range tx.after {
			fn()
		}
	}
	for i, u := range batch {
		if err != nil && errs[i] == nil {
			errs[i] = fmt.Errorf("commit to %s: %w", d.path, err)
		}
		u.result <- errs[i]
	}
	if err == nil {
		d.check.committed(d.conn)
	}
}
