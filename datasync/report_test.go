package datasync_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/datasync"
)

func TestExecutor_Start_report(t *testing.T) {
	t.Parallel()
	s := own(t)
	var sent map[string]any
	url, _ := s.front(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.handler.ServeHTTP(w, r)
	})
	x := datasync.New(client(url, "AKADMIN"), datasync.Options{Reports: &datasync.Reports{
		Bucket: "reports", Prefix: "orders", RoleARN: "arn:aws-cn:iam::123456789012:role/reports",
	}})
	if _, err := x.Start(t.Context(), startOf(s.task(t))); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(sent["TaskReportConfig"])
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Destination":{"S3":{"BucketAccessRoleArn":"arn:aws-cn:iam::123456789012:role/reports","S3BucketArn":"arn:aws-cn:s3:::reports","Subdirectory":"orders"}},` +
		`"ObjectVersionIds":"NONE","OutputType":"STANDARD","ReportLevel":"SUCCESSES_AND_ERRORS"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
