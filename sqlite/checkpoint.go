package sqlite

import (
	"context"
	"database/sql"
	"os"
)

// checkpointAt is the size of the write-ahead log in bytes from which it is
// copied into the database.
const checkpointAt = 16 << 20

// logKept is to what size the log is cut when it begins anew: what is written
// over costs the file system less than what is appended. It must be smaller
// than checkpointAt, because the size of the file tells how long the log is.
const logKept = 12 << 20

// checkpointer copies the write-ahead log into the database beside the writer,
// because that takes as long as dozens of commits. Only the last part, commits
// that came while it copied, is left for the writer, so that the log can begin
// anew (and is cut to logKept).
type checkpointer struct {
	log    string
	conn   *sql.Conn
	closed <-chan struct{}
	wake   chan struct{} // the log is long
	rest   chan struct{} // most of it is copied
}

func newCheckpointer(path string, conn *sql.Conn, closed <-chan struct{}) *checkpointer {
	return &checkpointer{
		log: path + "-wal", conn: conn, closed: closed, wake: make(chan struct{}, 1), rest: make(chan struct{}, 1),
	}
}

// committed is called by the writer after each commit.
func (c *checkpointer) committed(writer *sql.Conn) {
	select {
	case <-c.rest:
		checkpoint(writer)
		return
	default:
	}
	if info, err := os.Stat(c.log); err != nil || info.Size() < checkpointAt {
		return
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run copies until closed.
func (c *checkpointer) run() {
	for {
		select {
		case <-c.closed:
			return
		case <-c.wake:
		}
		checkpoint(c.conn)
		select {
		case c.rest <- struct{}{}:
		default:
		}
		select { // woken again while it copied: the writer does the rest
		case <-c.wake:
		default:
		}
	}
}

// checkpoint copies what it may without waiting for anybody. That it could not
// is no error: readers may be in the way, the log still holds everything, and
// a later commit asks again.
func checkpoint(conn *sql.Conn) {
	_, _ = conn.ExecContext(context.Background(), "PRAGMA wal_checkpoint(PASSIVE)")
}
