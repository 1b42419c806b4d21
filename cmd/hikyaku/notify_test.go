//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// managerSocket is what a service manager listens on.
type managerSocket struct {
	path string
	conn *net.UnixConn
}

func newManagerSocket(t *testing.T) managerSocket {
	t.Helper()
	dir, err := os.MkdirTemp("", "hky") //nolint:usetesting // a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	s := managerSocket{path: filepath.Join(dir, "n")}
	s.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = s.conn.Close(), os.RemoveAll(dir) }) // nothing is left to lose
	return s
}

// next is the next datagram; what is want is skipped to.
func (s managerSocket) next(t *testing.T, want string) string {
	t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	for {
		n, err := s.conn.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %s: %v", want, err)
		}
		if got := string(buf[:n]); strings.HasPrefix(got, want) {
			return got
		}
	}
}

func TestNotifier_Tell(t *testing.T) {
	t.Parallel()
	s := newManagerSocket(t)
	n := newNotifier(func(name string) string { return map[string]string{"NOTIFY_SOCKET": s.path}[name] }, slog.New(slog.DiscardHandler))
	n.tell(t.Context(), "READY=1", "STATUS=two\nlines")
	if got := s.next(t, ""); got != "READY=1\nSTATUS=two lines" {
		t.Errorf("got %q", got)
	}
	var log bytes.Buffer
	gone := notifier{socket: filepath.Join(t.TempDir(), "none"), logger: slog.New(slog.NewTextHandler(&log, nil))}
	if gone.tell(t.Context(), "READY=1"); !strings.Contains(log.String(), "service manager not told") {
		t.Errorf("log: %q", log.String())
	}
}

func TestNewNotifier_readsTheEnvironment(t *testing.T) {
	t.Parallel()
	pid := strconv.Itoa(os.Getpid())
	for name, tc := range map[string]struct {
		socket, usec, pid string
		want              notifier
	}{
		"no manager":                 {},
		"no watchdog":                {socket: "/run/n", want: notifier{socket: "/run/n"}},
		"abstract":                   {socket: "@n", want: notifier{socket: "\x00n"}},
		"watchdog":                   {"/run/n", "3000000", pid, notifier{socket: "/run/n", watchdog: 3 * time.Second}},
		"watchdog for any process":   {"/run/n", "3000000", "", notifier{socket: "/run/n", watchdog: 3 * time.Second}},
		"watchdog of another":        {"/run/n", "3000000", pid + "0", notifier{socket: "/run/n"}},
		"watchdog that is no number": {"/run/n", "soon", pid, notifier{socket: "/run/n"}},
		"watchdog below nothing":     {"/run/n", "-1", pid, notifier{socket: "/run/n"}},
	} {
		env := map[string]string{"NOTIFY_SOCKET": tc.socket, "WATCHDOG_USEC": tc.usec, "WATCHDOG_PID": tc.pid}
		got := newNotifier(func(name string) string { return env[name] }, nil)
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(notifier{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNotifier_Guard_staysSilentForTheDead(t *testing.T) {
	t.Parallel()
	s := newManagerSocket(t)
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	n := notifier{socket: s.path, watchdog: 4 * time.Millisecond, logger: slog.New(slog.DiscardHandler)}
	n.guard(ctx, func(context.Context) bool {
		if asked++; asked == 5 {
			cancel()
		}
		return asked == 3
	})
	n.tell(t.Context(), "END=1")
	got := []string{s.next(t, ""), s.next(t, "")}
	if diff := cmp.Diff([]string{"WATCHDOG=1", "END=1"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestServe_isAGoodDaemon runs the real program as a service manager does.
func TestServe_isAGoodDaemon(t *testing.T) {
	t.Parallel()
	s, dir := newManagerSocket(t), t.TempDir()
	file := filepath.Join(dir, "hikyaku.yaml")
	config := "data: " + filepath.Join(dir, "data") + "\nlisten: {console: '127.0.0.1:0', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\n"
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var log bytes.Buffer
	cmd := exec.CommandContext(ctx, builtBinary(t), "serve", "--config", file, "--log-format", "json") //nolint:gosec // the binary under test
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+s.path, "WATCHDOG_USEC=200000", "WATCHDOG_PID=", "LANG=C.UTF-8")
	cmd.Stdout, cmd.Stderr = io.Discard, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if got := s.next(t, "READY=1"); !strings.Contains(got, "STATUS=console at http://127.0.0.1:") {
		t.Errorf("ready: %q", got)
	}
	s.next(t, "WATCHDOG=1")
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	s.next(t, "RELOADING=1")
	s.next(t, "READY=1")
	began := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.next(t, "STOPPING=1")
	if err := cmd.Wait(); err != nil {
		t.Errorf("SIGTERM is no failure: %v\n%s", err, log.String())
	}
	if took := time.Since(began); took > stopTime {
		t.Errorf("stopped after %s, want %s at most", took, stopTime)
	}
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, `{"time":`) {
			t.Errorf("a log line that is no JSON: %q", line)
		}
		if strings.Contains(line, "hky_") {
			t.Errorf("a token in the log: %q", line)
		}
	}
	if !strings.Contains(log.String(), `"msg":"config reloaded"`) {
		t.Errorf("not reloaded:\n%s", log.String())
	}
}

// TestServe_ExitCodes are those that the unit's RestartPreventExitStatus and
// the runbook count on.
func TestServe_ExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close() //nolint:errcheck // it was only in the way
	for name, tc := range map[string]struct {
		config string
		want   int
	}{
		"config wrong":  {"rotues: {}\n", 2},
		"port in use":   {"data: " + dir + "/port\nlisten: {console: '" + taken.Addr().String() + "', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\n", 5},
		"folder denied": {"data: /proc/hikyaku\n", 8},
		"no config":     {"", 4},
	} {
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if tc.config != "" {
			if err := os.WriteFile(file, []byte(tc.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), builtBinary(t), "serve", "--config", file) //nolint:gosec // the binary under test
		out, _ := cmd.CombinedOutput()                                                     // its exit code is what counts
		if got := cmd.ProcessState.ExitCode(); got != tc.want {
			t.Errorf("%s: exit code %d, want %d\n%s", name, got, tc.want, out)
		}
	}
}
