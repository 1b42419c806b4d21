package mover

import "time"

// summary is a summary report. DataSync's own names of its members are not
// documented; these are those of DescribeTaskExecution.
type summary struct {
	TaskExecutionID     string `json:"TaskExecutionId"`  //nolint:tagliatelle // DataSync's name
	TaskExecutionARN    string `json:"TaskExecutionArn"` //nolint:tagliatelle // DataSync's name
	AccountID           string `json:"AccountId"`        //nolint:tagliatelle // as above
	SourceLocation      summaryLocation
	DestinationLocation summaryLocation
	Status              Status
	ErrorCode           string `json:",omitempty"`
	ErrorDetail         string `json:",omitempty"`
	StartTime           time.Time
	LaunchTime          time.Time `json:",omitzero"`
	EndTime             time.Time
	TotalDuration       int64 // milliseconds

	EstimatedFilesToTransfer int64
	EstimatedBytesToTransfer int64
	EstimatedFilesToDelete   int64
	FilesTransferred         int64
	FilesVerified            int64
	FilesSkipped             int64
	FilesDeleted             int64
	FilesFailed              summaryFailed
	BytesTransferred         int64
	BytesWritten             int64
	BytesCompressed          int64
	Includes                 string `json:",omitempty"`
	Excludes                 string `json:",omitempty"`
	Options                  map[string]any
}

type summaryLocation struct {
	LocationARN string `json:"LocationArn"` //nolint:tagliatelle // DataSync's name
	LocationURI string `json:"LocationUri"` //nolint:tagliatelle // DataSync's name
}

type summaryFailed struct{ Prepare, Transfer, Verify, Delete int64 }

// summary returns what a summary report says of an execution.
func (s *Service) summary(e Execution, task Task) summary {
	s.mu.Lock()
	from, to := s.locations[task.SourceARN], s.locations[task.DestinationARN]
	s.mu.Unlock()
	c := e.Counters
	return summary{
		TaskExecutionID: e.ID(), TaskExecutionARN: e.ARN, AccountID: s.opts.Account,
		SourceLocation: summaryLocation{from.ARN, from.URI()}, DestinationLocation: summaryLocation{to.ARN, to.URI()},
		Status: e.Status, ErrorCode: e.Result.ErrorCode, ErrorDetail: e.Result.ErrorDetail,
		StartTime: e.StartedAt.UTC(), LaunchTime: e.LaunchedAt.UTC(), EndTime: e.EndedAt.UTC(), TotalDuration: e.Result.Total.Milliseconds(),
		EstimatedFilesToTransfer: c.EstimatedFilesToTransfer, EstimatedBytesToTransfer: c.EstimatedBytesToTransfer,
		EstimatedFilesToDelete: c.EstimatedFilesToDelete, FilesTransferred: c.FilesTransferred, FilesVerified: c.FilesVerified,
		FilesSkipped: c.FilesSkipped, FilesDeleted: c.FilesDeleted,
		FilesFailed:      summaryFailed{c.FailedPrepare, c.FailedTransfer, c.FailedVerify, c.FailedDelete},
		BytesTransferred: c.BytesTransferred, BytesWritten: c.BytesWritten, BytesCompressed: c.BytesCompressed,
		Includes: e.Includes, Excludes: e.Excludes, Options: e.Options.wire(),
	}
}

// wire returns the options by DataSync's names.
func (o Options) wire() map[string]any {
	return map[string]any{
		"VerifyMode": o.VerifyMode, "OverwriteMode": o.OverwriteMode, "Atime": o.Atime, "Mtime": o.Mtime, "Uid": o.UID, "Gid": o.GID,
		"PreserveDeletedFiles": o.PreserveDeletedFiles, "PreserveDevices": o.PreserveDevices, "PosixPermissions": o.PosixPermissions,
		"BytesPerSecond": o.BytesPerSecond, "TaskQueueing": o.TaskQueueing, "LogLevel": o.LogLevel, "TransferMode": o.TransferMode,
		"SecurityDescriptorCopyFlags": o.SecurityDescriptorCopyFlags, "ObjectTags": o.ObjectTags,
	}
}
