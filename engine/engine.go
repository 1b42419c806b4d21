// Package engine moves files between two storage locations: scan both sides,
// plan, copy, verify, report. It knows storage.Driver and nothing else.
//
// Both sides are read as ordered streams and merge-joined, so memory does not
// grow with the number of files. A file is staged, made durable, read back,
// verified and only then published under its final name.
//
// Not guaranteed: a snapshot. Files that change while a run is under way are
// copied whole in one of their versions, or reported.
package engine

import (
	"hash"
	"time"

	"github.com/hikyaku/hikyaku/storage"
)

// Phase is the part of a run that is under way, in DataSync's words. Copying
// begins while the scan goes on: a run is PREPARING until the first item is
// transferred or the scan ends, TRANSFERRING until the last item is copied,
// and VERIFYING while the rest is verified and published.
type Phase string

// The phases.
const (
	Preparing    Phase = "PREPARING"
	Transferring Phase = "TRANSFERRING"
	Verifying    Phase = "VERIFYING"
)

// Options are DataSync's own options, with its names and values; an empty
// string is DataSync's default for Basic mode.
type Options struct {
	// VerifyMode: POINT_IN_TIME_CONSISTENT (default), ONLY_FILES_TRANSFERRED, NONE.
	VerifyMode string
	// OverwriteMode: ALWAYS (default), NEVER.
	OverwriteMode string
	// TransferMode: CHANGED (default), ALL.
	TransferMode string
	// PreserveDeletedFiles: PRESERVE (default), REMOVE. REMOVE refuses a source
	// that is not there: a missing folder and, except in a dry run, a prefix
	// without any object below it. A folder that is there and holds nothing does
	// empty the destination.
	PreserveDeletedFiles string
	// Atime: BEST_EFFORT (default), NONE. Mtime: PRESERVE (default), NONE.
	Atime, Mtime string
	// UID, GID: INT_VALUE (default), NONE. PosixPermissions: PRESERVE (default), NONE.
	UID, GID, PosixPermissions string
	// ObjectTags: PRESERVE (default), NONE. Tags travel with the files of a
	// source that has tags to a destination of objects; other pairs have none
	// to preserve. A change of tags alone is not noticed by TransferMode CHANGED.
	ObjectTags string
}

// Job is one run.
type Job struct {
	// Execution names the run's work folder: letters, digits and "-".
	Execution   string
	Source      storage.Driver
	Destination storage.Driver
	Options     Options
	// Includes and Excludes are DataSync filter values: patterns joined by
	// "|"; empty means none.
	Includes, Excludes string
	// Limit is the run's bandwidth, changeable while it runs; nil is unlimited.
	Limit *Limit
	// Concurrency is the number of files or parts in flight; 0 chooses.
	Concurrency int
	// DryRun plans and reports, and changes nothing.
	DryRun bool
	// OnFile, if set, is called once for each item that was transferred,
	// skipped for an error, deleted or failed (a dry run: would be), and once
	// more for each that POINT_IN_TIME_CONSISTENT finds to differ afterwards.
	// Items skipped because nothing was to be done are only counted. Calls
	// come from several goroutines at once; it must not block for long.
	OnFile func(FileResult)
	// Details has OnFile called also for each item skipped because nothing was
	// to be done (ActionSkipped without Err) and for each that
	// POINT_IN_TIME_CONSISTENT compared and found equal (ActionVerified), but
	// for the files whose delivery by this run said so already (not Recheck).
	// Only with it FileResult has Source and Destination.
	Details bool
	// Versions has FileResult.Version filled in, which costs a request for
	// each file that was transferred to a store that may keep versions.
	Versions bool
	// Now is the clock; required.
	Now func() time.Time
	// CRC64 makes a fast CRC64NVME hash, which is then computed for every
	// content; nil means CRC32C, which the standard library does fast.
	CRC64 func() hash.Hash64
	// Random returns numbers in [0,1) for the jitter of retries; nil is
	// math/rand/v2. Calls may be concurrent.
	Random func() float64
}

// Action says what was done with an item.
type Action string

// The actions.
const (
	ActionTransferred Action = "TRANSFERRED"
	ActionSkipped     Action = "SKIPPED"
	ActionDeleted     Action = "DELETED"
	ActionFailed      Action = "FAILED"
	// ActionVerified is reported with Job.Details only.
	ActionVerified Action = "VERIFIED"
)

// FileResult is the end of one item.
type FileResult struct {
	Path   string
	Kind   storage.Kind
	Action Action
	// Step is where a failed item failed.
	Step Phase
	Size int64
	// SourceSum and DestinationSum are set as far as they were computed.
	SourceSum, DestinationSum storage.Sum
	Verified                  bool
	// Recheck: the item is compared again at the end, as POINT_IN_TIME_CONSISTENT
	// asks for, and ActionVerified or ActionFailed tells the outcome.
	Recheck  bool
	Duration time.Duration
	// Version is the destination's name of the version that was transferred,
	// if Job.Versions asked for it and the destination could tell.
	Version string
	// Overwrote: the destination's listing had an item of this name.
	Overwrote bool
	// Source is the item as it was read, nil for one that only the destination
	// has; Destination is what was written, deleted or compared there, nil if
	// nothing was. Both are nil without Job.Details and must be read during
	// the call only.
	Source, Destination *storage.Entry
	// Err is set for ActionFailed, and for ActionSkipped when the item was
	// skipped for an error.
	Err error
	// Code classifies Err: see the Code constants in errors.go.
	Code Code
}

// Counters are DataSync's counters (Basic mode: Files* count files and
// directories). Failed counts beside them follow FilesFailed. FilesSkipped
// counts all that was not attempted: unchanged items, those OverwriteMode
// NEVER keeps, and those that failed while preparing. FilesTransferred counts
// what was published; estimates grow until the scan ends.
type Counters struct {
	EstimatedFilesToTransfer int64
	EstimatedBytesToTransfer int64
	EstimatedFilesToDelete   int64
	FilesTransferred         int64
	FilesVerified            int64
	FilesSkipped             int64
	FilesDeleted             int64
	FailedPrepare            int64
	FailedTransfer           int64
	FailedVerify             int64
	FailedDelete             int64
	// BytesTransferred were handed to the network or file system, BytesWritten
	// landed at the destination, BytesCompressed equals BytesTransferred here.
	BytesTransferred int64
	BytesWritten     int64
	BytesCompressed  int64
	// FilesListed counts items seen at the source while preparing.
	FilesListedAtSource int64
}

// Result is the end of a run that could be carried through; single files may
// have failed all the same (see Counters and FirstErrors).
type Result struct {
	Counters Counters
	// Durations of the phases and of the whole.
	Prepare, Transfer, Verify, Total time.Duration
	// FirstErrors holds at most 100 failed items, in order of occurrence.
	FirstErrors []FileResult
	// Code and Detail classify the run as DataSync's Result.ErrorCode and
	// ErrorDetail would; empty when everything succeeded.
	Code   Code
	Detail string
}
