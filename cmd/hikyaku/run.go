package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
)

// environment is what the program gets from outside.
type environment struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	lang           console.Lang
}

// t is a text in the user's language. Both are required, so none can be missing.
func (e environment) t(english, japanese string) string {
	if e.lang == console.LangJapanese {
		return japanese
	}
	return english
}

// isTerminal reports whether progress can be drawn on stderr.
func (e environment) isTerminal() bool { return terminal(e.stderr) }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, args []string, env environment) int {
	return cli.Main(ctx, commandLine(args, env)) //nolint:contextcheck // commands take theirs from cobra
}

// commandLine is all that the program can do.
func commandLine(args []string, env environment) cli.Deps {
	deps := cli.Deps{
		Args: args, Stdin: env.stdin, Stdout: env.stdout, Stderr: env.stderr, Getenv: env.getenv, Now: time.Now,
		IsTerminal: terminal(env.stdout), Size: func() (int, int) { return terminalSize(env.stdout) },
		Version: version, Client: connect, ReadEndpoints: readEndpoints,
	}
	env.lang = cli.Language(deps)
	deps.Extra = []*cobra.Command{newDoctorCommand(env), newConsoleCommand(env)}
	for _, c := range []*cobra.Command{newDemoCommand(env), newServeCommand(env), newEnvCommand(env), newSyncCommand(env), newTokenCommand(env)} {
		c.PreRunE = refuseStack
		deps.Extra = append(deps.Extra, c)
	}
	return deps
}

// refuseStack is for commands that run here, whatever is deployed elsewhere.
func refuseStack(cmd *cobra.Command, _ []string) error {
	if flagValue(cmd, "stack") != "" {
		return invalid("--stack", "%s has nothing to do with an AWS stack", cmd.CommandPath())
	}
	return nil
}

func terminalSize(w io.Writer) (columns, rows int) {
	if f, ok := w.(*os.File); ok {
		if c, r, err := term.GetSize(int(f.Fd())); err == nil {
			return c, r
		}
	}
	return 100, 30
}

// program is how a person can call this program from another terminal: by
// name if the PATH leads there, else by its path.
func program() string {
	self, err := os.Executable()
	if err != nil {
		return "hikyaku"
	}
	if found, err := exec.LookPath("hikyaku"); err == nil {
		if a, b := stat(found), stat(self); a != nil && b != nil && os.SameFile(a, b) {
			return "hikyaku"
		}
	}
	return self
}

// stat is os.Stat without the reason why not.
func stat(path string) os.FileInfo {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	return info
}

// flagValue returns a (possibly inherited) flag's value.
func flagValue(cmd *cobra.Command, name string) string {
	if f := cmd.Flag(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// dataDir is the data folder a client command means.
func dataDir(cmd *cobra.Command, env environment) string {
	if d := flagValue(cmd, "data"); d != "" {
		return d
	}
	if d := env.getenv("HIKYAKU_DATA"); d != "" {
		return d
	}
	return defaultDataDir
}

// notFound gives a missing file its kind.
func notFound(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return &hikyaku.Error{Kind: hikyaku.KindNotFound, Err: err}
	}
	return err
}

// serverReady asks a console whether its server is ready.
func serverReady(ctx context.Context, consoleURL string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, consoleURL+"/readyz", http.NoBody)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// exactly checks the number of arguments; names shows which.
func exactly(n int, names string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && n == 0 {
			return invalid("arguments", "%s takes no arguments, got %q; see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath())
		}
		if len(args) != n {
			return invalid("arguments", "%s takes %d arguments (%s), got %d; see %s --help", cmd.CommandPath(), n, names, len(args), cmd.CommandPath())
		}
		return nil
	}
}
