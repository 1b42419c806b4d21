package datasyncapi

import (
	"github.com/hikyaku/hikyaku/mover"
)

// empty is a reply without members.
type empty struct{}

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

func tagMap(tags []tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[t.Key] = t.Value
	}
	return m
}

type paging struct {
	MaxResults *int   `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

func (p paging) page() mover.Page {
	page := mover.Page{Token: p.NextToken}
	if p.MaxResults != nil {
		page.Max = *p.MaxResults
	}
	return page
}

type listFilter struct {
	Name     string   `json:"Name"`
	Operator string   `json:"Operator"`
	Values   []string `json:"Values"`
}

func listFilters(filters []listFilter) []mover.ListFilter {
	out := make([]mover.ListFilter, len(filters))
	for i, f := range filters {
		out[i] = mover.ListFilter(f)
	}
	return out
}

type filterRule struct {
	FilterType string `json:"FilterType"`
	Value      string `json:"Value"`
}

// filterValue returns nil for an absent list and "" for an empty one.
func filterValue(list []filterRule) *string {
	if list == nil {
		return nil
	}
	if len(list) == 0 {
		return new("")
	}
	return new(list[0].Value)
}

func filterList(value string) []filterRule {
	if value == "" {
		return nil
	}
	return []filterRule{{FilterType: "SIMPLE_PATTERN", Value: value}}
}

type options struct {
	VerifyMode                  string `json:"VerifyMode"`
	OverwriteMode               string `json:"OverwriteMode"`
	Atime                       string `json:"Atime"`
	Mtime                       string `json:"Mtime"`
	UID                         string `json:"Uid"`
	GID                         string `json:"Gid"`
	PreserveDeletedFiles        string `json:"PreserveDeletedFiles"`
	PreserveDevices             string `json:"PreserveDevices"`
	PosixPermissions            string `json:"PosixPermissions"`
	BytesPerSecond              *int64 `json:"BytesPerSecond"`
	TaskQueueing                string `json:"TaskQueueing"`
	LogLevel                    string `json:"LogLevel"`
	TransferMode                string `json:"TransferMode"`
	SecurityDescriptorCopyFlags string `json:"SecurityDescriptorCopyFlags"`
	ObjectTags                  string `json:"ObjectTags"`
}

func (o options) mover() mover.Options {
	return mover.Options{
		VerifyMode: o.VerifyMode, OverwriteMode: o.OverwriteMode, Atime: o.Atime, Mtime: o.Mtime, UID: o.UID, GID: o.GID,
		PreserveDeletedFiles: o.PreserveDeletedFiles, PreserveDevices: o.PreserveDevices, PosixPermissions: o.PosixPermissions,
		BytesPerSecond: o.BytesPerSecond, TaskQueueing: o.TaskQueueing, LogLevel: o.LogLevel, TransferMode: o.TransferMode,
		SecurityDescriptorCopyFlags: o.SecurityDescriptorCopyFlags, ObjectTags: o.ObjectTags,
	}
}

func wireOptions(o mover.Options) options {
	return options{
		VerifyMode: o.VerifyMode, OverwriteMode: o.OverwriteMode, Atime: o.Atime, Mtime: o.Mtime, UID: o.UID, GID: o.GID,
		PreserveDeletedFiles: o.PreserveDeletedFiles, PreserveDevices: o.PreserveDevices, PosixPermissions: o.PosixPermissions,
		BytesPerSecond: o.BytesPerSecond, TaskQueueing: o.TaskQueueing, LogLevel: o.LogLevel, TransferMode: o.TransferMode,
		SecurityDescriptorCopyFlags: o.SecurityDescriptorCopyFlags, ObjectTags: o.ObjectTags,
	}
}

// locationInput is a request that names a location and nothing else.
type locationInput struct {
	LocationARN string `json:"LocationArn"`
}

func (in *locationInput) check(c *checker) { c.location(in.LocationARN) }

type locationReply struct {
	LocationARN string `json:"LocationArn"`
}

type taskInput struct {
	TaskARN string `json:"TaskArn"`
}

func (in *taskInput) check(c *checker) { c.task(in.TaskARN) }

type taskReply struct {
	TaskARN string `json:"TaskArn"`
}

type executionInput struct {
	TaskExecutionARN string `json:"TaskExecutionArn"`
}

func (in *executionInput) check(c *checker) { c.execution(in.TaskExecutionARN) }

type executionReply struct {
	TaskExecutionARN string `json:"TaskExecutionArn"`
}
