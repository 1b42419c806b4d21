package hikyaku

import (
	"context"
	"errors"
	"fmt"
)

// Kind is the small closed set of error kinds, decided where an error is born
// and mapped once per edge (HTTP status, exit code, wire error).
type Kind string

// The kinds.
const (
	KindInvalid   Kind = "invalid"
	KindNotFound  Kind = "not_found"
	KindConflict  Kind = "conflict"
	KindBusy      Kind = "busy"
	KindTransient Kind = "transient"
	KindDenied    Kind = "denied"
	KindCorrupt   Kind = "corrupt"
	KindInternal  Kind = "internal"
)

// Error is an error with a kind and, if a person can meet it, a catalogue code.
type Error struct {
	Kind Kind
	// Code is a catalogue code (HKY-2001) or empty.
	Code string
	// Op and Subject say what was done to what: "receive from queue", "hikyaku".
	Op, Subject string
	// Message says what happened, for people; Err is the cause.
	Message string
	Err     error
}

// Error returns "op subject: message: cause".
func (e *Error) Error() string {
	msg := e.Message
	if e.Err != nil {
		if msg != "" {
			msg += ": "
		}
		msg += e.Err.Error()
	}
	switch {
	case e.Op != "" && e.Subject != "":
		return fmt.Sprintf("%s %s: %s", e.Op, e.Subject, msg)
	case e.Op != "":
		return e.Op + ": " + msg
	}
	return msg
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns an error's kind: that of the first *Error in its chain,
// conflict for *ConflictError, not_found for ErrNotFound, transient for
// deadlines, internal for anything else, "" for nil.
func KindOf(err error) Kind {
	var e *Error
	var c *ConflictError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Kind
	case errors.As(err, &c):
		return KindConflict
	case errors.Is(err, ErrNotFound):
		return KindNotFound
	case errors.Is(err, context.DeadlineExceeded):
		return KindTransient
	}
	return KindInternal
}

// CodeOf returns the catalogue code of the first *Error that has one, or "".
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		if e.Code != "" {
			return e.Code
		}
		return CodeOf(e.Err)
	}
	return ""
}
