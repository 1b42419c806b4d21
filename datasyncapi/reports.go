package datasyncapi

import (
	"github.com/hikyaku/hikyaku/mover"
)

const (
	bucketARNMax = 268
	roleARNMax   = 2048
)

// taskReport is TaskReportConfig. Without members it takes a report away.
type taskReport struct {
	Destination      *reportDestination `json:"Destination"`
	OutputType       string             `json:"OutputType"`
	ReportLevel      string             `json:"ReportLevel"`
	ObjectVersionIDs string             `json:"ObjectVersionIds"`
	Overrides        *reportOverrides   `json:"Overrides"`
}

type reportDestination struct {
	S3 *reportS3 `json:"S3"`
}

type reportS3 struct {
	S3BucketARN         string `json:"S3BucketArn"`
	BucketAccessRoleARN string `json:"BucketAccessRoleArn"`
	Subdirectory        string `json:"Subdirectory"`
}

type reportOverrides struct {
	Transferred *reportOverride `json:"Transferred"`
	Verified    *reportOverride `json:"Verified"`
	Deleted     *reportOverride `json:"Deleted"`
	Skipped     *reportOverride `json:"Skipped"`
}

type reportOverride struct {
	ReportLevel string `json:"ReportLevel"`
}

type reportResult struct {
	Status      string `json:"Status"`
	ErrorCode   string `json:"ErrorCode"`
	ErrorDetail string `json:"ErrorDetail"`
}

func (c *checker) report(r *taskReport) {
	if r == nil || *r == (taskReport{}) {
		return
	}
	const s3 = "TaskReportConfig.Destination.S3"
	if r.Destination == nil || r.Destination.S3 == nil {
		c.fail("%s is required.", s3)
		return
	}
	to := r.Destination.S3
	c.must(s3+".S3BucketArn", to.S3BucketARN, bucketARNMax, c.rules.bucketARN)
	c.must(s3+".BucketAccessRoleArn", to.BucketAccessRoleARN, roleARNMax, c.rules.roleARN)
	c.text(s3+".Subdirectory", to.Subdirectory, subdirectoryMax, c.rules.subdirectory)
	c.oneOf("TaskReportConfig.OutputType", r.OutputType, "SUMMARY_ONLY", "STANDARD")
	c.reportLevel("TaskReportConfig.ReportLevel", r.ReportLevel)
	c.oneOf("TaskReportConfig.ObjectVersionIds", r.ObjectVersionIDs, "INCLUDE", "NONE")
	if o := r.Overrides; o != nil {
		c.reportLevel("TaskReportConfig.Overrides.Transferred.ReportLevel", o.Transferred.level())
		c.reportLevel("TaskReportConfig.Overrides.Verified.ReportLevel", o.Verified.level())
		c.reportLevel("TaskReportConfig.Overrides.Deleted.ReportLevel", o.Deleted.level())
		c.reportLevel("TaskReportConfig.Overrides.Skipped.ReportLevel", o.Skipped.level())
	}
}

func (c *checker) reportLevel(name, value string) {
	c.oneOf(name, value, "ERRORS_ONLY", "SUCCESSES_AND_ERRORS")
}

func (o *reportOverride) level() string {
	if o == nil {
		return ""
	}
	return o.ReportLevel
}

// mover returns what was asked for, nil if nothing was said. r is checked.
func (r *taskReport) mover() *mover.ReportConfig {
	switch {
	case r == nil:
		return nil
	case r.Destination == nil:
		return &mover.ReportConfig{}
	}
	to := r.Destination.S3
	c := &mover.ReportConfig{
		BucketARN: to.S3BucketARN, RoleARN: to.BucketAccessRoleARN, Subdirectory: to.Subdirectory,
		OutputType: r.OutputType, Level: r.ReportLevel, ObjectVersionIDs: r.ObjectVersionIDs,
	}
	if o := r.Overrides; o != nil {
		c.Transferred, c.Verified, c.Deleted, c.Skipped = o.Transferred.level(), o.Verified.level(), o.Deleted.level(), o.Skipped.level()
	}
	return c
}

func wireReport(c *mover.ReportConfig) *taskReport {
	if c == nil {
		return nil
	}
	r := &taskReport{
		Destination: &reportDestination{&reportS3{S3BucketARN: c.BucketARN, BucketAccessRoleARN: c.RoleARN, Subdirectory: c.Subdirectory}},
		OutputType:  c.OutputType, ReportLevel: c.Level, ObjectVersionIDs: c.ObjectVersionIDs,
	}
	o := reportOverrides{wireOverride(c.Transferred), wireOverride(c.Verified), wireOverride(c.Deleted), wireOverride(c.Skipped)}
	if o != (reportOverrides{}) {
		r.Overrides = &o
	}
	return r
}

func wireOverride(level string) *reportOverride {
	if level == "" {
		return nil
	}
	return &reportOverride{level}
}

func wireReportResult(r *mover.ReportResult) *reportResult {
	if r == nil {
		return nil
	}
	return &reportResult{Status: string(r.Status), ErrorCode: r.ErrorCode, ErrorDetail: r.ErrorDetail}
}
