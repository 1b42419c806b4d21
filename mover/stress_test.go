package mover_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// oneAtATime is an engine that notices two runs of a task side by side. The
// task's number leads the include filter.
type oneAtATime struct {
	mu      sync.Mutex
	running map[string]string
	broken  []string
}

func (o *oneAtATime) run(ctx context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
	task, _, _ := strings.Cut(strings.TrimPrefix(job.Includes, "/"), "-")
	o.mu.Lock()
	if other := o.running[task]; other != "" {
		o.broken = append(o.broken, other+" beside "+job.Execution)
	}
	o.running[task] = job.Execution
	o.mu.Unlock()
	var err error
	if pick(4) == 0 { // until it is cancelled
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	o.mu.Lock()
	delete(o.running, task)
	o.mu.Unlock()
	return engine.Result{}, err
}

// pick returns a number below n.
func pick(n int) int { return rand.IntN(n) } //nolint:gosec // chance, not secrecy

// TestService_Interleavings lets many clients start, cancel, change and
// describe executions at random, across restarts. Every execution must end,
// none be lost, and no task run two at once.
func TestService_Interleavings(t *testing.T) {
	t.Parallel()
	const tasks, clients, rounds, steps = 3, 4, 3, 25
	store, watcher := &movertest.Memory{}, &oneAtATime{running: map[string]string{}}
	s := movertest.Start(t, mover.Config{Store: store, Run: watcher.run})
	arns := make([]string, tasks)
	for n := range arns {
		arns[n] = pair(t, s, mover.Options{})
	}
	var mu sync.Mutex
	var started []string
	for round := range rounds {
		var wg sync.WaitGroup
		for client := range clients {
			wg.Go(func() {
				var mine []string
				for step := range steps {
					n := pick(tasks)
					filter := fmt.Sprintf("/%d-%d-%d-%d", n, round, client, step)
					arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: arns[n], Includes: &filter})
					if err == nil {
						mine = append(mine, arn)
					} else if !strings.Contains(err.Error(), "the limit") {
						t.Errorf("start: %v", err)
					}
					if len(mine) == 0 {
						continue
					}
					some := mine[pick(len(mine))]
					for _, err := range []error{s.UpdateTaskExecution(t.Context(), some, int64(1+pick(1e6))), s.CancelTaskExecution(t.Context(), some)} {
						if err != nil && !strings.Contains(err.Error(), "in its current status") {
							t.Errorf("%s: %v", some, err)
						}
					}
					if _, _, err := s.ListTaskExecutions(t.Context(), arns[n], mover.Page{Max: 3}); err != nil {
						t.Error(err)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				started = append(started, mine...)
			})
		}
		wg.Wait()
		stop(t, s)
		s = movertest.Start(t, mover.Config{Store: store, Run: watcher.run})
	}
	for _, arn := range started {
		movertest.Until(t, arn+" ended", func() bool {
			e := describe(t, s, arn)
			if !e.Status.Ended() {
				_ = s.CancelTaskExecution(t.Context(), arn) // it may have ended meanwhile
			}
			return e.Status.Ended()
		})
	}
	if len(watcher.broken) > 0 {
		t.Errorf("a task ran two executions at once: %v", watcher.broken)
	}
	for _, arn := range arns {
		if d, err := s.DescribeTask(t.Context(), arn); err != nil || d.Status != mover.TaskAvailable {
			t.Errorf("task at the end = %+v, %v", d, err)
		}
	}
}
