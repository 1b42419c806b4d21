package dispatch_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

func (w *world) task(t *testing.T, arn string) (hikyaku.Task, bool) {
	t.Helper()
	p, err := w.ledger.Pool(t.Context(), "")
	must(t, err)
	for _, task := range p.Tasks {
		if task.ARN == arn {
			return task, true
		}
	}
	return hikyaku.Task{}, false
}

func TestDispatcher_Reconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	idle := hikyakutest.TaskARN(1)
	if x.TaskARN == idle {
		idle = hikyakutest.TaskARN(2)
	}
	bad := []hikyaku.TaskDescription{w.executor.AddTask(3), w.executor.AddTask(4), w.executor.AddTask(5), w.executor.AddTask(6)}
	bad[0].Scheduled, bad[1].HasManifest, bad[2].Removes = true, true, true
	err := w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": bad})
	if hikyaku.CodeOf(err) == "" && err == nil {
		t.Fatal("tasks with a schedule, a manifest or REMOVE were taken")
	}
	for n, want := range map[int]bool{3: false, 4: false, 5: false, 6: true} {
		if _, ok := w.task(t, hikyakutest.TaskARN(n)); ok != want {
			t.Errorf("task %d in the pool: %t, want %t", n, ok, want)
		}
	}
	if _, ok := w.task(t, idle); ok {
		t.Error("the idle task was not removed")
	}
	leased, ok := w.task(t, x.TaskARN)
	if !ok || leased.State != hikyaku.Draining || leased.TransferID != x.TransferID {
		t.Fatalf("the leased task is %+v", leased)
	}
	w.executor.Succeed(x.ExecutionARN, 1, 1)
	must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
	w.wantState(t, x, hikyaku.Succeeded)
	if _, ok := w.task(t, x.TaskARN); ok {
		t.Error("the drained task is still there")
	}
}

// TestDispatcher_Reconcile_busy: a task that changes hands between the reading
// of the pool and the writing is drained all the same.
func TestDispatcher_Reconcile_busy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.dispatcher()
	meanwhile := []func(){
		func() { w.send(t, "A"); w.send(t, "B"); must(t, second(other.AssignAll(t.Context()))) },
		func() {
			for _, x := range w.all(t, hikyaku.Query{}) {
				w.executor.Succeed(x.ExecutionARN, 1, 1)
				must(t, other.Refresh(t.Context(), x.ExecutionARN))
			}
		},
	}
	ledger := &hikyakutest.FaultyLedger{Ledger: w.ledger}
	ledger.Fault = func(op string) (before, after error) {
		if op == "Commit" && len(meanwhile) > 0 {
			do := meanwhile[0]
			meanwhile = meanwhile[1:]
			do()
		}
		return nil, nil
	}
	d := w.dispatcher(func(o *dispatch.Options) { o.Ledger = ledger })
	must(t, d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": {w.executor.AddTask(9)}}))
	for n, want := range map[int]bool{1: false, 2: false, 9: true} {
		if got, ok := w.task(t, hikyakutest.TaskARN(n)); ok != want && got.State != hikyaku.Draining {
			t.Errorf("task %d in the pool: %t, want %t: %+v", n, ok, want, got)
		}
	}
	if len(meanwhile) != 0 {
		t.Error("nothing happened meanwhile")
	}
}

func second(_ int, err error) error { return err }

func TestDispatcher_Watch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent := hikyaku.Agent{ARN: "agent-1", Name: "tokyo", Online: true, Slots: 1}
	w.executor.SetAgent(agent)
	desired := []hikyaku.TaskDescription{w.executor.AddTask(7, agent.ARN), w.executor.AddTask(8, agent.ARN)}
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
	a, b := w.send(t, "A"), w.send(t, "B")
	if n := w.assign(t); n != 0 {
		t.Fatalf("started %d on an agent nobody has seen", n)
	}
	if got := w.get(t, a); got.WaitingReason != hikyaku.AgentOffline {
		t.Errorf("waits for %s, want agent_offline", got.WaitingReason)
	}
	must(t, w.d.Watch(t.Context()))
	w.clock.Advance(2 * time.Second)
	if n := w.assign(t); n != 1 {
		t.Fatalf("started %d on an agent with one slot", n)
	}
	if got := w.get(t, b); got.WaitingReason != hikyaku.NoFreeTask {
		t.Errorf("the other waits for %s, want no_free_task", got.WaitingReason)
	}
	a = w.get(t, a)
	agent.Online = false
	w.executor.SetAgent(agent)
	must(t, w.d.Watch(t.Context()))
	w.executor.Fail(a.ExecutionARN, "AgentOffline", "")
	w.clock.Advance(2 * time.Second)
	must(t, w.d.Refresh(t.Context(), a.ExecutionARN))
	if got := w.wantState(t, a, hikyaku.Queued); got.Free != 1 {
		t.Errorf("an offline agent burned an attempt: %+v", got)
	}
	w.clock.Advance(time.Minute)
	if n := w.assign(t); n != 0 {
		t.Fatalf("started %d on an offline agent", n)
	}
	agent.Online = true
	w.executor.SetAgent(agent)
	must(t, w.d.Watch(t.Context()))
	if n := w.assign(t); n != 1 {
		t.Fatalf("started %d after the agent came back", n)
	}
	var seen []bool
	for _, c := range w.agent(t, agent.ARN).Changes {
		seen = append(seen, c.Online)
	}
	if !slices.Equal(seen, []bool{true, false, true}) {
		t.Errorf("the agent's record has the changes %v, want on, off, on", seen)
	}
}

func (w *world) agent(t *testing.T, arn string) hikyaku.Agent {
	t.Helper()
	p, err := w.ledger.Pool(t.Context(), "")
	must(t, err)
	i := slices.IndexFunc(p.Agents, func(a hikyaku.Agent) bool { return a.ARN == arn })
	if i < 0 {
		t.Fatalf("the ledger has no agent %s", arn)
	}
	return p.Agents[i]
}

// TestDispatcher_Watch_keepsFewChanges: an agent that flaps does not fill its record.
func TestDispatcher_Watch_keepsFewChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent := hikyaku.Agent{ARN: "agent-1", Slots: 1}
	for range hikyaku.MaxAgentChanges + 5 {
		agent.Online = !agent.Online
		w.executor.SetAgent(agent)
		w.clock.Advance(2 * time.Second)
		for range 2 { // what did not change is no change
			must(t, w.d.Watch(t.Context()))
		}
	}
	changes := w.agent(t, agent.ARN).Changes
	if len(changes) != hikyaku.MaxAgentChanges {
		t.Fatalf("the record keeps %d changes, want %d", len(changes), hikyaku.MaxAgentChanges)
	}
	if last := changes[len(changes)-1]; !last.At.Equal(w.clock.Now()) || last.Online != agent.Online {
		t.Errorf("the last change is %+v, want that of now", last)
	}
}

// TestDispatcher_agentsDay: what an agent carried counts for the day on which
// the attempt ended; attempts that failed count with their bytes alone.
func TestDispatcher_agentsDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent := hikyaku.Agent{ARN: "agent-1", Online: true, Slots: 1}
	w.executor.SetAgent(agent)
	must(t, w.d.Watch(t.Context()))
	desired := []hikyaku.TaskDescription{w.executor.AddTask(7, agent.ARN)}
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
	carry := func(a hikyaku.Transfer, end func(executionARN string)) {
		t.Helper()
		w.clock.Advance(2 * time.Second)
		if n := w.assign(t); n != 1 {
			t.Fatalf("started %d, want 1", n)
		}
		a = w.get(t, a)
		end(a.ExecutionARN)
		w.clock.Advance(2 * time.Second)
		must(t, w.d.Refresh(t.Context(), a.ExecutionARN))
	}
	check := func(transfers, bytes int64) {
		t.Helper()
		got, want := w.agent(t, agent.ARN).Today, hikyaku.Carried{Day: hikyaku.Day(w.clock.Now()), Transfers: transfers, Bytes: bytes}
		if got != want {
			t.Errorf("carried %+v, want %+v", got, want)
		}
	}
	carry(w.send(t, "A"), func(arn string) { w.executor.Succeed(arn, 3, 100) })
	check(1, 100)
	b := w.send(t, "B")
	carry(b, func(arn string) {
		w.executor.Move(arn, func(e *hikyaku.Execution) { e.BytesTransferred = 7 })
		w.executor.Fail(arn, "SourceNotFound", "no such file")
	})
	check(1, 107)
	w.clock.Advance(24 * time.Hour)
	must(t, w.d.Watch(t.Context()))
	if a := w.agent(t, agent.ARN); a.TodayAt(w.clock.Now()).Bytes != 0 || a.Today.Bytes != 107 {
		t.Errorf("the next day begins with %+v of %+v", a.TodayAt(w.clock.Now()), a.Today)
	}
	carry(b, func(arn string) { w.executor.Succeed(arn, 1, 5) })
	check(1, 5)
}

func TestDispatcher_Bench(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := 1; n <= 2; n++ {
		must(t, w.d.Bench(t.Context(), hikyakutest.TaskARN(n), hikyaku.Act{By: "ana", Reason: "disk"}))
	}
	x := w.send(t, "A")
	if n := w.assign(t); n != 0 {
		t.Fatalf("started %d on benched tasks", n)
	}
	w.clock.Advance(24 * time.Hour)
	must(t, w.d.Reap(t.Context()))
	if n := w.assign(t); n != 0 {
		t.Fatal("what a person benched came back by itself")
	}
	must(t, w.d.Unbench(t.Context(), hikyakutest.TaskARN(1), hikyaku.Act{}))
	if n := w.assign(t); n != 1 {
		t.Fatal("not started after unbench")
	}
	w.wantState(t, x, hikyaku.Running)
	if err := w.d.Bench(t.Context(), "nonsense", hikyaku.Act{}); hikyaku.CodeOf(err) != hikyaku.CodeNoTask {
		t.Errorf("bench an unknown task: %v", err)
	}
}

func TestDispatcher_Reap_orphans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tagged, err := w.executor.Start(t.Context(), hikyaku.Start{TaskARN: hikyakutest.TaskARN(1), Includes: "/x/*", Tags: map[string]string{hikyaku.TagTransfer: "unknown", hikyaku.TagToken: "9"}})
	must(t, err)
	foreign, err := w.executor.Start(t.Context(), hikyaku.Start{TaskARN: hikyakutest.TaskARN(2), Includes: "/y/*"})
	must(t, err)
	must(t, w.d.Reap(t.Context()))
	all := w.executor.Executions()
	if all[tagged].Status != "CANCELLING" {
		t.Errorf("our orphan is %s, want CANCELLING", all[tagged].Status)
	}
	if all[foreign].Status == "CANCELLING" {
		t.Error("an execution somebody else started was cancelled")
	}
	for n := 1; n <= 2; n++ {
		if task, _ := w.task(t, hikyakutest.TaskARN(n)); task.State != hikyaku.Benched {
			t.Errorf("task %d is %s, want BENCHED until it is free", n, task.State)
		}
	}
}

func TestDispatcher_startRefused(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		state  hikyaku.State
		code   string
		free   int
		reason hikyaku.WaitingReason
	}{
		"throttled": {&hikyaku.Error{Kind: hikyaku.KindTransient}, hikyaku.Queued, hikyaku.CodeThrottled, 1, hikyaku.Throttled},
		"denied":    {&hikyaku.Error{Kind: hikyaku.KindDenied}, hikyaku.Failed, hikyaku.CodeStartDenied, 0, ""},
		"invalid":   {&hikyaku.Error{Kind: hikyaku.KindInvalid}, hikyaku.Queued, hikyaku.CodeStartRefused, 0, hikyaku.BackingOff},
		"task gone": {&hikyaku.Error{Kind: hikyaku.KindNotFound}, hikyaku.Queued, hikyaku.CodeTaskUnavailable, 1, hikyaku.BackingOff},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.executor.Refuse(tc.err)
			x := w.send(t, "A")
			w.assign(t)
			got := w.wantState(t, x, tc.state)
			if got.Failure.Code != tc.code || got.Free != tc.free || got.WaitingReason != tc.reason {
				t.Errorf("code %s, %d free, waits for %s", got.Failure.Code, got.Free, got.WaitingReason)
			}
		})
	}
}

func TestDispatcher_outcomes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mode    string
		look    hikyaku.Look
		empty   bool
		end     func(*hikyaku.Execution)
		state   hikyaku.State
		outcome hikyaku.Outcome
		code    string
	}{
		"copied":            {look: hikyaku.Look{Listed: true, Objects: 2}, end: func(e *hikyaku.Execution) { e.EstimatedFiles, e.FilesTransferred = 2, 2 }, state: hikyaku.Succeeded, outcome: hikyaku.Delivered},
		"some failed":       {look: hikyaku.Look{Listed: true, Objects: 2}, end: func(e *hikyaku.Execution) { e.EstimatedFiles, e.FilesTransferred, e.FilesFailed = 2, 1, 1 }, state: hikyaku.Queued, code: hikyaku.CodeFilesFailed},
		"all skipped":       {mode: "CHANGED", look: hikyaku.Look{Listed: true, Objects: 2}, end: func(e *hikyaku.Execution) { e.FilesSkipped = 2 }, state: hikyaku.Succeeded, outcome: hikyaku.AlreadyThere},
		"nothing to do":     {mode: "CHANGED", look: hikyaku.Look{Listed: true, Objects: 2}, end: func(*hikyaku.Execution) {}, state: hikyaku.Succeeded, outcome: hikyaku.AlreadyThere},
		"unlisted, missing": {end: func(*hikyaku.Execution) {}, state: hikyaku.Failed, code: hikyaku.CodeSourceMissing},
		"unlisted, empty":   {empty: true, end: func(*hikyaku.Execution) {}, state: hikyaku.Succeeded, outcome: hikyaku.Empty},
		"vanished":          {look: hikyaku.Look{Listed: true, Objects: 2}, end: func(*hikyaku.Execution) {}, state: hikyaku.Queued, code: hikyaku.CodeSourceGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *dispatch.Options) {
				o.Routes[0].TransferMode, o.Routes[0].AllowEmpty = tc.mode, tc.empty
			})
			w.source.Set("A", tc.look)
			x := w.run(t, "A")
			w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) { tc.end(e); e.Status = "SUCCESS" })
			must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
			got := w.wantState(t, x, tc.state)
			code := ""
			if got.Failure != nil {
				code = got.Failure.Code
			}
			if got.Outcome != tc.outcome || code != tc.code {
				t.Errorf("outcome %q code %q, want %q %q", got.Outcome, code, tc.outcome, tc.code)
			}
		})
	}
}

func TestDispatcher_progress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	events := x.EventSeq
	move := func(n int64) {
		w.executor.Move(x.ExecutionARN, func(e *hikyaku.Execution) {
			e.Status, e.EstimatedFiles, e.EstimatedBytes, e.BytesTransferred = "TRANSFERRING", 10, 1000, n
		})
		must(t, w.d.Refresh(t.Context(), x.ExecutionARN))
	}
	w.clock.Advance(time.Second)
	move(0)
	for n := range int64(5) {
		w.clock.Advance(2 * time.Second)
		move(100 * (n + 1))
	}
	got := w.wantState(t, x, hikyaku.Running)
	if got.EventSeq != events+1 {
		t.Errorf("%d events for one phase", got.EventSeq-events)
	}
	if got.Bytes.Transferred != 500 || got.Rate != 50 || got.ETA != 10 {
		t.Errorf("bytes %+v, rate %d, eta %d", got.Bytes, got.Rate, got.ETA)
	}
	version := got.Version
	w.clock.Advance(100 * time.Millisecond)
	move(510)
	if got := w.get(t, x); got.Version != version {
		t.Error("progress was written more often than every second")
	}
	lease := got.LeaseExpires
	for range 6 {
		w.clock.Advance(time.Minute)
		move(600)
	}
	if got := w.get(t, x); !got.LeaseExpires.After(lease) || !got.LeaseExpires.After(w.clock.Now()) {
		t.Errorf("lease of %s was not renewed at %s", got.LeaseExpires, w.clock.Now())
	}
}
