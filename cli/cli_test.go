package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// run is one command line against the fixture's console.
type run struct {
	f        *consoletest.Fixture
	env      map[string]string
	stdin    string
	terminal bool
	tee      *bytes.Buffer // gets what is written, too
	size     func() (columns, rows int)
	token    string
	ctx      context.Context //nolint:containedctx // of this one command
}

type result struct {
	out, err string
	code     int
}

func (r run) do(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	ctx := r.ctx
	if ctx == nil {
		ctx = t.Context()
	}
	token := r.token
	if token == "" {
		token = consoletest.AdminToken
	}
	var stdout io.Writer = &out
	if r.tee != nil {
		stdout = io.MultiWriter(&out, r.tee)
	}
	code := cli.Main(ctx, cli.Deps{
		Args: args, Stdin: strings.NewReader(r.stdin), Stdout: stdout, Stderr: &errs,
		Getenv: func(name string) string { return r.env[name] }, IsTerminal: r.terminal, Size: r.size,
		Now: func() time.Time { return r.f.Now }, Version: "1.2.3",
		Client: func(context.Context, cli.Connection) (*console.Client, error) { return r.f.Client(token), nil },
		ReadEndpoints: func(string) (cli.Endpoints, error) {
			return cli.Endpoints{Console: "http://localhost", Token: token}, nil
		},
	})
	return result{out.String(), errs.String(), code}
}

func fixture(t *testing.T) run {
	t.Helper()
	return run{f: consoletest.New(t, nil)}
}

func TestTransfers_Table(t *testing.T) {
	t.Parallel()
	got := fixture(t).do(t, "transfers", "--state", "Running", "--state", "queued")
	if got.code != 0 || got.err != "" {
		t.Fatalf("code %d, stderr %q", got.code, got.err)
	}
	want := `ID        STATE           AGE  FILES      SIZE  DONE  TRY  ROUTE   WHY
A-1001    RUNNING  1 min 35 s    480  12.0 GiB   63%  1/3  orders  transferring
A-1004    QUEUED   2 min 20 s      3   1.0 MiB    0%  0/3  orders  every task of the pool is busy
A-1005    QUEUED    5 min 0 s      -         -    0%  1/3  orders  the last attempt failed and the next one is not due yet
A-1002    RUNNING   6 min 0 s     36   700 MiB  100%  2/3  orders  verifying
IMG-2207  QUEUED   18 min 0 s  1,200  40.0 GiB    0%  0/3  images  the route is paused
`
	if got.out != want {
		t.Errorf("got\n%s\nwant\n%s", got.out, want)
	}
}

func TestTransfers_JSON(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	var list map[string]any
	got := r.do(t, "transfers", "--error", "hky-2001", "-o", "json")
	if err := json.Unmarshal([]byte(got.out), &list); err != nil {
		t.Fatal(err, got)
	}
	ts, _ := list["transfers"].([]any)
	if len(ts) != 1 || list["next_token"] != nil {
		t.Fatalf("got %s", got.out)
	}
	if first, _ := ts[0].(map[string]any); first["id"] != "A-0998" || first["error"] == nil {
		t.Errorf("got %v", first)
	}
	if _, has := list["next_token"]; !has {
		t.Error("next_token is missing")
	}
	got = r.do(t, "transfers", "--limit", "2", "-o", "json")
	if !strings.Contains(got.out, `"next_token": "`) {
		t.Errorf("no next_token after a short page: %s", got.out)
	}
}

func TestTransfers_HostileID(t *testing.T) {
	t.Parallel()
	got := fixture(t).do(t, "transfers", "--state", "rejected")
	if strings.ContainsAny(got.out, "\x1b\u202e") {
		t.Errorf("control characters reached the terminal: %q", got.out)
	}
	if !strings.Contains(got.out, `\x1b[31m`) {
		t.Errorf("the ID is not shown quoted: %q", got.out)
	}
}

func TestShow_AnswersFirst(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for id, want := range map[string]string{
		"A-1001":          "A-1001 is transferring: attempt 1 of 3. 7.6 GiB of 12.0 GiB (63%). 96.0 MiB/s, about 47 s left.\nWhat to do: Nothing: wait for it to finish.\n",
		"A-1004":          "A-1004 has been waiting for 2 min 20 s on route orders because every task of the pool is busy.\nWhat to do: Nothing: it starts by itself.",
		"A-0998":          "A-0998 failed at 08:59:09Z after 2 of 3 attempts: Nothing is there for the ID [HKY-2001]\nWhat to do: Put the files there first, then rerun;",
		"A-0992":          "A-0992 was delivered at 07:30:09Z: 12 files and folders, 3.0 MiB, in 9.0 s. Every file was verified at the destination.\n",
		"A-0999":          "A-0999 was cancelled at 08:21:00Z.\n",
		consoletest.ID(0): "A-0991 was delivered",
	} {
		got := r.do(t, "show", id)
		if got.code != 0 || !strings.HasPrefix(got.out, want) {
			t.Errorf("show %s: code %d\ngot  %.300s\nwant %s", id, got.code, got.out, want)
		}
	}
}

func TestShow_JSONIsTheDocument(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	got := r.do(t, "show", "A-1001", "-o", "json")
	var doc map[string]any
	if err := json.Unmarshal([]byte(got.out), &doc); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{
		"id", "transfer_id", "route", "state", "outcome", "waiting_reason", "waiting_detail", "attempt", "max_attempts",
		"task_arn", "execution_arn", "execution_status", "agent_arns", "files", "bytes", "throughput_bps", "eta_seconds",
		"durations_ms", "error", "log_url", "message_id", "created_at", "started_at", "ended_at", "attempts", "events",
	} {
		if _, ok := doc[field]; !ok {
			t.Errorf("field %s is missing", field)
		}
	}
	var detail console.TransferDetail
	if err := json.Unmarshal([]byte(got.out), &detail); err != nil || detail.TransferID != doc["transfer_id"] {
		t.Errorf("the document cannot be read back: %v %+v", err, detail)
	}
}

func TestErrors_ExitCodesAndJSON(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	viewer := r
	viewer.token = consoletest.ViewerToken
	unknown := r
	unknown.token = "guess"
	tests := []struct {
		name string
		run  run
		args []string
		code int
		kind string
	}{
		{"no such transfer", r, []string{"show", "nobody"}, cli.ExitNotFound, "not_found"},
		{"no such state", r, []string{"transfers", "--state", "asleep"}, cli.ExitInvalid, "invalid"},
		{"no such flag", r, []string{"transfers", "--colour"}, cli.ExitInvalid, "invalid"},
		{"no such command", r, []string{"transfer"}, cli.ExitInvalid, "invalid"},
		{"too few arguments", r, []string{"show"}, cli.ExitInvalid, "invalid"},
		{"rerun of what succeeded", r, []string{"rerun", "A-0992"}, cli.ExitConflict, "conflict"},
		{"scope", viewer, []string{"rerun", "A-0998"}, cli.ExitDenied, "denied"},
		{"token", unknown, []string{"pool"}, cli.ExitDenied, "denied"},
		{"refused ID", r, []string{"send", "/b"}, cli.ExitInvalid, "invalid"},
		{"stack and server", r, []string{"pool", "--stack", "prod", "--url", "http://localhost"}, cli.ExitInvalid, "invalid"},
		{"profile without stack", r, []string{"pool", "--profile", "prod"}, cli.ExitInvalid, "invalid"},
		{"rate", r, []string{"route", "limit", "orders", "fast"}, cli.ExitInvalid, "invalid"},
		{"route", r, []string{"route", "pause", "nowhere"}, cli.ExitNotFound, "not_found"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.run.do(t, append([]string{"-o", "json"}, tt.args...)...)
			if got.code != tt.code || got.out != "" {
				t.Errorf("code %d (want %d), stdout %q", got.code, tt.code, got.out)
			}
			var body console.ErrorBody
			if err := json.Unmarshal([]byte(got.err), &body); err != nil || body.Error == nil {
				t.Fatalf("stderr is not an error body: %q", got.err)
			}
			if string(body.Error.Kind) != tt.kind || body.Error.Message == "" {
				t.Errorf("got %+v, want kind %s", body.Error, tt.kind)
			}
			text := tt.run.do(t, tt.args...)
			if text.code != tt.code || !strings.HasPrefix(text.err, "error: ") {
				t.Errorf("as text: code %d, stderr %q", text.code, text.err)
			}
		})
	}
}

func TestRerun_ByState(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	got := r.do(t, "rerun", "--state", "failed", "--error", "HKY-6002", "--reason", "disk replaced", "-o", "json")
	if got.code != 0 {
		t.Fatalf("code %d: %s", got.code, got.err)
	}
	calls := r.f.Operator.Calls()
	if len(calls) != 1 || calls[0].Name != "rerun" || calls[0].Act.Reason != "disk replaced" || calls[0].Act.By != "admin" {
		t.Errorf("got %+v", calls)
	}
	if got := r.do(t, "rerun"); got.code != cli.ExitInvalid {
		t.Errorf("without IDs and selection: code %d", got.code)
	}
}

func TestDLQ(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	if got := r.do(t, "dlq"); strings.Count(got.out, "\n") != 4 {
		t.Errorf("want a head and 3 rows, got\n%s", got.out)
	}
	if got := r.do(t, "dlq", "show", consoletest.ID(10)); !strings.Contains(got.out, "The message as received") || strings.Contains(got.out, "\x1b") {
		t.Errorf("got %q", got.out)
	}
	if got := r.do(t, "dlq", "redrive", "A-0997"); got.out != "1 dead letters sent round again.\n" {
		t.Errorf("got %q %q", got.out, got.err)
	}
	if got := r.do(t, "dlq", "discard", "--all", "--reason", "test", "-o", "json"); !strings.Contains(got.out, `"discarded": 2`) {
		t.Errorf("got %q %q", got.out, got.err)
	}
	if got := r.do(t, "dlq", "list"); got.out != "No dead letters wait for a person.\n" {
		t.Errorf("got %q", got.out)
	}
}

func TestRouteAndPool(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	if got := r.do(t, "route", "limit", "orders", "10MiB"); got.out != "Route orders is limited to 10.0 MiB/s, running executions included.\n" {
		t.Errorf("got %q %q", got.out, got.err)
	}
	if got := r.do(t, "route", "list"); !strings.Contains(got.out, "10.0 MiB/s") || !strings.Contains(got.out, "paused NAS maintenance") {
		t.Errorf("got\n%s", got.out)
	}
	if got := r.do(t, "pool", "--route", "orders"); strings.Count(got.out, "task-0") != 4 || !strings.Contains(got.out, "BENCHED") {
		t.Errorf("got\n%s", got.out)
	}
	if got := r.do(t, "agents"); !strings.Contains(got.out, "OFFLINE") {
		t.Errorf("got\n%s", got.out)
	}
	if got := r.do(t, "pool", "unbench", "arn:x"); got.code != 0 || r.f.Operator.Calls()[1].Name != "unbench" {
		t.Errorf("got %+v", got)
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.terminal = true
	if got := r.do(t, "agents"); !strings.Contains(got.out, "\x1b[31m") {
		t.Errorf("no colour on a terminal: %q", got.out)
	}
	r.env = map[string]string{"NO_COLOR": "1"}
	if got := r.do(t, "agents"); strings.Contains(got.out, "\x1b") {
		t.Errorf("colour against NO_COLOR: %q", got.out)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	for want, args := range map[string][]string{
		"A-1001\tRUNNING": {"__complete", "show", "A-100"},
		"failed\t":        {"__complete", "transfers", "--state", ""},
		"HKY-2001":        {"__complete", "rerun", "--error", ""},
		"orders\t":        {"__complete", "route", "pause", ""},
	} {
		if got := r.do(t, args...); !strings.Contains(got.out, want) {
			t.Errorf("%v: %q is missing in %q", args, want, got.out)
		}
	}
	if got := r.do(t, "completion", "bash"); !strings.Contains(got.out, "__start_hikyaku") {
		t.Errorf("got %.80q", got.out)
	}
}

func TestConnection(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	connect := func(env map[string]string, endpoints cli.Endpoints, endpointsErr error, args ...string) (cli.Connection, int, string) {
		var got cli.Connection
		var errs bytes.Buffer
		code := cli.Main(t.Context(), cli.Deps{
			Args: append([]string{"pool"}, args...), Stdout: &bytes.Buffer{}, Stderr: &errs,
			Getenv: func(name string) string { return env[name] }, Now: func() time.Time { return f.Now },
			Client: func(_ context.Context, c cli.Connection) (*console.Client, error) {
				got = c
				return f.Client(consoletest.ViewerToken), nil
			},
			ReadEndpoints: func(string) (cli.Endpoints, error) { return endpoints, endpointsErr },
		})
		return got, code, errs.String()
	}
	file := cli.Endpoints{Console: "http://file", Token: "file-token"}
	env := map[string]string{"HIKYAKU_URL": "http://env", "HIKYAKU_TOKEN": "env-token"}
	if got, _, _ := connect(nil, file, nil); got != (cli.Connection{URL: "http://file", Token: "file-token"}) {
		t.Errorf("file: %+v", got)
	}
	if got, _, _ := connect(env, file, nil); got != (cli.Connection{URL: "http://env", Token: "env-token"}) {
		t.Errorf("environment: %+v", got)
	}
	if got, _, _ := connect(env, file, nil, "--data", "x"); got != (cli.Connection{URL: "http://file", Token: "file-token"}) {
		t.Errorf("--data: %+v", got)
	}
	if got, _, _ := connect(nil, file, nil, "--url", "http://flag"); got != (cli.Connection{URL: "http://flag"}) {
		t.Errorf("a token was sent to a server it is not for: %+v", got)
	}
	if got, _, _ := connect(env, file, nil, "--stack", "prod", "--profile", "p", "--region", "eu-west-1"); got != (cli.Connection{Stack: "prod", Profile: "p", Region: "eu-west-1"}) {
		t.Errorf("--stack: %+v", got)
	}
	if _, code, msg := connect(nil, cli.Endpoints{}, fs.ErrNotExist); code != cli.ExitTransient || !strings.Contains(msg, "hikyaku serve") {
		t.Errorf("no server: code %d, %q", code, msg)
	}
	if _, code, _ := connect(nil, cli.Endpoints{}, errors.New("broken")); code != cli.ExitInternal {
		t.Errorf("broken file: code %d", code)
	}
}
