package mover_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

// TestService_Report_configured: who asks for reports, and how it is kept.
func TestService_Report_configured(t *testing.T) {
	t.Parallel()
	all, open := reporting()
	fake := movertest.NewEngine()
	store := &movertest.Memory{}
	s := movertest.Start(t, mover.Config{Open: open, Run: fake.Run, Store: store})
	plain := pair(t, s, mover.Options{})
	d, err := s.DescribeTask(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	task, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: d.SourceARN, DestinationARN: d.DestinationARN, Report: everything()})
	if err != nil {
		t.Fatal(err)
	}
	full := everything()
	full.OutputType, full.ObjectVersionIDs = "STANDARD", "NONE"
	if d, err = s.DescribeTask(t.Context(), task); err != nil || *d.Report != *full {
		t.Errorf("task's report = %+v, %v", d.Report, err)
	}
	begin := func(task, include string, report *mover.ReportConfig) (mover.Execution, *movertest.Run) {
		t.Helper()
		arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: &include, Report: report})
		if err != nil {
			t.Fatal(err)
		}
		r := fake.Next(t)
		return describe(t, s, arn), r
	}
	e, r := begin(task, "/1", nil)
	if !r.Job.Details || *e.Report != *full || e.ReportResult.Status != mover.PhasePending {
		t.Errorf("details %t, report %+v, %+v", r.Job.Details, e.Report, e.ReportResult)
	}
	queued := start(t, s, task, "/2")
	if err := s.CancelTaskExecution(t.Context(), queued); err != nil {
		t.Fatal(err)
	}
	if r := ended(t, s, queued).ReportResult; r.Status != mover.PhaseError || r.ErrorCode != mover.CodeReportNothing {
		t.Errorf("report of a run that never began = %+v", r)
	}
	r.Finish(engine.Result{}, errors.New("broken")) //nolint:err113 // a test's
	if e = ended(t, s, e.ARN); e.Status != mover.StatusError || e.ReportResult.Status != mover.PhaseSuccess || summaryOf(t, all["reports"], e)["ErrorDetail"] == "" {
		t.Errorf("broken run = %+v, %+v", e, e.ReportResult)
	}
	e, r = begin(task, "/3", &mover.ReportConfig{})
	if r.Job.Details || e.Report != nil || e.ReportResult != nil {
		t.Errorf("run without a report: details %t, %+v, %+v", r.Job.Details, e.Report, e.ReportResult)
	}
	r.Finish(engine.Result{}, nil)
	if e = ended(t, s, e.ARN); e.ReportResult != nil {
		t.Errorf("its result = %+v", e.ReportResult)
	}
	e, r = begin(plain, "/4", &mover.ReportConfig{BucketARN: reportsARN, OutputType: "SUMMARY_ONLY"})
	if r.Job.Details {
		t.Error("a summary asks for details")
	}
	stop(t, s)
	s = movertest.Start(t, mover.Config{Open: open, Run: fake.Run, Store: store})
	fake.Next(t).Finish(engine.Result{}, nil)
	if e = ended(t, s, e.ARN); e.Restarts != 1 || e.ReportResult.Status != mover.PhaseSuccess {
		t.Errorf("after a restart = %+v, %+v", e, e.ReportResult)
	}
	for _, change := range []*mover.ReportConfig{nil, {}} {
		if err := s.UpdateTask(t.Context(), mover.UpdateTaskInput{ARN: task, Report: change}); err != nil {
			t.Fatal(err)
		}
		if d, err = s.DescribeTask(t.Context(), task); err != nil || (d.Report == nil) != (change != nil) {
			t.Errorf("task's report after %+v = %+v, %v", change, d.Report, err)
		}
	}
	for fragment, bad := range map[string]mover.ReportConfig{
		"not a bucket's ARN": {OutputType: "STANDARD"}, "OutputType": {BucketARN: reportsARN, OutputType: "x"}, "ReportLevel": {BucketARN: reportsARN, Level: "x"},
		"ObjectVersionIds": {BucketARN: reportsARN, ObjectVersionIDs: "x"}, "Overrides.Skipped": {BucketARN: reportsARN, Skipped: "x"},
		"Subdirectory": {BucketARN: reportsARN, Subdirectory: "a/../b"},
	} {
		_, err := s.CreateTask(t.Context(), mover.CreateTaskInput{SourceARN: d.SourceARN, DestinationARN: d.DestinationARN, Report: &bad})
		refused(t, err, mover.Invalid, fragment)
		_, err = s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Report: &bad})
		refused(t, err, mover.Invalid, fragment)
		refused(t, s.UpdateTask(t.Context(), mover.UpdateTaskInput{ARN: task, Report: &bad}), mover.Invalid, fragment)
	}
}

// versioned is a store that names versions.
type versioned struct{ *storagetest.Memory }

func (versioned) Version(_ context.Context, path string) (string, error) { return "v7 of " + path, nil }

func TestService_Report_versions(t *testing.T) {
	t.Parallel()
	all, open := reporting()
	all["from"].Put(storage.Entry{Path: "A-1/1"}, "content")
	s := movertest.Start(t, mover.Config{Run: engine.Run, Open: func(ctx context.Context, l mover.Location) (storage.Driver, error) {
		if l.Bucket == "to" {
			return versioned{all["to"]}, nil
		}
		return open(ctx, l)
	}})
	for ids, want := range map[string]bool{"INCLUDE": true, "NONE": false} {
		task := pair(t, s, mover.Options{TransferMode: "ALL"})
		report := everything()
		report.ObjectVersionIDs = ids
		arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Report: report})
		if err != nil {
			t.Fatal(err)
		}
		e, found := ended(t, s, arn), false
		for path, content := range all["reports"].Tree() {
			found = found || strings.Contains(path, e.ID()+".files-transferred") && strings.Contains(content, `"DstS3VersionId":"v7 of A-1/1"`)
		}
		if e.Status != mover.StatusSuccess || found != want {
			t.Errorf("%s: version found %t, execution %+v", ids, found, e)
		}
	}
}
