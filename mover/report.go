package mover

import (
	"slices"

	"github.com/hikyaku/hikyaku/engine"
)

// Values of [ReportConfig].
const (
	outputSummary  = "SUMMARY_ONLY"
	outputStandard = "STANDARD"
	levelErrors    = "ERRORS_ONLY"
	levelAll       = "SUCCESSES_AND_ERRORS"
	versionsAdded  = "INCLUDE"
)

// ReportConfig asks for a task report, by DataSync's names and values. Its
// JSON form is the stored form. The zero value asks for none; in a request
// that takes away what the task has.
type ReportConfig struct {
	// BucketARN is arn:PARTITION:s3:::BUCKET. The bucket is opened as that of
	// an S3 location is; RoleARN is kept and returned.
	BucketARN string `json:"bucket_arn"`
	RoleARN   string `json:"role_arn,omitempty"`
	// Subdirectory is the prefix of the reports' keys; empty is none.
	Subdirectory string `json:"subdirectory,omitempty"`
	// OutputType: STANDARD (default), SUMMARY_ONLY.
	OutputType string `json:"output_type,omitempty"`
	// Level: ERRORS_ONLY (default), SUCCESSES_AND_ERRORS.
	Level string `json:"level,omitempty"`
	// ObjectVersionIDs: NONE (default), INCLUDE.
	ObjectVersionIDs string `json:"object_version_ids,omitempty"`
	// The levels of single lists; empty is Level.
	Transferred string `json:"transferred,omitempty"`
	Verified    string `json:"verified,omitempty"`
	Deleted     string `json:"deleted,omitempty"`
	Skipped     string `json:"skipped,omitempty"`
}

// ReportResult is how the writing of a task report went.
type ReportResult struct {
	// Status is PENDING until the run has ended.
	Status      PhaseStatus `json:"status"`
	ErrorCode   string      `json:"error_code,omitempty"`
	ErrorDetail string      `json:"error_detail,omitempty"`
}

// ReportResult.ErrorCode values.
const (
	// CodeReportNotWritten: the report is not in its bucket, or not all of it.
	CodeReportNotWritten = "ReportNotWritten"
	// CodeReportIncomplete: the report lacks items.
	CodeReportIncomplete = "ReportIncomplete"
	// CodeReportNothing: the execution ended before there was anything to report.
	CodeReportNothing = "ExecutionFailed"
)

const textNoReport = "The task execution ended before a task report could be generated."

// complete checks a report's settings and returns them with the defaults
// filled in, or nil if none is asked for.
func (c *ReportConfig) complete() (*ReportConfig, error) {
	if c == nil || *c == (ReportConfig{}) {
		return nil, nil //nolint:nilnil // no report
	}
	full := *c
	if _, err := bucketOf(full.BucketARN); err != nil {
		return nil, err
	}
	if _, err := prefixOf(full.Subdirectory); err != nil {
		return nil, err
	}
	for _, v := range []struct {
		name     string
		value    *string
		fallback string
		allowed  []string
	}{
		{"OutputType", &full.OutputType, outputStandard, []string{outputStandard, outputSummary}},
		{"ReportLevel", &full.Level, levelErrors, []string{levelErrors, levelAll}},
		{"ObjectVersionIds", &full.ObjectVersionIDs, none, []string{versionsAdded, none}},
		{"Overrides.Transferred.ReportLevel", &full.Transferred, "", []string{"", levelErrors, levelAll}},
		{"Overrides.Verified.ReportLevel", &full.Verified, "", []string{"", levelErrors, levelAll}},
		{"Overrides.Deleted.ReportLevel", &full.Deleted, "", []string{"", levelErrors, levelAll}},
		{"Overrides.Skipped.ReportLevel", &full.Skipped, "", []string{"", levelErrors, levelAll}},
	} {
		if *v.value == "" {
			*v.value = v.fallback
		}
		if !slices.Contains(v.allowed, *v.value) {
			return nil, invalid("Invalid parameter: TaskReportConfig.%s %s.", v.name, *v.value)
		}
	}
	return &full, nil
}

// over returns what holds where a request said asked (nil: nothing) and the
// task has c.
func (c *ReportConfig) over(asked *ReportConfig) (*ReportConfig, error) {
	if asked == nil {
		return c, nil
	}
	return asked.complete()
}

// kind is one of the lists a report has.
type kind int

const (
	kindTransferred kind = iota
	kindVerified
	kindSkipped
	kindDeleted
	kinds
)

// name is the list's name in a report.
func (k kind) name() string { return [kinds]string{"Transferred", "Verified", "Skipped", "Deleted"}[k] }

// part is the list's name in a report's key.
func (k kind) part() string {
	return [kinds]string{"files-transferred", "files-verified", "files-skipped", "files-deleted"}[k]
}

// lists says whether a list has items that went well.
func (c *ReportConfig) lists(k kind) bool {
	level := [kinds]string{c.Transferred, c.Verified, c.Skipped, c.Deleted}[k]
	if level == "" {
		level = c.Level
	}
	return level == levelAll
}

// pending is a report's result at the start of a run: nil if none is asked for.
func (c *ReportConfig) pending() *ReportResult {
	if c == nil {
		return nil
	}
	return &ReportResult{Status: PhasePending}
}

// unwritten is the result of a report whose run did not get to work.
func (c *ReportConfig) unwritten() *ReportResult {
	if c == nil {
		return nil
	}
	return &ReportResult{Status: PhaseError, ErrorCode: CodeReportNothing, ErrorDetail: textNoReport}
}

// kindOf says into which list a result belongs.
func kindOf(f engine.FileResult) kind {
	switch {
	case f.Action == engine.ActionSkipped:
		return kindSkipped
	case f.Action == engine.ActionVerified, f.Action == engine.ActionFailed && f.Step == engine.Verifying:
		return kindVerified
	case f.Action == engine.ActionDeleted, f.Action == engine.ActionFailed && f.Source == nil:
		return kindDeleted
	}
	return kindTransferred
}
