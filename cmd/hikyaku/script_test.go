package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// TestScripts runs testdata/script/*.txtar against the real binary. Commands
// beside testscript's own:
//
//	ready DIR          wait until the server on the data folder DIR is ready
//	useserver DIR      set what `hikyaku env --data DIR` prints
//	needs PROGRAM      fail under CI=true without it (the script skips otherwise);
//	                   python:MODULE is a module that python3 can import
//	exitcode N CMD…    run CMD and expect that exit code
//	apart DIR ID…      fail unless the server's events say that the IDs' newest
//	                   transfers ran one after the other
//
// The condition [python:MODULE] tells whether python3 can import a module.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := builtBinary(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", os.Getenv("HOME")) // version managers find their programs there
			e.Setenv("CI", os.Getenv("CI"))
			e.Setenv("LANG", "C.UTF-8")
			e.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			e.Setenv("AWS_CONFIG_FILE", filepath.Join(e.WorkDir, "no-aws-config"))
			e.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(e.WorkDir, "no-aws-credentials"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if !strings.HasPrefix(name, pythonModule) {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return lookFor(name) == nil, nil
		},
		Cmds: withAuditCommands(map[string]func(*testscript.TestScript, bool, []string){
			"ready": scriptReady, "useserver": scriptUseServer, "needs": scriptNeeds, "exitcode": scriptExitCode,
			"apart": scriptApart,
		}),
	})
}

func scriptReady(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if e, err := readEndpoints(ts.MkAbs(args[0])); err == nil && serverReady(ctx, e.Console) {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("no server is ready on %s", args[0])
		}
	}
}

func scriptUseServer(ts *testscript.TestScript, _ bool, args []string) {
	e, err := readEndpoints(ts.MkAbs(args[0]))
	ts.Check(err)
	for _, v := range envVars(e) {
		ts.Setenv(v.name, v.value)
	}
}

func scriptNeeds(ts *testscript.TestScript, _ bool, args []string) {
	for _, program := range args {
		if err := lookFor(program); err != nil && os.Getenv("CI") == "true" {
			ts.Fatalf("%s is missing (%v); make deps installs it", program, err)
		}
	}
}

// pythonModule begins the names of modules among the programs that are needed.
const pythonModule = "python:"

// lookFor tells why a program or a module of python3 cannot be used.
func lookFor(program string) error {
	module, ok := strings.CutPrefix(program, pythonModule)
	if !ok {
		_, err := exec.LookPath(program)
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, "python3", "-c", "import "+module).Run() //nolint:gosec // named by our own scripts
}

func scriptExitCode(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("%s: exit code %s, want %s", strings.Join(args[1:], " "), code, args[0])
	}
}

// attempt is the time an attempt held its ID, by the transfer's events.
type attempt struct {
	id         string
	begin, end time.Time
}

func scriptApart(ts *testscript.TestScript, neg bool, args []string) {
	e, err := readEndpoints(ts.MkAbs(args[0]))
	ts.Check(err)
	client := console.NewClient(e.Console, e.Token, http.DefaultClient)
	var all []attempt
	for _, id := range args[1:] {
		found, err := attemptsOf(client, id)
		ts.Check(err)
		all = append(all, found...)
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.begin.Before(b.end) && b.begin.Before(a.end) {
				if neg {
					return
				}
				ts.Fatalf("%s ran from %s to %s, and %s from %s to %s", a.id, a.begin, a.end, b.id, b.begin, b.end)
			}
		}
	}
	if neg {
		ts.Fatalf("none of %v ran at once: %+v", args[1:], all)
	}
}

// attemptsOf reads the attempts of an ID's newest transfer, which has ended.
func attemptsOf(client *console.Client, id string) ([]attempt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	page, err := client.Transfers(ctx, console.Filter{ID: id, Limit: 1})
	if err != nil || len(page.Transfers) == 0 {
		return nil, errors.Join(fmt.Errorf("no transfer of %s", id), err)
	}
	detail, err := client.Transfer(ctx, page.Transfers[0].TransferID)
	if err != nil {
		return nil, err
	}
	var list []attempt
	for _, e := range detail.Events {
		switch e.Type { //nolint:exhaustive // when attempts begin and end
		case hikyaku.EventAssigned:
			list = append(list, attempt{id: id, begin: e.At})
		case hikyaku.EventAttemptEnded, hikyaku.EventSucceeded, hikyaku.EventFailed, hikyaku.EventCancelled:
			if len(list) > 0 {
				list[len(list)-1].end = e.At
			}
		}
	}
	if len(list) == 0 || list[len(list)-1].end.IsZero() {
		return nil, fmt.Errorf("%s has not run to its end", id)
	}
	return list, nil
}
