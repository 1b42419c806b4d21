package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// write changes a task in the ledger as another writer would.
func (w *world) write(t *testing.T, arn string, change func(*hikyaku.Task)) {
	t.Helper()
	task, ok := w.task(t, arn)
	if !ok {
		t.Fatalf("no task %s", arn)
	}
	change(&task)
	must(t, w.ledger.Commit(t.Context(), hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task}}}))
	w.clock.Advance(2 * dispatch.ViewAge)
}

// A lease that no transfer has any more is given back only when nothing runs
// in the task: a second execution there would be one too many.
func TestDispatcher_Reap_leakedLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := hikyakutest.TaskARN(1)
	live, err := w.executor.Start(t.Context(), hikyaku.Start{TaskARN: arn, Includes: "/x/*", Tags: map[string]string{hikyaku.TagTransfer: "gone"}})
	must(t, err)
	w.write(t, arn, func(k *hikyaku.Task) {
		k.State, k.Token, k.TransferID, k.LeaseExpires = hikyaku.Leased, 7, "gone", w.clock.Now()
	})
	must(t, w.d.Reap(t.Context()))
	if task, _ := w.task(t, arn); task.TransferID != "gone" {
		t.Errorf("the task was freed while an execution runs in it: %+v", task)
	}
	if status := w.executor.Executions()[live].Status; status != "CANCELLING" {
		t.Errorf("the orphan is %s, want CANCELLING", status)
	}
	w.executor.Fail(live, "Cancelled", "")
	must(t, w.d.Reap(t.Context()))
	if task, _ := w.task(t, arn); task.TransferID != "" || task.State != hikyaku.Idle || task.Token != 7 {
		t.Errorf("the task is %+v, want it free with its token kept", task)
	}
}

// readPool is a ledger that tells when the pool was read.
type readPool struct {
	hikyaku.Ledger
	after func()
}

func (l *readPool) Pool(ctx context.Context, route string) (hikyaku.Pool, error) {
	p, err := l.Ledger.Pool(ctx, route)
	if do := l.after; do != nil {
		l.after = nil
		do()
	}
	return p, err
}

// What another dispatcher starts after the pool was read is no orphan.
func TestDispatcher_Reap_leasedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	ledger := &readPool{Ledger: w.ledger, after: func() { w.assign(t) }}
	must(t, w.dispatcher(func(o *dispatch.Options) { o.Ledger = ledger }).Reap(t.Context()))
	got := w.wantState(t, x, hikyaku.Running)
	if status := w.executor.Executions()[got.ExecutionARN].Status; status != "LAUNCHING" {
		t.Errorf("the execution is %s", status)
	}
	if task, _ := w.task(t, got.TaskARN); task.State != hikyaku.Leased {
		t.Errorf("the task is %+v", task)
	}
}

// A start that this process is making is not taken for lost, not even by a
// Recover that knows of no other process.
func TestDispatcher_Recover_whileStarting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	var d *dispatch.Dispatcher
	d = w.dispatcher(func(o *dispatch.Options) {
		o.Exclusive = true
		o.Executor = &starting{Executor: w.executor, start: func(ctx context.Context, s hikyaku.Start) (string, error) {
			w.clock.Advance(time.Hour)
			must(t, d.Recover(ctx))
			must(t, d.Reap(ctx))
			return w.executor.Start(ctx, s)
		}}
	})
	_, err := d.AssignAll(t.Context())
	must(t, err)
	if got := w.wantState(t, x, hikyaku.Running); got.Attempt != 1 || len(w.executor.Starts()) != 1 {
		t.Errorf("attempt %d after %d starts", got.Attempt, len(w.executor.Starts()))
	}
}

// An attempt ends also when its task is not its own any more; whoever has the
// task keeps it.
func TestDispatcher_endsWithoutItsTask(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	var arn string
	takeAway := func() {
		w.write(t, arn, func(k *hikyaku.Task) { k.Token, k.TransferID = k.Token+1, "another" })
	}
	slow := w.dispatcher(func(o *dispatch.Options) {
		o.Executor = &starting{Executor: w.executor, start: func(_ context.Context, s hikyaku.Start) (string, error) {
			arn = s.TaskARN
			takeAway()
			return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: "refused"}
		}}
	})
	_, err := slow.AssignAll(t.Context())
	must(t, err)
	w.wantState(t, x, hikyaku.Queued)
	if task, _ := w.task(t, arn); task.TransferID != "another" || task.State != hikyaku.Leased {
		t.Errorf("the task is %+v", task)
	}
	if owner := w.ledger.Active("orders", "A"); owner != "" {
		t.Errorf("ACTIVE is still held by %s", owner)
	}
}

// What a person benched stays as the person left it, whatever is found there.
func TestDispatcher_Reap_benchedByPerson(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	arn := hikyakutest.TaskARN(1)
	must(t, w.d.Bench(t.Context(), arn, hikyaku.Act{By: "ana", Reason: "disk"}))
	_, err := w.executor.Start(t.Context(), hikyaku.Start{TaskARN: arn, Includes: "/y/*"})
	must(t, err)
	must(t, w.d.Reap(t.Context()))
	if task, _ := w.task(t, arn); task.BenchedBy != "ana" || task.BenchedReason != "disk" || !task.BenchedUntil.IsZero() {
		t.Errorf("the task is %+v", task)
	}
}

// Tasks go back to work when all their agents are there again, unless a person
// benched them.
func TestDispatcher_Watch_unbenches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	set := func(one, two bool) {
		t.Helper()
		w.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: one, Slots: 1})
		w.executor.SetAgent(hikyaku.Agent{ARN: "agent-2", Online: two, Slots: 1})
		must(t, w.d.Watch(t.Context()))
		w.clock.Advance(2 * dispatch.ViewAge)
	}
	desired := []hikyaku.TaskDescription{w.executor.AddTask(7, "agent-1", "agent-2"), w.executor.AddTask(8, "agent-1")}
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
	set(false, false)
	w.write(t, desired[0].ARN, func(k *hikyaku.Task) { k.State, k.BenchedReason = hikyaku.Benched, "broken" })
	must(t, w.d.Bench(t.Context(), desired[1].ARN, hikyaku.Act{By: "ana"}))
	want := func(when string, seven hikyaku.TaskState) {
		t.Helper()
		if task, _ := w.task(t, desired[0].ARN); task.State != seven {
			t.Errorf("%s: the task of both is %s, want %s", when, task.State, seven)
		}
		if task, _ := w.task(t, desired[1].ARN); task.State != hikyaku.Benched {
			t.Errorf("%s: what ana benched is %s", when, task.State)
		}
	}
	set(true, false)
	want("one is back", hikyaku.Benched)
	set(true, true)
	want("both are back", hikyaku.Idle)
}

// A task that a person takes back into work while it runs something is leased
// still.
func TestDispatcher_Unbench_leased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.run(t, "A")
	must(t, w.d.Bench(t.Context(), x.TaskARN, hikyaku.Act{By: "ana"}))
	must(t, w.d.Unbench(t.Context(), x.TaskARN, hikyaku.Act{By: "ana"}))
	if task, _ := w.task(t, x.TaskARN); task.State != hikyaku.Leased || task.TransferID != x.TransferID {
		t.Errorf("the task is %+v", task)
	}
}

// A leaked lease gives back its agents' slots, and a task that was to leave
// the pool leaves it.
func TestDispatcher_Reap_leakedDraining(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: true, Slots: 1})
	must(t, w.d.Watch(t.Context()))
	desired := []hikyaku.TaskDescription{w.executor.AddTask(7, "agent-1")}
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": desired}))
	must(t, w.ledger.Commit(t.Context(), hikyaku.Change{TakeSlots: []string{"agent-1"}}))
	w.write(t, desired[0].ARN, func(k *hikyaku.Task) { k.State, k.Token, k.TransferID = hikyaku.Draining, 7, "gone" })
	must(t, w.d.Reap(t.Context()))
	if task, ok := w.task(t, desired[0].ARN); ok {
		t.Errorf("the task is still in the pool: %+v", task)
	}
	if busy := w.agent(t, "agent-1").Busy; busy != 0 {
		t.Errorf("%d slots of the agent are still taken", busy)
	}
}
