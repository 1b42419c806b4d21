package mover

import "time"

// summary is a summary report. DataSync's own names of its members are not
// documented; these are those of DescribeTaskExecution.
type summary struct {
	TaskExecutionID     string          `json:"TaskExecutionId"`
	TaskExecutionARN    string          `json:"TaskExecutionArn"`
	AccountID           string          `json:"AccountId"`
	SourceLocation      summaryLocation `json:"SourceLocation"`
	DestinationLocation summaryLocation `json:"DestinationLocation"`
	Status              Status          `json:"Status"`
	ErrorCode           string          `json:"ErrorCode,omitempty"`
	ErrorDetail         string          `json:"ErrorDetail,omitempty"`
	StartTime           time.Time       `json:"StartTime"`
	LaunchTime          time.Time       `json:"LaunchTime,omitzero"`
	EndTime             time.Time       `json:"EndTime"`
	TotalDuration       int64           `json:"TotalDuration"` // milliseconds

	EstimatedFilesToTransfer int64          `json:"EstimatedFilesToTransfer"`
	EstimatedBytesToTransfer int64          `json:"EstimatedBytesToTransfer"`
	EstimatedFilesToDelete   int64          `json:"EstimatedFilesToDelete"`
	FilesTransferred         int64          `json:"FilesTransferred"`
	FilesVerified            int64          `json:"FilesVerified"`
	FilesSkipped             int64          `json:"FilesSkipped"`
	FilesDeleted             int64          `json:"FilesDeleted"`
	FilesFailed              summaryFailed  `json:"FilesFailed"`
	BytesTransferred         int64          `json:"BytesTransferred"`
	BytesWritten             int64          `json:"BytesWritten"`
	BytesCompressed          int64          `json:"BytesCompressed"`
	Includes                 string         `json:"Includes,omitempty"`
	Excludes                 string         `json:"Excludes,omitempty"`
	Options                  map[string]any `json:"Options"`
}

type summaryLocation struct {
	LocationARN string `json:"LocationArn"`
	LocationURI string `json:"LocationUri"`
}

type summaryFailed struct {
	Prepare  int64 `json:"Prepare"`
	Transfer int64 `json:"Transfer"`
	Verify   int64 `json:"Verify"`
	Delete   int64 `json:"Delete"`
}

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
