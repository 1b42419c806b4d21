package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// view is a list of transfers as its address describes it.
type view struct {
	hikyaku.Query

	// Agent narrows it to what ran, or runs, with an agent. Ledgers have no
	// index of agents, so the newest transfers are looked through.
	Agent string
}

// agentWindow is how many transfers one page with an agent's looks through.
const agentWindow = 1000

func (c *Console) view(ctx context.Context, v url.Values) (view, error) {
	q, err := c.query(ctx, v)
	return view{Query: q, Agent: v.Get("agent")}, err
}

// listed returns one page of a view, and how many transfers were looked at
// where that is fewer than there may be.
func (c *Console) listed(ctx context.Context, v view) (page hikyaku.Page, looked int, err error) {
	v.Limit = cmp.Or(v.Limit, defaultLimit)
	if v.Agent == "" {
		page, err = c.ledger.Transfers(ctx, v.Query)
		if err != nil {
			return page, 0, fmt.Errorf("list transfers: %w", err)
		}
		return page, 0, nil
	}
	q := v.Query
	q.Limit = 4 * defaultLimit // small enough that a page ends close to where it has enough
	for looked < agentWindow && len(page.Transfers) < v.Limit {
		p, err := c.ledger.Transfers(ctx, q)
		if err != nil {
			return page, looked, fmt.Errorf("list transfers: %w", err)
		}
		looked += max(len(p.Transfers), 1)
		for _, t := range p.Transfers {
			if v.has(t) {
				page.Transfers = append(page.Transfers, t)
			}
		}
		if page.NextToken = p.NextToken; p.NextToken == "" {
			break
		}
		q.Token = p.NextToken
	}
	return page, looked, nil
}

// has tells whether a transfer that the ledger found belongs to the view.
func (v view) has(t hikyaku.Transfer) bool {
	return v.Agent == "" || slices.Contains(t.AgentARNs, v.Agent)
}

// defaultLimit is how many rows a page has: as many as keep it under 100 KB, in
// Japanese and with the longest explanations too. list.js knows it as well.
const defaultLimit = 40

// choices are the conditions that are chosen from lists.
func (c *Console) choices(p *web.Page, stats Stats, pool hikyaku.Pool) []web.Choice {
	choose := func(name string, options []web.Option) web.Choice {
		now := p.Query.Get(name)
		all := append([]web.Option{{Text: p.T("filter_all"), Chosen: now == ""}}, options...)
		found := now == ""
		for i := range all {
			if all[i].Value == now {
				all[i].Chosen, found = true, true
			}
		}
		if !found {
			all = append(all, web.Option{Value: now, Text: printableText(now), Chosen: true})
		}
		return web.Choice{Name: name, Label: "filter_" + name, Options: all}
	}
	var routes, agents, codes, times []web.Option
	names := sortedKeys(stats.Counts)
	if c.op != nil {
		for _, rt := range c.op.Routes() {
			names = append(names, rt.Name)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if name != "" {
			routes = append(routes, web.Option{Value: name, Text: printableText(name)})
		}
	}
	for _, a := range pool.Agents {
		agents = append(agents, web.Option{Value: a.ARN, Text: agentName(a)})
	}
	for _, e := range hikyaku.Catalogue() {
		codes = append(codes, web.Option{Value: e.Code, Text: e.Code + " " + e.Text(string(p.Lang)).Title})
	}
	for _, since := range []string{"1h", "24h", "7d", "30d"} {
		times = append(times, web.Option{Value: since, Text: p.T("since_" + since)})
	}
	since := choose("since", times)
	since.Label = "filter_time"
	return []web.Choice{choose("route", routes), since, choose("error", codes), choose("agent", agents)}
}

func agentName(a hikyaku.Agent) string {
	return cmp.Or(printableText(a.Name), lastPart(a.ARN))
}

// lastPart is what tells an ARN from others of its kind.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// columnsCookie keeps the chosen columns: names joined by dots.
const columnsCookie = "hikyaku_columns"

// allColumns are the columns that can be chosen, in the table's order.
func allColumns() []web.Column {
	return []web.Column{
		{Name: "files", Text: "col_files", Shown: true, Num: true},
		{Name: "size", Text: "col_size", Shown: true, Num: true},
		{Name: "rate", Text: "col_rate", Num: true},
		{Name: "agent", Text: "col_agent"},
		{Name: "started", Text: "col_started"},
		{Name: "ended", Text: "col_ended"},
		{Name: "execution", Text: "col_execution"},
		{Name: "message", Text: "col_message"},
		{Name: "age", Text: "col_age", Shown: true, Num: true},
	}
}

// columns returns what can be shown and the table's class for what is.
func columns(r *http.Request) (all []web.Column, class string) {
	all = allColumns()
	kept, err := r.Cookie(columnsCookie)
	var names []string
	for i := range all {
		if err == nil {
			all[i].Shown = slices.Contains(strings.Split(kept.Value, "."), all[i].Name)
		}
		if all[i].Shown {
			names = append(names, "show-"+all[i].Name)
		}
	}
	return all, strings.Join(names, " ")
}

// keepColumns remembers the chosen columns in the browser.
func (c *Console) keepColumns(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return invalid("the form cannot be read")
	}
	var names []string
	for _, col := range allColumns() {
		if slices.Contains(r.PostForm["column"], col.Name) {
			names = append(names, col.Name)
		}
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure exactly when the connection is: loopback speaks plain HTTP
		Name: columnsCookie, Value: cmp.Or(strings.Join(names, "."), "none"), Path: "/", HttpOnly: true, Secure: c.secure(r),
		SameSite: http.SameSiteStrictMode, MaxAge: 365 * 24 * 3600,
	})
	http.Redirect(w, r, backTo(r), http.StatusSeeOther) //nolint:gosec // backTo gives paths of this console only
	return nil
}
