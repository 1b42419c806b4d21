package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// The parts of a stack that stand for what holds data and for what does not.
const (
	aTable = `"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "t", "BillingMode": "PAY_PER_REQUEST",
		"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}}`
	aQueue = `"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "q"}}`
	aTopic = `"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "n"}}`
)

// desk is changeset.sh, the AWS CLI, and moto for CloudFormation.
type desk struct {
	url string
	dir string
	// refuses has CloudFormation refuse change sets; replaces has it say that it
	// replaces the table, which moto never works out.
	refuses, replaces atomic.Bool
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	needs(t, "aws", "--version")
	needs(t, "python3", "-c", "import tomllib")
	moto, err := url.Parse(mototest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{dir: t.TempDir()}
	proxy := httputil.NewSingleHostReverseProxy(moto)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return err
		}
		if d.replaces.Load() {
			body = bytes.ReplaceAll(body, []byte("<LogicalResourceId>Table</LogicalResourceId>"), []byte("<LogicalResourceId>Table</LogicalResourceId><Replacement>True</Replacement>"))
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if d.refuses.Load() && bytes.Contains(body, []byte("Action=CreateChangeSet")) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Template format error</Message></Error></ErrorResponse>`)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// run runs the script with a stack's resources and returns what it writes for
// the pipeline, what it tells people, and its exit status.
func (d *desk) run(t *testing.T, resources []string, arguments ...string) (out, told string, status int) {
	t.Helper()
	template := filepath.Join(d.dir, "packaged.json")
	if err := os.WriteFile(template, []byte(`{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {`+strings.Join(resources, ", ")+`}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "./changeset.sh", arguments...) //nolint:gosec // the test's own words
	cmd.Env = append(os.Environ(), "TEMPLATE="+template, "AWS_ENDPOINT_URL="+d.url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "GITHUB_OUTPUT=", "GITHUB_STEP_SUMMARY=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return strings.TrimSpace(stdout.String()), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestChangeSet runs what both pipelines run, against moto's CloudFormation.
func TestChangeSet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const isARN = "arn:aws:cloudformation:ap-northeast-1:"
	all := []string{aTable, aQueue, aTopic}
	step := func(name string, resources []string, want int, out, told string, arguments ...string) string {
		t.Helper()
		gotOut, gotTold, status := d.run(t, resources, arguments...)
		if status != want || !strings.HasPrefix(gotOut, out) || (out == "") != (gotOut == "") || !strings.Contains(gotTold, told) {
			t.Fatalf("%s: exit status %d, out %q; want %d, %q and %q in:\n%s", name, status, gotOut, want, out, told, gotTold)
		}
		return gotOut
	}
	step("no stage", all, 2, "", "changeset.sh propose STAGE", "propose")
	arn := step("a new stack", all, 0, isARN, "AWS::DynamoDB::Table", "propose", "dev")
	step("carried out", all, 0, "", "", "execute", "dev", arn)
	step("nothing changed", all, 0, "", "nothing to change in hikyaku-dev", "propose", "dev")

	d.refuses.Store(true)
	step("refused by CloudFormation", []string{aTable, aQueue}, 255, "", "Template format error", "propose", "dev")
	d.refuses.Store(false)

	arn = step("one that is not wanted", []string{aTable, aQueue}, 0, isARN, "Remove", "propose", "dev")
	step("dropped", nil, 0, "", "", "drop", "dev", arn)
	step("carried out after that", nil, 255, "", "", "execute", "dev", arn)

	step("the queue goes", []string{aTable, aTopic}, 3, "", "--replace-data", "propose", "dev")
	arn = step("the queue goes on purpose", []string{aTable, aTopic}, 0, isARN, "Remove", "propose", "dev", "--replace-data")
	step("carried out by mistake", nil, 3, "", "--replace-data", "execute", "dev", arn)
	step("carried out on purpose", nil, 0, "", "", "execute", "dev", arn, "--replace-data")

	d.replaces.Store(true)
	another := strings.Replace(aTable, "PAY_PER_REQUEST\"", "PAY_PER_REQUEST\", \"Tags\": [{\"Key\": \"a\", \"Value\": \"b\"}]", 1)
	step("the table is replaced", []string{another, aTopic}, 3, "", "--replace-data", "propose", "dev")
}
