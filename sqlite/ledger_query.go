package sqlite

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	defaultLimit = 50
	maxLimit     = 1000
)

// Transfers lists transfers, newest first, by the time they were created.
//
// ID, Code, DeadLetters, Route with or without States, and Text of three
// characters or more in an ID are answered by an index; Text in a failure is
// looked for among what failed. At most LedgerOptions.SearchRows rows of an
// index are looked at per call where it does not answer all of the query. A page
// may therefore be shorter than Limit, or even empty, and still have a NextToken.
func (l *Ledger) Transfers(ctx context.Context, q hikyaku.Query) (hikyaku.Page, error) {
	limit := q.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	s, err := newSelection(q)
	if err != nil {
		return hikyaku.Page{}, err
	}
	page, ok, err := l.fewOfID(ctx, q, limit)
	if ok || err != nil {
		return page, err
	}
	candidates, next, err := l.candidates(ctx, s, limit)
	if err != nil {
		return hikyaku.Page{}, fmt.Errorf("list transfers: %w", err)
	}
	if page.Transfers, err = l.load(ctx, candidates, q); err != nil {
		return hikyaku.Page{}, fmt.Errorf("read listed transfers: %w", err)
	}
	if next > s.from {
		page.NextToken = strconv.FormatInt(next, 36)
	}
	return page, nil
}

// selection is a query in the terms of the schema: positions from <= n < below.
type selection struct {
	hikyaku.Query
	from, below int64
}

func newSelection(q hikyaku.Query) (selection, error) {
	s := selection{Query: q, below: math.MaxInt64}
	if !q.Since.IsZero() {
		s.from = base(q.Since)
	}
	if !q.Until.IsZero() {
		s.below = base(q.Until.Add(time.Microsecond - 1))
	}
	if q.Token == "" {
		return s, nil
	}
	n, err := strconv.ParseInt(q.Token, 36, 64)
	if err != nil || n < 0 {
		return s, &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "list transfers", Message: "the token is not one that a page gave",
		}
	}
	s.below = min(s.below, n)
	return s, nil
}

// stream is a walk along one index, newest first.
type stream struct {
	columns   string // n and what the filter needs
	from      string
	where     string
	args      []any
	n         string // the column that holds n; empty: n
	match     string // what else a row c must hold, such as the text itself
	matchArgs []any
	rows      int // how many are looked at in one call; 0: SearchRows
}

// candidates returns at most limit positions, and where to go on: 0 at the end.
func (l *Ledger) candidates(ctx context.Context, s selection, limit int) (found []int64, next int64, err error) {
	streams, err := l.streams(ctx, s)
	if err != nil {
		return nil, 0, err
	}
	floor := int64(0) // below this some stream was not looked at
	for _, st := range streams {
		list, stopped, err := l.walk(ctx, s, st, limit+1)
		if err != nil {
			return nil, 0, err
		}
		found = append(found, list...)
		floor = max(floor, stopped)
	}
	slices.SortFunc(found, func(a, b int64) int { return int(min(max(b-a, -1), 1)) })
	found = slices.Compact(found)
	if i := slices.IndexFunc(found, func(n int64) bool { return n < floor }); i >= 0 {
		found = found[:i]
	}
	if len(found) > limit {
		found = found[:limit]
		return found, found[limit-1], nil
	}
	return found, floor, nil
}

// walk takes at most want matching positions of one stream, after looking at
// SearchRows of its rows at most; stopped is the last one it looked at if it
// stopped for that.
func (l *Ledger) walk(ctx context.Context, s selection, st stream, want int) (found []int64, stopped int64, err error) {
	rows := cmp.Or(st.rows, l.opts.SearchRows)
	inner := fmt.Sprintf("SELECT %[1]s FROM %[2]s WHERE %[3]s AND %[4]s >= ? AND %[4]s < ? ORDER BY %[4]s DESC",
		st.columns, st.from, st.where, cmp.Or(st.n, "n"))
	args := append(slices.Clone(st.args), s.from, s.below)
	filter, filterArgs := s.filter(st)
	query := inner + " LIMIT ?"
	if filter != "" {
		query = fmt.Sprintf("SELECT n FROM (%s LIMIT %d) AS c WHERE %s LIMIT ?", inner, rows, filter)
	}
	if found, err = l.positions(ctx, query, slices.Concat(args, filterArgs, []any{want})...); err != nil {
		return nil, 0, err
	}
	if filter == "" || len(found) == want {
		return found, 0, nil
	}
	last, err := l.positions(ctx, "SELECT n FROM ("+inner+" LIMIT 1 OFFSET ?)", append(args, rows-1)...)
	if err != nil || len(last) == 0 {
		return found, 0, err
	}
	return found, last[0], nil
}

// streams chooses the index that answers the most selective condition.
func (l *Ledger) streams(ctx context.Context, s selection) ([]stream, error) {
	switch {
	case s.ID != "":
		return []stream{indexed("transfers_by_id", "id = ?", s.ID)}, nil
	case s.Text != "":
		return l.textStreams(ctx, s.Query)
	case s.Code != "":
		return []stream{indexed("transfers_by_code", "code = ?", s.Code)}, nil
	case len(s.DeadLetters) > 0:
		var list []stream
		for _, d := range s.DeadLetters {
			list = append(list, indexed("transfers_by_dead_letter", "dead_letter = ?", string(d)))
		}
		return list, nil
	case len(s.States) > 0 || s.Route != "":
		return l.stateStreams(ctx, s)
	}
	return []stream{{columns: "n", from: "transfers", where: "1"}}, nil
}

// indexed walks an index of transfers.
func indexed(name, where string, args ...any) stream {
	return stream{columns: "n", from: "transfers INDEXED BY " + name, where: where, args: args}
}

// stateStreams are the streams of each wanted route and state that occurs.
func (l *Ledger) stateStreams(ctx context.Context, s selection) (_ []stream, err error) {
	rows, err := l.db.query(ctx, "SELECT DISTINCT route, state FROM counts WHERE n > 0")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var list []stream
	for rows.Next() {
		var route, state string
		if err := rows.Scan(&route, &state); err != nil {
			return nil, err
		}
		if s.Route != "" && route != s.Route || len(s.States) > 0 && !slices.Contains(s.States, hikyaku.State(state)) {
			continue
		}
		list = append(list, indexed("transfers_by_route_state", "route = ? AND state = ?", route, state))
	}
	return list, rows.Err()
}

// filter is the part of the query that the chosen stream does not answer, over
// a row c with c.n; empty if there is none.
func (s selection) filter(st stream) (string, []any) {
	var conditions []string
	var args []any
	if st.match != "" {
		conditions, args = append(conditions, st.match), append(args, st.matchArgs...)
	}
	indexed := s.ID != "" || s.Text != "" || s.Code != "" || len(s.DeadLetters) > 0
	var rest []string
	also := func(condition string, value any) {
		rest = append(rest, condition)
		args = append(args, value)
	}
	if indexed && s.Route != "" {
		also("t.route = ?", s.Route)
	}
	if indexed && len(s.States) > 0 {
		also("t.state IN (SELECT value FROM json_each(?))", list(s.States))
	}
	if s.Code != "" && (s.ID != "" || s.Text != "") {
		also("t.code = ?", s.Code)
	}
	if len(s.DeadLetters) > 0 && (s.ID != "" || s.Text != "" || s.Code != "") {
		also("t.dead_letter IN (SELECT value FROM json_each(?))", list(s.DeadLetters))
	}
	if len(rest) > 0 {
		conditions = append(conditions, "EXISTS (SELECT 1 FROM transfers AS t WHERE t.n = c.n AND "+strings.Join(rest, " AND ")+")")
	}
	return strings.Join(conditions, " AND "), args
}

// list is a list of words as json_each takes it.
func list[T ~string](words []T) string {
	b, _ := json.Marshal(words) // strings always encode
	return string(b)
}

func (l *Ledger) positions(ctx context.Context, query string, args ...any) (list []int64, err error) {
	rows, err := l.db.query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// load reads the records of positions and leaves out those that stopped
// matching since they were found.
func (l *Ledger) load(ctx context.Context, positions []int64, q hikyaku.Query) ([]hikyaku.Transfer, error) {
	if len(positions) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(positions)
	if err != nil {
		return nil, err
	}
	loaded, err := decoded[hikyaku.Transfer](l.db.query(ctx,
		"SELECT record FROM transfers WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n DESC", string(list)))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(loaded, func(t hikyaku.Transfer) bool { return !matches(&t, q) }), nil
}

// matches is the query as a predicate.
func matches(t *hikyaku.Transfer, q hikyaku.Query) bool {
	return q.Matches(t) && (q.Text == "" || matchesText(t, q.Text) || ranIn(t, q.Executions))
}
