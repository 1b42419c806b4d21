package datasyncapi_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/datasync"

	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// TestOperations_Complete holds the list against the SDK's own methods.
func TestOperations_Complete(t *testing.T) {
	t.Parallel()
	var want []string
	for m := range reflect.TypeFor[*datasync.Client]().Methods() {
		if m.Name != "Options" {
			want = append(want, m.Name)
		}
	}
	slices.Sort(want)
	var got []string
	supported := 0
	for _, o := range datasyncapi.Operations() {
		got = append(got, o.Name)
		if o.Supported() {
			supported++
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("operations = %v\nwant %v", got, want)
	}
	if supported != 24 {
		t.Errorf("%d supported operations, want 24", supported)
	}
}

// TestServer_UnsupportedOperations calls every operation without members: the
// unsupported ones must be refused by name, the others for what is missing.
func TestServer_UnsupportedOperations(t *testing.T) {
	t.Parallel()
	url := serve(t, movertest.Start(t, mover.Config{}))
	for _, o := range datasyncapi.Operations() {
		status, body := post(t, url, o.Name, `{}`)
		switch {
		case strings.HasPrefix(o.Name, "List") && o.Name != "ListTagsForResource":
			if status != 200 {
				t.Errorf("%s = %d %s", o.Name, status, body)
			}
		case status != 400 || !strings.Contains(body, `"__type":"InvalidRequestException"`):
			t.Errorf("%s = %d %s", o.Name, status, body)
		case o.Supported() && !strings.Contains(body, "is required"):
			t.Errorf("%s = %s", o.Name, body)
		case !o.Supported() && !strings.Contains(body, o.Name+" is not supported by this server"):
			t.Errorf("%s = %s", o.Name, body)
		}
	}
}

// TestOperations_Document keeps docs/datasync-operations.md current.
func TestOperations_Document(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	b.WriteString("# DataSync operations\n\nWhat the DataSync endpoint of the self-hosted edition answers. " +
		"Generated from the operation table; `UPDATE_DOCS=1 go test ./datasyncapi` writes it anew.\n\n" +
		"Refused operations answer `InvalidRequestException` and name themselves and the reason.\n\n| Operation | |\n|---|---|\n")
	for _, o := range datasyncapi.Operations() {
		answer := "supported"
		if !o.Supported() {
			answer = "refused: " + o.Refusal
		}
		fmt.Fprintf(&b, "| %s | %s |\n", o.Name, answer)
	}
	b.WriteString("\nMembers that supported operations refuse by name: `Schedule`, `ManifestConfig`, " +
		"`TaskMode` ENHANCED, `CmkSecretConfig`, `CustomSecretConfig`, access points and S3 on Outposts, the options `Uid`/`Gid` NAME and BOTH, " +
		"`PreserveDevices` PRESERVE, `SecurityDescriptorCopyFlags` other than NONE.\n\n" +
		"Kept and returned without effect: `CloudWatchLogGroupArn` (item results go to the server's log as `LogLevel` says), " +
		"`BucketAccessRoleArn` (buckets are opened with the server's own credentials).\n\n" +
		reportsDocument() +
		"Folders of the server (`file://`) appear in ListLocations and in tasks; they come from the server's configuration only.\n")
	path := filepath.Join("..", "docs", "datasync-operations.md")
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path) //nolint:gosec // a constant path
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b.Bytes()) {
		t.Error("docs/datasync-operations.md is not current: run UPDATE_DOCS=1 go test ./datasyncapi")
	}
}

// reportsDocument is what docs/datasync-operations.md says of task reports.
func reportsDocument() string {
	return "## Task reports\n\n" +
		"`TaskReportConfig` of CreateTask, UpdateTask and StartTaskExecution (which replaces the task's for its run; without members it takes the report away) " +
		"has the server write, when a run has ended and before its status says so:\n\n" +
		"- `PREFIX/Detailed-Reports/TASK/EXECUTION/EXECUTION.files-transferred-v1-00001-….json`, and the same with `files-verified`, `files-skipped` and `files-deleted`, " +
		"unless `OutputType` is SUMMARY_ONLY. A list without items has no file; one of more than 5 MB goes on in 00002.\n" +
		"- `PREFIX/Summary-Reports/TASK/EXECUTION/EXECUTION.summary-v1-00001-….json` with DescribeTaskExecution's counters, times, filters and options.\n\n" +
		"The bucket is opened as those of S3 locations are. Left out, `OutputType` is STANDARD, `ReportLevel` ERRORS_ONLY, `ObjectVersionIds` NONE. " +
		"A run that is begun again after a restart reports what its last attempt did; what an earlier one had delivered is in it as skipped.\n\n" +
		"`ReportResult` is PENDING until the end, then SUCCESS, or ERROR with `ReportNotWritten` (the bucket refused it, or was not reached within a minute), " +
		"`ReportIncomplete` (a path is longer than 4,096 bytes, or the temporary files failed; the rest is written) or `ExecutionFailed` (the execution was cancelled " +
		"in the queue or ended by a restart). The transfer's own status does not depend on it.\n\n" +
		"| list | an item that | members beside `RelativePath` |\n|---|---|---|\n" +
		"| `Transferred` | was copied, or failed while it was | `SrcMetadata`, `Overwrite`, `DstS3VersionId` (with `ObjectVersionIds` INCLUDE: one request more for each file), `TransferTimestamp`, `TransferType`, `TransferStatus` |\n" +
		"| `Verified` | was read back or compared | `SrcMetadata`, `DstMetadata`, `SrcHash`, `DstHash`, `VerifyTimestamp`, `VerifyStatus` |\n" +
		"| `Skipped` | needed nothing, or failed while preparing; not what filters leave out | `SrcMetadata`, `SkipTimestamp`, `SkipReason`, `SkipStatus` |\n" +
		"| `Deleted` | was at the destination only, with REMOVE | `DstMetadata`, `DeleteTimestamp`, `DeleteStatus` |\n\n" +
		"Failures have `FailureReason` and `FailureCode`, a word where DataSync has a number. Hashes are `crc64nvme:` or `crc32c:` and hexadecimal digits, where DataSync has SHA-256. " +
		"`Overwrite` is False with TransferMode ALL, which does not look at the destination.\n\n"
}
