package mover

import (
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/storage"
)

// LocationType says what a location is, in the words of ListLocations' filter
// LocationType.
type LocationType string

// The location types.
const (
	TypeS3            LocationType = "S3"
	TypeObjectStorage LocationType = "OBJECT_STORAGE"
	TypeFile          LocationType = "FILE"
)

// Location is a place files are read from or written to. Its JSON form is the
// stored form and lacks SecretKey.
type Location struct {
	ARN       string       `json:"arn"`
	Type      LocationType `json:"type"`
	CreatedAt time.Time    `json:"created_at"`
	// Revision grows with every update; an opened driver serves one revision.
	Revision int `json:"revision,omitempty"`

	// Bucket and Prefix are set for S3 and OBJECT_STORAGE. Prefix is empty or
	// ends in "/" and never begins with one.
	Bucket string `json:"bucket,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	// BucketARN, StorageClass and RoleARN are set for S3.
	BucketARN    string `json:"bucket_arn,omitempty"`
	StorageClass string `json:"storage_class,omitempty"`
	RoleARN      string `json:"role_arn,omitempty"`
	// Server (a host name or address), Port, Protocol (HTTPS or HTTP) and the
	// rest are set for OBJECT_STORAGE. Certificate is a PEM chain.
	Server      string `json:"server,omitempty"`
	Port        int    `json:"port,omitempty"`
	Protocol    string `json:"protocol,omitempty"`
	AccessKey   string `json:"access_key,omitempty"`
	SecretKey   Secret `json:"-"`
	Certificate []byte `json:"certificate,omitempty"`
	// Path is the folder of a FILE location, absolute and clean.
	Path string `json:"path,omitempty"`

	AgentARNs []string          `json:"agent_arns,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// ID returns the last part of the ARN, "loc-…".
func (l Location) ID() string { return lastPart(l.ARN) }

// URI returns DataSync's LocationUri.
func (l Location) URI() string {
	switch l.Type {
	case TypeS3:
		return "s3://" + l.Bucket + "/" + l.Prefix
	case TypeObjectStorage:
		host := l.Server
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		if l.Port != defaultPort(l.Protocol) {
			host += ":" + strconv.Itoa(l.Port)
		}
		return "object-storage://" + host + "/" + l.Bucket + "/" + l.Prefix
	case TypeFile:
		return "file://" + strings.TrimSuffix(l.Path, "/") + "/"
	}
	return ""
}

func (l Location) clone() Location {
	l.Tags = maps.Clone(l.Tags)
	l.AgentARNs = slices.Clone(l.AgentARNs)
	return l
}

// Task is a source, a destination and the settings of its runs. Its JSON form
// is the stored form.
type Task struct {
	ARN            string    `json:"arn"`
	Name           string    `json:"name,omitempty"`
	SourceARN      string    `json:"source_arn"`
	DestinationARN string    `json:"destination_arn"`
	LogGroupARN    string    `json:"log_group_arn,omitempty"`
	Options        Options   `json:"options"`
	Includes       string    `json:"includes,omitempty"`
	Excludes       string    `json:"excludes,omitempty"`
	CreatedAt      time.Time `json:"created_at"`
	// Report asks for a task report of each run; nil does not. It is never
	// changed in place.
	Report *ReportConfig `json:"report,omitempty"`

	Tags map[string]string `json:"tags,omitempty"`
}

func (t Task) clone() Task {
	t.Tags = maps.Clone(t.Tags)
	return t
}

// TaskStatus is what a task is doing.
type TaskStatus string

// The task statuses that occur here.
const (
	TaskAvailable TaskStatus = "AVAILABLE"
	TaskRunning   TaskStatus = "RUNNING"
)

// TaskDescription is a task and what it is doing now.
type TaskDescription struct {
	Task
	Status TaskStatus
	// CurrentExecution is the most recent execution's ARN, ended or not; empty
	// if the task never ran.
	CurrentExecution string
}

// Status is the status of a task execution.
type Status string

// The statuses. SUCCESS and ERROR are final.
const (
	StatusQueued       Status = "QUEUED"
	StatusLaunching    Status = "LAUNCHING"
	StatusPreparing    Status = "PREPARING"
	StatusTransferring Status = "TRANSFERRING"
	StatusVerifying    Status = "VERIFYING"
	StatusSuccess      Status = "SUCCESS"
	StatusError        Status = "ERROR"
	StatusCancelling   Status = "CANCELLING"
)

// Ended says whether the status is final.
func (s Status) Ended() bool { return s == StatusSuccess || s == StatusError }

// Execution is one run of a task. Its JSON form is the stored form.
type Execution struct {
	ARN string `json:"arn"`
	// Seq orders executions by the time they were requested.
	Seq    int64  `json:"seq"`
	Status Status `json:"status"`
	// Options, Includes, Excludes and Report are the effective ones of this run.
	Options  Options       `json:"options"`
	Includes string        `json:"includes,omitempty"`
	Excludes string        `json:"excludes,omitempty"`
	Report   *ReportConfig `json:"report,omitempty"`
	// StartedAt is when the start was asked for, LaunchedAt when it really
	// began (last), EndedAt when it ended; zero when that has not happened.
	StartedAt  time.Time `json:"started_at"`
	LaunchedAt time.Time `json:"launched_at,omitzero"`
	EndedAt    time.Time `json:"ended_at,omitzero"`
	// Restarts counts how often a restart of the process began it again.
	Restarts int      `json:"restarts,omitempty"`
	Counters Counters `json:"counters,omitzero"`
	Result   Result   `json:"result,omitzero"`
	// ReportResult is nil if no report was asked for. Neither it nor Report is
	// ever changed in place.
	ReportResult *ReportResult     `json:"report_result,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	// FailedFiles counts items that failed; at most [MaxFiles] of them are
	// listed by Files.
	FailedFiles int64 `json:"failed_files,omitempty"`
}

// ID returns the last part of the ARN, "exec-…": also the name of the run's
// work folder.
func (e Execution) ID() string { return lastPart(e.ARN) }

// TaskARN returns the ARN of the execution's task.
func (e Execution) TaskARN() string { return taskOf(e.ARN) }

func (e Execution) clone() Execution {
	e.Tags = maps.Clone(e.Tags)
	return e
}

// Counters are [engine.Counters] with the names they are stored under.
type Counters struct {
	EstimatedFilesToTransfer int64 `json:"estimated_files_to_transfer,omitempty"`
	EstimatedBytesToTransfer int64 `json:"estimated_bytes_to_transfer,omitempty"`
	EstimatedFilesToDelete   int64 `json:"estimated_files_to_delete,omitempty"`
	FilesTransferred         int64 `json:"files_transferred,omitempty"`
	FilesVerified            int64 `json:"files_verified,omitempty"`
	FilesSkipped             int64 `json:"files_skipped,omitempty"`
	FilesDeleted             int64 `json:"files_deleted,omitempty"`
	FailedPrepare            int64 `json:"failed_prepare,omitempty"`
	FailedTransfer           int64 `json:"failed_transfer,omitempty"`
	FailedVerify             int64 `json:"failed_verify,omitempty"`
	FailedDelete             int64 `json:"failed_delete,omitempty"`
	BytesTransferred         int64 `json:"bytes_transferred,omitempty"`
	BytesWritten             int64 `json:"bytes_written,omitempty"`
	BytesCompressed          int64 `json:"bytes_compressed,omitempty"`
	FilesListedAtSource      int64 `json:"files_listed_at_source,omitempty"`
}

// PhaseStatus is how a phase went: empty when it is not part of the run.
type PhaseStatus string

// The phase statuses.
const (
	PhasePending PhaseStatus = "PENDING"
	PhaseSuccess PhaseStatus = "SUCCESS"
	PhaseError   PhaseStatus = "ERROR"
)

// Result is how a run went. Durations are zero until the end.
type Result struct {
	Prepare        time.Duration `json:"prepare_ns,omitempty"`
	Transfer       time.Duration `json:"transfer_ns,omitempty"`
	Verify         time.Duration `json:"verify_ns,omitempty"`
	Total          time.Duration `json:"total_ns,omitempty"`
	PrepareStatus  PhaseStatus   `json:"prepare_status,omitempty"`
	TransferStatus PhaseStatus   `json:"transfer_status,omitempty"`
	VerifyStatus   PhaseStatus   `json:"verify_status,omitempty"`
	ErrorCode      string        `json:"error_code,omitempty"`
	ErrorDetail    string        `json:"error_detail,omitempty"`
}

// FileOutcome is what became of one item. Its JSON form is the stored form.
type FileOutcome struct {
	// Action is what was done with it; empty if it failed.
	Action engine.Action `json:"action,omitempty"`
	// Path is relative to the location's root. Bytes that are not UTF-8 are
	// stored as the replacement character.
	Path   string       `json:"path"`
	Kind   storage.Kind `json:"kind,omitempty"`
	Step   engine.Phase `json:"step,omitempty"`
	Size   int64        `json:"size,omitempty"`
	Code   engine.Code  `json:"code,omitempty"`
	Detail string       `json:"detail,omitempty"`
	// The checksums as far as they were computed: "crc64nvme:" or "crc32c:"
	// and hexadecimal digits.
	SourceSum      string `json:"source_sum,omitempty"`
	DestinationSum string `json:"destination_sum,omitempty"`
	// Verified: both sides were compared and found equal.
	Verified bool `json:"verified,omitempty"`
	// Duration is how long the item took, 0 if it was not measured.
	Duration time.Duration `json:"duration_ns,omitempty"`
}

// Failed says whether the item failed.
func (f FileOutcome) Failed() bool { return f.Action == "" }

func sumText(s storage.Sum) string {
	switch s.Algorithm {
	case storage.CRC64NVME:
		return "crc64nvme:" + hex.EncodeToString(s.Value[:])
	case storage.CRC32C:
		return "crc32c:" + hex.EncodeToString(s.Value[:])
	case storage.NoSum:
	}
	return ""
}

// Agent is a worker. There is one, embedded in this process.
type Agent struct {
	ARN       string            `json:"arn"`
	Name      string            `json:"name,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
	Tags      map[string]string `json:"tags,omitempty"`
}

func (a Agent) clone() Agent {
	a.Tags = maps.Clone(a.Tags)
	return a
}

// AgentDescription is an agent and its state now.
type AgentDescription struct {
	Agent
	Online         bool
	LastConnection time.Time
	Version        string
}

func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func taskOf(execution string) string {
	task, _, _ := strings.Cut(execution, "/execution/")
	return task
}
