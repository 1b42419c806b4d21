package datasyncapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hikyaku/hikyaku/mover"
)

const (
	nameMax     = 256
	logGroupMax = 562
	modeBasic   = "BASIC"
)

// taskSettings are the members CreateTask and UpdateTask share.
type taskSettings struct {
	Name                  *string         `json:"Name"`
	CloudWatchLogGroupARN *string         `json:"CloudWatchLogGroupArn"`
	Options               options         `json:"Options"`
	Includes              []filterRule    `json:"Includes"`
	Excludes              []filterRule    `json:"Excludes"`
	Schedule              json.RawMessage `json:"Schedule"`
	ManifestConfig        json.RawMessage `json:"ManifestConfig"`
	TaskReportConfig      *taskReport     `json:"TaskReportConfig"`
}

func (in *taskSettings) checkSettings(c *checker) {
	c.optional("Name", in.Name, nameMax, c.rules.tagValue)
	c.optional("CloudWatchLogGroupArn", in.CloudWatchLogGroupARN, logGroupMax, c.rules.logGroupARN)
	c.filterList("Includes", in.Includes)
	c.filterList("Excludes", in.Excludes)
	c.schedule(in.Schedule)
	c.absent("ManifestConfig", in.ManifestConfig)
	c.report(in.TaskReportConfig)
}

type createTaskInput struct {
	taskSettings
	SourceLocationARN      string `json:"SourceLocationArn"`
	DestinationLocationARN string `json:"DestinationLocationArn"`
	TaskMode               string `json:"TaskMode"`
	Tags                   []tag  `json:"Tags"`
}

func (in *createTaskInput) check(c *checker) {
	// The ARNs' form is left to the mover, which has DataSync's own words for it.
	c.must("SourceLocationArn", in.SourceLocationARN, arnMax, nil)
	c.must("DestinationLocationArn", in.DestinationLocationARN, arnMax, nil)
	in.checkSettings(c)
	c.oneOf("TaskMode", in.TaskMode, modeBasic, "ENHANCED")
	if in.TaskMode == "ENHANCED" {
		c.unsupported("TaskMode ENHANCED", "; use BASIC")
	}
	c.tags(in.Tags)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (a *api) createTask(ctx context.Context, in *createTaskInput) (any, error) {
	arn, err := a.mover.CreateTask(ctx, mover.CreateTaskInput{
		SourceARN: in.SourceLocationARN, DestinationARN: in.DestinationLocationARN,
		Name: value(in.Name), LogGroupARN: value(in.CloudWatchLogGroupARN), Options: in.Options.mover(),
		Includes: value(filterValue(in.Includes)), Excludes: value(filterValue(in.Excludes)), Report: in.TaskReportConfig.mover(), Tags: tagMap(in.Tags),
	})
	return taskReply{arn}, err
}

type describeTaskReply struct {
	TaskARN                 string       `json:"TaskArn"`
	Status                  string       `json:"Status"`
	Name                    string       `json:"Name"`
	CurrentTaskExecutionARN string       `json:"CurrentTaskExecutionArn"`
	SourceLocationARN       string       `json:"SourceLocationArn"`
	DestinationLocationARN  string       `json:"DestinationLocationArn"`
	CloudWatchLogGroupARN   string       `json:"CloudWatchLogGroupArn"`
	Options                 options      `json:"Options"`
	Excludes                []filterRule `json:"Excludes"`
	Includes                []filterRule `json:"Includes"`
	CreationTime            time.Time    `json:"CreationTime"`
	TaskReportConfig        *taskReport  `json:"TaskReportConfig"`
	TaskMode                string       `json:"TaskMode"`
}

func (a *api) describeTask(ctx context.Context, in *taskInput) (any, error) {
	t, err := a.mover.DescribeTask(ctx, in.TaskARN)
	return describeTaskReply{
		TaskARN: t.ARN, Status: string(t.Status), Name: t.Name, CurrentTaskExecutionARN: t.CurrentExecution,
		SourceLocationARN: t.SourceARN, DestinationLocationARN: t.DestinationARN, CloudWatchLogGroupARN: t.LogGroupARN,
		Options: wireOptions(t.Options), Excludes: filterList(t.Excludes), Includes: filterList(t.Includes),
		TaskReportConfig: wireReport(t.Report), CreationTime: t.CreatedAt, TaskMode: modeBasic,
	}, err
}

type updateTaskInput struct {
	taskSettings
	TaskARN string `json:"TaskArn"`
}

func (in *updateTaskInput) check(c *checker) {
	c.task(in.TaskARN)
	in.checkSettings(c)
}

func (a *api) updateTask(ctx context.Context, in *updateTaskInput) (any, error) {
	return empty{}, a.mover.UpdateTask(ctx, mover.UpdateTaskInput{
		ARN: in.TaskARN, Name: in.Name, LogGroupARN: in.CloudWatchLogGroupARN, Options: in.Options.mover(),
		Includes: filterValue(in.Includes), Excludes: filterValue(in.Excludes),
		Report: in.TaskReportConfig.mover(),
	})
}

func (a *api) deleteTask(ctx context.Context, in *taskInput) (any, error) {
	return empty{}, a.mover.DeleteTask(ctx, in.TaskARN)
}

type taskEntry struct {
	TaskARN  string `json:"TaskArn"`
	Status   string `json:"Status"`
	Name     string `json:"Name"`
	TaskMode string `json:"TaskMode"`
}

type listTasksReply struct {
	Tasks     []taskEntry `json:"Tasks"`
	NextToken string      `json:"NextToken"`
}

func (a *api) listTasks(ctx context.Context, in *listInput) (any, error) {
	found, next, err := a.mover.ListTasks(ctx, listFilters(in.Filters), in.page())
	reply := listTasksReply{Tasks: make([]taskEntry, len(found)), NextToken: next}
	for i, t := range found {
		reply.Tasks[i] = taskEntry{TaskARN: t.ARN, Status: string(t.Status), Name: t.Name, TaskMode: modeBasic}
	}
	return reply, err
}
