package movertest

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku/mover"
)

// Memory is a mover.Store that outlives services but not the process. The
// zero value is empty. Its methods may be called concurrently.
type Memory struct {
	// BeforeCommit, if set, is called before each commit; its error refuses
	// the commit. Set it before use.
	BeforeCommit func(mover.Change) error

	mu         sync.Mutex
	commits    int
	agents     map[string]mover.Agent
	locations  map[string]mover.Location
	tasks      map[string]mover.Task
	executions map[string]mover.Execution
	files      map[string][]mover.FileOutcome
}

var _ mover.Store = (*Memory)(nil)

// Commits returns how many changes were committed.
func (m *Memory) Commits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits
}

// Load implements mover.Store.
func (m *Memory) Load(context.Context) (mover.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := mover.Snapshot{
		Agents: slices.Collect(maps.Values(m.agents)), Locations: slices.Collect(maps.Values(m.locations)),
		Tasks: slices.Collect(maps.Values(m.tasks)), Latest: map[string]string{},
	}
	for _, e := range m.ordered() {
		s.LastSeq = e.Seq
		if !e.Status.Ended() {
			s.Live = append(s.Live, copied(e))
		}
		if _, ok := m.tasks[e.TaskARN()]; ok {
			s.Latest[e.TaskARN()] = e.ARN
		}
	}
	return s, nil
}

// ordered returns the executions, oldest first. m.mu must be held.
func (m *Memory) ordered() []mover.Execution {
	return slices.SortedFunc(maps.Values(m.executions), func(a, b mover.Execution) int { return cmp.Compare(a.Seq, b.Seq) })
}

// copied returns e as a store that encodes it would.
func copied(e mover.Execution) mover.Execution {
	b, err := json.Marshal(e)
	if err == nil {
		var c mover.Execution
		if json.Unmarshal(b, &c) == nil {
			return c
		}
	}
	panic("an execution cannot be encoded")
}

// Commit implements mover.Store.
func (m *Memory) Commit(ctx context.Context, c mover.Change) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if m.BeforeCommit != nil {
		if err := m.BeforeCommit(c); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.agents == nil {
		m.agents, m.locations, m.tasks = map[string]mover.Agent{}, map[string]mover.Location{}, map[string]mover.Task{}
		m.executions, m.files = map[string]mover.Execution{}, map[string][]mover.FileOutcome{}
	}
	m.commits++
	for _, a := range c.Agents {
		m.agents[a.ARN] = a
	}
	for _, l := range c.Locations {
		m.locations[l.ARN] = l
	}
	for _, t := range c.Tasks {
		m.tasks[t.ARN] = t
	}
	for _, e := range c.Executions {
		m.executions[e.ARN] = copied(e)
	}
	maps.Copy(m.files, c.Files)
	for _, arn := range c.DeletedLocations {
		delete(m.locations, arn)
	}
	for _, arn := range c.DeletedTasks {
		delete(m.tasks, arn)
	}
	return nil
}

// Execution implements mover.Store.
func (m *Memory) Execution(_ context.Context, arn string) (mover.Execution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.executions[arn]
	if !ok {
		return mover.Execution{}, mover.ErrNotFound
	}
	return copied(e), nil
}

// Ended implements mover.Store.
func (m *Memory) Ended(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for arn, e := range m.executions {
		if strings.HasSuffix(arn, "/"+id) {
			return e.Status.Ended(), nil
		}
	}
	return false, nil
}

// Executions implements mover.Store.
func (m *Memory) Executions(_ context.Context, q mover.ExecutionQuery) ([]mover.Execution, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []mover.Execution
	for _, e := range slices.Backward(m.ordered()) {
		if (q.TaskARN == "" || e.TaskARN() == q.TaskARN) && (q.BeforeSeq == 0 || e.Seq < q.BeforeSeq) && len(found) < q.Limit {
			found = append(found, copied(e))
		}
	}
	return found, nil
}

// Files implements mover.Store.
func (m *Memory) Files(_ context.Context, arn string) ([]mover.FileOutcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.files[arn]), nil
}

// ExecutionsWithFile implements mover.Store.
func (m *Memory) ExecutionsWithFile(_ context.Context, text string, limit int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, e := range slices.Backward(m.ordered()) {
		has := slices.ContainsFunc(m.files[e.ARN], func(f mover.FileOutcome) bool { return strings.Contains(f.Path, text) })
		if has && len(ids) < limit && utf8.RuneCountInString(text) >= mover.LeastPath && !strings.Contains(text, "\n") {
			ids = append(ids, e.ID())
		}
	}
	return ids, nil
}

// Prune implements mover.Store.
func (m *Memory) Prune(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := map[string]string{}
	for _, e := range m.ordered() {
		if _, ok := m.tasks[e.TaskARN()]; ok {
			latest[e.TaskARN()] = e.ARN
		}
	}
	n := 0
	for arn, e := range m.executions {
		if e.Status.Ended() && e.EndedAt.Before(before) && latest[e.TaskARN()] != arn {
			delete(m.executions, arn)
			delete(m.files, arn)
			n++
		}
	}
	return n, nil
}
