package console

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// runningShown is how many running transfers the page Now shows.
const runningShown = 25

// nowPage says what happens now; an address that asks for transfers, as older
// links do, leads to their list.
func (c *Console) nowPage(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	if slices.ContainsFunc(conditions(), v.Has) {
		http.Redirect(w, r, "/transfers?"+v.Encode(), http.StatusSeeOther) //nolint:gosec // a path of this console
		return nil
	}
	l := requestLang(r)
	stats, pool, err := c.overview(r.Context())
	if err != nil {
		return err
	}
	running, err := c.ledger.Transfers(r.Context(), hikyaku.Query{
		States: []hikyaku.State{hikyaku.Running, hikyaku.Starting}, Limit: runningShown,
	})
	if err != nil {
		return fmt.Errorf("list running transfers: %w", err)
	}
	p := &web.Page{Title: "nav_now", Section: "now", Lang: l, Path: r.URL.Path, Query: v}
	content := &web.Now{
		Chips: chips(p, stats, hikyaku.Query{}), Running: c.work(running.Transfers, l, pool),
		Waits: c.waits(stats, l), Side: c.side(l, stats, pool),
	}
	if running.NextToken != "" {
		content.MoreRunning = "/transfers?state=RUNNING&state=STARTING"
	}
	if content.Charts, err = c.charts(r.Context(), l); err != nil {
		return err
	}
	content.Partial = sprintf(web.Text(l, "chart_partial"), numberText(historyWindow))
	if err := c.alerts(r.Context(), p, stats, pool); err != nil {
		return err
	}
	p.Content = content
	c.page(w, r, http.StatusOK, "now", p)
	return nil
}

// work is what running transfers do.
func (c *Console) work(ts []hikyaku.Transfer, l Lang, pool hikyaku.Pool) []web.Work {
	names := map[string]string{}
	for _, a := range pool.Agents {
		names[a.ARN] = agentName(a)
	}
	var out []web.Work
	for _, t := range ts {
		rw := web.Work{Row: row(t, l, c.now()), Phase: PhaseWord(t.ExecutionStatus, l), Task: lastPart(t.TaskARN), Rate: "–", ETA: "–"}
		if rw.Phase == "" {
			rw.Phase = rw.StateText
		}
		if t.CancelRequested {
			rw.Phase = web.Text(l, "cancelling")
		}
		if t.Rate > 0 {
			rw.Rate = FormatRate(t.Rate, l)
		}
		if t.ETA > 0 {
			rw.ETA = FormatDuration(time.Duration(t.ETA)*time.Second, l)
		}
		var agents []string
		for _, arn := range t.AgentARNs {
			agents = append(agents, cmp.Or(names[arn], lastPart(arn)))
		}
		rw.Agent = strings.Join(agents, ", ")
		out = append(out, rw)
	}
	return out
}

// waits tells why transfers wait, the most common reason first.
func (c *Console) waits(stats Stats, l Lang) []web.Wait {
	var out []web.Wait
	for _, route := range sortedKeys(stats.Waiting) {
		for _, reason := range sortedKeys(stats.Waiting[route]) {
			n := stats.Waiting[route][reason]
			if n == 0 {
				continue
			}
			w := web.Wait{
				Route: printableText(route), Reason: upperFirst(ReasonWord(string(reason), l)),
				Todo: word(l, "do_"+string(reason)), Count: n,
				Link: "/transfers?" + url.Values{"state": {string(hikyaku.Queued)}, "route": {route}}.Encode(),
			}
			if at := stats.OldestQueued[route]; !at.IsZero() {
				w.Oldest = FormatDuration(c.now().Sub(at), l)
			}
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b web.Wait) int { return cmp.Compare(b.Count, a.Count) })
	return out
}
