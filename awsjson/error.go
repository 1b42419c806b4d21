package awsjson

import (
	"fmt"
	"maps"
	"net/http"
)

// Error is an error reply. Handlers return it (or an error that wraps it, or
// one that Options.MapError turns into it); everything else becomes a 500
// InternalFailure whose text stays in the log.
type Error struct {
	// Status is the HTTP status; 0 means 400.
	Status int
	// Type is the name of the error shape, such as QueueDoesNotExist.
	Type string
	// Namespace precedes the type in __type ("com.amazonaws.sqs"); empty sends
	// the bare type.
	Namespace string
	// QueryCode is the code of the older query protocol, sent in
	// x-amzn-query-error by services that once spoke it; empty means Type.
	QueryCode string
	// Message is shown to the caller.
	Message string
	// Fields are further members of the body, such as errorCode.
	Fields map[string]any
	// Err is the cause. It is logged, never sent.
	Err error
}

// Error returns type, message and cause.
func (e *Error) Error() string {
	s := e.Type + ": " + e.Message
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// wireType is the value of __type.
func (e *Error) wireType() string {
	if e.Namespace == "" {
		return e.Type
	}
	return e.Namespace + "#" + e.Type
}

// queryError is the value of x-amzn-query-error.
func (e *Error) queryError() string {
	code, fault := e.QueryCode, "Sender"
	if code == "" {
		code = e.Type
	}
	if e.status() >= http.StatusInternalServerError {
		fault = "Receiver"
	}
	return code + ";" + fault
}

// body is the JSON object of the reply.
func (e *Error) body() map[string]any {
	b := map[string]any{"__type": e.wireType(), "message": e.Message}
	maps.Copy(b, e.Fields)
	return b
}

// coral is the namespace of the errors that AWS's framework itself answers.
const coral = "com.amazon.coral.service"

func serializationError(err error) *Error {
	return &Error{Type: "SerializationException", Namespace: coral, QueryCode: "MalformedInput", Message: err.Error()}
}

func unknownOperation(name string) *Error {
	return &Error{
		Type: "UnknownOperationException", Namespace: coral, QueryCode: "InvalidAction",
		Message: fmt.Sprintf("The operation %q is not known to this endpoint.", name),
	}
}

func internalFailure(err error) *Error {
	return &Error{
		Status: http.StatusInternalServerError, Type: "InternalFailure", Namespace: coral,
		Message: "The request processing has failed because of an unknown error, exception or failure.", Err: err,
	}
}

func accessDenied(message string) *Error {
	return &Error{Status: http.StatusForbidden, Type: "AccessDeniedException", Namespace: coral, QueryCode: "AccessDenied", Message: message}
}

func tooLarge(limit int64) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Type: "RequestEntityTooLargeException", Namespace: coral, QueryCode: "RequestEntityTooLarge",
		Message: fmt.Sprintf("The request body is larger than %d bytes.", limit),
	}
}
