package datasyncapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hikyaku/hikyaku/mover"
)

type startTaskExecutionInput struct {
	TaskARN          string          `json:"TaskArn"`
	OverrideOptions  options         `json:"OverrideOptions"`
	Includes         []filterRule    `json:"Includes"`
	Excludes         []filterRule    `json:"Excludes"`
	ManifestConfig   json.RawMessage `json:"ManifestConfig"`
	TaskReportConfig *taskReport     `json:"TaskReportConfig"`
	Tags             []tag           `json:"Tags"`
}

func (in *startTaskExecutionInput) check(c *checker) {
	c.task(in.TaskARN)
	c.filterList("Includes", in.Includes)
	c.filterList("Excludes", in.Excludes)
	c.absent("ManifestConfig", in.ManifestConfig)
	c.report(in.TaskReportConfig)
	c.tags(in.Tags)
}

func (a *api) startTaskExecution(ctx context.Context, in *startTaskExecutionInput) (any, error) {
	arn, err := a.mover.StartTaskExecution(ctx, mover.StartInput{
		TaskARN: in.TaskARN, Override: in.OverrideOptions.mover(),
		Includes: filterValue(in.Includes), Excludes: filterValue(in.Excludes),
		Report: in.TaskReportConfig.mover(), Tags: tagMap(in.Tags),
	})
	return executionReply{arn}, err
}

type resultDetail struct {
	PrepareDuration  int64  `json:"PrepareDuration"`
	PrepareStatus    string `json:"PrepareStatus"`
	TotalDuration    int64  `json:"TotalDuration"`
	TransferDuration int64  `json:"TransferDuration"`
	TransferStatus   string `json:"TransferStatus"`
	VerifyDuration   int64  `json:"VerifyDuration"`
	VerifyStatus     string `json:"VerifyStatus"`
	ErrorCode        string `json:"ErrorCode"`
	ErrorDetail      string `json:"ErrorDetail"`
}

type filesListed struct {
	AtSource int64 `json:"AtSource"`
}

type filesFailed struct {
	Prepare  int64 `json:"Prepare"`
	Transfer int64 `json:"Transfer"`
	Verify   int64 `json:"Verify"`
	Delete   int64 `json:"Delete"`
}

type describeTaskExecutionReply struct {
	TaskExecutionARN         string        `json:"TaskExecutionArn"`
	Status                   string        `json:"Status"`
	TaskMode                 string        `json:"TaskMode"`
	Options                  options       `json:"Options"`
	Excludes                 []filterRule  `json:"Excludes"`
	Includes                 []filterRule  `json:"Includes"`
	StartTime                time.Time     `json:"StartTime"`
	LaunchTime               time.Time     `json:"LaunchTime"`
	EndTime                  time.Time     `json:"EndTime"`
	EstimatedFilesToTransfer int64         `json:"EstimatedFilesToTransfer"`
	EstimatedBytesToTransfer int64         `json:"EstimatedBytesToTransfer"`
	EstimatedFilesToDelete   int64         `json:"EstimatedFilesToDelete"`
	FilesTransferred         int64         `json:"FilesTransferred"`
	FilesVerified            int64         `json:"FilesVerified"`
	FilesSkipped             int64         `json:"FilesSkipped"`
	FilesDeleted             int64         `json:"FilesDeleted"`
	BytesWritten             int64         `json:"BytesWritten"`
	BytesTransferred         int64         `json:"BytesTransferred"`
	BytesCompressed          int64         `json:"BytesCompressed"`
	FilesListed              filesListed   `json:"FilesListed"`
	FilesFailed              filesFailed   `json:"FilesFailed"`
	Result                   resultDetail  `json:"Result"`
	TaskReportConfig         *taskReport   `json:"TaskReportConfig"`
	ReportResult             *reportResult `json:"ReportResult"`
}

func (a *api) describeTaskExecution(ctx context.Context, in *executionInput) (any, error) {
	e, err := a.mover.DescribeTaskExecution(ctx, in.TaskExecutionARN)
	n, r := e.Counters, e.Result
	return describeTaskExecutionReply{
		TaskExecutionARN: e.ARN, Status: string(e.Status), TaskMode: modeBasic, Options: wireOptions(e.Options),
		Excludes: filterList(e.Excludes), Includes: filterList(e.Includes),
		StartTime: e.StartedAt, LaunchTime: e.LaunchedAt, EndTime: e.EndedAt,
		EstimatedFilesToTransfer: n.EstimatedFilesToTransfer, EstimatedBytesToTransfer: n.EstimatedBytesToTransfer,
		EstimatedFilesToDelete: n.EstimatedFilesToDelete, FilesTransferred: n.FilesTransferred, FilesVerified: n.FilesVerified,
		FilesSkipped: n.FilesSkipped, FilesDeleted: n.FilesDeleted,
		BytesWritten: n.BytesWritten, BytesTransferred: n.BytesTransferred, BytesCompressed: n.BytesCompressed,
		FilesListed: filesListed{AtSource: n.FilesListedAtSource},
		FilesFailed: filesFailed{Prepare: n.FailedPrepare, Transfer: n.FailedTransfer, Verify: n.FailedVerify, Delete: n.FailedDelete},
		Result: resultDetail{
			PrepareDuration: r.Prepare.Milliseconds(), PrepareStatus: string(r.PrepareStatus),
			TransferDuration: r.Transfer.Milliseconds(), TransferStatus: string(r.TransferStatus),
			VerifyDuration: r.Verify.Milliseconds(), VerifyStatus: string(r.VerifyStatus),
			TotalDuration: r.Total.Milliseconds(), ErrorCode: r.ErrorCode, ErrorDetail: r.ErrorDetail,
		},
		TaskReportConfig: wireReport(e.Report), ReportResult: wireReportResult(e.ReportResult),
	}, err
}

type listTaskExecutionsInput struct {
	paging
	TaskARN string `json:"TaskArn"`
}

func (in *listTaskExecutionsInput) check(c *checker) {
	c.text("TaskArn", in.TaskARN, arnMax, c.rules.taskARN)
	c.paging(in.paging)
}

type executionEntry struct {
	TaskExecutionARN string `json:"TaskExecutionArn"`
	Status           string `json:"Status"`
	TaskMode         string `json:"TaskMode"`
}

type listTaskExecutionsReply struct {
	TaskExecutions []executionEntry `json:"TaskExecutions"`
	NextToken      string           `json:"NextToken"`
}

func (a *api) listTaskExecutions(ctx context.Context, in *listTaskExecutionsInput) (any, error) {
	found, next, err := a.mover.ListTaskExecutions(ctx, in.TaskARN, in.page())
	reply := listTaskExecutionsReply{TaskExecutions: make([]executionEntry, len(found)), NextToken: next}
	for i, e := range found {
		reply.TaskExecutions[i] = executionEntry{TaskExecutionARN: e.ARN, Status: string(e.Status), TaskMode: modeBasic}
	}
	return reply, err
}

type updateTaskExecutionInput struct {
	executionInput
	Options *options `json:"Options"`
}

func (in *updateTaskExecutionInput) check(c *checker) {
	c.execution(in.TaskExecutionARN)
	if in.Options == nil {
		c.fail("Options is required.")
		return
	}
	bps := in.Options.BytesPerSecond
	if *in.Options != (options{BytesPerSecond: bps}) || bps == nil {
		c.fail("Only the option BytesPerSecond of a task execution can be updated.")
	}
}

func (a *api) updateTaskExecution(ctx context.Context, in *updateTaskExecutionInput) (any, error) {
	return empty{}, a.mover.UpdateTaskExecution(ctx, in.TaskExecutionARN, *in.Options.BytesPerSecond)
}

func (a *api) cancelTaskExecution(ctx context.Context, in *executionInput) (any, error) {
	return empty{}, a.mover.CancelTaskExecution(ctx, in.TaskExecutionARN)
}
