package queue

import "fmt"

// Code names a failure as SQS does.
type Code string

// The codes that this package answers with.
const (
	CodeBatchEntryIDsNotDistinct     Code = "BatchEntryIdsNotDistinct"
	CodeBatchRequestTooLong          Code = "BatchRequestTooLong"
	CodeEmptyBatchRequest            Code = "EmptyBatchRequest"
	CodeInvalidAttributeName         Code = "InvalidAttributeName"
	CodeInvalidAttributeValue        Code = "InvalidAttributeValue"
	CodeInvalidBatchEntryID          Code = "InvalidBatchEntryId"
	CodeInvalidMessageContents       Code = "InvalidMessageContents"
	CodeInvalidParameterValue        Code = "InvalidParameterValue"
	CodeMessageNotInflight           Code = "MessageNotInflight"
	CodeMissingParameter             Code = "MissingParameter"
	CodePurgeQueueInProgress         Code = "PurgeQueueInProgress"
	CodeQueueDoesNotExist            Code = "QueueDoesNotExist"
	CodeQueueNameExists              Code = "QueueNameExists"
	CodeReceiptHandleIsInvalid       Code = "ReceiptHandleIsInvalid"
	CodeResourceNotFound             Code = "ResourceNotFoundException"
	CodeTooManyEntriesInBatchRequest Code = "TooManyEntriesInBatchRequest"
	CodeUnsupportedOperation         Code = "UnsupportedOperation"
)

// Error is a refusal. Everything else that this package returns is a failure
// of the store or an ended context.
type Error struct {
	Code    Code
	Message string
}

// Error returns code and message.
func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Is makes errors.Is compare by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

func refuse(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// NoQueue is the refusal for a queue that does not exist. Stores return it,
// too, when a queue went away meanwhile.
func NoQueue() *Error {
	return refuse(CodeQueueDoesNotExist, "The specified queue does not exist.")
}

func missing(parameter string) *Error {
	return refuse(CodeMissingParameter, "The request must contain the parameter %s.", parameter)
}

func invalidValue(value any, parameter, reason string) *Error {
	return refuse(CodeInvalidParameterValue, "Value %v for parameter %s is invalid. Reason: %s", value, parameter, reason)
}
