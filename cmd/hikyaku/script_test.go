package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script/*.txtar against the real binary. Commands
// beside testscript's own:
//
//	ready DIR          wait until the server on the data folder DIR is ready
//	useserver DIR      set what `hikyaku env --data DIR` prints
//	needs PROGRAM      fail under CI=true without it (the script skips otherwise);
//	                   python:MODULE is a module that python3 can import
//	exitcode N CMD…    run CMD and expect that exit code
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ready": scriptReady, "useserver": scriptUseServer, "needs": scriptNeeds, "exitcode": scriptExitCode,
		},
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
