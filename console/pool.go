package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
)

func (c *Console) readPool(ctx context.Context, route string) (hikyaku.Pool, error) {
	p, err := c.ledger.Pool(ctx, route)
	if err != nil {
		return p, fmt.Errorf("read pool: %w", err)
	}
	p.Tasks = append([]hikyaku.Task{}, p.Tasks...) // never null, and sorted without touching the ledger's
	slices.SortFunc(p.Tasks, func(x, y hikyaku.Task) int {
		return cmp.Or(cmp.Compare(x.Route, y.Route), cmp.Compare(x.Index, y.Index), cmp.Compare(x.ARN, y.ARN))
	})
	for i := range p.Tasks {
		if p.Tasks[i].AgentARNs == nil {
			p.Tasks[i].AgentARNs = []string{}
		}
	}
	if p.Agents == nil {
		p.Agents = []hikyaku.Agent{}
	}
	if p.Settings == nil {
		p.Settings = []hikyaku.RouteSettings{}
	}
	return p, nil
}

func (c *Console) getPool(w http.ResponseWriter, r *http.Request) error {
	route := r.URL.Query().Get("route")
	p, err := c.readPool(r.Context(), route)
	if err != nil {
		return err
	}
	if route != "" && len(p.Tasks) == 0 && c.op != nil && !slices.ContainsFunc(c.op.Routes(), func(rt hikyaku.Route) bool { return rt.Name == route }) {
		return &hikyaku.Error{Kind: hikyaku.KindNotFound, Code: hikyaku.CodeNoRoute, Op: "find route", Subject: Printable(route), Message: "no such route"}
	}
	c.reply(w, r, http.StatusOK, Pool{At: c.now().UTC(), Tasks: p.Tasks, Settings: p.Settings})
	return nil
}

func (c *Console) getAgents(w http.ResponseWriter, r *http.Request) error {
	p, err := c.readPool(r.Context(), "")
	if err != nil {
		return err
	}
	now := c.now().UTC()
	c.reply(w, r, http.StatusOK, AgentList{At: now, Agents: agentInfos(p, now)})
	return nil
}

// agentInfos joins the agents with the tasks that depend on them.
func agentInfos(p hikyaku.Pool, now time.Time) []AgentInfo {
	out := make([]AgentInfo, 0, len(p.Agents))
	for _, a := range p.Agents {
		a.Today = a.TodayAt(now)
		info := AgentInfo{Agent: a, Tasks: []AgentTask{}}
		for _, t := range p.Tasks {
			if slices.Contains(t.AgentARNs, a.ARN) {
				info.Tasks = append(info.Tasks, AgentTask{TaskARN: t.ARN, Route: t.Route, State: t.State, TransferID: t.TransferID})
			}
		}
		out = append(out, info)
	}
	return out
}

func (c *Console) benchTask(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	return c.actOnTask(w, r, c.op.Bench)
}

func (c *Console) unbenchTask(w http.ResponseWriter, r *http.Request) error {
	if err := c.canAct(); err != nil {
		return err
	}
	return c.actOnTask(w, r, c.op.Unbench)
}

func (c *Console) actOnTask(
	w http.ResponseWriter, r *http.Request, do func(context.Context, string, hikyaku.Act) error,
) error {
	var req ActRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	if req.TaskARN == "" {
		return invalid("task_arn must be given")
	}
	err := do(r.Context(), req.TaskARN, act(r.Context(), req))
	c.ledger.forget()
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, TaskResult{TaskARN: req.TaskARN})
	return nil
}

func (c *Console) listRoutes(w http.ResponseWriter, r *http.Request) error {
	routes, err := c.routeInfos(r.Context())
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, RouteList{Routes: routes})
	return nil
}

// routeInfos joins the configured routes with their settings and counts.
func (c *Console) routeInfos(ctx context.Context) ([]RouteInfo, error) {
	out := []RouteInfo{}
	if c.op == nil {
		return out, nil
	}
	pool, err := c.readPool(ctx, "")
	if err != nil {
		return nil, err
	}
	stats, err := c.readStats(ctx)
	if err != nil {
		return nil, err
	}
	settings := make(map[string]hikyaku.RouteSettings, len(pool.Settings))
	for _, s := range pool.Settings {
		settings[s.Route] = s
	}
	var routes []hikyaku.Route
	if reader, ok := c.op.(RouteReader); ok {
		if routes, err = reader.ReadRoutes(ctx); err != nil {
			return nil, fmt.Errorf("list routes: %w", err)
		}
	} else {
		routes = c.op.Routes()
	}
	for _, rt := range routes {
		out = append(out, routeInfo(rt, settings[rt.Name], stats))
	}
	return out, nil
}

func routeInfo(rt hikyaku.Route, s hikyaku.RouteSettings, stats Stats) RouteInfo {
	info := RouteInfo{
		Name: rt.Name, Queue: rt.Queue, Source: rt.Source, Destination: rt.Destination,
		Include: rt.Include, KeyPattern: rt.KeyPattern, ReadyMarker: rt.Ready.Marker, Pool: rt.Pool,
		VerifyMode: rt.VerifyMode, TransferMode: rt.TransferMode, MaxAttempts: rt.MaxAttempts,
		AllowEmpty: rt.AllowEmpty, BytesPerSecond: rt.BytesPerSecond, ConfiguredBytesPerSecond: rt.BytesPerSecond,
		Paused: s.Paused, PausedReason: s.PausedReason,
		Counts: stats.Counts[rt.Name], OldestQueued: stats.OldestQueued[rt.Name],
	}
	if rt.Ready.Quiet > 0 {
		info.ReadyQuiet = rt.Ready.Quiet.Round(time.Millisecond).String()
	}
	if s.BytesPerSecond != nil {
		info.BytesPerSecond = *s.BytesPerSecond
	}
	if info.Counts == nil {
		info.Counts = map[hikyaku.State]int64{}
	}
	return info
}

func (c *Console) pauseRoute(w http.ResponseWriter, r *http.Request) error {
	return c.actOnRoute(w, r, func(ctx context.Context, name string, _ ActRequest, a hikyaku.Act) (hikyaku.RouteSettings, error) {
		return c.op.PauseRoute(ctx, name, a)
	})
}

func (c *Console) resumeRoute(w http.ResponseWriter, r *http.Request) error {
	return c.actOnRoute(w, r, func(ctx context.Context, name string, _ ActRequest, a hikyaku.Act) (hikyaku.RouteSettings, error) {
		return c.op.ResumeRoute(ctx, name, a)
	})
}

func (c *Console) limitRoute(w http.ResponseWriter, r *http.Request) error {
	return c.actOnRoute(w, r, func(ctx context.Context, name string, req ActRequest, a hikyaku.Act) (hikyaku.RouteSettings, error) {
		if req.BytesPerSecond != -1 && req.BytesPerSecond < 1 {
			return hikyaku.RouteSettings{}, invalid("bytes_per_second must be positive, or -1 for unlimited")
		}
		return c.op.LimitRoute(ctx, name, req.BytesPerSecond, a)
	})
}

type routeAct func(ctx context.Context, name string, req ActRequest, a hikyaku.Act) (hikyaku.RouteSettings, error)

func (c *Console) actOnRoute(w http.ResponseWriter, r *http.Request, do routeAct) error {
	if err := c.canAct(); err != nil {
		return err
	}
	var req ActRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	s, err := do(r.Context(), r.PathValue("name"), req, act(r.Context(), req))
	c.ledger.forget()
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, s)
	return nil
}

func (c *Console) getStats(w http.ResponseWriter, r *http.Request) error {
	s, err := c.readStats(r.Context())
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, s)
	return nil
}

func (c *Console) readStats(ctx context.Context) (Stats, error) {
	s, err := c.ledger.Stats(ctx)
	if err != nil {
		return Stats{}, fmt.Errorf("count transfers: %w", err)
	}
	return newStats(s, c.now()), nil
}

func newStats(s hikyaku.Stats, now time.Time) Stats {
	out := Stats{
		At: now.UTC(), Totals: map[hikyaku.State]int64{}, Counts: s.Counts, Waiting: s.Waiting,
		OldestQueued: s.OldestQueued, OutboxPending: s.OutboxPending, Owed: owedEvents(s.Owed),
	}
	for _, st := range States() {
		out.Totals[st] = 0
	}
	for _, counts := range s.Counts {
		for st, n := range counts {
			out.Totals[st] += n
		}
	}
	if out.Counts == nil {
		out.Counts = map[string]map[hikyaku.State]int64{}
	}
	if out.Waiting == nil {
		out.Waiting = map[string]map[hikyaku.WaitingReason]int64{}
	}
	if out.OldestQueued == nil {
		out.OldestQueued = map[string]time.Time{}
	}
	return out
}
