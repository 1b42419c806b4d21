package console

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// agentsPage shows each agent with its load, its work and what waits for it.
func (c *Console) agentsPage(w http.ResponseWriter, r *http.Request) error {
	stats, pool, err := c.overview(r.Context())
	if err != nil {
		return err
	}
	running, err := c.ledger.Transfers(r.Context(), hikyaku.Query{
		States: []hikyaku.State{hikyaku.Running, hikyaku.Starting}, Limit: maxLimit,
	})
	if err != nil {
		return fmt.Errorf("list running transfers: %w", err)
	}
	l := requestLang(r)
	content := &web.AgentPage{}
	for i, seen := range c.side(l, stats, pool).Agents {
		a := web.AgentDetail{Agent: seen, Link: "/transfers?" + url.Values{"agent": {seen.ARN}}.Encode()}
		var mine []hikyaku.Transfer
		for _, t := range running.Transfers {
			if slices.Contains(t.AgentARNs, seen.ARN) && len(mine) < runningShown {
				mine = append(mine, t)
			}
		}
		a.Work = c.work(mine, l, pool)
		routes := map[string]bool{}
		for _, t := range pool.Tasks {
			if !slices.Contains(t.AgentARNs, seen.ARN) {
				continue
			}
			a.Tasks++
			routes[t.Route] = true
			if t.State == hikyaku.Benched {
				a.Bench++
			}
		}
		if !pool.Agents[i].Online {
			var n int64
			for route := range routes {
				n += stats.Waiting[route][hikyaku.AgentOffline]
			}
			if n > 0 {
				a.Waits = sprintf(web.Text(l, "agent_waits"), numberText(n))
			}
		}
		agent := pool.Agents[i]
		today := agent.TodayAt(c.now())
		a.Today = sprintf(web.Text(l, "agent_carried"), numberText(today.Transfers), FormatBytes(today.Bytes))
		for _, change := range slices.Backward(agent.Changes) {
			a.Past = append(a.Past, web.AgentChange{ID: lastPart(agent.ARN), At: change.At, Online: change.Online})
		}
		content.Agents = append(content.Agents, a)
	}
	c.page(w, r, http.StatusOK, "agents", &web.Page{Title: "nav_agents", Section: "agents", Content: content})
	return nil
}
