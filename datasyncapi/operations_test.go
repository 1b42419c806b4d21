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
	b.WriteString("\nMembers that supported operations refuse by name: `Schedule`, `ManifestConfig`, `TaskReportConfig` of tasks, " +
		"`TaskMode` ENHANCED, `CmkSecretConfig`, `CustomSecretConfig`, access points and S3 on Outposts, the options `Uid`/`Gid` NAME and BOTH, " +
		"`PreserveDevices` PRESERVE, `SecurityDescriptorCopyFlags` other than NONE.\n\n" +
		"Kept and returned without effect: `CloudWatchLogGroupArn` (item results go to the server's log as `LogLevel` says), " +
		"`BucketAccessRoleArn` (buckets are opened with the server's own credentials).\n\n" +
		"Checked and without effect: `TaskReportConfig` of StartTaskExecution (no report is written; the server keeps the results per file itself).\n\n" +
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
