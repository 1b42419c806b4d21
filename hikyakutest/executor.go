package hikyakutest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Executor is a DataSync in memory: tasks run one execution at a time, and an
// execution stands still until the test moves it. The zero value is not
// usable; see NewExecutor.
type Executor struct {
	now func() time.Time

	mu         sync.Mutex
	tasks      map[string]hikyaku.TaskDescription
	executions map[string]*execution
	last       map[string]string // task ARN → its newest execution
	agents     map[string]hikyaku.Agent
	serial     int
	starts     []hikyaku.Start
	limits     map[string]int64
	refusal    error
	overlaps   []string
}

type execution struct {
	hikyaku.Execution
	start hikyaku.Start
}

var _ hikyaku.Executor = (*Executor)(nil)

// NewExecutor returns an executor without tasks.
func NewExecutor(now func() time.Time) *Executor {
	return &Executor{
		now: now, tasks: map[string]hikyaku.TaskDescription{}, executions: map[string]*execution{},
		last: map[string]string{}, agents: map[string]hikyaku.Agent{}, limits: map[string]int64{},
	}
}

// TaskARN returns a task's ARN in the real form.
func TaskARN(n int) string {
	return fmt.Sprintf("arn:aws:datasync:us-east-1:111122223333:task/task-%017x", n)
}

// AddTask adds task n, whose locations use the agents, and returns it.
func (x *Executor) AddTask(n int, agents ...string) hikyaku.TaskDescription {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := hikyaku.TaskDescription{ARN: TaskARN(n), Name: fmt.Sprintf("task %d", n), Status: "AVAILABLE", AgentARNs: agents}
	x.tasks[t.ARN] = t
	return t
}

// SetTask replaces a task's description.
func (x *Executor) SetTask(t hikyaku.TaskDescription) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.tasks[t.ARN] = t
}

// SetAgent adds or replaces an agent.
func (x *Executor) SetAgent(a hikyaku.Agent) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.agents[a.ARN] = a
}

// Refuse makes every Start fail with err until it is called with nil.
func (x *Executor) Refuse(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refusal = err
}

// Starts returns all starts so far.
func (x *Executor) Starts() []hikyaku.Start {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.starts)
}

// Limits returns what Limit was called with, by execution.
func (x *Executor) Limits() map[string]int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return maps.Clone(x.limits)
}

// Overlaps returns every case of two executions running at the same time with
// the same destination and filters that select files in common, which must
// never happen.
func (x *Executor) Overlaps() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.overlaps)
}

// overlap reports whether two include filters select a path in common.
func overlap(a, b string) bool {
	for p := range strings.SplitSeq(a, "|") {
		for q := range strings.SplitSeq(b, "|") {
			if hikyaku.Overlap(strings.TrimSuffix(p, "/*"), strings.TrimSuffix(q, "/*")) {
				return true
			}
		}
	}
	return false
}

// Live returns the ARNs of executions that have not ended, in order of start.
func (x *Executor) Live() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for _, arn := range slices.Sorted(maps.Keys(x.executions)) {
		if !x.executions[arn].Ended() {
			out = append(out, arn)
		}
	}
	return out
}

// Executions returns copies of all executions by ARN, with their tags.
func (x *Executor) Executions() map[string]hikyaku.Execution {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := map[string]hikyaku.Execution{}
	for arn, e := range x.executions {
		out[arn] = e.Execution
	}
	return out
}

// Move changes an execution that has not ended; it reports whether it did.
func (x *Executor) Move(arn string, fn func(*hikyaku.Execution)) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.executions[arn]
	if e == nil || e.Ended() {
		return false
	}
	fn(&e.Execution)
	if e.Ended() {
		e.EndTime = x.now()
	}
	return true
}

// Succeed ends an execution that copied files of in all size bytes; one that
// is being cancelled ends as cancelled.
func (x *Executor) Succeed(arn string, files, size int64) bool {
	return x.Move(arn, func(e *hikyaku.Execution) {
		if e.Status == "CANCELLING" {
			e.Status, e.ErrorCode, e.ErrorDetail = "ERROR", "Cancelled", "Task execution was cancelled."
			return
		}
		e.Status = "SUCCESS"
		e.EstimatedFiles, e.FilesTransferred, e.FilesVerified = files, files, files
		e.EstimatedBytes, e.BytesTransferred, e.BytesWritten = size, size, size
		e.TotalTime = x.now().Sub(e.StartTime)
	})
}

// Fail ends an execution in ERROR.
func (x *Executor) Fail(arn, code, detail string) bool {
	return x.Move(arn, func(e *hikyaku.Execution) {
		e.Status, e.ErrorCode, e.ErrorDetail = "ERROR", code, detail
	})
}

// Forget removes an execution, as DataSync does with old ones.
func (x *Executor) Forget(arn string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e := x.executions[arn]; e != nil && x.last[e.TaskARN] == arn {
		delete(x.last, e.TaskARN)
	}
	delete(x.executions, arn)
}

// Start implements hikyaku.Executor.
func (x *Executor) Start(ctx context.Context, s hikyaku.Start) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", &hikyaku.UnclearError{Err: err}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.refusal != nil {
		return "", x.refusal
	}
	t, ok := x.tasks[s.TaskARN]
	if !ok || t.Status == "UNAVAILABLE" {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "start", Subject: s.TaskARN, Message: "the task is not available"}
	}
	if e := x.executions[x.last[s.TaskARN]]; e != nil && !e.Ended() {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "start", Subject: s.TaskARN, Message: "the task is running"}
	}
	for arn, e := range x.executions {
		if !e.Ended() && overlap(e.start.Includes, s.Includes) && x.tasks[e.TaskARN].DestinationLocation == t.DestinationLocation {
			x.overlaps = append(x.overlaps, fmt.Sprintf("%s started in %s while %s runs", s.Includes, s.TaskARN, arn))
		}
	}
	x.serial++
	arn := fmt.Sprintf("%s/execution/exec-%017x", s.TaskARN, x.serial)
	s.Tags = maps.Clone(s.Tags)
	x.executions[arn] = &execution{start: s, Execution: hikyaku.Execution{
		ARN: arn, TaskARN: s.TaskARN, Status: "LAUNCHING", Tags: s.Tags, StartTime: x.now(),
	}}
	x.last[s.TaskARN] = arn
	x.starts = append(x.starts, s)
	return arn, nil
}

// Describe implements hikyaku.Executor.
func (x *Executor) Describe(ctx context.Context, arn string) (hikyaku.Execution, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.executions[arn]
	if e == nil {
		return hikyaku.Execution{}, &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "describe", Subject: arn, Message: "no such execution"}
	}
	out := e.Execution
	out.Tags = nil
	return out, ctx.Err()
}

// Current implements hikyaku.Executor.
func (x *Executor) Current(ctx context.Context, taskARN string) (hikyaku.Execution, bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, ok := x.tasks[taskARN]; !ok {
		return hikyaku.Execution{}, false, &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "describe task", Subject: taskARN, Message: "no such task"}
	}
	e := x.executions[x.last[taskARN]]
	if e == nil {
		return hikyaku.Execution{}, false, ctx.Err()
	}
	return e.Execution, true, ctx.Err()
}

// Cancel implements hikyaku.Executor: a live execution becomes CANCELLING.
func (x *Executor) Cancel(ctx context.Context, arn string) error {
	x.Move(arn, func(e *hikyaku.Execution) { e.Status = "CANCELLING" })
	return ctx.Err()
}

// Limit implements hikyaku.Executor.
func (x *Executor) Limit(ctx context.Context, arn string, bytesPerSecond int64) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.limits[arn] = bytesPerSecond
	return ctx.Err()
}

// Agents implements hikyaku.Executor.
func (x *Executor) Agents(ctx context.Context) ([]hikyaku.Agent, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []hikyaku.Agent
	for _, arn := range slices.Sorted(maps.Keys(x.agents)) {
		out = append(out, x.agents[arn])
	}
	return out, ctx.Err()
}

// Task implements hikyaku.Executor.
func (x *Executor) Task(ctx context.Context, arn string) (hikyaku.TaskDescription, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t, ok := x.tasks[arn]
	if !ok {
		return t, &hikyaku.Error{Kind: hikyaku.KindNotFound, Op: "describe task", Subject: arn, Message: "no such task"}
	}
	return t, ctx.Err()
}
