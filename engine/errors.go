package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku/storage"
)

// Code classifies a failure of an item or a run. The values are written like
// DataSync's own error codes, and are its own where it has one.
type Code string

// Codes of single items.
const (
	// SourceDenied: the source refused to list or open the item.
	SourceDenied Code = "SourceDenied"
	// SourceGone: the item vanished between listing and copying, or, of a run
	// with REMOVE, the source has no object at all.
	SourceGone Code = "SourceGone"
	// SourceChanged: the item kept changing while it was copied.
	SourceChanged Code = "SourceChanged"
	// SourceReadFailed: reading broke for another reason.
	SourceReadFailed Code = "SourceReadFailed"
	// ArchivedObject: the object must be restored from its archive first.
	ArchivedObject Code = "ArchivedObject"
	// UnsupportedType: a device, FIFO or socket, or a link that one side cannot hold.
	UnsupportedType Code = "UnsupportedType"
	// NameNotAllowed: the name cannot be represented on one side or would leave its root.
	NameNotAllowed Code = "NameNotAllowed"
	// PathConflict: a file stands where a directory is needed, or the reverse.
	PathConflict Code = "PathConflict"
	// CaseCollision: another item differs only in case or in its Unicode normal
	// form, and the destination cannot hold both.
	CaseCollision Code = "CaseCollision"
	// FileTooLarge: larger than the destination takes.
	FileTooLarge Code = "FileTooLarge"
	// DestinationDenied: the destination refused to write or delete the item,
	// or, of a run, to be listed or to have anything staged.
	DestinationDenied Code = "DestinationDenied"
	// DestinationWriteFailed: writing or publishing broke for another reason.
	DestinationWriteFailed Code = "DestinationWriteFailed"
	// DestinationReadFailed: what was written could not be read back.
	DestinationReadFailed Code = "DestinationReadFailed"
	// Transient: throttled or disconnected, more often than retries can mend.
	Transient Code = "Transient"
	// ChecksumMismatch: content differs from its checksum, also after a second copy.
	ChecksumMismatch Code = "ChecksumMismatch"
	// MetadataMismatch: the destination's metadata is not what was to be preserved.
	MetadataMismatch Code = "MetadataDiffers"
	// FileNotAtSource: verification found the item at the destination only.
	FileNotAtSource Code = "FileNotAtSource"
	// FileNotAtDestination: verification found the item at the source only.
	FileNotAtDestination Code = "FileNotAtDestination"
	// DeleteFailed: the destination's extra item could not be deleted.
	DeleteFailed Code = "DeleteFailed"
	// Cancelled: the run was ended before the item was done.
	Cancelled Code = "Cancelled"
)

// Codes of runs.
const (
	// NoSpace: the destination is full; the run ended early. Items carry it too.
	NoSpace Code = "NoSpace"
	// InvalidOptions: the options, filters or locations cannot be combined.
	InvalidOptions Code = "InvalidOptions"
	// SourceUnavailable: the source's listing broke off.
	SourceUnavailable Code = "SourceUnavailable"
	// DestinationUnavailable: the destination's listing broke off or nothing can be staged there.
	DestinationUnavailable Code = "DestinationUnavailable"
	// FilesSkipped: some items were not transferred or deleted.
	FilesSkipped Code = "FilesSkipped"
	// VerificationFailed: some items differ after the transfer.
	VerificationFailed Code = "VerificationFailed"
)

// Texts of Result.Detail, in DataSync's manner.
const (
	detailMismatch = "Transfer and verification completed. Verification detected mismatches. Files with mismatches are listed in the execution's log."
	detailSkipped  = "Transfer and verification completed. Selected files transferred except for files skipped due to errors. Skipped files are listed in the execution's log."
)

// RunError is the error of a run that could not be carried through.
type RunError struct {
	Code Code
	Err  error
}

// Error returns the cause's text.
func (e *RunError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *RunError) Unwrap() error { return e.Err }

func invalid(format string, args ...any) error {
	return &RunError{Code: InvalidOptions, Err: fmt.Errorf(format, args...)}
}

// atDestination is the error of a run whose destination as a whole cannot be
// listed or written. Trying again mends what is unavailable, not what is denied.
func atDestination(err error) error {
	code := DestinationUnavailable
	if errors.Is(err, storage.ErrDenied) {
		code = DestinationDenied
	}
	return &RunError{Code: code, Err: err}
}

// itemError is a failure whose code is known where it is born.
type itemError struct {
	code Code
	step Phase // empty: the step under way
	err  error
}

func (e *itemError) Error() string { return e.err.Error() }
func (e *itemError) Unwrap() error { return e.err }

// coded says what an error means when nothing more exact is known.
func coded(code Code, err error) error {
	if err == nil {
		return nil
	}
	return &itemError{code: code, err: err}
}

// classify maps a failure to its code. Errors of the source side are wrapped
// by coded(SourceReadFailed, …), all others are the destination's.
func classify(err error) Code {
	code := DestinationWriteFailed
	if ie := (*itemError)(nil); errors.As(err, &ie) {
		code = ie.code
	}
	source := code == SourceReadFailed
	switch {
	case code != SourceReadFailed && code != DestinationWriteFailed && code != DestinationReadFailed && code != DeleteFailed:
		return code
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Cancelled
	case errors.Is(err, storage.ErrCorrupt):
		return ChecksumMismatch
	case errors.Is(err, storage.ErrNoSpace):
		return NoSpace
	case errors.Is(err, storage.ErrGone):
		return DestinationUnavailable
	case errors.Is(err, storage.ErrName):
		return NameNotAllowed
	case errors.Is(err, storage.ErrConflict):
		return PathConflict
	case errors.Is(err, storage.ErrArchived):
		return ArchivedObject
	case errors.Is(err, storage.ErrDenied) && source:
		return SourceDenied
	case errors.Is(err, storage.ErrDenied):
		return DestinationDenied
	case errors.Is(err, storage.ErrChanged) && source:
		return SourceChanged
	case errors.Is(err, storage.ErrNotExist) && source:
		return SourceGone
	case errors.Is(err, storage.ErrTransient):
		return Transient
	}
	return code
}

// fatal reports whether a failure makes going on pointless: the destination
// is full, or gone.
func fatal(err error) bool {
	return errors.Is(err, storage.ErrNoSpace) && classify(err) == NoSpace || errors.Is(err, storage.ErrGone)
}
