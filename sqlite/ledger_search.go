package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku"
)

const (
	// wordsBatch is how many IDs are taken into the index of IDs at once: one
	// commit in so many costs some milliseconds more, and the others nothing.
	wordsBatch = 512
	// leastID is how much of a transfer_id or of an execution's ID is looked for:
	// less is the beginning of nearly all of them.
	leastID = 10
	// samePrefix is how many transfers may share the beginning of an ID that is
	// looked for.
	samePrefix = 10_000
	// scanned is how many of the newest transfers are looked through for a text
	// of fewer than three characters, which the index of IDs does not know.
	scanned = 10_000
	// candidatesOfWords is how many transfers that hold the trigrams of a text are
	// looked at for the text itself in one call.
	candidatesOfWords = 4000
	// sampled is how many of the newest IDs tell which trigrams all IDs share.
	sampled = 48
)

// searchStep is the step of the schema that brings what is searched.
//
// words holds the trigrams of every transfer's ID up to the position in
// worded; those above are few and looked through (see indexIDs). failures is
// what failed, or failed lately, in rows so short that thousands are grouped or
// searched in a few milliseconds; transfers that never failed have none.
// executions finds the transfers of an execution, of earlier attempts too.
func searchStep() string {
	return `
CREATE VIRTUAL TABLE words USING fts5(id, tokenize='trigram', content='', contentless_delete=1, detail=none);
CREATE TABLE worded (n INTEGER NOT NULL);
CREATE TABLE failures (
	n           INTEGER PRIMARY KEY,
	id          TEXT NOT NULL,
	route       TEXT NOT NULL,
	state       TEXT NOT NULL,
	code        TEXT NOT NULL,
	message     TEXT NOT NULL,
	detail      TEXT NOT NULL,
	dead_letter TEXT NOT NULL,
	ended_at    INTEGER NOT NULL
);
CREATE TABLE executions (
	execution TEXT NOT NULL,
	n         INTEGER NOT NULL,
	PRIMARY KEY (execution, n)
) WITHOUT ROWID;
INSERT INTO words (rowid, id) SELECT n, id FROM transfers INDEXED BY transfers_by_id ORDER BY n;
INSERT INTO worded SELECT coalesce(max(n), -1) FROM transfers;
INSERT INTO failures SELECT n, id, route, state, coalesce(code, ''),
	coalesce(json_extract(CAST(record AS TEXT), '$.error.message'), ''),
	coalesce(json_extract(CAST(record AS TEXT), '$.error.detail'), ''), coalesce(dead_letter, ''), coalesce(ended_at, 0)
	FROM transfers WHERE n IN (
		SELECT n FROM transfers INDEXED BY transfers_by_code WHERE code IS NOT NULL UNION
		SELECT n FROM transfers INDEXED BY transfers_by_dead_letter WHERE dead_letter IS NOT NULL UNION
		SELECT n FROM transfers INDEXED BY transfers_by_route_state
			WHERE route IN (SELECT route FROM counts) AND state IN ('FAILED', 'REJECTED'));
WITH a AS (SELECT n, substr(text, instr(text, char(10)) + 1) AS t FROM search),
	b AS (SELECT n, substr(t, instr(t, char(10)) + 1) || char(10) AS t FROM a),
	c AS (SELECT n, substr(t, 1, instr(t, char(10)) - 1) AS arn FROM b)
INSERT INTO executions SELECT substr(arn, instr(arn, '/execution/') + 11) AS e, n FROM c WHERE instr(arn, '/execution/') > 0 ORDER BY e;
DROP TABLE search;
`
}

// matchesText tells whether text is found in t: in its ID or the text of its
// failure, or as the beginning of its transfer_id or of an execution's.
func matchesText(t *hikyaku.Transfer, text string) bool {
	if strings.Contains(t.ID, text) || utf8.RuneCountInString(text) >= leastID && strings.HasPrefix(t.TransferID, text) {
		return true
	}
	if f := t.Failure; f != nil && (strings.Contains(f.Code, text) || strings.Contains(f.Message, text) || strings.Contains(f.Detail, text)) {
		return true
	}
	begin := executionPrefix(text)
	if begin == "" {
		return false
	}
	found := strings.HasPrefix(lastPart(t.ExecutionARN), begin)
	for _, a := range t.Attempts {
		found = found || strings.HasPrefix(lastPart(a.ExecutionARN), begin)
	}
	return found
}

// ranIn tells whether one of t's attempts is one of these executions.
func ranIn(t *hikyaku.Transfer, executions []string) bool {
	return slices.Contains(executions, lastPart(t.ExecutionARN)) ||
		slices.ContainsFunc(t.Attempts, func(a hikyaku.Attempt) bool { return slices.Contains(executions, lastPart(a.ExecutionARN)) })
}

// lastPart is what tells an ARN from others of its kind.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// executionPrefix is the beginning of an execution's ID that a text, such as an
// ARN, asks for; empty if it asks for none.
func executionPrefix(text string) string {
	if begin := lastPart(text); strings.HasPrefix(begin, "exec-") && len(begin) >= leastID {
		return begin
	}
	return ""
}

// after is the first text behind all that begin with prefix.
func after(prefix string) string { return prefix + "\U0010FFFF" }

// textStreams are the ways to a text: each finds some of the transfers.
func (l *Ledger) textStreams(ctx context.Context, q hikyaku.Query) ([]stream, error) {
	text := q.Text
	var worded int64
	if err := l.db.queryRow(ctx, "SELECT n FROM worded").Scan(&worded); err != nil {
		return nil, fmt.Errorf("read what is indexed: %w", err)
	}
	inID := "instr((SELECT t.id FROM transfers AS t WHERE t.n = c.n), ?) > 0"
	all := []stream{{
		columns: "n, code, message, detail", from: "failures", where: "1",
		match: "(instr(c.code, ?) > 0 OR instr(c.message, ?) > 0 OR instr(c.detail, ?) > 0)", matchArgs: []any{text, text, text},
	}}
	newest, err := l.newestIDs(ctx)
	if err != nil {
		return nil, err
	}
	if grams := trigrams(text, newest); grams == "" {
		all = append(all, stream{columns: "n, id", from: "transfers", where: "1", match: "instr(c.id, ?) > 0", matchArgs: []any{text}, rows: scanned})
	} else {
		all = append(all,
			stream{columns: "n, id", from: "transfers", where: "n > ?", args: []any{worded}, match: "instr(c.id, ?) > 0", matchArgs: []any{text}},
			stream{columns: "rowid AS n", n: "rowid", from: "words", where: "words MATCH ?", args: []any{grams}, match: inID, matchArgs: []any{text}, rows: candidatesOfWords})
	}
	if utf8.RuneCountInString(text) >= leastID {
		all = append(all, stream{
			columns: "n", from: "(SELECT n FROM transfers INDEXED BY transfers_by_transfer_id WHERE transfer_id >= ? AND transfer_id < ? LIMIT ?)",
			where: "1", args: []any{text, after(text), samePrefix},
		})
	}
	if len(q.Executions) > 0 {
		all = append(all, stream{columns: "n", from: "(SELECT n FROM executions WHERE execution IN (SELECT value FROM json_each(?)))", where: "1", args: []any{list(q.Executions)}})
	}
	if begin := executionPrefix(text); begin != "" {
		all = append(all, stream{
			columns: "n", from: "(SELECT n FROM executions WHERE execution >= ? AND execution < ? LIMIT ?)",
			where: "1", args: []any{begin, after(begin), samePrefix},
		})
	}
	return all, nil
}

// newestIDs are a sample of the IDs.
func (l *Ledger) newestIDs(ctx context.Context) (ids []string, err error) {
	rows, err := l.db.query(ctx, "SELECT id FROM transfers ORDER BY n DESC LIMIT ?", sampled)
	if err != nil {
		return nil, fmt.Errorf("read the newest ids: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read an id: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// trigrams asks the index of IDs for all that hold every three characters of a
// text; empty if it is too short. Those that most of the sampled IDs hold are
// left out while others remain: finding them would read the whole index.
func trigrams(text string, sample []string) string {
	runes := []rune(text)
	var rare, all []string
	for i := 0; i+3 <= len(runes) && len(all) < 64; i++ {
		gram := string(runes[i : i+3])
		quoted := `"` + strings.ReplaceAll(gram, `"`, `""`) + `"`
		all = append(all, quoted)
		holders := 0
		for _, id := range sample {
			if strings.Contains(id, gram) {
				holders++
			}
		}
		if 2*holders <= len(sample) {
			rare = append(rare, quoted)
		}
	}
	if len(rare) > 0 {
		all = rare
	}
	return strings.Join(all, " AND ")
}

// indexID takes the ID of a new transfer into the index: with many others, or
// at once where those around it are there already.
func (w *changeWriter) indexID(n int64) error {
	var worded int64
	if err := w.tx.QueryRow("SELECT n FROM worded").Scan(&worded); err != nil {
		return err
	}
	if n <= worded {
		_, err := w.tx.Exec("INSERT INTO words (rowid, id) VALUES (?, ?)", n, w.transfer.ID)
		return err
	}
	w.ledger.unworded++
	if w.ledger.unworded < wordsBatch {
		return nil
	}
	w.ledger.unworded = 0
	if _, err := w.tx.Exec("INSERT INTO words (rowid, id) SELECT n, id FROM transfers WHERE n > ? ORDER BY n", worded); err != nil {
		return err
	}
	_, err := w.tx.Exec("UPDATE worded SET n = (SELECT max(n) FROM transfers)")
	return err
}

// keepFailure keeps the short row of a transfer that failed, now or in an
// earlier attempt. had tells that there is one.
func (w *changeWriter) keepFailure(n int64, c columns, had bool) error {
	t := w.transfer
	if !failedOnce(c) {
		if !had {
			return nil
		}
		_, err := w.tx.Exec("DELETE FROM failures WHERE n = ?", n)
		return err
	}
	var f hikyaku.Failure
	if t.Failure != nil {
		f = *t.Failure
	}
	_, err := w.tx.Exec(`INSERT INTO failures (n, id, route, state, code, message, detail, dead_letter, ended_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (n) DO UPDATE SET id = excluded.id, route = excluded.route, state = excluded.state,
		code = excluded.code, message = excluded.message, detail = excluded.detail, dead_letter = excluded.dead_letter,
		ended_at = excluded.ended_at`,
		n, c.id, c.route, c.state, f.Code, f.Message, f.Detail, string(t.DeadLetter), c.endedAt.Int64)
	return err
}

// failedOnce tells whether a transfer has a row among the failures.
func failedOnce(c columns) bool {
	return c.code.Valid || c.deadLetter.Valid || c.state == string(hikyaku.Failed) || c.state == string(hikyaku.Rejected)
}

// keepExecution makes the transfer be found by its execution.
func (w *changeWriter) keepExecution(n int64) error {
	_, execution, ok := strings.Cut(w.transfer.ExecutionARN, "/execution/")
	if !ok {
		return nil
	}
	_, err := w.tx.Exec("INSERT OR IGNORE INTO executions (execution, n) VALUES (?, ?)", execution, n)
	return err
}

// Failures implements hikyaku.FailureLister.
func (l *Ledger) Failures(ctx context.Context, q hikyaku.FailureQuery) (found []hikyaku.FailedTransfer, more bool, err error) {
	rows, err := l.db.query(ctx, `SELECT id, route, state, code, message, detail, dead_letter, ended_at FROM failures
		WHERE (?1 = 'null' OR state IN (SELECT value FROM json_each(?1)))
		AND (?2 = 'null' OR dead_letter IN (SELECT value FROM json_each(?2))) ORDER BY n DESC LIMIT ?3`,
		list(q.States), list(q.DeadLetters), q.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("list failures: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if len(found) == q.Limit {
			return found, true, nil
		}
		var f hikyaku.FailedTransfer
		var ended int64
		if err := rows.Scan(&f.ID, &f.Route, &f.State, &f.Failure.Code, &f.Failure.Message, &f.Failure.Detail, &f.DeadLetter, &ended); err != nil {
			return nil, false, fmt.Errorf("read failure: %w", err)
		}
		if ended != 0 {
			f.EndedAt = time.Unix(0, ended).UTC()
		}
		found = append(found, f)
	}
	return found, false, rows.Err()
}
