package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku/mover"
)

const (
	// pathsBatch and pathsBatchFiles are how many ended executions, or how many of
	// their files, are taken into the index of paths at once: one commit in so many
	// costs some milliseconds more, and the others nothing.
	pathsBatch      = 256
	pathsBatchFiles = 2000
	// pathCandidates is how many executions that hold the trigrams of a text are
	// looked at for the text itself.
	pathCandidates = 4000
)

// pathsStep is the step of the schema that brings the search for files.
//
// paths has the kept paths of every ended execution up to the position in pathed,
// and of earlier ones that ended since, a line for each; those above are few and
// looked through (see indexPaths).
func pathsStep() string {
	return `
CREATE VIRTUAL TABLE paths USING fts5(path, tokenize='trigram', detail=none);
CREATE TABLE pathed (seq INTEGER NOT NULL);
` + indexPathsOf("1") + `;
INSERT INTO pathed SELECT coalesce(max(seq), 0) FROM executions;
`
}

// indexPathsOf takes the paths of the executions e that a condition selects into
// the index.
func indexPathsOf(condition string) string {
	return `INSERT OR REPLACE INTO paths (rowid, path)
	SELECT e.seq, (SELECT group_concat(json_extract(f.value, '$.path'), char(10)) FROM json_each(CAST(x.data AS TEXT), '$.item') AS f)
	FROM executions AS e JOIN execution_files AS x ON x.id = e.id WHERE ` + condition
}

// indexPaths makes the executions whose files c brings be found by them: with many
// others, or at once where those around them are there already.
func (m *Mover) indexPaths(tx *Tx, c mover.Change) error {
	for arn, files := range c.Files {
		var seq, pathed int64
		if err := tx.QueryRow("SELECT coalesce((SELECT seq FROM executions WHERE id = ?), 0), (SELECT seq FROM pathed)", idOf(arn)).Scan(&seq, &pathed); err != nil {
			return err
		}
		if seq <= pathed {
			if _, err := tx.Exec(indexPathsOf("e.seq = ?"), seq); err != nil {
				return err
			}
			continue
		}
		m.unpathed++
		m.unpathedFiles += len(files)
	}
	if m.unpathed < pathsBatch && m.unpathedFiles < pathsBatchFiles {
		return nil
	}
	m.unpathed, m.unpathedFiles = 0, 0
	if _, err := tx.Exec(indexPathsOf("e.seq > (SELECT seq FROM pathed)")); err != nil {
		return err
	}
	_, err := tx.Exec("UPDATE pathed SET seq = (SELECT max(seq) FROM executions)")
	return err
}

// ExecutionsWithFile implements mover.Store.
func (m *Mover) ExecutionsWithFile(ctx context.Context, text string, limit int) (ids []string, err error) {
	if utf8.RuneCountInString(text) < mover.LeastPath || strings.Contains(text, "\n") { // a line is a path
		return nil, nil
	}
	rows, err := m.db.read.QueryContext(ctx, `SELECT id FROM executions WHERE seq IN (
			SELECT rowid FROM (SELECT rowid, path FROM paths WHERE paths MATCH ?1 ORDER BY rowid DESC LIMIT ?2) WHERE instr(path, ?3) > 0
			UNION
			SELECT e.seq FROM executions AS e JOIN execution_files AS x ON x.id = e.id
			WHERE e.seq > (SELECT seq FROM pathed) AND EXISTS (
				SELECT 1 FROM json_each(CAST(x.data AS TEXT), '$.item') AS f WHERE instr(json_extract(f.value, '$.path'), ?3) > 0))
		ORDER BY seq DESC LIMIT ?4`, trigrams(text, nil), pathCandidates, text, limit)
	if err != nil {
		return nil, fmt.Errorf("search for files in %s: %w", m.db.path, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("search for files in %s: %w", m.db.path, err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
