package sqsapi_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// program returns the path of an outside program, or skips the test; under
// CI=true it fails instead.
func program(tb testing.TB, name string, probe ...string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		err = exec.CommandContext(tb.Context(), path, probe...).Run() //nolint:gosec // the test's own words
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s %v: %v: needed under CI=true", name, probe, err)
	}
	tb.Skipf("SKIPPED: %s %v: %v: the endpoint was NOT tested with it", name, probe, err)
	return ""
}

// environment is the process's without what would change AWS clients.
func environment(more ...string) []string {
	env := []string{"AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null"}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") {
			env = append(env, kv)
		}
	}
	return append(env, more...)
}

func TestAPI_Boto3(t *testing.T) {
	t.Parallel()
	python := program(t, "python3", "-c", "import boto3")
	b := setup(t)
	cmd := exec.CommandContext(t.Context(), python, "testdata/boto3_check.py", b.url) //nolint:gosec // the test's own words
	cmd.Env = environment()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "ok") {
		t.Fatalf("boto3_check.py: %v\n%s", err, out)
	}
}

// cliRegion is a region that AWS does not have: for its own, version 1 of the
// CLI talks to Amazon's SQS whatever AWS_ENDPOINT_URL_SQS says.
const cliRegion = "hikyaku-1"

func TestAPI_AWSCLI(t *testing.T) {
	t.Parallel()
	path := program(t, "aws", "--version")
	b := setup(t)
	aws := func(args ...string) (map[string]any, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, append([]string{"sqs", "--output", "json"}, args...)...) //nolint:gosec // the test's own words
		cmd.Env = environment("AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=AKADMINAKADMIN", "AWS_DEFAULT_REGION="+cliRegion, "AWS_ENDPOINT_URL_SQS="+b.url)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, stderr.String()
		}
		var reply map[string]any
		if len(strings.TrimSpace(string(out))) > 0 {
			if err := json.Unmarshal(out, &reply); err != nil {
				t.Fatalf("aws sqs %v: %v: %s", args, err, out)
			}
		}
		return reply, ""
	}
	created, problem := aws("create-queue", "--queue-name", "cli", "--attributes", "VisibilityTimeout=30")
	url, _ := created["QueueUrl"].(string)
	if url != b.url+"/"+account+"/cli" {
		t.Fatalf("create-queue: got %v, %s", created, problem)
	}
	if sent, problem := aws("send-message", "--queue-url", url, "--message-body", "A-123"); sent["MD5OfMessageBody"] == nil {
		t.Fatalf("send-message: got %v, %s", sent, problem)
	}
	received, problem := aws("receive-message", "--queue-url", url, "--wait-time-seconds", "1", "--attribute-names", "All")
	messages, _ := received["Messages"].([]any)
	if len(messages) != 1 {
		t.Fatalf("receive-message: got %v, %s", received, problem)
	}
	message, _ := messages[0].(map[string]any)
	handle, _ := message["ReceiptHandle"].(string)
	if message["Body"] != "A-123" || handle == "" {
		t.Fatalf("receive-message: got %v", message)
	}
	if _, problem := aws("delete-message", "--queue-url", url, "--receipt-handle", handle); problem != "" {
		t.Fatalf("delete-message: %s", problem)
	}
	if _, problem := aws("get-queue-url", "--queue-name", "none"); !strings.Contains(problem, "AWS.SimpleQueueService.NonExistentQueue") {
		t.Errorf("get-queue-url of an unknown queue: got %s", problem)
	}
}
