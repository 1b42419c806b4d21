package hikyaku

import (
	"maps"
	"time"
)

// RouteWait is why the ready transfers of a route wait. The zero value says
// that nothing but their turn holds them up.
type RouteWait struct {
	Reason WaitingReason
	Detail string
}

// OfRoute reports whether a reason holds for every ready transfer of a route
// alike. A record says it as it was when it was last written; what is true now
// follows from the pool (Pool.Waits). The other reasons are a transfer's own.
func (r WaitingReason) OfRoute() bool {
	return r == NoFreeTask || r == AgentOffline || r == RoutePaused
}

// Waits tells, by route, why its ready transfers wait: it is paused, or no
// task could take one though all agents were as free as can be. A route that
// is not in the result waits for its turn only (NoFreeTask). p must be the
// pool of all routes, because routes share agents.
func (p Pool) Waits(now time.Time) map[string]RouteWait {
	agents, busy := map[string]Agent{}, map[string]int{}
	for _, a := range p.Agents {
		agents[a.ARN] = a
	}
	for _, t := range p.Tasks {
		if t.TransferID == "" {
			continue
		}
		for _, arn := range t.AgentARNs {
			busy[arn]++
		}
	}
	waits, free := map[string]RouteWait{}, map[string]bool{}
	for _, t := range p.Tasks {
		if free[t.Route] || !t.Leasable(now) {
			continue
		}
		offline, full := "", false
		for _, arn := range t.AgentARNs {
			a := agents[arn]
			if !a.Online && offline == "" {
				offline = arn
			}
			full = full || a.Slots > 0 && busy[arn] >= a.Slots
		}
		switch _, told := waits[t.Route]; {
		case offline == "" && !full:
			free[t.Route] = true
			delete(waits, t.Route)
		case offline != "" && !told:
			waits[t.Route] = RouteWait{AgentOffline, offline}
		}
	}
	for _, s := range p.Settings {
		if s.Paused {
			waits[s.Route] = RouteWait{RoutePaused, s.PausedReason}
		}
	}
	return waits
}

// Leasable reports whether a task may get a lease at now, as far as the task
// itself goes.
func (t Task) Leasable(now time.Time) bool {
	if t.TransferID != "" {
		return false
	}
	return t.State == Idle || t.State == Benched && !t.BenchedUntil.IsZero() && !t.BenchedUntil.After(now)
}

// Told returns t as it is to be shown: with the reason that holds for its
// route, unless it waits for one of its own.
func (t Transfer) Told(waits map[string]RouteWait) Transfer {
	if t.State != Queued || t.WaitingReason != "" && !t.WaitingReason.OfRoute() {
		return t
	}
	w := waits[t.Route]
	if w.Reason == "" {
		w.Reason = NoFreeTask
	}
	t.WaitingReason, t.WaitingDetail = w.Reason, w.Detail
	return t
}

// Told returns s with Waiting counted as the transfers are shown; s stays as
// it is.
func (s Stats) Told(waits map[string]RouteWait) Stats {
	waiting := make(map[string]map[WaitingReason]int64, len(s.Waiting))
	for route, counts := range s.Waiting {
		counts = maps.Clone(counts)
		all := counts[NoFreeTask] + counts[AgentOffline] + counts[RoutePaused]
		maps.DeleteFunc(counts, func(r WaitingReason, _ int64) bool { return r.OfRoute() })
		if all > 0 {
			shown := Transfer{State: Queued, Route: route}.Told(waits)
			counts[shown.WaitingReason] = all
		}
		waiting[route] = counts
	}
	s.Waiting = waiting
	return s
}
