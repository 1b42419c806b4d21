package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hikyaku/hikyaku"
)

// Lives takes transfers through their five usual changes (accept, assign,
// start, refresh, settle), for measurements and crash tests. Worker w owns one
// task of its own, so that workers never conflict.
type Lives struct {
	workers int
	tasks   map[int]hikyaku.Task
}

// NewLives returns lives for so many workers.
func NewLives(workers int) *Lives { return &Lives{workers: workers, tasks: map[int]hikyaku.Task{}} }

// Prepare writes the workers' tasks and the agent they share.
func (v *Lives) Prepare(ctx context.Context, l hikyaku.Ledger) error {
	c := hikyaku.Change{Agents: []hikyaku.Agent{{ARN: "agent", Online: true}}}
	for w := range v.workers {
		c.Tasks = append(c.Tasks, hikyaku.TaskWrite{Task: hikyaku.Task{ARN: fmt.Sprintf("task-%d", w), Route: "orders", State: hikyaku.Idle}})
	}
	return l.Commit(ctx, c)
}

// Changes returns the five changes of the n-th transfer in a worker's task,
// whose record is as it was before the first of them.
func Changes(n int, task hikyaku.Task) []hikyaku.Change {
	tr := *queued(n)
	tr.MessageID, tr.Body = fmt.Sprintf("message-%d", n), tr.ID
	var list []hikyaku.Change
	step := func(state hikyaku.State, kind hikyaku.EventType) *hikyaku.Change {
		in(state)(&tr)
		written := tr
		list = append(list, hikyaku.Change{Transfer: &written, Events: []hikyaku.Event{{
			SchemaVersion: 1, TransferID: tr.TransferID, Seq: int64(len(list) + 1), At: tr.CreatedAt, Type: kind,
			Detail: []byte(`{"route":"orders","task_arn":"` + task.ARN + `"}`),
		}}})
		tr.Version++
		return &list[len(list)-1]
	}
	leased := func(c *hikyaku.Change, state hikyaku.TaskState, transferID string) {
		token := task.Token
		if state == hikyaku.Leased {
			task.Token++
		}
		task.State, task.TransferID = state, transferID
		c.Tasks = []hikyaku.TaskWrite{{Task: task, IfToken: &token}}
		task.Version++
	}
	step(hikyaku.Queued, hikyaku.EventAccepted).Unique = []string{hikyaku.MessageKey(tr.MessageID, tr.Route, tr.ID)}
	tr.TaskARN, tr.Token, tr.Attempt = task.ARN, task.Token+1, 1
	assign := step(hikyaku.Starting, hikyaku.EventAssigned)
	assign.LockActive, assign.TakeSlots = true, []string{"agent"}
	leased(assign, hikyaku.Leased, tr.TransferID)
	tr.ExecutionARN = fmt.Sprintf("arn:aws:datasync:local:000000000000:task/%s/execution/exec-%017d", task.ARN, n)
	step(hikyaku.Running, hikyaku.EventStarted)
	tr.ExecutionStatus, tr.Files.Total = "TRANSFERRING", 1
	step(hikyaku.Running, hikyaku.EventPhase)
	tr.ExecutionStatus, tr.Outcome, tr.Files.Transferred = "SUCCESS", hikyaku.Delivered, 1
	settle := step(hikyaku.Succeeded, hikyaku.EventSucceeded)
	settle.UnlockActive, settle.FreeSlots = true, []string{"agent"}
	settle.Carried = hikyaku.Carried{Day: "2026-11-22", Transfers: 1, Bytes: 1}
	settle.Outbox = []hikyaku.OutboxEntry{entry(n)}
	leased(settle, hikyaku.Idle, "")
	return list
}

// Live commits the n-th transfer's changes one after another in a worker's
// task; a worker lives one transfer at a time.
func (v *Lives) Live(ctx context.Context, l hikyaku.Ledger, worker, n int) error {
	task, known := v.tasks[worker]
	if !known {
		pool, err := l.Pool(ctx, "")
		if err != nil {
			return err
		}
		for _, t := range pool.Tasks {
			if t.ARN == fmt.Sprintf("task-%d", worker) {
				task = t
			}
		}
	}
	for _, c := range Changes(n, task) {
		if err := l.Commit(ctx, c); err != nil {
			return fmt.Errorf("transfer %d, worker %d of %v: %w", n, worker, slices.Sorted(maps.Keys(v.tasks)), err)
		}
		for _, w := range c.Tasks {
			task = w.Task
			task.Version++
		}
	}
	v.tasks[worker] = task
	return nil
}
