package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// crowd runs n commits at once and counts those that went through; all others
// must be refused by a conflict on one of what.
func (s suite) crowd(t *testing.T, n int, change func(i int) hikyaku.Change, what ...string) int {
	t.Helper()
	var all sync.WaitGroup
	var won atomic.Int64
	start := make(chan struct{})
	for i := range n {
		c := change(i)
		all.Go(func() {
			<-start
			err := s.Commit(context.WithoutCancel(t.Context()), c)
			if err == nil {
				won.Add(1)
				return
			}
			if conflict, ok := errors.AsType[*hikyaku.ConflictError](err); ok && slices.Contains(what, conflict.What) {
				return
			}
			t.Errorf("commit %d: got %v, want a conflict on %v", i, err, what)
		})
	}
	close(start)
	all.Wait()
	return int(won.Load())
}

// lease is the assigning change of a transfer on a task with a token.
func lease(tr hikyaku.Transfer, free hikyaku.Task) hikyaku.Change {
	token := free.Token
	in(hikyaku.Starting)(&tr)
	free.State, free.Token, free.TransferID = hikyaku.Leased, token+1, tr.TransferID
	tr.TaskARN, tr.Token = free.ARN, free.Token
	return hikyaku.Change{
		Transfer: &tr, Events: []hikyaku.Event{event(tr.TransferID, 1)}, LockActive: true,
		Tasks: []hikyaku.TaskWrite{{Task: free, IfToken: &token}}, TakeSlots: []string{"agent"},
	}
}

func testRaceForTask(s suite) {
	t := s.t
	const racers = 50
	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task("task", "orders")}}, Agents: []hikyaku.Agent{agent("agent", true, 0)}})
	free, _ := s.task(t, "task")
	transfers := make([]*hikyaku.Transfer, racers)
	for i := range transfers {
		transfers[i] = queued(i)
		s.add(t, transfers[i])
	}
	if won := s.crowd(t, racers, func(i int) hikyaku.Change { return lease(*transfers[i], free) }, "task"); won != 1 {
		t.Fatalf("%d of %d got the task, want 1", won, racers)
	}
	leased, _ := s.task(t, "task")
	if leased.Token != 1 || leased.State != hikyaku.Leased {
		t.Errorf("got task %+v, want it leased with token 1", leased)
	}
	for _, tr := range transfers {
		want := hikyaku.Queued
		if tr.TransferID == leased.TransferID {
			want = hikyaku.Starting
		}
		if got := s.stored(t, tr.TransferID).State; got != want {
			t.Errorf("transfer %s is %s, want %s", tr.TransferID, got, want)
		}
	}
	same(t, "busy slots", s.busy(t), map[string]int{"agent": 1})
}

func testRaceForUnique(s suite) {
	t := s.t
	const racers = 1000
	won := s.crowd(t, racers, func(i int) hikyaku.Change {
		tr := queued(i, withID("A"))
		return hikyaku.Change{
			Transfer: tr, Events: []hikyaku.Event{event(tr.TransferID, 1)},
			Unique: []string{hikyaku.ProducerKey("orders", "k"), fmt.Sprintf("own-%d", i)},
		}
	}, "unique")
	if won != 1 {
		t.Fatalf("%d of %d accepts of one key went through, want 1", won, racers)
	}
	eventually(t, func() error {
		list, err := s.all(t.Context(), hikyaku.Query{ID: "A", Limit: 1000})
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("got %d transfers, want 1", len(list))
		}
		return err
	})
}

func testRaceForSlots(s suite) {
	t := s.t
	s.must(t, hikyaku.Change{Agents: []hikyaku.Agent{agent("agent", true, 3)}})
	take := func(int) hikyaku.Change { return hikyaku.Change{TakeSlots: []string{"agent"}} }
	if won := s.crowd(t, 20, take, "agent"); won != 3 {
		t.Errorf("%d took one of 3 slots", won)
	}
	free := func(int) hikyaku.Change { return hikyaku.Change{FreeSlots: []string{"agent"}} }
	if won := s.crowd(t, 20, free); won != 20 {
		t.Errorf("%d of 20 could give a slot back", won)
	}
	same(t, "busy slots", s.busy(t), map[string]int{"agent": 0})
}

// testLostLease settles under a token that another lease has outgrown.
func testLostLease(s suite) {
	t := s.t
	first, second := queued(1), queued(2)
	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task("task", "orders")}}, Agents: []hikyaku.Agent{agent("agent", true, 1)}})
	s.add(t, first, second)
	free, _ := s.task(t, "task")
	s.must(t, lease(*first, free))
	lost, _ := s.task(t, "task")

	freed, token := lost, lost.Token
	freed.State, freed.TransferID = hikyaku.Idle, ""
	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: freed, IfToken: &token}}, FreeSlots: []string{"agent"}})
	free, _ = s.task(t, "task")
	s.must(t, lease(*second, free))
	now, _ := s.task(t, "task")

	settled := s.stored(t, first.TransferID)
	in(hikyaku.Succeeded)(&settled)
	for _, version := range []int64{lost.Version, now.Version} { // even with the right version the token says no
		idle := freed
		idle.Version = version
		s.conflict(t, hikyaku.Change{
			Transfer: &settled, Events: []hikyaku.Event{event(first.TransferID, 2)}, UnlockActive: true,
			Tasks: []hikyaku.TaskWrite{{Task: idle, IfToken: &token}}, FreeSlots: []string{"agent"},
			Outbox: []hikyaku.OutboxEntry{entry(1)},
		}, "task", "task", "")
	}
	if got := s.stored(t, first.TransferID).State; got != hikyaku.Starting {
		t.Errorf("the transfer that lost its lease is %s, want STARTING", got)
	}
	still, _ := s.task(t, "task")
	same(t, "task of the second lease", still, now)
	same(t, "busy slots", s.busy(t), map[string]int{"agent": 1})
}
