package datasyncapi_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
)

// external runs a script of testdata with a program from outside against a
// fresh server. Without the program the test is skipped, except under CI=true.
func external(t *testing.T, program, probe, script string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		err = exec.CommandContext(t.Context(), path, strings.Fields(probe)...).Run() //nolint:gosec // the test's own command
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s %s: %v", program, probe, err)
		}
		t.Skipf("NOT TESTED: %s %s: %v", program, probe, err)
	}
	var runs atomic.Int32
	service := movertest.Start(t, mover.Config{Run: func(ctx context.Context, _ engine.Job, _ *engine.Progress) (engine.Result, error) {
		if runs.Add(1) == 1 { // the first run of each script succeeds, the others wait to be cancelled
			return engine.Result{Counters: engine.Counters{FilesTransferred: 3}}, nil
		}
		<-ctx.Done()
		return engine.Result{}, context.Cause(ctx)
	}})
	cmd := exec.CommandContext(t.Context(), path, filepath.Join("testdata", script)) //nolint:gosec // the test's own script
	if program == "aws" {
		cmd = exec.CommandContext(t.Context(), "bash", filepath.Join("testdata", script)) //nolint:gosec // as above
	}
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL_DATASYNC="+serve(t, service), "AWS_MAX_ATTEMPTS=1",
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent", "AWS_PAGER=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	if !strings.HasSuffix(strings.TrimSpace(string(out)), "all good") {
		t.Errorf("%s did not come to its end:\n%s", script, out)
	}
}

func TestServer_Boto3(t *testing.T) {
	t.Parallel()
	external(t, "python3", "-m boto3.__init__", "client.py")
}

func TestServer_AWSCLI(t *testing.T) {
	t.Parallel()
	external(t, "aws", "--version", "client.sh")
}
