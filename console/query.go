package console

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

const maxLimit = 1000

func notFound(message string) error {
	return &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: message}
}

// States lists all transfer states, in the order of a transfer's life.
func States() []hikyaku.State {
	return []hikyaku.State{
		hikyaku.Queued, hikyaku.Starting, hikyaku.Running,
		hikyaku.Succeeded, hikyaku.Failed, hikyaku.Cancelled, hikyaku.Rejected,
	}
}

// ParseState reads a state in any case.
func ParseState(s string) (hikyaku.State, error) {
	for _, st := range States() {
		if strings.EqualFold(strings.TrimSpace(s), string(st)) {
			return st, nil
		}
	}
	return "", invalid(fmt.Sprintf("no such state: %s (one of %s)", Printable(s), joinStates(States())))
}

func joinStates(states []hikyaku.State) string {
	names := make([]string, len(states))
	for i, s := range states {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// ParseTime reads a time: RFC 3339, a date, or how long ago ("90m", "24h", "7d").
func ParseTime(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return now.Add(-time.Duration(n) * 24 * time.Hour).UTC(), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d).UTC(), nil
	}
	return time.Time{}, invalid("not a time: " + Printable(s) + " (like 2026-01-31T08:00:00Z, 2026-01-31, 24h or 7d)")
}

// values returns a parameter's values, repeated or separated by commas.
func values(v url.Values, name string) []string {
	var out []string
	for _, s := range v[name] {
		for part := range strings.SplitSeq(s, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// transferQuery reads the parameters of a list of transfers.
func transferQuery(v url.Values, now time.Time) (hikyaku.Query, error) {
	q := hikyaku.Query{
		ID: v.Get("id"), Route: v.Get("route"), Code: strings.ToUpper(v.Get("error")),
		Text: strings.TrimSpace(v.Get("q")), Token: v.Get("token"),
	}
	for _, s := range values(v, "state") {
		st, err := ParseState(s)
		if err != nil {
			return q, err
		}
		q.States = append(q.States, st)
	}
	var err error
	if q.DeadLetters, err = deadLetterStates(values(v, "dead_letter")); err != nil {
		return q, err
	}
	if s := v.Get("since"); s != "" {
		if q.Since, err = ParseTime(s, now); err != nil {
			return q, err
		}
	}
	if s := v.Get("until"); s != "" {
		if q.Until, err = ParseTime(s, now); err != nil {
			return q, err
		}
	}
	q.Limit, err = limitOf(v)
	return q, err
}

// query reads the parameters of a list. A text is looked for in the paths of files
// as well, where these are known. Where texts are found by prefix, a text
// that is the code of an error means that error.
func (c *Console) query(ctx context.Context, v url.Values) (hikyaku.Query, error) {
	q, err := transferQuery(v, c.now())
	if s, ok := c.files.(FileSearcher); ok && err == nil && q.Text != "" && !c.byPrefix {
		if q.Executions, err = s.ExecutionsWithFile(ctx, q.Text); err != nil {
			return q, fmt.Errorf("search for files: %w", err)
		}
	}
	if err != nil || !c.byPrefix || q.Code != "" {
		return q, err
	}
	if entry, ok := hikyaku.Lookup(strings.ToUpper(q.Text)); ok {
		q.Code, q.Text = entry.Code, ""
	}
	return q, nil
}

func limitOf(v url.Values) (int, error) {
	s := v.Get("limit")
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		return 0, invalid(fmt.Sprintf("limit must be 1 to %d, not %s", maxLimit, Printable(s)))
	}
	return n, nil
}

func allDeadLetterStates() []hikyaku.DeadLetterState {
	return []hikyaku.DeadLetterState{
		hikyaku.DeadLetterOwed, hikyaku.DeadLetterSent, hikyaku.DeadLetterRedriven, hikyaku.DeadLetterDiscarded,
	}
}

// openDeadLetters are those that wait for a person.
func openDeadLetters() []hikyaku.DeadLetterState {
	return []hikyaku.DeadLetterState{hikyaku.DeadLetterOwed, hikyaku.DeadLetterSent}
}

func deadLetterStates(names []string) ([]hikyaku.DeadLetterState, error) {
	var out []hikyaku.DeadLetterState
next:
	for _, n := range names {
		switch strings.ToLower(n) {
		case "any", "all":
			return allDeadLetterStates(), nil
		case "open":
			out = append(out, openDeadLetters()...)
			continue
		}
		for _, d := range allDeadLetterStates() {
			if strings.EqualFold(n, string(d)) {
				out = append(out, d)
				continue next
			}
		}
		return nil, invalid("no such dead-letter state: " + Printable(n) + " (one of owed, sent, redriven, discarded, open, all)")
	}
	return out, nil
}
