package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hikyaku/hikyaku/console"
)

// withAuditCommands adds the script commands about the audit log:
//
//	cmpwords FILE WORD…          fail unless FILE is a JSON list of these words
//	note VAR DIR                 set VAR to the hash of the newest record
//	tampered HOW CODE TEXT SQL…  change a copy of whole.db by SQL, serve it, and
//	                             expect that `audit verify` (HOW is verify, or
//	                             noted: with --head $HEAD) ends with CODE and
//	                             says TEXT
func withAuditCommands(
	cmds map[string]func(*testscript.TestScript, bool, []string),
) map[string]func(*testscript.TestScript, bool, []string) {
	cmds["cmpwords"], cmds["note"], cmds["tampered"] = scriptCmpWords, scriptNote, scriptTampered
	return cmds
}

func scriptCmpWords(ts *testscript.TestScript, _ bool, args []string) {
	var words []string
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &words))
	if !slices.Equal(words, args[1:]) {
		ts.Fatalf("got %q, want %q", words, args[1:])
	}
}

func scriptNote(ts *testscript.TestScript, _ bool, args []string) {
	e, err := readEndpoints(ts.MkAbs(args[1]))
	ts.Check(err)
	head, err := console.NewClient(e.Console, e.Token, http.DefaultClient).AuditHead(context.Background())
	ts.Check(err)
	ts.Setenv(args[0], head.Hash)
}

func scriptTampered(ts *testscript.TestScript, _ bool, args []string) {
	how, code, text, statements := args[0], args[1], args[2], strings.Join(args[3:], " ")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	data := ts.MkAbs("data")
	for _, name := range []string{"ledger.db-wal", "ledger.db-shm", "endpoints.json"} {
		if err := os.Remove(filepath.Join(data, name)); !errors.Is(err, os.ErrNotExist) {
			ts.Check(err)
		}
	}
	file := filepath.Join(data, "ledger.db")
	ts.Check(os.WriteFile(file, []byte(ts.ReadFile("whole.db")), 0o600))
	db, err := sql.Open("sqlite", file)
	ts.Check(err)
	for statement := range strings.SplitSeq(statements, ";") {
		done, err := db.ExecContext(ctx, statement)
		ts.Check(err)
		if n, _ := done.RowsAffected(); n == 0 {
			ts.Fatalf("%s: it changes nothing", statement)
		}
	}
	ts.Check(db.Close())

	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	serve := exec.CommandContext(ctx, filepath.Join(bin, "hikyaku"), "serve", "--config", "h.yaml") //nolint:gosec // the binary under test
	serve.Dir = ts.MkAbs(".")
	ts.Check(serve.Start())
	defer func() {
		_ = serve.Process.Kill() // how it ends is another script's business
		_ = serve.Wait()
	}()
	scriptReady(ts, false, []string{"data"})
	verify := []string{"audit", "verify", "--data", "data"}
	if how == "noted" {
		verify = append(verify, "--head", ts.Getenv("HEAD"))
	}
	scriptExitCode(ts, false, append([]string{code, "hikyaku"}, verify...))
	if told := ts.ReadFile("stderr"); !strings.Contains(told, text) {
		ts.Fatalf("%s: audit verify says %q, want %q", statements, told, text)
	}
}
