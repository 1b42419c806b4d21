// Package mototest starts moto, an independent implementation of AWS's APIs,
// for tests that hold our clients against something that is not ours. Where
// moto is known to differ from AWS it is corrected; sitecustomize.py says where.
package mototest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed *.py jsonata_bridge.js
var corrections embed.FS

// Start runs moto_server on a free loopback port and returns its URL. It gets
// the environment of the test and env ("AWS_ENDPOINT_URL_DATASYNC=http://…",
// "NODE_PATH=…") on top. The test is skipped where there is none, and fails
// there under CI.
func Start(tb testing.TB, env ...string) string {
	tb.Helper()
	program, err := exec.LookPath("moto_server")
	if err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("moto_server is needed under CI: %v", err)
		}
		tb.Skipf("SKIPPED, NOT TESTED: moto_server is not installed: %v", err)
	}
	listener, address := listen(tb)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		tb.Fatal(err)
	}
	patched := filepath.Join(tb.TempDir(), "corrections")
	if err := os.CopyFS(patched, corrections); err != nil {
		tb.Fatal(err)
	}
	server := exec.CommandContext(tb.Context(), program, "-H", "127.0.0.1", "-p", port) //nolint:gosec // found on PATH, to be run
	server.Env = append(os.Environ(), "PYTHONPATH="+patched, "PYTHONDONTWRITEBYTECODE=1", "MOTO_PORT="+port, "MOTOTEST_FD=3")
	server.Env = append(server.Env, env...)
	server.Stderr = tb.Output()
	server.ExtraFiles = []*os.File{listener} // its file descriptor 3
	err = server.Start()
	if closeErr := listener.Close(); err != nil || closeErr != nil {
		tb.Fatalf("start moto_server: %v", errors.Join(err, closeErr))
	}
	tb.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended with the test's context
		_ = server.Wait()         // killed: always an error
	})
	url := "http://" + address
	if err := answers(tb.Context(), url+"/moto-api/"); err != nil {
		tb.Fatalf("moto_server: %v", err)
	}
	return url
}

// RunStateMachines makes a server carry out Step Functions executions, which it
// otherwise only pretends to.
func RunStateMachines(tb testing.TB, url string) {
	tb.Helper()
	setting := strings.NewReader(`{"stepfunctions": {"execute_state_machine": true}}`)
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, url+"/moto-api/config", setting)
	if err != nil {
		tb.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(request)
	if err != nil {
		tb.Fatalf("configure moto: %v", err)
	}
	if err := reply.Body.Close(); err != nil || reply.StatusCode >= http.StatusBadRequest {
		tb.Fatalf("configure moto: %s, %v", reply.Status, err)
	}
}

// listen opens a socket for the server to inherit, so that its port can be
// nobody else's, and what connects before it is ready waits.
func listen(tb testing.TB) (listener *os.File, address string) {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // the copy goes on listening
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		tb.Fatalf("a listener of TCP is a %T", l)
	}
	if listener, err = tcp.File(); err != nil {
		tb.Fatal(err)
	}
	return listener, l.Addr().String()
}

// FreeAddress is a loopback address nobody listens on.
func FreeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // only its address was wanted
	return l.Addr().String()
}

// answers waits until a GET of url is answered.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if reply, err := http.DefaultClient.Do(request); err == nil {
			return reply.Body.Close()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer from %s: %w", url, ctx.Err())
		}
	}
}
