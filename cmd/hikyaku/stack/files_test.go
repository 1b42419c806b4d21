package stack_test

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

const (
	sumHex    = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	sumBase64 = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
	otherSum  = "0000000000000000000000000000000000000000000000000000000000000000"
)

// basicTransferred and the others are reports as far as their form is known.
const (
	basicTransferred = `{"TaskExecutionId":"exec-1","Transferred":[
		{"RelativePath":"/A-1/a.bin","SrcMetadata":{"Type":"Regular","ContentSize":1024,"Mtime":"2026-11-22T09:01:02.000000003Z","Uid":0,"Gid":0,"Mode":"0644"},
		 "Overwrite":"False","DstS3VersionId":"","TransferTimestamp":"2026-11-22T09:02:03.000000004Z","TransferType":"CONTENT_AND_METADATA","TransferStatus":"SUCCESS"},
		{"RelativePath":"/A-1/b.bin","SrcMetadata":{"Type":"Regular","ContentSize":7},"TransferStatus":"FAILED","FailureReason":"Permission denied","FailureCode":40974},
		{"RelativePath":"/A-1/c.bin","SrcMetadata":{"Type":"Regular","ContentSize":9},"TransferStatus":"SUCCESS"}]}`
	basicVerified = `{"TaskExecutionId":"exec-1","Totals":{"Verified":2,"Deep":{"er":[1,{}]}},"Verified":[
		{"RelativePath":"/A-1/a.bin","SrcMetadata":{"Type":"Regular","ContentSize":1024},"DstMetadata":{"Type":"Regular","ContentSize":1024},
		 "SrcHash":"` + sumHex + `","DstHash":"` + sumHex + `","VerifyStatus":"SUCCESS"},
		{"RelativePath":"/A-1/c.bin","DstMetadata":{"Type":"Regular","ContentSize":8},"SrcHash":"` + sumHex + `","DstHash":"` + otherSum + `",
		 "VerifyStatus":"FAILED","FailureReason":"Checksum mismatch"}], "More":"later"}`
	enhancedTransferred = `{"Transferred":[{"RelativePath":"A-1/d.bin","SourceMetadata":{"Type":"Object","ContentSize":5,"LastModified":"2026-11-22T09:01:02Z",
		"SystemMetadata":{"ContentType":"x","ETag":"e"},"UserMetadata":{"checksum":"mine","status":"FAILED"},"Tags":[]},"TransferStatus":"FAILED","ErrorCode":"AccessDenied","ErrorDetail":"no"}]}`
	skipped = `{"Skipped":[{"RelativePath":"/A-1/e.bin","SkipTimestamp":"2026-11-22T09:01:02Z","SkipReason":"exists","SkipStatus":"SUCCESS"}]}`
)

// readAll is what a report says of its files, one line a file.
func readAll(kind, report string) (lines []string, err error) {
	err = stack.ReadReport(strings.NewReader(report), kind, func(f console.File) error {
		line := fmt.Sprintf("%s %s %d %s %s", f.Path, f.State, f.Bytes, f.SourceChecksum, f.DestinationChecksum)
		if f.Failure != nil {
			line += " " + f.Failure.Message + "/" + f.Failure.Detail
		}
		lines = append(lines, strings.TrimSpace(line))
		return nil
	})
	return lines, err
}

func TestReadReport(t *testing.T) {
	t.Parallel()
	sum := "sha256:" + sumHex
	for name, tt := range map[string]struct {
		kind, report string
		want         []string
		failed       bool
	}{
		"transferred": {"transferred", basicTransferred, []string{
			"A-1/a.bin transferred 1024", "A-1/b.bin failed 7   Permission denied/40974", "A-1/c.bin transferred 9",
		}, false},
		"verified": {"verified", basicVerified, []string{
			"A-1/a.bin verified 1024 " + sum + " " + sum, "A-1/c.bin failed 8 " + sum + " sha256:" + otherSum + " Checksum mismatch/",
		}, false},
		"enhanced": {"transferred", enhancedTransferred, []string{"A-1/d.bin failed 5   no/AccessDenied"}, false},
		"skipped":  {"skipped", skipped, []string{"A-1/e.bin skipped 0"}, false},
		"base64": {
			"verified", `{"Verified":[{"RelativePath":"x","SourceChecksum":"` + sumBase64 + `","DestinationChecksum":"crc:1"}]}`,
			[]string{"x verified 0 " + sum + " crc:1"},
			false,
		},
		"checksums inside": {
			"verified", `{"verified":[{"relativePath":"x","srcMetadata":{"sha256":"` + sumHex + `","contentSize":"12"}}]}`,
			[]string{"x verified 12 " + sum},
			false,
		},
		"nothing":        {"deleted", `{"Deleted":[]}`, nil, false},
		"no files":       {"deleted", `{"Deleted":[1,"x",null,{},[],{"RelativePath":""}],"Other":{}}`, nil, false},
		"negative":       {"verified", `{"Verified":[{"RelativePath":"x","SrcMetadata":{"ContentSize":-1}}]}`, []string{"x verified 0"}, false},
		"cut off":        {"transferred", basicTransferred[:len(basicTransferred)-2], []string{"A-1/a.bin transferred 1024", "A-1/b.bin failed 7   Permission denied/40974", "A-1/c.bin transferred 9"}, true},
		"empty":          {"transferred", "", nil, true},
		"another form":   {"transferred", "[]", nil, true},
		"not JSON":       {"transferred", "<Error/>", nil, true},
		"cut in a value": {"transferred", `{"Transferred":[{"RelativePath":"x"`, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(tt.kind, tt.report)
			if diff := gocmp.Diff(tt.want, got); diff != "" || (err != nil) != tt.failed {
				t.Errorf("error %v (-want +got):\n%s", err, diff)
			}
		})
	}
	stop := errors.New("stop")
	if err := stack.ReadReport(strings.NewReader(basicTransferred), "transferred", func(console.File) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the caller's: got %v", err)
	}
}

func FuzzReadReport(f *testing.F) {
	for _, report := range []string{basicTransferred, basicVerified, enhancedTransferred, skipped, `{"a":{"b":`, `[]`, `{"a":[[[]]]}`} {
		f.Add(report)
	}
	f.Fuzz(func(t *testing.T, report string) {
		_ = stack.ReadReport(strings.NewReader(report), "verified", func(file console.File) error {
			if file.Bytes < 0 || (file.State == "failed") != (file.Failure != nil) || file.State != "failed" && file.State != "verified" {
				t.Errorf("%q gives %+v", report, file)
			}
			return nil
		})
	})
}

func TestReportKind(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"r/Detailed-Reports/task-1/exec-1/exec-1.files-verified-v1-00001-0a123abc12d3b0e4f.json": "verified",
		"exec-1.files-transferred-v1-00002-0a.json":                                              "transferred", "exec-1.files-skipped-v2-1-x.json": "skipped",
		"exec-1.files-deleted-v1-00001-0a.json": "deleted", "exec-1.files-wrapped-v1-00001-0a.json": "", "exec-1.files-verified.csv": "",
		"files-verified-v1.json": "", "": "",
	} {
		if got, ok := stack.ReportKind(key); got != want || ok != (want != "") {
			t.Errorf("%q is %q, %t; want %q", key, got, ok, want)
		}
	}
}

// openReports opens a stack whose outputs come from a server of ours and whose
// report bucket is moto's, with the reports given by their names.
func openReports(t *testing.T, reports map[string]string) *stack.Stack {
	t.Helper()
	moto := mototest.Start(t)
	client := s3sdk.New(s3sdk.Options{Region: "us-east-1", BaseEndpoint: &moto, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("AK", "secret", "")})
	if _, err := client.CreateBucket(t.Context(), &s3sdk.CreateBucketInput{Bucket: aws.String("reports")}); err != nil {
		t.Fatal(err)
	}
	for name, text := range reports {
		key := "orders/Detailed-Reports/task-1/exec-1/exec-1." + name + ".json"
		if _, err := client.PutObject(t.Context(), &s3sdk.PutObjectInput{Bucket: aws.String("reports"), Key: &key, Body: strings.NewReader(text)}); err != nil {
			t.Fatal(err)
		}
	}
	outputs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var members strings.Builder
		for _, name := range stack.OutputNames() {
			value := map[string]string{"ReportBucketName": "reports", "RouteName": "orders"}[name]
			members.WriteString("<member><OutputKey>" + name + "</OutputKey><OutputValue>" + cmp.Or(value, "x") + "</OutputValue></member>")
		}
		_, _ = io.WriteString(w, "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>st</StackName><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>"+
			members.String()+"</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>")
	}))
	t.Cleanup(outputs.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": "/nowhere",
		"AWS_SHARED_CREDENTIALS_FILE": "/nowhere", "AWS_ENDPOINT_URL_CLOUDFORMATION": outputs.URL, "AWS_ENDPOINT_URL_S3": moto,
	} {
		t.Setenv(name, value)
	}
	s, err := stack.Open(t.Context(), stack.Options{Name: "st", Region: "us-east-1", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStack_Files reads the reports of an execution out of a bucket, all at
// once and page by page.
func TestStack_Files(t *testing.T) {
	s := openReports(t, map[string]string{
		"files-transferred-v1-00001-0a": basicTransferred, "files-transferred-v1-00002-0b": enhancedTransferred,
		"files-verified-v1-00001-0c": basicVerified, "files-skipped-v1-00001-0d": skipped, "files-unknown-v1-00001-0e": "?",
	})
	ran := hikyaku.Transfer{Route: "orders", ExecutionARN: "arn:aws:datasync:us-east-1:1:task/task-1/execution/exec-1"}
	// pages reads all pages and returns their files, path and state.
	pages := func(files console.FileLister, q console.FileQuery) (got []string) {
		t.Helper()
		for {
			list, err := files.Files(t.Context(), ran, q)
			if err != nil || !list.Available || len(list.Files) > q.Limit && q.Limit > 0 {
				t.Fatalf("%+v: %+v, %v", q, list, err)
			}
			for _, f := range list.Files {
				got = append(got, f.Path+" "+f.State)
			}
			if list.NextToken == nil {
				return got
			}
			q.Token = *list.NextToken
		}
	}
	once := []string{"A-1/a.bin verified", "A-1/b.bin failed", "A-1/c.bin failed", "A-1/d.bin failed", "A-1/e.bin skipped"}
	each := []string{
		"A-1/e.bin skipped", "A-1/a.bin transferred", "A-1/b.bin failed", "A-1/c.bin transferred", "A-1/d.bin failed", "A-1/a.bin verified", "A-1/c.bin failed",
	}
	for name, tt := range map[string]struct {
		files console.FileLister
		want  []string
	}{"merged": {s.Files(), once}, "paged": {stack.PagedFiles(s), each}} {
		for limit := range 9 {
			if diff := gocmp.Diff(tt.want, pages(tt.files, console.FileQuery{Limit: limit})); diff != "" {
				t.Errorf("%s by %d (-want +got):\n%s", name, limit, diff)
			}
			failed := slices.DeleteFunc(slices.Clone(tt.want), func(line string) bool { return !strings.HasSuffix(line, " failed") })
			if diff := gocmp.Diff(failed, pages(tt.files, console.FileQuery{Limit: limit, State: "failed"})); diff != "" {
				t.Errorf("%s by %d, failed ones (-want +got):\n%s", name, limit, diff)
			}
		}
	}
	list, err := s.Files().Files(t.Context(), ran, console.FileQuery{Limit: 1})
	if err != nil || len(list.Files) != 1 || list.Files[0].Bytes != 1024 || list.Files[0].DestinationChecksum != "sha256:"+sumHex {
		t.Errorf("size and checksum of one file: %+v, %v", list.Files, err)
	}
	unknown := ran
	unknown.ExecutionARN = strings.Replace(ran.ExecutionARN, "exec-1", "exec-2", 1)
	for _, without := range []hikyaku.Transfer{unknown, {Route: "orders"}} {
		if list, err := s.Files().Files(t.Context(), without, console.FileQuery{}); err != nil || list.Available {
			t.Errorf("files without a report: %+v, %v", list, err)
		}
	}
	for _, token := range []string{"x", "1", "-1/", "x/y"} {
		if _, err := s.Files().Files(t.Context(), ran, console.FileQuery{Token: token}); hikyaku.KindOf(err) != hikyaku.KindInvalid {
			t.Errorf("token %q: got %v", token, err)
		}
	}
	got, err := s.Client("test").Files(t.Context(), "x", console.FileQuery{})
	if err == nil {
		t.Errorf("the console has files of a transfer that is not there: %+v", got)
	}
}

// TestStack_Files_failedTwice: what was not transferred cannot be verified,
// and the reason is the former.
func TestStack_Files_failedTwice(t *testing.T) {
	s := openReports(t, map[string]string{
		"files-transferred-v1-00001-0a": `{"Transferred":[{"RelativePath":"/x","TransferStatus":"FAILED","FailureReason":"denied","FailureCode":"SourceDenied"}]}`,
		"files-verified-v1-00001-0c":    `{"Verified":[{"RelativePath":"/x","VerifyStatus":"FAILED","FailureReason":"is at the source only","FailureCode":"FileNotAtDestination"}]}`,
	})
	ran := hikyaku.Transfer{Route: "orders", ExecutionARN: "arn:aws:datasync:us-east-1:1:task/task-1/execution/exec-1"}
	list, err := s.Files().Files(t.Context(), ran, console.FileQuery{})
	if err != nil || len(list.Files) != 1 || list.Files[0].Failure == nil || list.Files[0].Failure.Code != hikyaku.CodeSourceDenied {
		t.Errorf("files = %+v, %v", list.Files, err)
	}
}

// TestStack_Files_broken: a report of another form is named.
func TestStack_Files_broken(t *testing.T) {
	s := openReports(t, map[string]string{"files-verified-v1-00001-0c": "<Error/>"})
	ran := hikyaku.Transfer{Route: "orders", ExecutionARN: "arn:aws:datasync:us-east-1:1:task/task-1/execution/exec-1"}
	if _, err := s.Files().Files(t.Context(), ran, console.FileQuery{}); err == nil || !strings.Contains(err.Error(), "exec-1.files-verified-v1-00001-0c.json") {
		t.Errorf("got %v, want an error that names the report", err)
	}
}
