package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// conditions are the parameters of a view of transfers.
func conditions() []string {
	return []string{"q", "id", "state", "route", "error", "agent", "since", "until", "dead_letter"}
}

func (c *Console) transfersPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	view, err := c.view(r.Context(), v)
	if err != nil {
		return err
	}
	page, looked, err := c.listed(r.Context(), view)
	if err != nil {
		return err
	}
	l, now := requestLang(r), c.now()
	p := &web.Page{Title: "nav_transfers", Section: "transfers", Lang: l, Path: r.URL.Path, Query: v}
	list := &web.List{Query: v.Get("q"), Live: liveLink(v, l), MaxRows: numberText(maxExport)}
	for _, t := range page.Transfers {
		list.Rows = append(list.Rows, row(t, l, now))
	}
	if page.NextToken != "" {
		list.NextLink = p.With("token", page.NextToken)
		if looked > 0 {
			list.Looked = p.T("looked_at", numberText(int64(looked)))
		} else if v.Get("q") != "" && len(page.Transfers) < cmp.Or(view.Limit, defaultLimit) {
			list.Looked = p.T("searched_part")
		}
	}
	for _, name := range []string{"q", "route", "id", "error", "agent", "since", "until", "dead_letter"} {
		if s := v.Get(name); s != "" {
			list.Filters = append(list.Filters, web.Filter{Name: filterName(name), Value: printableText(s), Link: p.With(name, "")})
		}
	}
	list.Columns, list.Shown = columns(r)
	if err := c.summaries(r.Context(), p, list, view); err != nil {
		return err
	}
	p.Content = list
	c.page(w, r, http.StatusOK, "transfers", p)
	return nil
}

func filterName(parameter string) string {
	if parameter == "dead_letter" {
		return "fact_dead_letter"
	}
	return "filter_" + parameter
}

func liveLink(v url.Values, l Lang) string {
	live := url.Values{"lang": {string(l)}}
	for _, name := range []string{"id", "route", "state", "error", "q", "agent", "dead_letter"} {
		if s, ok := v[name]; ok {
			live[name] = s
		}
	}
	return "/live?" + live.Encode()
}

// summaries fills in counts, choices, the side, and what needs a person.
func (c *Console) summaries(ctx context.Context, p *web.Page, list *web.List, view view) error {
	stats, pool, err := c.overview(ctx)
	if err != nil {
		return err
	}
	list.Chips = chips(p, stats, view.Query)
	list.Side = c.side(p.Lang, stats, pool)
	list.Choices = c.choices(p, stats, pool)
	for _, name := range conditions() {
		for _, s := range p.Query[name] {
			list.Conditions = append(list.Conditions, web.Field{Name: name, Value: s})
		}
	}
	q := url.Values{}
	for _, f := range list.Conditions {
		q.Add(f.Name, f.Value)
	}
	list.CSVLink, list.JSONLink = "/transfers.csv?"+q.Encode(), "/transfers.json?"+q.Encode()
	list.Count = matching(p.Query, view, list, stats)
	list.Match = p.T("select_all_max", numberText(maxBulk))
	if list.Count > 0 {
		list.Match = p.T("select_all", numberText(list.Count))
	}
	return c.alerts(ctx, p, stats, pool)
}

// overview reads what every summary is made of.
func (c *Console) overview(ctx context.Context) (Stats, hikyaku.Pool, error) {
	stats, err := c.readStats(ctx)
	if err != nil {
		return stats, hikyaku.Pool{}, err
	}
	pool, err := c.readPool(ctx, "")
	return stats, pool, err
}

// matching is how many transfers a view has, where that is known without
// counting them: it is all on one page, or chosen by state and route alone.
func matching(v url.Values, view view, list *web.List, stats Stats) int64 {
	if list.NextLink == "" && v.Get("token") == "" {
		return int64(len(list.Rows))
	}
	for _, name := range conditions() {
		if name != "state" && name != "route" && v.Get(name) != "" {
			return 0
		}
	}
	counts := stats.Totals
	if view.Route != "" {
		counts = stats.Counts[view.Route]
	}
	var n int64
	for state, count := range counts {
		if len(view.States) == 0 || slices.Contains(view.States, state) {
			n += count
		}
	}
	return n
}

func chips(p *web.Page, stats Stats, q hikyaku.Query) []web.Chip {
	counts := stats.Totals
	if q.Route != "" {
		counts = stats.Counts[q.Route]
	}
	link := func(state string) string {
		if p.Section != "transfers" {
			return "/transfers?" + url.Values{"state": {state}}.Encode()
		}
		return p.With("state", state)
	}
	all := web.Chip{Text: p.T("all"), Active: p.Section == "transfers" && len(q.States) == 0, Link: link("")}
	if p.Section != "transfers" {
		all.Link = "/transfers"
	}
	out := []web.Chip{all}
	for _, s := range States() {
		out[0].Count += counts[s]
		out = append(out, web.Chip{
			State: string(s), Text: StateWord(string(s), p.Lang), Count: counts[s],
			Active: slices.Contains(q.States, s), Link: link(string(s)),
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

// alerts says on the page what needs a person.
func (c *Console) alerts(ctx context.Context, p *web.Page, stats Stats, pool hikyaku.Pool) error {
	dead, err := c.ledger.Transfers(ctx, hikyaku.Query{DeadLetters: openDeadLetters(), Limit: alertCount})
	if err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	p.Alerts = alerts(p.Lang, c.now(), stats, pool, len(dead.Transfers), dead.NextToken != "")
	return nil
}

func alerts(l Lang, now time.Time, stats Stats, pool hikyaku.Pool, dead int, more bool) []web.Alert {
	var out []web.Alert
	offline := 0
	for _, a := range pool.Agents {
		if !a.Online {
			offline++
		}
	}
	if offline > 0 {
		out = append(out, web.Alert{Text: sprintf(web.Text(l, "alert_agents"), offline, len(pool.Agents)), Link: "/agents"})
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
				Link: "/transfers?" + url.Values{"route": {route}, "state": {string(hikyaku.Queued)}}.Encode(),
			})
		}
	}
	return append(out, owedAlerts(l, now, stats.Owed)...)
}
