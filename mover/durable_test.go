package mover_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

func TestService_Restart(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	task := pair(t, s, mover.Options{})
	arn, waiting := start(t, s, task, "/1"), start(t, s, task, "/2")
	fake.Next(t)
	for n := 1; n <= mover.MaxRestarts; n++ {
		stop(t, s)
		s = movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
		run := fake.Next(t)
		if !strings.HasSuffix(arn, run.Job.Execution) || run.Job.Includes != "/1" {
			t.Fatalf("restart %d began %+v", n, run.Job)
		}
		if e := describe(t, s, arn); e.Restarts != n || e.Status != mover.StatusPreparing {
			t.Errorf("after restart %d: %+v", n, e)
		}
		if e := describe(t, s, waiting); e.Status != mover.StatusQueued {
			t.Errorf("waiting execution after restart %d: %+v", n, e)
		}
	}
	stop(t, s)
	s = movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	if e := describe(t, s, arn); e.Status != mover.StatusError || e.Result.ErrorCode != mover.CodeTooManyRestarts {
		t.Errorf("after too many restarts: %+v", e)
	}
	run := fake.Next(t)
	if !strings.HasSuffix(waiting, run.Job.Execution) {
		t.Errorf("began %s, want the waiting %s", run.Job.Execution, waiting)
	}
	run.Finish(engine.Result{}, nil)
	if e := ended(t, s, waiting); e.Status != mover.StatusSuccess {
		t.Errorf("waiting execution = %+v", e)
	}
	if d, err := s.DescribeTask(t.Context(), task); err != nil || d.CurrentExecution != waiting {
		t.Errorf("task = %+v, %v", d, err)
	}
}

func TestService_RestartWhileCancelling(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	first := movertest.Start(t, mover.Config{Store: store, Run: movertest.NewEngine().Run})
	arn := start(t, first, pair(t, first, mover.Options{}), "/1")
	e := describe(t, first, arn)
	stop(t, first)
	e.Status = mover.StatusCancelling // as a crash between cancel and end leaves it
	if err := store.Commit(t.Context(), mover.Change{Executions: []mover.Execution{e}}); err != nil {
		t.Fatal(err)
	}
	fake := movertest.NewEngine()
	second := movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	if e := describe(t, second, arn); e.Status != mover.StatusError || e.Result.ErrorCode != mover.CodeCancelled {
		t.Errorf("execution = %+v", e)
	}
	fake.Idle(t)
}

func TestService_Stopped(t *testing.T) {
	t.Parallel()
	s := movertest.Start(t, mover.Config{})
	task := pair(t, s, mover.Options{})
	stop(t, s)
	_, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task})
	refused(t, err, mover.Internal, "try again")
	stop(t, s) // twice is once
}

func TestService_StartNotRecorded(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	store := &movertest.Memory{BeforeCommit: func(mover.Change) error {
		if broken.Load() {
			return errors.New("disk full")
		}
		return nil
	}}
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	task := pair(t, s, mover.Options{})
	broken.Store(true)
	_, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task})
	refused(t, err, mover.Internal, "try again")
	if strings.Contains(err.Error(), "disk full") {
		t.Errorf("the cause is shown to the caller: %v", err)
	}
	if d, err := s.DescribeTask(t.Context(), task); err != nil || d.Status != mover.TaskAvailable || d.CurrentExecution != "" {
		t.Errorf("task = %+v, %v", d, err)
	}
	fake.Idle(t)
	broken.Store(false)
	arn := start(t, s, task, "")
	run := fake.Next(t)
	waiting := start(t, s, task, "/2")
	broken.Store(true)
	if err := s.CancelTaskExecution(t.Context(), waiting); err == nil {
		t.Error("a cancellation that could not be recorded was accepted")
	}
	if e := describe(t, s, waiting); e.Status != mover.StatusQueued {
		t.Errorf("execution = %+v", e)
	}
	broken.Store(false)
	run.Finish(engine.Result{}, nil)
	ended(t, s, arn)
	fake.Next(t).Finish(engine.Result{}, nil)
	ended(t, s, waiting)
}

func TestService_EndRecordedLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var refuse atomic.Int32
		store := &movertest.Memory{BeforeCommit: func(c mover.Change) error {
			if len(c.Executions) > 0 && c.Executions[0].Status.Ended() && refuse.Add(-1) >= 0 {
				return errors.New("disk full")
			}
			return nil
		}}
		refuse.Store(3)
		s := movertest.Start(t, mover.Config{Store: store})
		arn := start(t, s, pair(t, s, mover.Options{}), "")
		synctest.Wait()
		if e := describe(t, s, arn); e.Status.Ended() {
			t.Error("an end that is not durable is shown")
		}
		time.Sleep(time.Minute) // of the bubble
		synctest.Wait()
		if e := describe(t, s, arn); e.Status != mover.StatusSuccess {
			t.Errorf("execution = %+v", e)
		}
	})
}

func TestService_WritesPerExecution(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Store: store})
	task := pair(t, s, mover.Options{})
	before := store.Commits()
	ended(t, s, start(t, s, task, ""))
	if n := store.Commits() - before; n != 2 {
		t.Errorf("%d commits for one execution, want 2", n)
	}
}

func TestService_Sweep(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	fake := movertest.NewEngine()
	s := movertest.Start(t, mover.Config{Store: store, Run: fake.Run})
	task, other := pair(t, s, mover.Options{}), pair(t, s, mover.Options{})
	dead, live := start(t, s, task, ""), start(t, s, other, "")
	for range 2 {
		if run := fake.Next(t); strings.HasSuffix(dead, run.Job.Execution) {
			run.Finish(engine.Result{}, nil)
		}
	}
	ended(t, s, dead)
	stop(t, s)
	id := func(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
	opener := &movertest.Opener{Folders: []string{id(dead), id(live), "exec-of-another-server"}}
	movertest.Start(t, mover.Config{Store: store, Run: fake.Run, Open: opener.Open})
	movertest.Until(t, "swept", func() bool { return len(opener.Swept()) == 3 })
	for folder, want := range map[string]bool{id(dead): true, id(live): false, "exec-of-another-server": false} {
		if got := opener.Swept()[folder]; got != want {
			t.Errorf("folder %s removed = %v, want %v", folder, got, want)
		}
	}
}

func TestService_Retention(t *testing.T) {
	t.Parallel()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Store: store})
	task := pair(t, s, mover.Options{})
	old := start(t, s, task, "")
	ended(t, s, old)
	latest := start(t, s, task, "")
	ended(t, s, latest)
	stop(t, s)
	later := func() time.Time { return time.Now().Add(31 * 24 * time.Hour) }
	s = movertest.Start(t, mover.Config{Store: store, Now: later})
	movertest.Until(t, "pruned", func() bool {
		_, err := s.DescribeTaskExecution(t.Context(), old)
		return err != nil
	})
	if e := describe(t, s, latest); e.Status != mover.StatusSuccess {
		t.Errorf("the task's latest execution = %+v", e)
	}
}
