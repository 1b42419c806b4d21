package ledgertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/hikyaku/hikyaku"
)

func task(arn, route string) hikyaku.Task {
	return hikyaku.Task{ARN: arn, Route: route, State: hikyaku.Idle, AgentARNs: []string{"agent"}}
}

// write writes tasks that must be accepted.
func (s suite) write(t *testing.T, tasks ...hikyaku.Task) {
	t.Helper()
	var c hikyaku.Change
	for _, task := range tasks {
		c.Tasks = append(c.Tasks, hikyaku.TaskWrite{Task: task})
	}
	s.must(t, c)
}

// task finds a task of the pool.
func (s suite) task(t *testing.T, arn string) (hikyaku.Task, bool) {
	t.Helper()
	tasks := s.pool(t).Tasks
	if i := slices.IndexFunc(tasks, func(t hikyaku.Task) bool { return t.ARN == arn }); i >= 0 {
		return tasks[i], true
	}
	return hikyaku.Task{}, false
}

func testTasks(s suite) {
	t := s.t
	a := task("task-a", "orders")
	a.Index, a.BenchedReason, a.BenchedUntil, a.LeasedAt, a.LastUsed = 3, "why", at(1), at(2), at(3)
	missing := a
	missing.Version = 1
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: missing}}}, "task", a.ARN, "")
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: new(int64)}}}, "task", a.ARN, "")
	s.write(t, a)
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a}}}, "task", a.ARN, "")
	a.Version = 1
	got, _ := s.task(t, a.ARN)
	same(t, "stored task", got, a)

	a.State, a.Token, a.TransferID, a.LeaseExpires = hikyaku.Leased, 7, transferID(1), at(9)
	zero, seven, eight := int64(0), int64(7), int64(8)
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: &seven}}}, "task", a.ARN, "")
	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: &zero}}})
	a.Version = 2
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: &eight}}}, "task", a.ARN, "")
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: &eight, Delete: true}}}, "task", a.ARN, "")
	stale := a
	stale.Version = 1
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: stale, IfToken: &seven}}}, "task", a.ARN, "")
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: stale, Delete: true}}}, "task", a.ARN, "")
	got, _ = s.task(t, a.ARN)
	same(t, "task after refused writes", got, a)

	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: a, IfToken: &seven, Delete: true}}})
	eventually(t, func() error {
		if _, there := s.task(t, a.ARN); there {
			return errors.New("the deleted task is still there")
		}
		return nil
	})
	a.Version = 0
	s.write(t, a)
}

func agent(arn string, online bool, slots int) hikyaku.Agent {
	return hikyaku.Agent{ARN: arn, Name: "name of " + arn, Online: online, Slots: slots}
}

// busy returns the agents' busy slots by ARN.
func (s suite) busy(t *testing.T) map[string]int {
	t.Helper()
	busy := map[string]int{}
	for _, a := range s.pool(t).Agents {
		busy[a.ARN] = a.Busy
	}
	return busy
}

func testSlots(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{
		agent("basic", true, 1), agent("enhanced", true, 2), agent("unlimited", true, 0), agent("offline", false, 1),
	}})
	take := func(arns ...string) hikyaku.Change { return hikyaku.Change{TakeSlots: arns} }
	free := func(arns ...string) hikyaku.Change { return hikyaku.Change{FreeSlots: arns} }
	s.conflict(t, take("offline"), "agent", "offline", "")
	s.conflict(t, take("unknown"), "agent", "unknown", "")
	s.must(t, take("basic", "enhanced", "unlimited"))
	s.conflict(t, take("enhanced", "basic"), "agent", "basic", "")
	s.must(t, take("enhanced", "unlimited"))
	s.conflict(t, take("enhanced"), "agent", "enhanced", "")
	s.must(t, take("unlimited"))
	same(t, "busy slots", s.busy(t), map[string]int{"basic": 1, "enhanced": 2, "unlimited": 3, "offline": 0})

	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{agent("enhanced", false, 2)}})
	s.must(t, free("basic", "enhanced")) // an offline agent's slot is freed too
	s.must(t, free("basic", "offline"))  // never below 0
	same(t, "busy slots", s.busy(t), map[string]int{"basic": 0, "enhanced": 1, "unlimited": 3, "offline": 0})
	s.conflict(t, take("enhanced"), "agent", "enhanced", "")
	s.must(t, take("basic"))
}

func testAgents(s suite) {
	t := s.t
	a := agent("agent", true, 1)
	a.Platform, a.LastContact, a.Since, a.SeenAt, a.Busy = "linux", at(1), at(2), at(3), 17
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{a}})
	check := func(busy int) {
		t.Helper()
		agents := s.pool(t).Agents
		if len(agents) != 1 {
			t.Fatalf("got %d agents, want 1", len(agents))
		}
		want := a
		want.Busy, want.Version = busy, agents[0].Version
		same(t, "agent", agents[0], want)
	}
	check(0)
	s.must(t, hikyaku.Change{TakeSlots: []string{a.ARN}})
	check(1)
	a.Online, a.Name, a.Slots, a.LastContact, a.Since, a.SeenAt, a.Platform = false, "new", 4, at(5), at(6), at(7), "darwin"
	a.Changes = []hikyaku.AgentChange{{At: at(2), Online: true}, {At: at(6)}}
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{a}})
	check(1)
}

// testCarried: what is carried in a day is added to the agents whose slots are
// given back, and to nobody else.
func testCarried(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{agent("a", true, 0), agent("b", true, 0), agent("idle", true, 0)}})
	for range 9 {
		s.must(t, hikyaku.Change{TakeSlots: []string{"a", "b"}})
	}
	on := func(day string, transfers, bytes int64) hikyaku.Carried {
		return hikyaku.Carried{Day: day, Transfers: transfers, Bytes: bytes}
	}
	const monday, tuesday = "2026-11-30", "2026-12-01"
	check := func(step string, a, b hikyaku.Carried) {
		t.Helper()
		got := map[string]hikyaku.Carried{}
		for _, agent := range s.pool(t).Agents {
			got[agent.ARN] = agent.Today
		}
		same(t, step, got, map[string]hikyaku.Carried{"a": a, "b": b, "idle": {}})
	}
	for _, step := range []struct {
		name string
		free []string
		c    hikyaku.Carried
		a, b hikyaku.Carried
	}{
		{"no slot was taken", []string{"idle", "unknown"}, on(monday, 1, 7), on("", 0, 0), on("", 0, 0)},
		{"nothing carried", []string{"a"}, on("", 1, 7), on("", 0, 0), on("", 0, 0)},
		{"first", []string{"a"}, on(monday, 1, 7), on(monday, 1, 7), on("", 0, 0)},
		{"both", []string{"a", "b"}, on(monday, 1, 1<<40), on(monday, 2, 1<<40+7), on(monday, 1, 1<<40)},
		{"failed", []string{"b"}, on(monday, 0, 3), on(monday, 2, 1<<40+7), on(monday, 1, 1<<40+3)},
		{"next day", []string{"a"}, on(tuesday, 1, 5), on(tuesday, 1, 5), on(monday, 1, 1<<40+3)},
		{"late", []string{"a", "b"}, on(monday, 1, 1), on(tuesday, 1, 5), on(monday, 2, 1<<40+4)},
		{"next day of both", []string{"a", "b"}, on(tuesday, 1, 0), on(tuesday, 2, 5), on(tuesday, 1, 0)},
	} {
		s.must(t, hikyaku.Change{FreeSlots: step.free, Carried: step.c})
		check(step.name, step.a, step.b)
	}
	written := agent("a", false, 1)
	written.Today = on(tuesday, 99, 99)
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{written}}) // never overwritten
	check("agent written", on(tuesday, 2, 5), on(tuesday, 1, 0))
}

func testSettings(s suite) {
	t := s.t
	rate := int64(-1)
	r := hikyaku.RouteSettings{
		Route: "orders", Paused: true, PausedReason: "why", BytesPerSecond: &rate, UpdatedAt: at(1), By: "me",
	}
	missing := r
	missing.Version = 1
	s.conflict(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{missing}}, "settings", r.Route, "")
	s.must(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{r}})
	s.conflict(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{r}}, "settings", r.Route, "")
	r.Version = 1
	same(t, "settings", s.pool(t).Settings, []hikyaku.RouteSettings{r})
	r.Paused, r.BytesPerSecond = false, nil
	s.must(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{r}})
	r.Version = 2
	same(t, "settings", s.pool(t).Settings, []hikyaku.RouteSettings{r})
}

func testPool(s suite) {
	t := s.t
	same(t, "empty pool", s.pool(t), hikyaku.Pool{})
	s.write(t, task("task-a", "orders"), task("task-b", "orders"), task("task-c", "invoices"))
	s.must(t, hikyaku.Change{
		Agents:   []hikyaku.Agent{agent("agent-1", true, 1), agent("agent-2", false, 1)},
		Settings: []hikyaku.RouteSettings{{Route: "orders"}, {Route: "invoices"}},
	})
	for route, want := range map[string][3]int{"": {3, 2, 2}, "orders": {2, 1, 2}, "invoices": {1, 1, 2}, "none": {0, 0, 2}} {
		p, err := s.Pool(t.Context(), route)
		if err != nil {
			t.Fatalf("pool of %q: %v", route, err)
		}
		if got := [3]int{len(p.Tasks), len(p.Settings), len(p.Agents)}; got != want {
			t.Errorf("pool of %q: %v tasks, settings, agents; want %v", route, got, want)
		}
		for _, task := range p.Tasks {
			if route != "" && task.Route != route {
				t.Errorf("pool of %q holds a task of %q", route, task.Route)
			}
		}
	}
}
