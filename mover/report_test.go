package mover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

const reportsARN = "arn:aws:s3:::reports"

// reporting returns stores with a bucket for reports, and how they are opened.
func reporting() (stores, mover.OpenFunc) {
	s := newStores(0)
	s["reports"] = storagetest.NewMemory(storagetest.MemoryOptions{Objects: true, VisibleAtFinish: true, PartSize: 8 << 20})
	return s, func(_ context.Context, l mover.Location) (storage.Driver, error) {
		if d := s[l.Bucket]; d != nil {
			return d, nil
		}
		return nil, &storage.PathError{Op: "open", Path: l.Bucket, Kind: storage.ErrNotExist}
	}
}

// everything asks for all lists of a report.
func everything() *mover.ReportConfig {
	return &mover.ReportConfig{BucketARN: reportsARN, RoleARN: role, Subdirectory: "/re/ports/", Level: "SUCCESSES_AND_ERRORS"}
}

// listed is what a report's lists say: "list path" to "status code".
type listed map[string]string

// lists reads the detailed reports of an execution and counts their files.
func lists(t *testing.T, bucket *storagetest.Memory, arn string) (all listed, files int) {
	t.Helper()
	_, ran, _ := strings.Cut(arn, ":task/")
	task, execution, _ := strings.Cut(ran, "/execution/")
	form := regexp.MustCompile(`^re/ports/Detailed-Reports/` + task + `/` + execution + `/` + execution + `\.files-(transferred|verified|skipped|deleted)-v1-\d{5}-[0-9a-f]{17}\.json$`)
	all = listed{}
	for path, content := range bucket.Tree() {
		name := form.FindStringSubmatch(path)
		if name == nil {
			continue
		}
		files++
		var report map[string]json.RawMessage
		if err := json.Unmarshal([]byte(content), &report); err != nil || len(content) > 5_000_000 {
			t.Fatalf("%s of %d bytes: %v", path, len(content), err)
		}
		if string(report["TaskExecutionId"]) != `"`+execution+`"` {
			t.Errorf("%s is of %s", path, report["TaskExecutionId"])
		}
		list := strings.ToUpper(name[1][:1]) + name[1][1:]
		var entries []map[string]any
		if err := json.Unmarshal(report[list], &entries); err != nil || len(entries) == 0 || len(report) != 2 {
			t.Fatalf("%s: %v: %s", path, err, content)
		}
		status := map[string]string{"Transferred": "TransferStatus", "Verified": "VerifyStatus", "Skipped": "SkipStatus", "Deleted": "DeleteStatus"}[list]
		for _, e := range entries {
			key := fmt.Sprint(list, " ", e["RelativePath"])
			if _, twice := all[key]; twice {
				t.Errorf("%s is listed twice", key)
			}
			all[key] = strings.TrimSpace(fmt.Sprint(e[status]) + " " + text(e["FailureCode"]))
			if (text(e["FailureReason"]) == "") != (e[status] == "SUCCESS") {
				t.Errorf("%s: %v", key, e)
			}
		}
	}
	return all, files
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// count returns how many entries of a list have a status.
func (l listed) count(list, status string) (n int64) {
	for key, s := range l {
		if strings.HasPrefix(key, list+" ") && strings.HasPrefix(s, status) {
			n++
		}
	}
	return n
}

// troubled fills both sides with items of every fate.
func troubled(s stores) {
	for _, name := range []string{"fine", "same", "gone", "denied", "unwritten", "bad", "late"} {
		s["from"].Put(storage.Entry{Path: "A-1/" + name}, "content of "+name)
	}
	s["from"].SetFault(func(op storagetest.Op, path string) error {
		switch {
		case op == storagetest.OpOpen && path == "A-1/gone":
			return storage.ErrNotExist
		case op == storagetest.OpOpen && path == "A-1/denied":
			return storage.ErrDenied
		}
		return nil
	})
	s["to"].SetFault(func(op storagetest.Op, path string) error {
		switch {
		case op == storagetest.OpCreate && path == "A-1/unwritten", op == storagetest.OpRemove && path == "A-1/stuck":
			return storage.ErrDenied
		}
		return nil
	})
	s["to"].SetTamper(func(path string, content []byte) []byte {
		if path == "A-1/bad" {
			return []byte("CONTENT OF BAD")
		}
		return content
	})
	s["to"].Put(storage.Entry{Path: "A-1/stuck"}, "x")
	s["to"].Put(storage.Entry{Path: "A-1/extra"}, "x")
}

func TestService_Report(t *testing.T) {
	t.Parallel()
	all, open := reporting()
	troubled(all)
	s := movertest.Start(t, mover.Config{Open: open, Run: engine.Run, Spool: t.TempDir()})
	task := pair(t, s, mover.Options{VerifyMode: "ONLY_FILES_TRANSFERRED", PreserveDeletedFiles: "REMOVE"})
	run := func(report *mover.ReportConfig) mover.Execution {
		t.Helper()
		arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/A-1/*"), Report: report})
		if err != nil {
			t.Fatal(err)
		}
		e := ended(t, s, arn)
		if r := e.ReportResult; e.Status != mover.StatusError || r == nil || *r != (mover.ReportResult{Status: mover.PhaseSuccess}) {
			t.Fatalf("execution = %+v, report %+v", e, e.ReportResult)
		}
		return e
	}
	e := run(everything())
	got, _ := lists(t, all["reports"], e.ARN)
	failures := listed{
		"Transferred /A-1/gone": "FAILED SourceGone", "Transferred /A-1/denied": "FAILED SourceDenied",
		"Transferred /A-1/unwritten": "FAILED DestinationDenied", "Verified /A-1/bad": "FAILED ChecksumMismatch",
		"Deleted /A-1/stuck": "FAILED DestinationDenied",
	}
	want := maps.Clone(failures)
	for _, name := range []string{"/fine", "/same", "/late"} {
		want["Transferred /A-1"+name], want["Verified /A-1"+name] = "SUCCESS", "SUCCESS"
	}
	want["Deleted /A-1/extra"] = "SUCCESS"
	delete(got, "Transferred /A-1") // whether the folder changed is the clock's affair
	delete(got, "Verified /A-1")
	delete(got, "Skipped /A-1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("first run (-want +got):\n%s", diff)
	}

	e = run(everything())
	got, _ = lists(t, all["reports"], e.ARN)
	want = maps.Clone(failures)
	for _, name := range []string{"/fine", "/same", "/late"} {
		want["Skipped /A-1"+name] = "SUCCESS"
	}
	c := e.Counters
	if n := got.count("Skipped", "SUCCESS"); n != c.FilesSkipped || got.count("Transferred", "SUCCESS") != c.FilesTransferred || got.count("Verified", "SUCCESS") != c.FilesVerified {
		t.Errorf("lists and counters differ: %v, %+v", got, c)
	}
	delete(got, "Transferred /A-1")
	delete(got, "Verified /A-1")
	delete(got, "Skipped /A-1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("second run (-want +got):\n%s", diff)
	}

	e = run(&mover.ReportConfig{BucketARN: reportsARN, Subdirectory: "re/ports", Skipped: "SUCCESSES_AND_ERRORS", Deleted: "ERRORS_ONLY"})
	got, _ = lists(t, all["reports"], e.ARN)
	delete(got, "Skipped /A-1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors only, but skipped items all (-want +got):\n%s", diff)
	}
	e = run(&mover.ReportConfig{BucketARN: reportsARN, Subdirectory: "re/ports", OutputType: "SUMMARY_ONLY", Level: "SUCCESSES_AND_ERRORS"})
	if got, files := lists(t, all["reports"], e.ARN); files != 0 {
		t.Errorf("a summary has %v", got)
	}
	sum := summaryOf(t, all["reports"], e)
	failed, _ := sum["FilesFailed"].(map[string]any)
	options, _ := sum["Options"].(map[string]any)
	if sum["FilesSkipped"] != float64(e.Counters.FilesSkipped) || sum["Status"] != "ERROR" || sum["AccountId"] != "123456789012" || sum["ErrorCode"] == nil ||
		failed["Delete"] != 1.0 || options["PreserveDeletedFiles"] != "REMOVE" {
		t.Errorf("summary = %v", sum)
	}
	if n := all["reports"].Stages(); n != 0 {
		t.Errorf("%d stages are left at the bucket", n)
	}
}

// summaryOf returns the summary report of an execution.
func summaryOf(t *testing.T, bucket *storagetest.Memory, e mover.Execution) (sum map[string]any) {
	t.Helper()
	for path, content := range bucket.Tree() {
		if strings.Contains(path, "/Summary-Reports/") && strings.Contains(path, "/"+e.ID()+"/") && strings.HasSuffix(path, ".json") {
			if err := json.Unmarshal([]byte(content), &sum); err != nil || sum["TaskExecutionId"] != e.ID() {
				t.Fatalf("%s: %v: %s", path, err, content)
			}
			return sum
		}
	}
	t.Fatalf("no summary report of %s in %v", e.ID(), slices.Collect(maps.Keys(bucket.Tree())))
	return nil
}

// TestService_Report_everythingVerified: with POINT_IN_TIME_CONSISTENT each
// item is verified once, what was delivered when it was, the rest at the end.
func TestService_Report_everythingVerified(t *testing.T) {
	t.Parallel()
	all, open := reporting()
	for n := range 5 {
		all["from"].Put(storage.Entry{Path: fmt.Sprintf("A-1/%d", n)}, "content")
	}
	s := movertest.Start(t, mover.Config{Open: open, Run: engine.Run})
	task := pair(t, s, mover.Options{})
	run := func(includes string) (mover.Execution, listed) {
		t.Helper()
		arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: &includes, Report: everything()})
		if err != nil {
			t.Fatal(err)
		}
		e := ended(t, s, arn)
		got, _ := lists(t, all["reports"], arn)
		return e, got
	}
	if e, got := run("/A-1/1*"); e.Status != mover.StatusSuccess || got["Verified /A-1/1"] != "SUCCESS" || got.count("Verified", "SUCCESS") != e.Counters.FilesVerified {
		t.Errorf("execution = %+v: %v", e, got)
	}
	all["from"].Put(storage.Entry{Path: "A-1/late"}, "content")
	appeared := atomic.Bool{}
	all["to"].SetFault(func(op storagetest.Op, path string) error {
		if op == storagetest.OpPublish && path == "A-1/late" && appeared.CompareAndSwap(false, true) {
			all["to"].Put(storage.Entry{Path: "A-1/1"}, "CHANGED") // after it was found unchanged
		}
		return nil
	})
	e, got := run("/A-1/*")
	if e.Status != mover.StatusError || got["Skipped /A-1/1"] != "SUCCESS" || got["Verified /A-1/1"] != "FAILED ChecksumMismatch" || got["Verified /A-1/4"] != "SUCCESS" {
		t.Errorf("execution = %+v: %v", e, got)
	}
	if n := got.count("Verified", "SUCCESS"); n != e.Counters.FilesVerified || got.count("Verified", "FAILED") != e.Counters.FailedVerify {
		t.Errorf("%d verified, counters %+v: %v", n, e.Counters, got)
	}
	all["to"].SetFault(nil)
	kept, got := run("/A-1/0")
	if kept.Status != mover.StatusSuccess || got["Skipped /A-1/0"] != "SUCCESS" || got["Verified /A-1/0"] != "SUCCESS" {
		t.Errorf("execution = %+v: %v", kept, got)
	}
}

// TestService_Report_notWritten: a report that cannot be written never fails
// the transfer, and is told.
func TestService_Report_notWritten(t *testing.T) {
	t.Parallel()
	all, open := reporting()
	all["from"].Put(storage.Entry{Path: "A-1/1"}, "content")
	s := movertest.Start(t, mover.Config{Open: open, Run: engine.Run})
	long := movertest.Start(t, mover.Config{Open: open, Run: func(_ context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
		for _, path := range []string{"A-1/" + strings.Repeat("x/", 2048) + "1", "A-1/1"} {
			e := storage.Entry{Path: path}
			job.OnFile(engine.FileResult{Path: path, Action: engine.ActionTransferred, Verified: true, Source: &e, Destination: &e})
		}
		return engine.Result{}, nil
	}})
	broken := movertest.Start(t, mover.Config{Open: open, Run: engine.Run, Spool: t.TempDir() + "/missing"})
	elsewhere := everything()
	elsewhere.BucketARN = "arn:aws:s3:::nowhere"
	refuse := func(op storagetest.Op, path string) error {
		if op == storagetest.OpFinish && strings.Contains(path, "Detailed") {
			return storage.ErrDenied
		}
		return nil
	}
	for name, tt := range map[string]struct {
		service      *mover.Service
		report       *mover.ReportConfig
		fault        storagetest.Fault
		code, detail string
		files        int
	}{
		"no bucket":  {service: s, report: elsewhere, code: mover.CodeReportNotWritten, detail: "open bucket nowhere"},
		"refused":    {service: s, report: everything(), fault: refuse, code: mover.CodeReportNotWritten, detail: "write to bucket reports: finish"},
		"long path":  {service: long, report: everything(), code: mover.CodeReportIncomplete, detail: "longer than the 4096", files: 2},
		"no spool":   {service: broken, report: everything(), code: mover.CodeReportIncomplete, detail: "create temporary file"},
		"everything": {service: s, report: everything(), files: 2},
	} {
		all["reports"].SetFault(tt.fault)
		task := pair(t, tt.service, mover.Options{VerifyMode: "ONLY_FILES_TRANSFERRED", TransferMode: "ALL"})
		arn, err := tt.service.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: task, Includes: new("/A-1/*"), Report: tt.report})
		if err != nil {
			t.Fatal(err)
		}
		e := ended(t, tt.service, arn)
		status := mover.PhaseError
		if tt.code == "" {
			status = mover.PhaseSuccess
		}
		r := e.ReportResult
		if e.Status != mover.StatusSuccess || r.Status != status || r.ErrorCode != tt.code || !strings.Contains(r.ErrorDetail, tt.detail) {
			t.Errorf("%s: execution = %+v, report %+v", name, e, r)
		}
		if got, files := lists(t, all["reports"], arn); files != tt.files || files > 0 && got["Transferred /A-1/1"] != "SUCCESS" {
			t.Errorf("%s: %d reports: %v", name, files, got)
		}
	}
}

// TestService_Report_large: a long list goes on in another file.
func TestService_Report_large(t *testing.T) {
	t.Parallel()
	const items = 20_000
	all, open := reporting()
	s := movertest.Start(t, mover.Config{Open: open, Run: transferring(items), Spool: t.TempDir()})
	arn, err := s.StartTaskExecution(t.Context(), mover.StartInput{TaskARN: pair(t, s, mover.Options{}), Report: everything()})
	if err != nil {
		t.Fatal(err)
	}
	if e := ended(t, s, arn); e.ReportResult.Status != mover.PhaseSuccess {
		t.Fatalf("report = %+v", e.ReportResult)
	}
	got, files := lists(t, all["reports"], arn)
	if got.count("Transferred", "SUCCESS") != items || got.count("Verified", "SUCCESS") != items || files != 4 {
		t.Errorf("%d entries in %d files", len(got), files)
	}
}

// transferring is an engine that says of so many files that they were moved.
func transferring(items int) mover.RunFunc {
	return func(_ context.Context, job engine.Job, _ *engine.Progress) (engine.Result, error) {
		for n := range items {
			e := storage.Entry{Path: fmt.Sprintf("A-1/some/folder/file-%07d.dat", n), Size: 10, POSIX: &storage.POSIX{Mode: 0o644}, ModTime: time.Unix(1, 2)}
			job.OnFile(engine.FileResult{
				Path: e.Path, Action: engine.ActionTransferred, Size: 10, Verified: true, Source: &e, Destination: &e,
				SourceSum: storage.Sum{Algorithm: storage.CRC64NVME}, DestinationSum: storage.Sum{Algorithm: storage.CRC64NVME},
			})
		}
		return engine.Result{}, nil
	}
}

// BenchmarkService_Report measures a report per item of a run, and the memory
// that it takes whatever their number (-benchtime 1000000x).
func BenchmarkService_Report(b *testing.B) {
	all, open := reporting()
	all["reports"].SetTamper(func(string, []byte) []byte { return nil }) // it is to measure ours, not the bucket's memory
	s := movertest.Start(b, mover.Config{Open: open, Run: transferring(b.N), Spool: b.TempDir()})
	task := pair(b, s, mover.Options{})
	b.ReportAllocs()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b.ResetTimer()
	arn, err := s.StartTaskExecution(b.Context(), mover.StartInput{TaskARN: task, Report: everything()})
	if err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	e := describe(b, s, arn)
	for ; !e.Status.Ended(); e = describe(b, s, arn) {
		<-tick.C
	}
	if e.ReportResult.Status != mover.PhaseSuccess {
		b.Fatalf("report = %+v", e.ReportResult)
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Sys-before.Sys)/(1<<20), "MiB-system")
}
