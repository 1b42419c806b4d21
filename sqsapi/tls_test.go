package sqsapi_test

import (
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Over TLS the queue URLs given out begin with https://, so that a client that
// follows them stays on TLS, and a client without the CA gets nowhere.
func TestAPI_TLS(t *testing.T) {
	t.Parallel()
	path := program(t, "aws", "--version")
	server := httptest.NewUnstartedServer(handler(t))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	aws := func(args ...string) (map[string]any, string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, append([]string{"sqs", "--output", "json"}, args...)...) //nolint:gosec // the test's own words
		cmd.Env = environment("AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=AKADMINAKADMIN", "AWS_DEFAULT_REGION="+cliRegion, "AWS_ENDPOINT_URL_SQS="+server.URL)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, stderr.String()
		}
		var reply map[string]any
		if err := json.Unmarshal(out, &reply); err != nil {
			t.Fatalf("aws sqs %v: %v: %s", args, err, out)
		}
		return reply, ""
	}
	created, problem := aws("create-queue", "--queue-name", "tls", "--ca-bundle", ca)
	url, _ := created["QueueUrl"].(string)
	if want := server.URL + "/" + account + "/tls"; url != want || !strings.HasPrefix(url, "https://") {
		t.Fatalf("create-queue: got %q, want %q; %s", url, want, problem)
	}
	if sent, problem := aws("send-message", "--queue-url", url, "--message-body", "A-123", "--ca-bundle", ca); sent["MD5OfMessageBody"] == nil {
		t.Errorf("send-message: got %v, %s", sent, problem)
	}
	if sent, problem := aws("send-message", "--queue-url", url, "--message-body", "A-124"); sent != nil || !strings.Contains(problem, "SSL validation failed") {
		t.Errorf("send-message without the CA: got %v, %q", sent, problem)
	}
}
