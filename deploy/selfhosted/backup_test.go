package selfhosted_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// TestBackup copies the data folder of a server at work, as the runbook says,
// restores it, and counts: every ID that was delivered before is known, and
// every ID that was in the queue or under way is delivered in the end.
func TestBackup(t *testing.T) {
	t.Parallel()
	needs(t, "sqlite3", "sh")
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	data, copied, delivered := filepath.Join(dir, "data"), filepath.Join(dir, "copy"), filepath.Join(dir, "delivered")
	config := filepath.Join(dir, "hikyaku.yaml")
	text := fmt.Sprintf("listen: {console: '127.0.0.1:0', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\nroutes: {orders: {source: 's3://outbox/', destination: 'file://%s'}}\n", delivered)
	ids := make([]string, 0, 60)
	for n := range cap(ids) {
		ids = append(ids, fmt.Sprintf("A-%02d", n))
		folder := filepath.Join(data, "s3", "outbox", ids[n])
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "f"), []byte(ids[n]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	server := start(ctx, t, config, data)
	for _, id := range ids[:30] {
		if _, err := server.client.Send(ctx, console.SendRequest{Send: hikyaku.Send{ID: id}}); err != nil {
			t.Fatal(err)
		}
	}
	server.wait(ctx, t, ids[:10])
	run(t, ".", "sh", "backup.sh", data, copied)
	for _, id := range ids[30:] { // accepted after the copy: the restored server knows nothing of them
		if _, err := server.client.Send(ctx, console.SendRequest{Send: hikyaku.Send{ID: id}}); err != nil {
			t.Fatal(err)
		}
	}
	server.stop(t)
	if out, err := exec.CommandContext(ctx, "sh", "backup.sh", data, copied).CombinedOutput(); err == nil { //nolint:gosec // a script of this repository
		t.Errorf("a copy was overwritten: %s", out)
	}

	restored := filepath.Join(dir, "restored")
	if err := os.Mkdir(restored, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"queue.db", "ledger.db", "mover.db", "keys.json"} {
		if err := os.Rename(filepath.Join(copied, name), filepath.Join(restored, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(data, "s3"), filepath.Join(restored, "s3")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(copied, "COMPLETE")); err != nil {
		t.Error("the copy does not say that it is complete")
	}
	server = start(ctx, t, config, restored)
	defer server.stop(t)
	server.wait(ctx, t, ids[:30])
	known := server.transfers(ctx, t)
	if len(known) != 30 || known[ids[30]] != "" {
		t.Errorf("the restored server knows %d transfers, want the 30 of before the copy", len(known))
	}
}

// process is a running server.
type process struct {
	cmd    *exec.Cmd
	client *console.Client
	log    string
}

func start(ctx context.Context, t *testing.T, config, data string) *process {
	t.Helper()
	p := &process{log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()                                                                         //nolint:errcheck // the server has its own handle
	p.cmd = exec.CommandContext(ctx, program(t), "serve", "--config", config, "--data", data) //nolint:gosec // the binary under test
	p.cmd.Stdout, p.cmd.Stderr = io.Discard, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() }) // it has usually ended
	poll(ctx, t, "a server that is ready", func() bool {
		b, err := os.ReadFile(filepath.Join(data, "endpoints.json")) //nolint:gosec // of the server under test
		var e struct {
			Console string `json:"console"`
			Token   string `json:"token"`
		}
		if err != nil || json.Unmarshal(b, &e) != nil {
			return false
		}
		p.client = console.NewClient(e.Console, e.Token, nil)
		return true
	})
	return p
}

func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(os.Interrupt) // Wait tells
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stop: %v\n%s", err, read(t, p.log))
	}
}

// transfers are the states by ID.
func (p *process) transfers(ctx context.Context, t *testing.T) map[string]hikyaku.State {
	t.Helper()
	page, err := p.client.Transfers(ctx, console.Filter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	states := map[string]hikyaku.State{}
	for _, x := range page.Transfers {
		states[x.ID] = x.State
	}
	return states
}

// wait returns once the IDs have SUCCEEDED.
func (p *process) wait(ctx context.Context, t *testing.T, ids []string) {
	t.Helper()
	poll(ctx, t, strings.Join(ids, " "), func() bool {
		states := p.transfers(ctx, t)
		return !slices.ContainsFunc(ids, func(id string) bool { return states[id] != hikyaku.Succeeded })
	})
}

func poll(ctx context.Context, t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s: %v", what, context.Cause(ctx))
		}
	}
}
