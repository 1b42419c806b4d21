package datasync_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/datasync"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/datasync"
)

func TestExecutor_Request(t *testing.T) {
	t.Parallel()
	x := datasync.New(api.New(api.Options{Region: "eu-west-1"}), datasync.Options{
		Reports: &datasync.Reports{Bucket: "reports", Prefix: "orders", RoleARN: "arn:aws:iam::123456789012:role/reports"},
	})
	raw, err := x.Request(hikyaku.Start{
		TaskARN: "arn:task", Includes: "/A/*", VerifyMode: "NONE", TransferMode: "ALL", BytesPerSecond: -1, Tags: map[string]string{"k": "v"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"Excludes":[],"Includes":[{"FilterType":"SIMPLE_PATTERN","Value":"/A/*"}],` +
		`"OverrideOptions":{"BytesPerSecond":-1,"PreserveDeletedFiles":"PRESERVE","TransferMode":"ALL","VerifyMode":"NONE"},` +
		`"Tags":[{"Key":"k","Value":"v"}],"TaskArn":"arn:task",` +
		`"TaskReportConfig":{"Destination":{"S3":{"BucketAccessRoleArn":"arn:aws:iam::123456789012:role/reports","S3BucketArn":"arn:aws:s3:::reports","Subdirectory":"orders"}},` +
		`"ObjectVersionIds":"NONE","OutputType":"STANDARD","ReportLevel":"SUCCESSES_AND_ERRORS"}}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	if _, err := x.Request(hikyaku.Start{TaskARN: "arn:task"}); hikyaku.KindOf(err) != hikyaku.KindInvalid {
		t.Errorf("a start without a filter: %v", err)
	}
}

func TestDescribed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	raw, err := json.Marshal(map[string]any{
		"TaskExecutionArn": "arn:task/execution/exec-1", "Status": "ERROR", "StartTime": at, "BytesWritten": 7,
		"Result": map[string]any{"ErrorCode": "OpNotSupp", "TotalDuration": 1500},
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := datasync.Described(raw)
	if err != nil {
		t.Fatal(err)
	}
	if x.TaskARN != "arn:task" || !x.Ended() || !x.StartTime.Equal(at) || x.BytesWritten != 7 || x.ErrorCode != "OpNotSupp" || x.TotalTime != 1500*time.Millisecond {
		t.Errorf("read %+v", x)
	}
	for _, bad := range []string{``, `null`, `{}`, `{"TaskExecutionArn":"a"}`, `{"Status":"SUCCESS"}`, `[]`} {
		if _, err := datasync.Described(json.RawMessage(bad)); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzDescribed(f *testing.F) {
	f.Add([]byte(`{"TaskExecutionArn":"arn:task/execution/e","Status":"SUCCESS","FilesFailed":{"Prepare":1}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := datasync.Described(raw)
		if err == nil && (x.Status == "" || aws.ToString(&x.Status) == "") {
			t.Errorf("no status in %+v", x)
		}
	})
}

func TestStartFailed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, cause string
		kind        hikyaku.Kind
		unclear     bool
	}{
		{"DataSync.InvalidRequestException", "Task is busy (Service: DataSync, Status Code: 400, Request ID: x)", hikyaku.KindInvalid, false},
		{"DataSync.DataSyncException", "User is not authorized to perform (Service: DataSync, Status Code: 400, Request ID: x)", hikyaku.KindDenied, false},
		{"DataSync.DataSyncException", "Rate exceeded (Service: DataSync, Status Code: 400, Request ID: x)", hikyaku.KindTransient, false},
		{"DataSync.InternalException", "oops (Service: DataSync, Status Code: 500, Request ID: x)", hikyaku.KindTransient, true},
		{"DataSync.SdkClientException", "Unable to execute HTTP request: timed out", hikyaku.KindTransient, true},
		{"States.Timeout", "", hikyaku.KindTransient, true},
		{"States.TaskFailed", "Status Code: 4000", hikyaku.KindTransient, true},
	} {
		err := datasync.StartFailed("arn:task", c.name, c.cause)
		if _, unclear := errors.AsType[*hikyaku.UnclearError](err); unclear != c.unclear {
			t.Errorf("%s %q: unclear %v, want %v", c.name, c.cause, unclear, c.unclear)
		}
		if kind := hikyaku.KindOf(err); kind != c.kind {
			t.Errorf("%s %q: %s, want %s", c.name, c.cause, kind, c.kind)
		}
	}
}
