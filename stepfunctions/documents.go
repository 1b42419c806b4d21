package stepfunctions

import (
	"encoding/json"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Order asks the state machine for one attempt.
type Order struct {
	TransferID string            `json:"transfer_id"`
	TaskARN    string            `json:"task_arn"`
	Tags       map[string]string `json:"tags"`
	// BytesPerSecond is the bandwidth that Request has.
	BytesPerSecond int64 `json:"bytes_per_second"`
	// NotAfter is when the start must not be made any more, because the lease
	// of the task may have ended.
	NotAfter time.Time `json:"not_after"`
	// Request is DataSync's StartTaskExecution.
	Request json.RawMessage `json:"request"`
}

// Start is what the dispatcher must know of the order's start.
func (o Order) Start() hikyaku.Start {
	return hikyaku.Start{TaskARN: o.TaskARN, BytesPerSecond: o.BytesPerSecond, Tags: o.Tags}
}

// State is the state machine's data, beginning with its input.
type State struct {
	Order Order `json:"order"`
	// Execution is DataSync's answer to the start.
	Execution *Execution `json:"execution,omitempty"`
	// Failed is why there is none.
	Failed *Failed `json:"failed,omitempty"`
	// Look is the last description of the execution.
	Look *Look `json:"look,omitempty"`
	// Step is what the function steps said last.
	Step Step `json:"step"`
}

// Execution is the answer to StartTaskExecution.
type Execution struct {
	TaskExecutionARN string `json:"TaskExecutionArn"` //nolint:tagliatelle // Amazon's
}

// Failed is a failed state as Step Functions describes it.
type Failed struct {
	Error string `json:"Error"` //nolint:tagliatelle // Amazon's
	Cause string `json:"Cause"` //nolint:tagliatelle // Amazon's
}

// TooLate is the Error of a start that the machine did not make, because its
// time was over.
const TooLate = "Hikyaku.TooLate"

// Look is DataSync's description of an execution, and when it was asked for.
type Look struct {
	At          time.Time       `json:"at"`
	Description json.RawMessage `json:"description"`
}

// Next says what the state machine does next.
type Next string

// What the state machine does next.
const (
	// NextWait waits Seconds, then looks at the execution. It tells steps when
	// the status is not Status any more, or from LookBy on.
	NextWait Next = "wait"
	// NextAgain waits Seconds, then asks again what became of the start.
	NextAgain Next = "again"
	// NextPark waits until Until, then for the next attempt.
	NextPark Next = "park"
	// NextSucceeded, NextFailed and NextCancelled are the transfer's end.
	NextSucceeded Next = "succeeded"
	NextFailed    Next = "failed"
	NextCancelled Next = "cancelled"
	// NextElsewhere ends the execution because it drives nothing any more: the
	// transfer's attempt is another's, or goes on in an execution that follows.
	NextElsewhere Next = "elsewhere"
	// NextStart starts the order: a parked execution is woken with it.
	NextStart Next = "start"
)

// Step is what steps says. Every field is written always, because the state
// machine names them all.
type Step struct {
	Next    Next      `json:"next"`
	Seconds int       `json:"seconds"`
	Until   time.Time `json:"until"`
	Status  string    `json:"status"`
	LookBy  time.Time `json:"look_by"`
	// ExecutionARN is the task execution that is followed.
	ExecutionARN string `json:"execution_arn"`
	// Events is how many events the execution's history may have by the time
	// of the next step. Step Functions ends an execution at 25,000.
	Events int `json:"events"`
	// Error and Cause are those of a failed transfer.
	Error string `json:"error"`
	Cause string `json:"cause"`
}

// The operations of the function steps.
const (
	OpRecord  = "record"  // the start has an answer
	OpObserve = "observe" // the execution was looked at
	OpPark    = "park"    // the attempt is over, Token waits for the next
)

// Call is the payload of the function steps.
type Call struct {
	Op    string `json:"op"`
	State State  `json:"state"`
	// Name of the state machine's execution.
	Name string `json:"name"`
	// Token wakes the execution; with OpPark.
	Token string `json:"token,omitempty"`
}
