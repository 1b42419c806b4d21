package hikyaku

import (
	"context"
	"errors"
	"time"
)

// Executor starts and follows task executions. There is one implementation:
// a client of the DataSync API, Amazon's or ours. Methods may be called
// concurrently. Errors are *Error (Kind NotFound, Busy, Transient, Denied, Invalid).
type Executor interface {
	// Start starts an execution. It is never retried inside, because the call
	// has no idempotency token. An *UnclearError means that it may have
	// started: the caller must look (Current) before anything else.
	// ErrHandedOver means that somebody else makes the call.
	Start(ctx context.Context, s Start) (executionARN string, err error)
	// Describe returns an execution's status, counters and result.
	Describe(ctx context.Context, executionARN string) (Execution, error)
	// Current returns the task's most recent execution with its tags, or
	// ok false when the task never ran.
	Current(ctx context.Context, taskARN string) (e Execution, ok bool, err error)
	// Cancel asks an execution to stop; asking a finished one is no error.
	Cancel(ctx context.Context, executionARN string) error
	// Limit changes a running or queued execution's bandwidth; -1 is unlimited.
	Limit(ctx context.Context, executionARN string, bytesPerSecond int64) error
	// Agents lists all agents with status and last contact.
	Agents(ctx context.Context) ([]Agent, error)
	// Task describes a task for the pool: agents, schedule, manifest, options, tags.
	Task(ctx context.Context, taskARN string) (TaskDescription, error)
}

// Start is one StartTaskExecution.
type Start struct {
	TaskARN string
	// Includes and Excludes are filter values ("/A-123/*"), already escaped.
	Includes, Excludes       string
	VerifyMode, TransferMode string
	BytesPerSecond           int64 // -1 unlimited
	// Tags identify the attempt: see Tags* constants.
	Tags map[string]string
}

// The tags every execution of ours carries.
const (
	TagTransfer = "hikyaku:transfer-id"
	TagAttempt  = "hikyaku:attempt"
	TagToken    = "hikyaku:token" //nolint:gosec // the name of a tag
)

// Execution is one DataSync task execution.
type Execution struct {
	ARN, TaskARN string
	// Status is DataSync's: QUEUED, LAUNCHING, PREPARING, TRANSFERRING,
	// VERIFYING, SUCCESS, ERROR, CANCELLING.
	Status string
	// Tags are filled by Current only.
	Tags map[string]string
	// Counters, DataSync's own.
	EstimatedFiles, FilesTransferred, FilesVerified, FilesSkipped, FilesFailed int64
	EstimatedBytes, BytesTransferred, BytesWritten                             int64
	// ErrorCode and ErrorDetail of the result.
	ErrorCode, ErrorDetail               string
	StartTime, LaunchTime, EndTime       time.Time
	Prepare, Transfer, Verify, TotalTime time.Duration
}

// Ended reports whether the execution is over.
func (e Execution) Ended() bool { return e.Status == "SUCCESS" || e.Status == "ERROR" }

// TaskDescription is a DataSync task as the pool sees it.
type TaskDescription struct {
	ARN, Name, Status                   string
	SourceLocation, DestinationLocation string
	AgentARNs                           []string
	Scheduled, HasManifest, Removes     bool // reasons to refuse it as a pool task
	Tags                                map[string]string
	ErrorCode, ErrorDetail              string
}

// ErrHandedOver is what Start returns when it gave the start to somebody else,
// who makes the call soon, or not at all once the lease of a start has ended,
// and tells the dispatcher the answer.
var ErrHandedOver = errors.New("the start was handed over")

// UnclearError says that a start may or may not have happened.
type UnclearError struct{ Err error }

// Error returns the cause.
func (e *UnclearError) Error() string { return "start is unclear: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnclearError) Unwrap() error { return e.Err }
