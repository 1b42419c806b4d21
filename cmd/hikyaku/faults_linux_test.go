package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
)

// insideNamespace is set for a test process that may mount file systems of its
// own, which nobody else sees and which go with it.
const insideNamespace = "HIKYAKU_TEST_NAMESPACE"

// noMount is what such a process says where it may not.
const noMount = "no file system can be mounted"

// inNamespace reports whether the test runs where it may mount. Elsewhere it
// runs the test again in a new user and mount namespace and passes that on.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideNamespace) != "" {
		trial := t.TempDir()
		if err := unix.Mount("tmpfs", trial, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatalf("%s: %v", noMount, err)
		}
		if err := unix.Unmount(trial, 0); err != nil {
			t.Fatal(err)
		}
		return true
	}
	bin := builtBinary(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v") //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), insideNamespace+"="+bin)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case cmd.Process == nil || bytes.Contains(out, []byte(noMount)):
		if os.Getenv("CI") == "true" {
			t.Fatalf("no full disk can be mounted here, for want of user namespaces: %v\n%s", err, out)
		}
		t.Skipf("SKIPPED: DISK FAULTS ARE NOT TESTED, for want of user namespaces: %v\n%s", err, out)
	case err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Fatalf("in a namespace: %v\n%s", err, out)
	}
	return false
}

// mount puts a file system in memory on a folder; options as in mount(8).
func mount(t *testing.T, folder, options string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, options); err != nil {
		t.Fatalf("mount on %s: %v", folder, err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// remount changes the options of a mounted folder.
func remount(t *testing.T, folder string, flags uintptr, options string) {
	t.Helper()
	if err := unix.Mount("tmpfs", folder, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
		t.Fatalf("remount %s: %v", folder, err)
	}
}

// faultServer is a server on a folder, without root's right to read and write
// whatever it likes.
type faultServer struct {
	t         *testing.T
	dir       string
	cmd       *exec.Cmd
	log       *bytes.Buffer
	endpoints cli.Endpoints
	client    *console.Client
}

func newFaultServer(ctx context.Context, t *testing.T, dir, routes string) *faultServer {
	t.Helper()
	s := &faultServer{t: t, dir: dir, log: &bytes.Buffer{}}
	config := filepath.Join(dir, "hikyaku.yaml")
	text := fmt.Sprintf("data: %s\nlisten: {console: \"127.0.0.1:0\", api: \"127.0.0.1:0\", s3: \"127.0.0.1:0\"}\nroutes:\n%s", s.data(), routes)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), os.Getenv(insideNamespace), "serve", "--config", config) //nolint:gosec // the binary under test
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with what it gave up
		err := errors.Join(
			unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_DAC_OVERRIDE, 0, 0, 0),
			unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_DAC_READ_SEARCH, 0, 0, 0),
		)
		if err == nil {
			err = s.cmd.Start()
		}
		started <- err
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.cmd.Process.Signal(os.Interrupt), s.cmd.Wait()); err != nil {
			t.Errorf("stop: %v", err)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", s.log)
		}
	})
	eventually(ctx, t, "the server is ready", func() bool {
		e, err := readEndpoints(s.data())
		s.endpoints = e
		return err == nil && serverReady(ctx, e.Console)
	})
	s.client = console.NewClient(s.endpoints.Console, s.endpoints.Token, http.DefaultClient)
	return s
}

func (s *faultServer) data() string { return filepath.Join(s.dir, "data") }

// send asks for an ID on a route.
func (s *faultServer) send(ctx context.Context, route, id string) hikyaku.Transfer {
	s.t.Helper()
	res, err := s.client.Send(ctx, console.SendRequest{Send: hikyaku.Send{ID: id, Route: route}})
	if err != nil || len(res.Transfers) != 1 {
		s.t.Fatalf("send %s: %v, %+v", id, err, res)
	}
	return res.Transfers[0]
}

// until waits for a transfer to be as cond wants it.
func (s *faultServer) until(ctx context.Context, x hikyaku.Transfer, what string, cond func(hikyaku.Transfer) bool) hikyaku.Transfer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var got hikyaku.Transfer
	eventually(ctx, s.t, x.Route+": "+what, func() bool {
		d, err := s.client.Transfer(ctx, x.TransferID)
		got = d.Transfer
		if ctx.Err() != nil {
			s.t.Logf("last seen %s, waiting %s (%s), failure %+v, read error %v", got.State, got.WaitingReason, got.WaitingDetail, got.Failure, err)
		}
		return err == nil && cond(got)
	})
	return got
}

func ended(x hikyaku.Transfer) bool { return x.State.Ended() }

// refused waits until a transfer has failed and checks what it says, and that
// its destination shows no file.
func (s *faultServer) refused(ctx context.Context, x hikyaku.Transfer, codes ...string) {
	s.t.Helper()
	got := s.until(ctx, x, "the transfer ends", ended)
	if got.State != hikyaku.Failed || got.Failure == nil {
		s.t.Fatalf("%s: %s, want FAILED", x.Route, got.State)
	}
	if !strings.Contains(strings.Join(codes, " "), got.Failure.Code) || console.Remedy(got.Failure, console.LangEnglish) == "" {
		s.t.Errorf("%s: failed with %+v, want one of %v and a remedy", x.Route, got.Failure, codes)
	}
	s.t.Logf("%s: %s %s (%s)", x.Route, got.Failure.Code, got.Failure.Message, got.Failure.Detail)
	if files := s.delivered(x.Route); len(files) > 0 {
		s.t.Errorf("%s: the destination shows %v", x.Route, files)
	}
}

// delivered lists the files of a route's destination, those of work folders too.
func (s *faultServer) delivered(route string) []string {
	s.t.Helper()
	var files []string
	err := filepath.WalkDir(filepath.Join(s.dir, "to", route), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.t.Error(err)
	}
	return files
}

// recovers sends a failed transfer round again and compares what arrives.
func (s *faultServer) recovers(ctx context.Context, x hikyaku.Transfer) {
	s.t.Helper()
	if _, err := s.client.Rerun(ctx, x.TransferID, console.ActRequest{}); err != nil {
		s.t.Fatal(err)
	}
	s.arrives(ctx, x)
}

func (s *faultServer) arrives(ctx context.Context, x hikyaku.Transfer) {
	s.t.Helper()
	if got := s.until(ctx, x, "the transfer ends", ended); got.State != hikyaku.Succeeded {
		s.t.Fatalf("%s: %s %+v, want SUCCEEDED", x.Route, got.State, got.Failure)
	}
	want, err := os.ReadFile(s.source(x.Route, x.ID))
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.dir, "to", x.Route, x.ID, "f")
	got, err := os.ReadFile(file) //nolint:gosec // of our own making
	if err != nil || !bytes.Equal(got, want) {
		s.t.Errorf("%s: %d bytes, %v; want %d", file, len(got), err, len(want))
	}
	if files := s.delivered(x.Route); len(files) != 1 {
		s.t.Errorf("%s: the destination holds %v", x.Route, files)
	}
}

func (s *faultServer) source(route, id string) string {
	return filepath.Join(s.dir, "from", route, id, "f")
}
