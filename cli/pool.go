package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) poolCommand() *cobra.Command {
	var route string
	c := &cobra.Command{
		Use: "pool", Short: a.t("pool_short"), Long: a.t("pool_long"), Example: "  hikyaku pool --route orders",
		Args: a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			p, err := api.Pool(cmd.Context(), route)
			if err != nil {
				return err
			}
			return a.emit(p, p.Tasks, func(w io.Writer) error { return a.poolTable(w, p) })
		},
	}
	c.Flags().StringVar(&route, "route", "", a.t("flag_route_only"))
	a.completes(c, "route", a.completeRoutes)
	c.AddCommand(a.taskCommand("bench"), a.taskCommand("unbench"))
	return c
}

func (a *app) poolTable(w io.Writer, p console.Pool) error {
	if len(p.Tasks) == 0 {
		_, err := fmt.Fprintln(w, a.t("no_tasks"))
		return err
	}
	t := a.table(column{title: a.t("col_route")}, column{title: "#", right: true}, column{title: a.t("col_state")},
		column{title: a.t("col_transfer")}, column{title: a.t("col_age"), right: true}, column{title: a.t("col_task")},
		column{title: a.t("col_why")})
	for _, task := range p.Tasks {
		holder, age := "-", "-"
		if task.TransferID != "" {
			holder, age = task.TransferID, a.age(task.LeasedAt)
		}
		t.add(plain(task.Route), plain(fmt.Sprint(task.Index)), cell{string(task.State), taskColour(task.State)},
			plain(holder), plain(age), plain(task.ARN), plain(oneLine(task.BenchedReason)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	for _, s := range p.Settings {
		if s.Paused {
			if _, err := fmt.Fprintln(w, a.t("route_is_paused", s.Route, oneLine(s.PausedReason))); err != nil {
				return err
			}
		}
	}
	return nil
}

func taskColour(s hikyaku.TaskState) string {
	switch s {
	case hikyaku.Idle:
		return green
	case hikyaku.Leased:
		return cyan
	case hikyaku.Benched:
		return red
	case hikyaku.Draining:
		return yellow
	}
	return ""
}

func (a *app) taskCommand(action string) *cobra.Command {
	var req console.ActRequest
	c := &cobra.Command{
		Use: action + " TASK_ARN", Short: a.t(action + "_short"), Args: a.exactly(1),
		ValidArgsFunction: a.completeTasks(action),
		RunE: func(cmd *cobra.Command, args []string) error {
			api, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			req.TaskARN = args[0]
			res, err := api.ActOnTask(cmd.Context(), action, req)
			if err != nil {
				return err
			}
			return a.emit(res, nil, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, a.t(action+"_done", res.TaskARN))
				return err
			})
		},
	}
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	return c
}

func (a *app) agentsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "agents", Short: a.t("agents_short"), Args: a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			list, err := api.Agents(cmd.Context())
			if err != nil {
				return err
			}
			return a.emit(list, list.Agents, func(w io.Writer) error { return a.agentTable(w, list) })
		},
	}
}

func (a *app) agentTable(w io.Writer, list console.AgentList) error {
	if len(list.Agents) == 0 {
		_, err := fmt.Fprintln(w, a.t("no_agents"))
		return err
	}
	t := a.table(column{title: a.t("col_agent")}, column{title: a.t("col_status")}, column{title: a.t("col_since"), right: true},
		column{title: a.t("col_contact"), right: true}, column{title: a.t("col_busy"), right: true},
		column{title: a.t("col_tasks"), right: true}, column{title: a.t("col_today"), right: true}, column{title: a.t("col_today_bytes"), right: true},
		column{title: a.t("col_platform")}, column{title: "ARN"})
	for _, g := range list.Agents {
		status := cell{a.t("online"), green}
		if !g.Online {
			status = cell{a.t("offline"), red}
		}
		busy := count(int64(g.Busy))
		if g.Slots > 0 {
			busy = fmt.Sprintf("%d/%d", g.Busy, g.Slots)
		}
		t.add(plain(console.Printable(g.Name)), status, plain(a.age(g.Since)), plain(a.age(g.LastContact)),
			plain(busy), plain(count(int64(len(g.Tasks)))), plain(count(g.Today.Transfers)), plain(size(g.Today.Bytes)),
			plain(oneLine(g.Platform)), plain(g.ARN))
	}
	if err := t.write(w); err != nil {
		return err
	}
	return a.agentChanges(w, list.Agents)
}

func (a *app) routeCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "route", Short: a.t("route_short"), Long: a.t("route_long"),
		Example: "  hikyaku route list\n  hikyaku route pause orders --reason \"NAS maintenance\"\n  hikyaku route limit orders 10MiB\n  hikyaku route limit orders unlimited",
		Args:    a.knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.listRoutes(cmd) },
	}
	list := &cobra.Command{
		Use: "list", Short: a.t("route_list_short"), Args: a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listRoutes(cmd) },
	}
	c.AddCommand(list, a.routeAction("pause", "pause NAME"), a.routeAction("resume", "resume NAME"), a.routeAction("limit", "limit NAME RATE"))
	return c
}

func (a *app) routeAction(action, use string) *cobra.Command {
	var req console.ActRequest
	c := &cobra.Command{
		Use: use, Short: a.t("route_" + action + "_short"), Args: a.exactly(strings.Count(use, " ")),
		ValidArgsFunction: a.completeRoute(action),
		RunE: func(cmd *cobra.Command, args []string) error {
			if action == "limit" {
				var err error
				if req.BytesPerSecond, err = console.ParseRate(args[1]); err != nil {
					return err
				}
			}
			api, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			s, err := api.ActOnRoute(cmd.Context(), args[0], action, req)
			if err != nil {
				return err
			}
			return a.emit(s, nil, func(w io.Writer) error {
				rate := ""
				if s.BytesPerSecond != nil {
					rate = console.FormatRate(*s.BytesPerSecond, a.lang)
				}
				done := map[string]string{
					"pause": a.t("route_pause_done", s.Route), "resume": a.t("route_resume_done", s.Route),
					"limit": a.t("route_limit_done", s.Route, rate),
				}
				_, err := fmt.Fprintln(w, done[action])
				return err
			})
		},
	}
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	return c
}

func (a *app) listRoutes(cmd *cobra.Command) error {
	api, err := a.api(cmd.Context())
	if err != nil {
		return err
	}
	list, err := api.Routes(cmd.Context())
	if err != nil {
		return err
	}
	return a.emit(list, list.Routes, func(w io.Writer) error {
		t := a.table(column{title: a.t("col_route")}, column{title: a.t("col_source")}, column{title: a.t("col_destination")},
			column{title: a.t("col_pool"), right: true}, column{title: a.t("col_limit"), right: true},
			column{title: a.t("col_queued"), right: true}, column{title: a.t("col_running"), right: true}, column{title: a.t("col_status")})
		for _, r := range list.Routes {
			status := cell{a.t("open"), green}
			if r.Paused {
				status = cell{strings.TrimSpace(a.t("paused") + " " + oneLine(r.PausedReason)), yellow}
			}
			t.add(plain(r.Name), plain(r.Source), plain(r.Destination), plain(fmt.Sprint(r.Pool)),
				plain(console.FormatRate(r.BytesPerSecond, a.lang)), plain(count(r.Counts[hikyaku.Queued])),
				plain(count(r.Counts[hikyaku.Running]+r.Counts[hikyaku.Starting])), status)
		}
		return t.write(w)
	})
}
