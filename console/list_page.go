package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

func (c *Console) transfersPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, err := c.query(v)
	if err != nil {
		return err
	}
	page, err := c.ledger.Transfers(r.Context(), q)
	if err != nil {
		return fmt.Errorf("list transfers: %w", err)
	}
	l, now := requestLang(r), c.now()
	p := &web.Page{Title: "nav_transfers", Section: "transfers", Lang: l, Path: r.URL.Path, Query: v}
	list := &web.List{Query: v.Get("q"), SearchHint: "search_hint", Live: liveLink(v, l)}
	if c.byPrefix {
		list.SearchHint = "search_hint_prefix"
	}
	for _, t := range page.Transfers {
		list.Rows = append(list.Rows, row(t, l, now))
	}
	if page.NextToken != "" {
		list.NextLink = p.With("token", page.NextToken)
	}
	for _, name := range []string{"route", "id", "error", "since", "until"} {
		if s := v.Get(name); s != "" {
			list.Filters = append(list.Filters, web.Filter{Name: "filter_" + name, Value: printableText(s), Link: p.With(name, "")})
		}
	}
	if err := c.summaries(r.Context(), p, list, q); err != nil {
		return err
	}
	p.Content = list
	c.page(w, r, http.StatusOK, "transfers", p)
	return nil
}

func liveLink(v url.Values, l Lang) string {
	live := url.Values{"lang": {string(l)}}
	for _, name := range []string{"id", "route", "state", "error", "q"} {
		if s, ok := v[name]; ok {
			live[name] = s
		}
	}
	return "/live?" + live.Encode()
}

// summaries fills in counts, the side, and what needs a person.
func (c *Console) summaries(ctx context.Context, p *web.Page, list *web.List, q hikyaku.Query) error {
	stats, err := c.readStats(ctx)
	if err != nil {
		return err
	}
	pool, err := c.readPool(ctx, "")
	if err != nil {
		return err
	}
	list.Chips = chips(p, stats, q)
	list.Side = c.side(p.Lang, stats, pool)
	dead, err := c.ledger.Transfers(ctx, hikyaku.Query{DeadLetters: openDeadLetters(), Limit: alertCount})
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	p.Alerts = alerts(p.Lang, c.now(), stats, pool, len(dead.Transfers), dead.NextToken != "")
	return nil
}

func chips(p *web.Page, stats Stats, q hikyaku.Query) []web.Chip {
	counts := stats.Totals
	if q.Route != "" {
		counts = stats.Counts[q.Route]
	}
	all := web.Chip{Text: p.T("all"), Active: len(q.States) == 0, Link: p.With("state", "")}
	out := []web.Chip{all}
	for _, s := range States() {
		out[0].Count += counts[s]
		out = append(out, web.Chip{
			State: string(s), Text: StateWord(string(s), p.Lang), Count: counts[s],
			Active: slices.Contains(q.States, s), Link: p.With("state", string(s)),
		})
	}
	return out
}

// alertCount is up to how many dead letters are counted exactly; waitsLong is
// from when on a waiting transfer is worth a line.
const (
	alertCount = 100
	waitsLong  = 15 * time.Minute
)

func alerts(l Lang, now time.Time, stats Stats, pool hikyaku.Pool, dead int, more bool) []web.Alert {
	var out []web.Alert
	offline := 0
	for _, a := range pool.Agents {
		if !a.Online {
			offline++
		}
	}
	if offline > 0 {
		out = append(out, web.Alert{Text: sprintf(web.Text(l, "alert_agents"), offline, len(pool.Agents)), Link: "/pool"})
	}
	if dead > 0 {
		n := numberText(int64(dead))
		if more {
			n += "+"
		}
		out = append(out, web.Alert{Text: sprintf(web.Text(l, "alert_dead_letters"), n), Link: "/dlq"})
	}
	for _, route := range sortedKeys(stats.OldestQueued) {
		if age := now.Sub(stats.OldestQueued[route]); age >= waitsLong {
			out = append(out, web.Alert{
				Text: sprintf(web.Text(l, "alert_oldest"), printableText(route), FormatDuration(age, l)),
				Link: "/?" + url.Values{"route": {route}, "state": {string(hikyaku.Queued)}}.Encode(),
			})
		}
	}
	return out
}

func (c *Console) deadLettersPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, err := transferQuery(v, c.now())
	if err != nil {
		return err
	}
	if len(q.DeadLetters) == 0 {
		q.DeadLetters = openDeadLetters()
	}
	page, err := c.ledger.Transfers(r.Context(), q)
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	l, now := requestLang(r), c.now()
	p := &web.Page{Title: "nav_dlq", Section: "dlq", Lang: l, Path: r.URL.Path, Query: v}
	list := &web.List{Live: liveLink(nil, l)}
	for _, t := range page.Transfers {
		rw := row(t, l, now)
		if !t.EndedAt.IsZero() {
			rw.At, rw.Age = t.EndedAt, FormatDuration(now.Sub(t.EndedAt), l)
		}
		list.Rows = append(list.Rows, rw)
	}
	if page.NextToken != "" {
		list.NextLink = p.With("token", page.NextToken)
	}
	p.Content = list
	c.page(w, r, http.StatusOK, "deadletters", p)
	return nil
}

func (c *Console) poolPage(w http.ResponseWriter, r *http.Request) error {
	stats, err := c.readStats(r.Context())
	if err != nil {
		return err
	}
	pool, err := c.readPool(r.Context(), "")
	if err != nil {
		return err
	}
	l := requestLang(r)
	side := c.side(l, stats, pool)
	side.Tasks = c.tasks(l, pool)
	c.page(w, r, http.StatusOK, "pool", &web.Page{Title: "nav_pool", Section: "pool", Content: side})
	return nil
}

// sidePart is the summary beside the list, read again by the page.
func (c *Console) sidePart(w http.ResponseWriter, r *http.Request) error {
	stats, err := c.readStats(r.Context())
	if err != nil {
		return err
	}
	pool, err := c.readPool(r.Context(), "")
	if err != nil {
		return err
	}
	l := requestLang(r)
	var b bytes.Buffer
	if err := c.site.RenderSide(&b, l, c.side(l, stats, pool)); err != nil {
		return err
	}
	c.html(w, r, http.StatusOK, b.Bytes())
	return nil
}
