package console

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// side sums up routes, their pools and the agents.
func (c *Console) side(l Lang, stats Stats, pool hikyaku.Pool) *web.Side {
	s := &web.Side{}
	settings := map[string]hikyaku.RouteSettings{}
	for _, x := range pool.Settings {
		settings[x.Route] = x
	}
	var routes []hikyaku.Route
	if c.op != nil {
		routes = c.op.Routes()
	}
	for _, rt := range routes {
		info := routeInfo(rt, settings[rt.Name], stats)
		v := web.Route{
			Name: rt.Name, Source: printableText(rt.Source), Destination: printableText(rt.Destination),
			Limit: FormatRate(info.BytesPerSecond, l), Rate: rateField(info.BytesPerSecond), Verify: rt.VerifyMode,
			Paused: info.Paused, PausedReason: printableText(info.PausedReason),
			Queued: info.Counts[hikyaku.Queued], Failed: info.Counts[hikyaku.Failed],
			Running: info.Counts[hikyaku.Running] + info.Counts[hikyaku.Starting],
		}
		if !info.OldestQueued.IsZero() && v.Queued > 0 {
			v.Oldest = FormatDuration(c.now().Sub(info.OldestQueued), l)
		}
		if info.BytesPerSecond != rt.BytesPerSecond {
			v.Configured = FormatRate(rt.BytesPerSecond, l)
		}
		if set := settings[rt.Name]; set.By != "" && !set.UpdatedAt.IsZero() {
			v.Changed = sprintf(web.Text(l, "changed_by"), printableText(set.By), FormatDuration(c.now().Sub(set.UpdatedAt), l))
		}
		countTasks(&v, pool.Tasks)
		s.Routes = append(s.Routes, v)
	}
	for _, a := range pool.Agents {
		s.Agents = append(s.Agents, web.Agent{
			Name: cmp.Or(printableText(a.Name), a.ARN), ARN: a.ARN, Platform: printableText(a.Platform), Online: a.Online,
			Contact: FormatDuration(c.now().Sub(a.LastContact), l), Since: FormatDuration(c.now().Sub(a.Since), l),
			Load: load(a.Busy, a.Slots),
		})
	}
	return s
}

// load is how many of an agent's slots are taken. One without a limit that no
// task is bound to, as the built-in one, has no load to speak of.
func load(busy, slots int) string {
	switch {
	case slots > 0:
		return strconv.Itoa(busy) + "/" + strconv.Itoa(slots)
	case busy > 0:
		return strconv.Itoa(busy)
	}
	return "–"
}

// maxDots is how many tasks are drawn one by one.
const maxDots = 16

func countTasks(v *web.Route, tasks []hikyaku.Task) {
	for _, t := range tasks {
		if t.Route != v.Name {
			continue
		}
		v.Tasks++
		switch t.State {
		case hikyaku.Idle:
			v.Idle++
		case hikyaku.Leased:
			v.Leased++
		case hikyaku.Benched:
			v.Benched++
		case hikyaku.Draining:
		}
		if len(v.Dots) < maxDots {
			v.Dots = append(v.Dots, string(t.State))
		}
	}
}

// rateField is a rate as a field takes it.
func rateField(n int64) string {
	if n < 0 {
		return "unlimited"
	}
	return strings.ReplaceAll(FormatBytes(n), " ", "")
}

func (c *Console) tasks(l Lang, pool hikyaku.Pool) []web.Task {
	var out []web.Task
	for _, t := range pool.Tasks {
		v := web.Task{
			ARN: t.ARN, Route: t.Route, Index: t.Index, State: string(t.State), StateText: web.Text(l, "task_"+string(t.State)),
			Holder: t.TransferID, HolderID: t.TransferID, Agents: strings.Join(t.AgentARNs, ", "), Why: printableText(t.BenchedReason),
			CanBench: t.State == hikyaku.Idle || t.State == hikyaku.Leased, CanUnbench: t.State == hikyaku.Benched,
		}
		if t.TransferID == "" && !t.LastUsed.IsZero() {
			v.Used = sprintf(web.Text(l, "task_last_used"), FormatDuration(c.now().Sub(t.LastUsed), l))
		}
		if t.TransferID != "" && !t.LeasedAt.IsZero() {
			v.Age = FormatDuration(c.now().Sub(t.LeasedAt), l)
		}
		if t.State == hikyaku.Benched && !t.BenchedUntil.IsZero() {
			v.Why = strings.TrimSpace(v.Why + " → " + FormatTime(t.BenchedUntil, c.now()))
		}
		out = append(out, v)
	}
	return out
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// numberText groups digits by thousands.
func numberText(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func numberOf(n, of int) string { return strconv.Itoa(n) + "/" + strconv.Itoa(of) }

func countText(n int64) string {
	if n == 0 {
		return "–"
	}
	return numberText(n)
}

func sizeText(n int64) string {
	if n == 0 {
		return "–"
	}
	return FormatBytes(n)
}
