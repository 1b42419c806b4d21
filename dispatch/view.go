package dispatch

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// ViewAge is how old a dispatcher's view of the pool may get. A command of one
// process, a pause say, is in force in every other after that long.
const ViewAge = time.Second

// view is what this process believes about the pool: read from the ledger
// every ViewAge, kept up to date by this process's own commits. Every decision
// made on it is checked again by Commit.
type view struct {
	mu     sync.Mutex
	ledger hikyaku.Ledger
	now    func() time.Time
	// readAhead is how many ready transfers of a route are read at once.
	readAhead int
	loaded    time.Time // zero: must be read
	tasks     map[string]hikyaku.Task
	agents    map[string]hikyaku.Agent
	settings  map[string]hikyaku.RouteSettings

	// claims are tasks and transfers that a job of this process works on.
	claimedTasks     map[string]struct{}
	claimedTransfers map[string]struct{}
	ready            map[string]*readyList
	turn             int       // of the routes, for fairness
	brake            time.Time // nothing starts before
	explained        map[string]explained
}

// explained is what the head of a route's queue was last told about waiting.
type explained struct {
	reason hikyaku.WaitingReason
	detail string
	at     time.Time
}

// explainEvery is how often the head of a queue that waits for something
// unusual is told so again, for the sake of newcomers. That no task is free is
// what every transfer says from the beginning.
const explainEvery = 2 * time.Second

// readyList are candidates of one route read ahead.
type readyList struct {
	items []hikyaku.Transfer
	// drained: the ledger had no more when last asked and nothing was
	// announced since.
	drained bool
}

func (v *view) init(l hikyaku.Ledger, now func() time.Time, readAhead int) {
	v.ledger, v.now, v.readAhead = l, now, readAhead
	v.claimedTasks, v.claimedTransfers = map[string]struct{}{}, map[string]struct{}{}
	v.ready = map[string]*readyList{}
	v.explained = map[string]explained{}
}

// fresh makes sure that the view is recent; v.mu is held.
func (v *view) fresh(ctx context.Context) error {
	now := v.now()
	if age := now.Sub(v.loaded); !v.loaded.IsZero() && age >= 0 && age < ViewAge { // the clock may go backwards
		return nil
	}
	p, err := v.ledger.Pool(ctx, "")
	if err != nil {
		return err
	}
	v.tasks, v.agents, v.settings = map[string]hikyaku.Task{}, map[string]hikyaku.Agent{}, map[string]hikyaku.RouteSettings{}
	for _, t := range p.Tasks {
		v.tasks[t.ARN] = t
	}
	for _, a := range p.Agents {
		v.agents[a.ARN] = a
	}
	for _, s := range p.Settings {
		v.settings[s.Route] = s
	}
	v.loaded = now
	return nil
}

// stale makes the next use read the ledger.
func (v *view) stale() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loaded = time.Time{}
}

// task returns a task; again reads the ledger first.
func (v *view) task(ctx context.Context, arn string, again bool) (hikyaku.Task, bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if again {
		v.loaded = time.Time{}
	}
	if err := v.fresh(ctx); err != nil {
		return hikyaku.Task{}, false, err
	}
	t, ok := v.tasks[arn]
	return t, ok, nil
}

// route returns a route's settings.
func (v *view) route(ctx context.Context, name string) (hikyaku.RouteSettings, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.fresh(ctx); err != nil {
		return hikyaku.RouteSettings{}, err
	}
	s := v.settings[name]
	s.Route = name
	return s, nil
}

// applied keeps the view up to date with a commit of this process.
func (v *view) applied(c *hikyaku.Change) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loaded.IsZero() {
		return
	}
	for _, w := range c.Tasks {
		if w.Task.Version < v.tasks[w.Task.ARN].Version {
			continue
		}
		if w.Delete {
			delete(v.tasks, w.Task.ARN)
			continue
		}
		t := w.Task
		t.Version++
		v.tasks[t.ARN] = t
	}
	for _, s := range c.Settings {
		if s.Version >= v.settings[s.Route].Version {
			s.Version++
			v.settings[s.Route] = s
		}
	}
	for _, a := range c.Agents {
		v.agents[a.ARN] = a
	}
}

// announce says that a route may have something ready.
func (v *view) announce(route string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.list(route).drained = false
}

func (v *view) list(route string) *readyList {
	l := v.ready[route]
	if l == nil {
		l = &readyList{}
		v.ready[route] = l
	}
	return l
}

// busy counts executions on an agent as far as this process knows; v.mu is held.
func (v *view) busy(arn string) int {
	n := 0
	for _, t := range v.tasks {
		_, claimed := v.claimedTasks[t.ARN]
		if (claimed || t.TransferID != "") && slices.Contains(t.AgentARNs, arn) {
			n++
		}
	}
	return n
}

// free returns the least busy task of a route that can take work now; reason
// says why there is none. v.mu is held.
func (v *view) free(route string) (best hikyaku.Task, reason hikyaku.WaitingReason, detail string, ok bool) {
	now, reason := v.now(), hikyaku.NoFreeTask
	bestLoad := 0
	for _, t := range v.tasks {
		if t.Route != route || !t.Leasable(now) {
			continue
		}
		if _, claimed := v.claimedTasks[t.ARN]; claimed {
			continue
		}
		load, offline, full := v.load(t)
		if offline != "" {
			reason, detail = hikyaku.AgentOffline, offline
			continue
		}
		if full {
			continue
		}
		if !ok || load < bestLoad || load == bestLoad && before(t, best) {
			best, bestLoad, ok = t, load, true
		}
	}
	return best, reason, detail, ok
}

func before(a, b hikyaku.Task) bool {
	if c := a.LastUsed.Compare(b.LastUsed); c != 0 {
		return c < 0
	}
	return strings.Compare(a.ARN, b.ARN) < 0
}

// load is how busy the busiest agent of a task is.
func (v *view) load(t hikyaku.Task) (load int, offline string, full bool) {
	for _, arn := range t.AgentARNs {
		a, known := v.agents[arn]
		if !known || !a.Online {
			return 0, arn, false
		}
		n := v.busy(arn)
		full = full || a.Slots > 0 && n >= a.Slots
		load = max(load, n)
	}
	return load, "", full
}

// explanation says why a route's ready transfers wait, and whether the head of
// its queue is due to be told. A route with a free task explains nothing.
func (v *view) explanation(ctx context.Context, route string, always bool) (reason hikyaku.WaitingReason, detail string, due bool, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.fresh(ctx); err != nil {
		return "", "", false, err
	}
	_, reason, detail, free := v.free(route)
	if s := v.settings[route]; s.Paused {
		reason, detail, free = hikyaku.RoutePaused, s.PausedReason, false
	}
	if free {
		return "", "", false, nil
	}
	last, now := v.explained[route], v.now()
	same := last.reason == reason && last.detail == detail
	if same && !always && (reason == hikyaku.NoFreeTask || now.Sub(last.at) < explainEvery) {
		return reason, detail, false, nil
	}
	v.explained[route] = explained{reason: reason, detail: detail, at: now}
	return reason, detail, true, nil
}
