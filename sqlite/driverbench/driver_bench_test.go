// Package driverbench measures SQLite drivers with the ledger's own schema and
// statements. It is a module of its own, so that the drivers that were not
// chosen stay out of the product. docs/decisions/0002-sqlite-driver.md quotes
// it. Run: cd sqlite/driverbench && go test -bench . -benchtime 3000x
package driverbench_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	ncruces "github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver"
	_ "modernc.org/sqlite"
	zombiezen "zombiezen.com/go/sqlite"
)

// conn is one connection of a driver. exec runs a prepared statement to its
// end and returns the number of rows; want is the column that rows are read to.
type conn interface {
	exec(query string, args ...any) int
	close()
}

// drivers opens the candidates by name.
func drivers() map[string]func(testing.TB, string) conn {
	return map[string]func(testing.TB, string) conn{
		"modernc-sql":      func(tb testing.TB, path string) conn { return openSQL(tb, "sqlite", path) },
		"ncruces-sql":      func(tb testing.TB, path string) conn { return openSQL(tb, "sqlite3", "file:"+path) },
		"ncruces-direct":   openNcruces,
		"zombiezen-direct": openZombiezen,
	}
}

func pragmas() []string {
	return []string{
		"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA cache_size = -16384",
		"PRAGMA temp_store = MEMORY", "PRAGMA wal_autocheckpoint = 4000",
	}
}

// schema is the ledger's, from its source.
func schema(tb testing.TB) []string {
	source, err := os.ReadFile("../ledger_schema.go")
	if err != nil {
		tb.Fatal(err)
	}
	_, text, _ := strings.Cut(string(source), "`")
	text, _, _ = strings.Cut(text, "`")
	var list []string
	for s := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(s) != "" {
			list = append(list, s)
		}
	}
	return list
}

func open(tb testing.TB, driver string) conn {
	c := drivers()[driver](tb, filepath.Join(tb.TempDir(), "ledger.db"))
	tb.Cleanup(c.close)
	for _, s := range append(pragmas(), schema(tb)...) {
		c.exec(s)
	}
	c.exec("INSERT INTO tasks VALUES ('task', 'orders', 0, 1, ?)", record(300))
	c.exec("INSERT INTO agents VALUES ('agent', 1, 0, 0, 1, ?)", record(200))
	return c
}

func record(n int) []byte { return []byte(strings.Repeat("x", n)) }

const (
	begin     = "BEGIN IMMEDIATE"
	savepoint = "SAVEPOINT u"
	release   = "RELEASE u"
	commit    = "COMMIT"
	read      = `SELECT n, version, id, route, state, waiting, code, dead_letter, queued_at, ready_at, parked_until, ended_at FROM transfers WHERE transfer_id = ?`
	insert    = `INSERT INTO transfers (n, transfer_id, version, id, route, state, waiting, code, dead_letter, queued_at, ready_at, parked_until, ended_at, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	replace   = `UPDATE transfers SET version = ?, id = ?, route = ?, state = ?, waiting = ?, code = ?, dead_letter = ?, queued_at = ?, ready_at = ?, parked_until = ?, ended_at = ?, record = ? WHERE n = ?`
	refresh   = `UPDATE transfers SET version = ?, record = ? WHERE n = ?`
	search    = `INSERT INTO search (n, text) VALUES (?, ?)`
	research  = `UPDATE search SET text = ?2 WHERE n = ?1 AND text <> ?2`
	event     = `INSERT INTO events (transfer_id, seq, record) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	unique    = `INSERT INTO uniques (name, transfer_id, taken_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	count     = `INSERT INTO counts (route, state, waiting, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (route, state, waiting) DO UPDATE SET n = n + ?4`
	lock      = `INSERT INTO active (route, id, transfer_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	locked    = `SELECT transfer_id FROM active WHERE route = ? AND id = ?`
	unlock    = `DELETE FROM active WHERE route = ? AND id = ? AND transfer_id = ?`
	taskRead  = `SELECT version, token FROM tasks WHERE arn = ?`
	task      = `INSERT OR REPLACE INTO tasks (arn, route, token, version, record) VALUES (?, ?, ?, ?, ?)`
	take      = `UPDATE agents SET busy = busy + 1 WHERE arn = ? AND online AND (busy < slots OR slots = 0)`
	free      = `UPDATE agents SET busy = busy - 1 WHERE arn = ? AND busy > 0`
	page      = `SELECT record FROM transfers WHERE n IN (SELECT n FROM transfers INDEXED BY transfers_by_route_state WHERE route = ? AND state = ? ORDER BY n DESC LIMIT 50) ORDER BY n DESC`
	one       = `SELECT record FROM transfers WHERE transfer_id = ?`
)

func id(i int) string { return fmt.Sprintf("01KDZ%021d", i) }

// accept, assign, refreshed and settle are the ledger's four usual changes.
func accept(c conn, i int) {
	c.exec(read, id(i))
	c.exec(insert, i, id(i), 1, "A-"+id(i), "orders", "QUEUED", "no_free_task", nil, nil, i, i, nil, nil, record(1400))
	c.exec(search, i, "A\n"+id(i)+"\n")
	c.exec(count, "orders", "QUEUED", "no_free_task", 1)
	c.exec(event, id(i), 1, record(250))
	c.exec(unique, fmt.Sprintf("message|%x|orders|%d", i*2654435761, i), id(i), i)
}

func assign(c conn, i int) {
	c.exec(read, id(i))
	c.exec(replace, 2, "A-"+id(i), "orders", "STARTING", "", nil, nil, i, nil, nil, nil, record(1700), i)
	c.exec(research, i, "A\n"+id(i)+"\n")
	c.exec(count, "orders", "QUEUED", "no_free_task", -1)
	c.exec(count, "orders", "STARTING", "", 1)
	c.exec(event, id(i), 2, record(250))
	c.exec(lock, "orders", "A-"+id(i), id(i))
	c.exec(locked, "orders", "A-"+id(i))
	c.exec(taskRead, "task")
	c.exec(task, "task", "orders", i, i, record(300))
	c.exec(take, "agent")
}

func refreshed(c conn, i int) {
	c.exec(read, id(i))
	c.exec(refresh, 3, record(1800), i)
	c.exec(research, i, "A\n"+id(i)+"\n")
	c.exec(event, id(i), 3, record(250))
}

func settle(c conn, i int) {
	c.exec(read, id(i))
	c.exec(replace, 4, "A-"+id(i), "orders", "SUCCEEDED", "", nil, nil, i, nil, nil, i, record(1900), i)
	c.exec(research, i, "A\n"+id(i)+"\narn:aws:datasync:local:000000000000:task/task-0/execution/exec-"+id(i))
	c.exec(count, "orders", "STARTING", "", -1)
	c.exec(count, "orders", "SUCCEEDED", "", 1)
	c.exec(event, id(i), 4, record(250))
	c.exec(unlock, "orders", "A-"+id(i), id(i))
	c.exec(taskRead, "task")
	c.exec(task, "task", "orders", i, i, record(300))
	c.exec(free, "agent")
}

// commits runs the four changes of n transfers, batch changes to a commit.
func commits(c conn, first, n, batch int) {
	for _, change := range []func(conn, int){accept, assign, refreshed, settle} {
		for from := first; from < first+n; from += batch {
			c.exec(begin)
			for i := from; i < min(from+batch, first+n); i++ {
				c.exec(savepoint)
				change(c, i)
				c.exec(release)
			}
			c.exec(commit)
		}
	}
}

func cpu() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e6
}

// BenchmarkCommit: one op is the four changes of one transfer.
func BenchmarkCommit(b *testing.B) {
	for _, batch := range []int{1, 32} {
		for driver := range drivers() {
			b.Run(fmt.Sprintf("%s/batch-%d", driver, batch), func(b *testing.B) {
				c := open(b, driver)
				before := cpu()
				b.ResetTimer()
				commits(c, 1, b.N, batch)
				b.StopTimer()
				b.ReportMetric((cpu()-before)/float64(4*b.N), "cpu-ms/change")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(4*b.N), "ms/change")
			})
		}
	}
}

// BenchmarkRead: a page of 50 by route and state, and one transfer.
func BenchmarkRead(b *testing.B) {
	for driver := range drivers() {
		c := open(b, driver)
		commits(c, 1, 20000, 500)
		b.Run(driver+"/page", func(b *testing.B) {
			for b.Loop() {
				if n := c.exec(page, "orders", "SUCCEEDED"); n != 50 {
					b.Fatalf("%d rows", n)
				}
			}
		})
		b.Run(driver+"/transfer", func(b *testing.B) {
			i := 0
			for b.Loop() {
				i = i*7919%20000 + 1
				if n := c.exec(one, id(i)); n != 1 {
					b.Fatalf("%d rows", n)
				}
			}
		})
		b.Run(driver+"/scan-text", func(b *testing.B) {
			for b.Loop() {
				c.exec("SELECT count(*) FROM search WHERE instr(text, ?) > 0", "nothing like it")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20000, "ns/row")
		})
	}
}

func must(tb testing.TB, err error) {
	if err != nil {
		tb.Helper()
		tb.Fatal(err)
	}
}

type sqlConn struct {
	tb    testing.TB
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func openSQL(tb testing.TB, driver, name string) conn {
	db, err := sql.Open(driver, name)
	must(tb, err)
	c, err := db.Conn(context.Background())
	must(tb, err)
	return &sqlConn{tb, db, c, map[string]*sql.Stmt{}}
}

func (c *sqlConn) exec(query string, args ...any) int {
	ctx := context.Background()
	s := c.stmts[query]
	if s == nil {
		var err error
		s, err = c.conn.PrepareContext(ctx, query)
		must(c.tb, err)
		c.stmts[query] = s
	}
	if !strings.HasPrefix(query, "SELECT") {
		_, err := s.ExecContext(ctx, args...)
		must(c.tb, err)
		return 0
	}
	rows, err := s.QueryContext(ctx, args...)
	must(c.tb, err)
	columns, err := rows.Columns()
	must(c.tb, err)
	dest := make([]any, len(columns))
	for i := range dest {
		dest[i] = new(sql.RawBytes)
	}
	n := 0
	for ; rows.Next(); n++ {
		must(c.tb, rows.Scan(dest...))
	}
	must(c.tb, rows.Err())
	must(c.tb, rows.Close())
	return n
}

func (c *sqlConn) close() { _, _ = c.conn.Close(), c.db.Close() }

type ncrucesConn struct {
	tb    testing.TB
	conn  *ncruces.Conn
	stmts map[string]*ncruces.Stmt
	buf   []byte
}

func openNcruces(tb testing.TB, path string) conn {
	c, err := ncruces.Open(path)
	must(tb, err)
	return &ncrucesConn{tb: tb, conn: c, stmts: map[string]*ncruces.Stmt{}}
}

func (c *ncrucesConn) exec(query string, args ...any) int {
	s := c.stmts[query]
	if s == nil {
		var err error
		s, _, err = c.conn.Prepare(query)
		must(c.tb, err)
		c.stmts[query] = s
	}
	for i, a := range args {
		switch v := a.(type) {
		case int:
			must(c.tb, s.BindInt(i+1, v))
		case string:
			must(c.tb, s.BindText(i+1, v))
		case []byte:
			must(c.tb, s.BindBlob(i+1, v))
		case nil:
			must(c.tb, s.BindNull(i+1))
		}
	}
	n := 0
	for ; s.Step(); n++ {
		for i := range s.ColumnCount() {
			c.buf = append(c.buf[:0], s.ColumnRawText(i)...)
		}
	}
	must(c.tb, s.Err())
	must(c.tb, s.Reset())
	return n
}

func (c *ncrucesConn) close() {
	for _, s := range c.stmts {
		_ = s.Close()
	}
	_ = c.conn.Close()
}

type zombiezenConn struct {
	tb   testing.TB
	conn *zombiezen.Conn
	buf  []byte
}

func openZombiezen(tb testing.TB, path string) conn {
	c, err := zombiezen.OpenConn(path, zombiezen.OpenReadWrite|zombiezen.OpenCreate)
	must(tb, err)
	return &zombiezenConn{tb: tb, conn: c, buf: make([]byte, 1<<16)}
}

func (c *zombiezenConn) exec(query string, args ...any) int {
	s, err := c.conn.Prepare(query)
	must(c.tb, err)
	for i, a := range args {
		switch v := a.(type) {
		case int:
			s.BindInt64(i+1, int64(v))
		case string:
			s.BindText(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		case nil:
			s.BindNull(i + 1)
		}
	}
	n := 0
	for ; ; n++ {
		row, err := s.Step()
		must(c.tb, err)
		if !row {
			break
		}
		for i := range s.ColumnCount() {
			s.ColumnBytes(i, c.buf)
		}
	}
	must(c.tb, s.Reset())
	return n
}

func (c *zombiezenConn) close() { _ = c.conn.Close() }
