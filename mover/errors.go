package mover

import (
	"errors"
	"fmt"
)

// Kind is the small closed set of ways a call can be refused.
type Kind uint8

// The kinds.
const (
	// Internal: the service could not do it; the caller may try again.
	Internal Kind = iota
	// Invalid: the request can never succeed as it is.
	Invalid
	// NotFound: no such agent, location, task or execution.
	NotFound
	// Conflict: not in the present state of the thing.
	Conflict
)

// Error codes for clients, as DataSync's errorCode.
const (
	codeInvalidParameter = "InvalidParameter"
	codeNotSupported     = "NotSupported"
	codeNotFound         = "ResourceNotFound"
	codeInUse            = "ResourceInUse"
	codeInvalidState     = "InvalidState"
	codeLimit            = "LimitExceeded"
	codeLocationAccess   = "LocationAccessTestFailed"
	codeInternal         = "InternalError"
)

// ErrNotFound is what a [Store] returns for an execution it does not have.
var ErrNotFound = errors.New("not found")

// errStopping is the cause with which executions are interrupted by Stop, and
// why calls are refused afterwards.
var errStopping = errors.New("service is stopping")

// errCancelled is the cause with which CancelTaskExecution ends a run.
var errCancelled = errors.New("task execution was cancelled")

// Error is a refusal. Message is written for the caller and may be sent as it
// is; Err, if any, is the cause and stays in the log.
type Error struct {
	Kind Kind
	// Code is DataSync's errorCode.
	Code    string
	Message string
	Err     error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func invalid(format string, args ...any) error {
	return &Error{Kind: Invalid, Code: codeInvalidParameter, Message: fmt.Sprintf(format, args...)}
}

func unsupported(format string, args ...any) error {
	return &Error{Kind: Invalid, Code: codeNotSupported, Message: fmt.Sprintf(format, args...)}
}

func conflict(code, format string, args ...any) error {
	return &Error{Kind: Conflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &Error{Kind: NotFound, Code: codeNotFound, Message: fmt.Sprintf(format, args...)}
}

// internal wraps a failure of the service itself.
func internal(operation string, err error) error {
	return &Error{Kind: Internal, Code: codeInternal, Message: operation + ": internal failure, try again", Err: fmt.Errorf("%s: %w", operation, err)}
}
