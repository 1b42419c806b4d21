package console

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/hikyaku/hikyaku"
)

// TransferList is the reply of GET transfers; NextToken is nil at the end.
type TransferList struct {
	Transfers []hikyaku.Transfer `json:"transfers"`
	NextToken *string            `json:"next_token"`
}

// TransferDetail is one transfer with its events: the document of `show`.
type TransferDetail struct {
	hikyaku.Transfer
	Events []hikyaku.Event `json:"events"`
	// CompletionEvents are what others are told of the ends of the transfer.
	CompletionEvents []CompletionEvent `json:"completion_events"`
}

// EventList is the reply of GET transfers/{transfer_id}/events.
type EventList struct {
	Events []hikyaku.Event `json:"events"`
}

// File is the result of one file of a transfer.
type File struct {
	Path string `json:"path"`
	// State is pending, transferring, transferred, verified, skipped, deleted or failed.
	State string `json:"state"`
	Bytes int64  `json:"bytes"`
	// Seconds is how long the file took, 0 where that is not known.
	Seconds float64 `json:"seconds,omitempty"`
	// SourceChecksum and DestinationChecksum are "algorithm:hex", empty when unknown.
	SourceChecksum      string           `json:"source_checksum,omitempty"`
	DestinationChecksum string           `json:"destination_checksum,omitempty"`
	Failure             *hikyaku.Failure `json:"error"`
}

// FileQuery selects files; zero fields select all, Limit 0 is 1000.
type FileQuery struct {
	State string
	Limit int
	Token string
}

// FileList is the reply of GET transfers/{transfer_id}/files. Available is
// false where results per file are not kept.
type FileList struct {
	Files     []File  `json:"files"`
	NextToken *string `json:"next_token"`
	Available bool    `json:"available"`
}

// SendRequest is the body of POST transfers: one Send, or the same for many IDs.
type SendRequest struct {
	hikyaku.Send
	IDs    []string `json:"ids,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

// SendResult is the reply of POST transfers. Failed names those not accepted.
type SendResult struct {
	Transfers []hikyaku.Transfer `json:"transfers"`
	Failed    []ItemError        `json:"failed"`
}

// ItemError is one item of several that failed.
type ItemError struct {
	ID    string    `json:"id"`
	Error *APIError `json:"error"`
}

// ActRequest is the body of every action: why, and with what.
type ActRequest struct {
	Reason string `json:"reason,omitempty"`
	// Force reruns a SUCCEEDED transfer.
	Force bool `json:"force,omitempty"`
	// BytesPerSecond is for a route's limit; -1 is unlimited.
	BytesPerSecond int64 `json:"bytes_per_second,omitempty"`
	// TaskARN is for bench and unbench.
	TaskARN string `json:"task_arn,omitempty"`
	// TransferIDs is for dead letters; All takes every one instead.
	TransferIDs []string `json:"transfer_ids,omitempty"`
	All         bool     `json:"all,omitempty"`
}

// Pool is the reply of GET pool.
type Pool struct {
	At       time.Time               `json:"at"`
	Tasks    []hikyaku.Task          `json:"tasks"`
	Settings []hikyaku.RouteSettings `json:"settings"`
}

// AgentList is the reply of GET agents.
type AgentList struct {
	At     time.Time   `json:"at"`
	Agents []AgentInfo `json:"agents"`
}

// AgentInfo is an agent, of which Today is of the day of AgentList.At (UTC),
// and the tasks that depend on it.
type AgentInfo struct {
	hikyaku.Agent
	Tasks []AgentTask `json:"tasks"`
}

// AgentTask is a task whose locations use an agent; TransferID is the transfer
// that it runs, if any.
type AgentTask struct {
	TaskARN    string            `json:"task_arn"`
	Route      string            `json:"route"`
	State      hikyaku.TaskState `json:"state"`
	TransferID string            `json:"transfer_id,omitempty"`
}

// DeadLetterList is the reply of GET dlq: the transfers whose dead letter waits for a person.
type DeadLetterList struct {
	DeadLetters []hikyaku.Transfer `json:"dead_letters"`
	NextToken   *string            `json:"next_token"`
}

// RedriveResult is the reply of POST dlq/redrive.
type RedriveResult struct {
	Redriven int `json:"redriven"`
}

// DiscardResult is the reply of POST dlq/discard.
type DiscardResult struct {
	Discarded int         `json:"discarded"`
	Failed    []ItemError `json:"failed"`
}

// RouteInfo is a route as configured, with its hot settings and counts.
type RouteInfo struct {
	Name         string `json:"name"`
	Queue        string `json:"queue,omitempty"`
	Source       string `json:"source"`
	Destination  string `json:"destination"`
	Include      string `json:"include"`
	KeyPattern   string `json:"key_pattern,omitempty"`
	ReadyQuiet   string `json:"ready_quiet,omitempty"`
	ReadyMarker  string `json:"ready_marker,omitempty"`
	Pool         int    `json:"pool"`
	VerifyMode   string `json:"verify"`
	TransferMode string `json:"transfer_mode"`
	MaxAttempts  int    `json:"max_attempts"`
	AllowEmpty   bool   `json:"allow_empty"`
	// BytesPerSecond is the limit in force, -1 is unlimited; Configured is the config's.
	BytesPerSecond           int64                   `json:"bytes_per_second"`
	ConfiguredBytesPerSecond int64                   `json:"configured_bytes_per_second"`
	Paused                   bool                    `json:"paused"`
	PausedReason             string                  `json:"paused_reason,omitempty"`
	Counts                   map[hikyaku.State]int64 `json:"counts"`
	OldestQueued             time.Time               `json:"oldest_queued,omitzero"`
}

// RouteList is the reply of GET routes.
type RouteList struct {
	Routes []RouteInfo `json:"routes"`
}

// TaskResult is the reply of bench and unbench.
type TaskResult struct {
	TaskARN string `json:"task_arn"`
}

// Stats is the reply of GET stats and the stream's stats event.
type Stats struct {
	At            time.Time                                  `json:"at"`
	Totals        map[hikyaku.State]int64                    `json:"totals"`
	Counts        map[string]map[hikyaku.State]int64         `json:"counts"`
	Waiting       map[string]map[hikyaku.WaitingReason]int64 `json:"waiting"`
	OldestQueued  map[string]time.Time                       `json:"oldest_queued"`
	OutboxPending int64                                      `json:"outbox_pending"`
	// Owed is what the targets of completion events are owed, by their names.
	Owed map[string]OwedEvents `json:"owed"`
}

// APIError is an error as the API tells it. It unwraps to a *hikyaku.Error of
// the same kind and code.
type APIError struct {
	Code    string       `json:"code"`
	Kind    hikyaku.Kind `json:"kind"`
	Message string       `json:"message"`
	Remedy  string       `json:"remedy"`
	// RetryAfter is the seconds a busy server asked to wait; 0 is none.
	RetryAfter int `json:"retry_after_seconds,omitempty"`
}

// Error returns the message.
func (e *APIError) Error() string { return e.Message }

// Unwrap returns the error as the domain knows it.
func (e *APIError) Unwrap() error {
	return &hikyaku.Error{Kind: e.Kind, Code: e.Code, Message: e.Message}
}

// ErrorBody is the body of every reply that is not a success.
type ErrorBody struct {
	Error *APIError `json:"error"`
}

// AsAPIError returns err as the API would tell it.
func AsAPIError(err error) *APIError {
	if a, ok := errors.AsType[*APIError](err); ok {
		return a
	}
	e := &APIError{Code: hikyaku.CodeOf(err), Kind: hikyaku.KindOf(err), Message: err.Error()}
	e.Remedy = Remedy(&hikyaku.Failure{Code: e.Code}, LangEnglish)
	return e
}

func completeEvents(es []hikyaku.Event) []hikyaku.Event {
	out := make([]hikyaku.Event, len(es))
	for i, e := range es {
		if len(e.Detail) == 0 {
			e.Detail = json.RawMessage("{}")
		}
		out[i] = e
	}
	return out
}

func tokenOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
