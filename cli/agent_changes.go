package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// changesShown is how many of the last changes the table of agents is followed by.
const changesShown = 10

// agentChanges writes the last changes of all agents, newest first.
func (a *app) agentChanges(w io.Writer, agents []console.AgentInfo) error {
	type change struct {
		hikyaku.AgentChange
		name string
	}
	var all []change
	for _, g := range agents {
		for _, c := range g.Changes {
			all = append(all, change{c, console.Printable(g.Name)})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(x, y change) int { return y.At.Compare(x.At) })
	if _, err := fmt.Fprintf(w, "\n%s\n", a.paint(bold, a.t("changes_title"))); err != nil {
		return err
	}
	t := a.table(column{title: a.t("col_when")}, column{title: a.t("col_agent")}, column{title: a.t("col_status")})
	for _, c := range all[:min(len(all), changesShown)] {
		status := cell{a.t("online"), green}
		if !c.Online {
			status = cell{a.t("offline"), red}
		}
		t.add(plain(a.stamp(c.At)), plain(c.name), status)
	}
	return t.write(w)
}
