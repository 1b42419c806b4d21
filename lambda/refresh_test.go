package lambda_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/lambda"
)

func TestRefresh_Handle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	if _, err := w.intake().Handle(t.Context(), batch("A", "B")); err != nil {
		t.Fatal(err)
	}
	arn := w.executor.Live()[0]
	h := w.refresh()
	for _, status := range []string{"TRANSFERRING", "LAUNCHING", "TRANSFERRING"} { // out of order, twice
		if _, err := h.Handle(t.Context(), event(arn, status)); err != nil {
			t.Fatal(err)
		}
	}
	w.executor.Succeed(arn, 2, 10)
	for range 2 { // the same event twice
		if _, err := h.Handle(t.Context(), event(arn, "SUCCESS")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Handle(t.Context(), event(arn, "LAUNCHING")); err != nil { // late
		t.Fatal(err)
	}
	if s := w.states(t); s[hikyaku.Succeeded] != 1 || s[hikyaku.Running] != 1 {
		t.Errorf("states = %v; want one delivered and the next one running", s)
	}
	if n := len(w.ended.Messages()); n != 1 {
		t.Errorf("%d completion events, want 1", n)
	}
	if n := w.out.metric(t, lambda.MetricBytes, ""); n != 10 {
		t.Errorf("bytes = %v", n)
	}
	if n := w.out.metric(t, lambda.MetricSucceeded, ""); n != 1 {
		t.Errorf("succeeded = %v", n)
	}
}

// TestRefresh_Handle_sweep: no event came.
func TestRefresh_Handle_sweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	if _, err := w.intake().Handle(t.Context(), batch("A", "B")); err != nil {
		t.Fatal(err)
	}
	w.executor.Succeed(w.executor.Live()[0], 1, 5)
	w.clock.Advance(time.Minute)
	s, err := w.refresh().Handle(t.Context(), []byte(schedule))
	if err != nil || !s.Swept {
		t.Fatalf("Handle = %+v, %v", s, err)
	}
	if s := w.states(t); s[hikyaku.Succeeded] != 1 || s[hikyaku.Running] != 1 {
		t.Errorf("states = %v", s)
	}
	for name, want := range map[string]float64{
		lambda.MetricQueued: 0, lambda.MetricRunning: 1, lambda.MetricOldestQueuedAge: 0, lambda.MetricTasksIdle: 0, lambda.MetricAgentsOffline: 0,
	} {
		if got := w.out.metric(t, name, ""); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

// failing fails or panics in one step of a sweep.
type failing struct {
	lambda.Follower
	step string
	done []string
}

func (f *failing) did(step string) error {
	f.done = append(f.done, step)
	switch f.step {
	case step:
		return errors.New("no")
	case step + "!":
		panic("boom")
	}
	return nil
}
func (f *failing) RefreshAll(context.Context) error         { return f.did("refresh_all") }
func (f *failing) Reap(context.Context) error               { return f.did("reap") }
func (f *failing) AssignAll(context.Context) (int, error)   { return 0, f.did("assign") }
func (f *failing) DrainOutbox(context.Context) (int, error) { return 0, f.did("outbox") }
func (f *failing) CollectDeadLetters(context.Context) (int, error) {
	return 0, f.did("collect")
}

// TestRefresh_Handle_step: one step that fails or panics keeps no other from
// running, and is told of.
func TestRefresh_Handle_step(t *testing.T) {
	t.Parallel()
	steps := []string{"refresh_all", "reap", "assign", "outbox", "collect"}
	for _, step := range steps {
		for _, how := range []string{"", "!"} {
			f := &failing{step: step + how}
			h := newWorld(t, 0).refresh()
			h.Pool, h.Dispatcher = nil, f
			if _, err := h.Handle(t.Context(), []byte(`"any text"`)); err == nil {
				t.Errorf("%s%s: no error", step, how)
			}
			if !slices.Equal(f.done, steps) {
				t.Errorf("%s%s: only %v ran", step, how, f.done)
			}
		}
	}
}

func TestRefresh_Handle_collect(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	f := &failing{}
	h := w.refresh()
	h.Pool, h.Dispatcher = nil, f
	collected := func() (n int) {
		if _, err := h.Handle(t.Context(), []byte(schedule)); err != nil {
			t.Fatal(err)
		}
		for _, step := range f.done {
			if step == "collect" {
				n++
			}
		}
		return n
	}
	if n := collected(); n != 1 {
		t.Errorf("first: %d looks", n)
	}
	w.clock.Advance(time.Minute)
	if n := collected(); n != 1 {
		t.Errorf("after a minute: %d looks, want none more", n)
	}
	w.clock.Advance(5 * time.Minute)
	if n := collected(); n != 2 {
		t.Errorf("after six: %d looks", n)
	}
}

func TestPoolKeeper_Reconcile(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	k := w.refresh().Pool
	tasks := func() []string {
		p, err := w.ledger.Pool(t.Context(), "orders")
		if err != nil {
			t.Fatal(err)
		}
		var arns []string
		for _, x := range p.Tasks {
			arns = append(arns, x.ARN)
		}
		return arns
	}
	reconcile := func(code string) {
		t.Helper()
		if err := k.Reconcile(t.Context()); hikyaku.CodeOf(err) != code {
			t.Errorf("Reconcile = %v, want code %q", err, code)
		}
	}
	// Made by hand, adopted by a parameter; one that is not there; one with a schedule.
	w.parameters.put("/st/pool/hand", w.executor.AddTask(7).ARN)
	reconcile("")
	if n := len(tasks()); n != 3 {
		t.Fatalf("%d tasks, want 3", n)
	}
	w.parameters.put("/st/pool/gone", "arn:aws:datasync:eu-west-1:123456789012:task/task-00000000000000000")
	reconcile(hikyaku.CodeNoTask)
	w.parameters.remove("/st/pool/gone")
	scheduled := w.executor.AddTask(8)
	scheduled.Scheduled = true
	w.executor.SetTask(scheduled)
	w.parameters.put("/st/pool/scheduled", scheduled.ARN)
	reconcile(hikyaku.CodeTaskRefused)
	w.parameters.remove("/st/pool/scheduled")
	// DataSync or SSM fail: nobody leaves.
	describe := k.Describe
	k.Describe = func(context.Context, string) (hikyaku.TaskDescription, error) {
		return hikyaku.TaskDescription{}, &hikyaku.Error{Kind: hikyaku.KindTransient, Message: "throttled"}
	}
	w.clock.Advance(time.Hour)
	reconcile("")
	w.parameters.put("/st/pool/new", w.executor.AddTask(9).ARN)
	if err := k.Reconcile(t.Context()); hikyaku.KindOf(err) != hikyaku.KindTransient {
		t.Errorf("Reconcile = %v; want it to wait for DataSync", err)
	}
	if n := len(tasks()); n != 3 {
		t.Errorf("%d tasks, want 3: none left, none came", n)
	}
	k.Describe = describe
	for _, name := range []string{"/st/pool/0", "/st/pool/1", "/st/pool/new"} {
		w.parameters.remove(name)
	}
	reconcile("")
	if n := len(tasks()); n != 1 {
		t.Errorf("%d tasks, want the one by hand", n)
	}
	w.parameters.remove("/st/pool/hand")
	reconcile(hikyaku.CodeNoTask)
	if n := len(tasks()); n != 1 {
		t.Errorf("%d tasks: an empty path must not drain the pool", n)
	}
	// Another source than the stack's.
	w.parameters.put("/st/pool/hand", w.executor.AddTask(7).ARN)
	k.Source = "arn:aws:datasync:eu-west-1:123456789012:location/loc-00000000000000000"
	reconcile(hikyaku.CodeTaskRefused)
}

func TestAgents_Handle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	const up, down = "arn:aws:datasync:eu-west-1:123456789012:agent/agent-up", "arn:aws:datasync:eu-west-1:123456789012:agent/agent-down"
	w.executor.SetAgent(hikyaku.Agent{ARN: up, Name: "up", Online: true, Slots: 1})
	w.executor.SetAgent(hikyaku.Agent{ARN: down, Name: "down", Slots: 1})
	w.executor.SetAgent(hikyaku.Agent{ARN: "arn:aws:datasync:eu-west-1:123456789012:agent/agent-foreign", Name: "foreign"})
	w.parameters.put("/st/pool/0", w.executor.AddTask(0, up).ARN)
	w.parameters.put("/st/pool/1", w.executor.AddTask(1, down).ARN)
	if err := w.refresh().Pool.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := &lambda.Agents{Common: w.common, Dispatcher: w.dispatcher, Levels: w.refresh().Levels}
	if _, err := h.Handle(t.Context(), []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	if on, off := w.out.metric(t, lambda.MetricAgentsOnline, ""), w.out.metric(t, lambda.MetricAgentsOffline, ""); on != 1 || off != 1 {
		t.Errorf("agents online %v, offline %v; want 1 and 1, the pool's", on, off)
	}
	if n := len(w.out.logged(t, "agent state changed")); n != 3 {
		t.Errorf("%d agents logged", n)
	}
	if _, err := w.intake().Handle(t.Context(), batch("A", "B")); err != nil {
		t.Fatal(err)
	}
	if n := len(w.executor.Live()); n != 1 {
		t.Errorf("%d executions; want one, on the agent that is online", n)
	}
}
