package mover

import (
	"context"
	"time"
)

// MaxFiles is how many failed items of one execution are kept.
const MaxFiles = 1000

// LeastPath is how many characters of a path are searched for, at least.
const LeastPath = 3

// Store keeps the service's records. Its methods may be called concurrently.
// Values handed over or returned are not shared: neither side changes them
// afterwards.
type Store interface {
	// Load returns everything but ended executions.
	Load(ctx context.Context) (Snapshot, error)
	// Commit applies c as a whole or not at all and returns once it is
	// durable. If ctx ends first, either nothing happened and an error is
	// returned, or the outcome is.
	Commit(ctx context.Context, c Change) error
	// Execution returns one execution as last committed, or [ErrNotFound].
	Execution(ctx context.Context, arn string) (Execution, error)
	// Ended says whether id ("exec-…") is an execution that has ended; false
	// for an unknown one.
	Ended(ctx context.Context, id string) (bool, error)
	// Executions returns executions, the most recently requested first.
	Executions(ctx context.Context, q ExecutionQuery) ([]Execution, error)
	// Files returns the items committed for an execution, in the order in which
	// they were committed; none for an unknown one.
	Files(ctx context.Context, arn string) ([]FileOutcome, error)
	// ExecutionsWithFile returns the IDs ("exec-…") of at most limit ended
	// executions for which an item is kept whose path has text in it, the most
	// recently requested first; none for a text of fewer than [LeastPath]
	// characters or with a line break. A store may look at its most recent executions only.
	ExecutionsWithFile(ctx context.Context, text string, limit int) ([]string, error)
	// Prune removes executions that ended before the time given, with their
	// files, and returns how many. The most recent execution of each existing
	// task stays.
	Prune(ctx context.Context, before time.Time) (int, error)
}

// Snapshot is what a service needs to begin.
type Snapshot struct {
	Agents    []Agent
	Locations []Location
	Tasks     []Task
	// Live executions have not ended, oldest first.
	Live []Execution
	// Latest has the most recent execution's ARN by task ARN.
	Latest map[string]string
	// LastSeq is the highest Seq ever committed and not pruned; 0 if none.
	LastSeq int64
}

// Change is one atomic write. Items replace what was stored under their ARN.
type Change struct {
	Agents     []Agent
	Locations  []Location
	Tasks      []Task
	Executions []Execution
	// Files replaces the items of executions, by ARN.
	Files map[string][]FileOutcome
	// DeletedLocations and DeletedTasks are ARNs. A deleted task's executions stay.
	DeletedLocations []string
	DeletedTasks     []string
}

// ExecutionQuery selects executions.
type ExecutionQuery struct {
	// TaskARN limits to one task; empty means all.
	TaskARN string
	// BeforeSeq limits to smaller Seq; 0 means no limit.
	BeforeSeq int64
	// Limit is the most to return, at least 1.
	Limit int
}
