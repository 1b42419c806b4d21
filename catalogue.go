package hikyaku

import (
	"strings"
	"sync"
)

// Text is an entry in one language.
type Text struct {
	Title, Cause, Remedy string
}

// Entry is one error a person can meet. Codes never change their meaning.
type Entry struct {
	Code string
	Kind Kind
	// Retryable: the transfer is tried again by itself while its budget lasts.
	Retryable bool
	// Free: the attempt was lost through no fault of the transfer and does not
	// count against the budget.
	Free bool
	// Bench: the task gets no work for a while.
	Bench bool
	// English and Japanese say the same.
	English, Japanese Text
}

// Text returns the entry in a language ("ja"; anything else is English).
func (e Entry) Text(language string) Text {
	if strings.HasPrefix(strings.ToLower(language), "ja") {
		return e.Japanese
	}
	return e.English
}

// Catalogue returns every entry, by code. The slice is the caller's.
func Catalogue() []Entry {
	var all []Entry
	for _, group := range [][]Entry{
		messageEntries(), sourceEntries(), poolEntries(), transferEntries(),
		storageEntries(), auditEntries(), operationEntries(), stackEntries(), accessEntries(), internalEntries(),
	} {
		all = append(all, group...)
	}
	return all
}

// byCode is the catalogue by code, built once: every row of a list asks it.
var byCode = sync.OnceValue(func() map[string]Entry { //nolint:gochecknoglobals // a constant table
	all := map[string]Entry{}
	for _, e := range Catalogue() {
		all[e.Code] = e
	}
	return all
})

// Lookup returns a code's entry.
func Lookup(code string) (Entry, bool) {
	e, ok := byCode()[code]
	return e, ok
}

// entry returns a code's entry, or that of CodeInternal for an unknown one.
func entry(code string) Entry {
	if e, ok := Lookup(code); ok {
		return e
	}
	e, _ := Lookup(CodeInternal)
	return e
}

// NewFailure fills a Failure from the catalogue. message may say more than
// the title; empty is the title. detail is what the failing system said.
func NewFailure(code, message, detail string) Failure {
	e := entry(code)
	if message == "" {
		message = e.English.Title
	}
	return Failure{Code: e.Code, Kind: e.Kind, Message: message, Remedy: e.English.Remedy, Detail: detail}
}

// FailureOf makes a Failure of an error: its own code if it has one,
// otherwise fallback.
func FailureOf(err error, fallback string) Failure {
	code := CodeOf(err)
	if code == "" {
		code = fallback
	}
	return NewFailure(code, "", err.Error())
}

// NewError returns an *Error with the code's kind.
func NewError(code, op, subject, message string) *Error {
	return &Error{Kind: entry(code).Kind, Code: code, Op: op, Subject: subject, Message: message}
}

// Classify finds the entry for an execution that ended in ERROR, by DataSync's
// Result.ErrorCode and ErrorDetail, Amazon's or ours. What is not known is
// CodeExecutionFailed, which is retryable.
func Classify(errorCode, errorDetail string) Entry {
	if code := classifyCode(errorCode, strings.ToLower(errorDetail)); code != "" {
		return entry(code)
	}
	return entry(classifyDetail(strings.ToLower(errorDetail)))
}

//nolint:cyclop // a table
func classifyCode(errorCode, detail string) string {
	switch errorCode {
	case "SourceDenied", "SrcLocHitAccess", "FsS3HeadBucketFailed", "FsAzureBlobVolRootListBlobsFailed":
		return CodeSourceDenied
	case "AccessDenied":
		if strings.Contains(detail, "destination") || strings.Contains(detail, "dst") {
			return CodeDestinationDenied
		}
		return CodeSourceDenied
	case "SourceGone", "ManifestFileDoesNotExist":
		return CodeSourceGone
	case "SourceChanged":
		return CodeSourceChanged
	case "SourceUnavailable", "SourceReadFailed", "FsS3UnableToConnectToEndpoint":
		return CodeSourceUnavailable
	case "NameNotAllowed", "UnsupportedType":
		return CodeNameNotAllowed
	case "PathConflict":
		return CodePathConflict
	case "CaseCollision":
		return CodeCaseCollision
	case "ArchivedObject":
		return CodeArchived
	case "DestinationDenied", "FsNfsIdMappingEnabled":
		return CodeDestinationDenied
	case "FileTooLarge":
		return CodeFileTooLarge
	case "DestinationUnavailable", "DestinationWriteFailed", "DestinationReadFailed":
		return CodeDestinationUnavailable
	case "NoSpace":
		return CodeNoSpace
	case "ChecksumMismatch", "VerificationFailed", "ContentDiffers", "FileNotAtSource", "FileNotAtDestination":
		return CodeMismatch
	case "MetadataMismatch", "MetadataDiffers":
		return CodeMetadataMismatch
	case "FilesSkipped", "DeleteFailed":
		return CodeFilesFailed
	case "InvalidOptions":
		return CodeTaskRefused
	case "TaskDeleted":
		return CodeExecutionLost
	case "Transient", "LocationAccessFailed":
		return CodeLocationUnreachable
	case "Throttled", "ThrottlingException", "SlowDown":
		return CodeThrottled
	case "TooManyRestarts":
		// It may be the ID that brings the server down each time: its attempts
		// count, so that it stops at the cap.
		return CodeExecutionFailed
	case "NoMem", "Internal", "InternalError", "InternalException":
		return CodeServerFault
	case "EniNotFound", "SyncTaskErrorLocationNotAdded":
		return CodeTaskUnavailable
	case "AgentOffline":
		return CodeAgentOffline
	case "Cancelled":
		return CodeStoppedElsewhere
	}
	return ""
}

func classifyDetail(detail string) string {
	switch {
	case strings.Contains(detail, "verification detected mismatches"):
		return CodeMismatch
	case strings.Contains(detail, "failed to access location"):
		return CodeLocationUnreachable
	case strings.Contains(detail, "files skipped due to errors"):
		return CodeFilesFailed
	}
	return CodeExecutionFailed
}
