package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

const (
	// errorWindow is how many of the newest failures are grouped: ledgers do not
	// count by code.
	errorWindow = 10_000
	// errorsAge is how old the groups may be that a page shows.
	errorsAge = 10 * time.Second
	// errorTexts is how many texts of a code are told apart, errorHours how far
	// back its trend goes.
	errorTexts = 5
	errorHours = 24
)

// failures keeps the groups of the newest failures for a short while.
type failures struct {
	mu   sync.Mutex
	at   time.Time
	seen int
	more bool
	list []*failureGroup
}

// failureGroup is what failed with one code.
type failureGroup struct {
	code   string
	first  hikyaku.Failure
	count  int
	newest time.Time
	hours  [errorHours]int // the last is the running one
	texts  map[string]int
	plain  map[string]bool // texts that can be searched for as they are
	routes map[string]int
}

// read returns the groups, the most common first. The groups are not changed
// any more.
func (f *failures) read(ctx context.Context, l hikyaku.Ledger, now time.Time) (groups []*failureGroup, seen int, more bool, at time.Time, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if age := now.Sub(f.at); f.at.IsZero() || age < 0 || age >= errorsAge {
		if err := f.group(ctx, l, now); err != nil {
			return nil, 0, false, now, err
		}
	}
	return f.list, f.seen, f.more, f.at, nil
}

func (f *failures) group(ctx context.Context, l hikyaku.Ledger, now time.Time) error {
	by := map[string]*failureGroup{}
	list, more, err := readFailures(ctx, l, hikyaku.FailureQuery{States: []hikyaku.State{hikyaku.Failed, hikyaku.Rejected}, Limit: errorWindow})
	if err != nil {
		return fmt.Errorf("group failures: %w", err)
	}
	for _, t := range list {
		addFailure(by, t, now)
	}
	f.list = nil
	for _, code := range sortedKeys(by) {
		f.list = append(f.list, by[code])
	}
	slices.SortStableFunc(f.list, func(a, b *failureGroup) int { return cmp.Compare(b.count, a.count) })
	f.seen, f.more, f.at = len(list), more, now
	return nil
}

func addFailure(by map[string]*failureGroup, t hikyaku.FailedTransfer, now time.Time) {
	failure := t.Failure
	g := by[failure.Code]
	if g == nil {
		g = &failureGroup{
			code: failure.Code, first: failure, texts: map[string]int{}, plain: map[string]bool{}, routes: map[string]int{},
		}
		by[failure.Code] = g
	}
	g.count++
	if t.EndedAt.After(g.newest) {
		g.newest = t.EndedAt
	}
	if ago := int(now.Sub(t.EndedAt).Hours()); ago >= 0 && ago < errorHours && !t.EndedAt.IsZero() {
		g.hours[errorHours-1-ago]++
	}
	text := sameText(failure.Message, t.ID)
	g.texts[text]++
	g.plain[text] = text == failure.Message
	g.routes[t.Route]++
}

// sameText is a message without what differs from transfer to transfer: the ID
// and numbers.
func sameText(message, id string) string {
	if id != "" {
		message = strings.ReplaceAll(message, id, "…")
	}
	if !strings.ContainsAny(message, "0123456789") {
		return message
	}
	var b strings.Builder
	number := false
	for _, r := range message {
		digit := '0' <= r && r <= '9'
		switch {
		case !digit:
			b.WriteRune(r)
		case !number:
			b.WriteByte('#')
		}
		number = digit
	}
	return b.String()
}

func (c *Console) errorsPage(w http.ResponseWriter, r *http.Request) error {
	groups, seen, more, at, err := c.failures.read(r.Context(), c.ledger.Ledger, c.now())
	if err != nil {
		return err
	}
	l := requestLang(r)
	p := &web.Page{Title: "nav_errors", Section: "errors", Lang: l, Path: r.URL.Path, Query: r.URL.Query()}
	c.rights(p, identityOf(r.Context())) // its actions say what may not be done
	hint := "errors_hint"
	if more {
		hint = "errors_hint_more"
	}
	content := &web.Errors{Hint: p.T(hint, numberText(int64(seen))), At: at}
	for _, g := range groups {
		content.Groups = append(content.Groups, c.errorGroup(p, g))
	}
	p.Content = content
	c.page(w, r, http.StatusOK, "errors", p)
	return nil
}

// failedLink is the list of what failed with a code; more are conditions.
func failedLink(code string, more ...string) string {
	q := url.Values{"error": {code}, "state": {string(hikyaku.Failed), string(hikyaku.Rejected)}}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/transfers?" + q.Encode()
}

func (c *Console) errorGroup(p *web.Page, g *failureGroup) web.ErrorGroup {
	count := func(n int) string { return numberText(int64(n)) }
	out := web.ErrorGroup{
		Code: printableText(g.code), Title: printableText(FailureTitle(&g.first, p.Lang)), Remedy: printableText(Remedy(&g.first, p.Lang)),
		Count: count(g.count), Final: true, Link: failedLink(g.code),
		Hour:  p.T("errors_hour", count(g.hours[errorHours-1]), count(g.hours[errorHours-2])),
		Rerun: p.RerunLike(g.code, count(g.count)),
	}
	if e, ok := hikyaku.Lookup(g.code); ok {
		text := e.Text(string(p.Lang))
		out.Title, out.Cause, out.Final = text.Title, text.Cause, !e.Retryable
	}
	if !g.newest.IsZero() {
		out.Newest = p.T("errors_newest", FormatDuration(c.now().Sub(g.newest), p.Lang))
	}
	hours := make([]minute, errorHours)
	for i, n := range g.hours {
		hours[i] = minute{at: c.now().Unix()/60 - int64(errorHours-i)*60, bad: int64(n)}
	}
	out.Trend = barChart("errors_trend", hours, p.Lang, "15:04")
	for _, text := range mostFirst(g.texts, errorTexts) {
		e := web.ErrorText{Text: printableText(text), Count: count(g.texts[text])}
		if g.plain[text] && text != "" && !c.byPrefix {
			e.Link = failedLink(g.code, "q", text)
		}
		out.Texts = append(out.Texts, e)
	}
	for _, route := range mostFirst(g.routes, errorTexts) {
		if route != "" {
			out.Routes = append(out.Routes, web.Chip{Text: printableText(route), Count: int64(g.routes[route]), Link: failedLink(g.code, "route", route)})
		}
	}
	return out
}

// mostFirst returns at most limit keys, those with the highest counts.
func mostFirst(m map[string]int, limit int) []string {
	keys := sortedKeys(m)
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(m[b], m[a]) })
	return keys[:min(limit, len(keys))]
}
