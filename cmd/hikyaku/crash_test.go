package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

// crashKills is how often the server is killed; the issue asks for at least 20.
const crashKills = 22

// TestServe_SurvivesKills kills the server with SIGKILL at random moments
// while a producer uploads and sends, and then holds the promises against what
// is left: every acknowledged ID SUCCEEDED exactly once, no two executions of
// an ID at the same time, trees equal, nothing left in .hikyaku/.
func TestServe_SurvivesKills(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the crash test takes about a minute")
	}
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	h := &crashHarness{bin: builtBinary(t), dir: t.TempDir(), acked: map[string][]byte{}}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // not for secrets

	h.start(ctx, t)
	producing, stopProducing := context.WithCancel(ctx)
	var producers sync.WaitGroup
	for p := range 3 {
		producers.Go(func() { h.produce(producing, p) })
	}
	for range crashKills {
		before := h.acks.Load()
		pause := time.After(time.Duration(100+rng.IntN(500)) * time.Millisecond)
		<-pause // the random moment is the point of this test
		h.kill(t)
		h.start(ctx, t)
		h.waitForAcks(ctx, t, before)
	}
	stopProducing()
	producers.Wait()
	transfers := h.settle(ctx, t)
	h.check(t, transfers)
	h.stop(t)
	h.checkTree(t)
	t.Logf("%d kills, %d acknowledged IDs", crashKills, len(h.acked))
}

// crashHarness is one server that is killed and started again.
type crashHarness struct {
	bin, dir string
	cmd      *exec.Cmd
	waited   chan error

	mu        sync.Mutex
	endpoints cli.Endpoints
	acked     map[string][]byte // content by ID
	acks      atomic.Int64
}

func (h *crashHarness) data() string { return filepath.Join(h.dir, "data") }

// start starts the server and waits until it is ready.
func (h *crashHarness) start(ctx context.Context, t *testing.T) {
	t.Helper()
	config := filepath.Join(h.dir, "hikyaku.yaml")
	text := fmt.Sprintf(`
data: %s
listen: {console: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}
routes:
  crash:
    source: s3://outbox/
    destination: file://%s
    pool: 4
    retry: {first: 50ms, max: 500ms}
    max_attempts: 10
`, h.data(), filepath.Join(h.dir, "delivered"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(h.data(), endpointsFile)) // so that the new one is seen
	var log bytes.Buffer
	h.cmd = exec.CommandContext(ctx, h.bin, "serve", "--config", config) //nolint:gosec // the binary under test
	h.cmd.Stderr, h.cmd.Stdout = &log, &log
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h.waited = make(chan error, 1)
	go func(cmd *exec.Cmd) { h.waited <- cmd.Wait() }(h.cmd)
	eventually(ctx, t, "the server is ready", func() bool {
		select {
		case err := <-h.waited:
			t.Fatalf("server ended: %v\n%s", err, log.String())
		default:
		}
		e, err := readEndpoints(h.data())
		if err != nil || !serverReady(ctx, e.Console) {
			return false
		}
		h.mu.Lock()
		h.endpoints = e
		h.mu.Unlock()
		return true
	})
}

func (h *crashHarness) kill(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-h.waited //nolint:errcheck // it was killed, of course
}

func (h *crashHarness) stop(t *testing.T) {
	t.Helper()
	if err := h.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := <-h.waited; err != nil {
		t.Errorf("graceful stop: %v", err)
	}
}

// waitForAcks makes sure that kills fall into work, not into starting.
func (h *crashHarness) waitForAcks(ctx context.Context, t *testing.T, before int64) {
	t.Helper()
	eventually(ctx, t, "the producers get on", func() bool { return h.acks.Load() > before+2 })
}

// produce uploads files and sends IDs until ctx ends. An ID counts as
// acknowledged once SendMessage answered; a send whose answer was lost is
// repeated with the same key.
func (h *crashHarness) produce(ctx context.Context, producer int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("P%d-%04d", producer, n)
		content := bytes.Repeat([]byte(id+"\n"), 1+n%4000)
		// Once begun an ID is seen through, so that nothing is half sent at the end.
		for sent := false; !sent; {
			if ctx.Err() != nil && n > 0 {
				return
			}
			sent = h.offer(context.WithoutCancel(ctx), id, content) == nil
		}
		h.mu.Lock()
		h.acked[id] = content
		h.mu.Unlock()
		h.acks.Add(1)
	}
}

// offer uploads one ID's two files and sends it, through the server of the moment.
func (h *crashHarness) offer(ctx context.Context, id string, content []byte) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	h.mu.Lock()
	e := h.endpoints
	h.mu.Unlock()
	creds := credentials.NewStaticCredentialsProvider(e.AccessKeyID, e.SecretAccessKey, "")
	store := s3.New(s3.Options{BaseEndpoint: aws.String(e.S3), Region: e.Region, Credentials: creds, UsePathStyle: true, Retryer: aws.NopRetryer{}})
	for f := range 2 {
		_, err := store.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("outbox"), Key: aws.String(id + "/f" + strconv.Itoa(f)), Body: bytes.NewReader(content),
		})
		if err != nil {
			return err
		}
	}
	body, err := json.Marshal(map[string]string{"id": id, "key": id})
	if err != nil {
		return err
	}
	queue := sqssdk.New(sqssdk.Options{BaseEndpoint: aws.String(e.API), Region: e.Region, Credentials: creds, Retryer: aws.NopRetryer{}})
	_, err = queue.SendMessage(ctx, &sqssdk.SendMessageInput{QueueUrl: aws.String(e.QueueURL), MessageBody: aws.String(string(body))})
	return err
}

// settle waits until every acknowledged ID has an ended transfer and none is
// under way, and returns all transfers.
func (h *crashHarness) settle(ctx context.Context, t *testing.T) []hikyaku.Transfer {
	t.Helper()
	var all []hikyaku.Transfer
	eventually(ctx, t, "every acknowledged ID has ended", func() bool {
		all = allTransfers(ctx, t, h.endpoints)
		ended := map[string]bool{}
		for _, tr := range all {
			if !tr.State.Ended() {
				return false
			}
			ended[tr.ID] = true
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		for id := range h.acked {
			if !ended[id] {
				return false
			}
		}
		return true
	})
	return all
}

// check holds the transfers against the promises.
func (h *crashHarness) check(t *testing.T, all []hikyaku.Transfer) {
	t.Helper()
	succeeded := map[string]int{}
	byID := map[string][]hikyaku.Attempt{}
	for _, tr := range all {
		if tr.State != hikyaku.Succeeded {
			t.Errorf("%s %s: %s, want SUCCEEDED: %+v", tr.ID, tr.TransferID, tr.State, tr.Failure)
		}
		succeeded[tr.ID]++
		byID[tr.ID] = append(byID[tr.ID], tr.Attempts...)
	}
	for id := range h.acked {
		if succeeded[id] != 1 {
			t.Errorf("%s: %d SUCCEEDED transfers, want 1", id, succeeded[id])
		}
	}
	for id, attempts := range byID {
		executions := map[string]bool{}
		for i, a := range attempts {
			if a.ExecutionARN != "" && executions[a.ExecutionARN] {
				t.Errorf("%s: execution %s serves two attempts", id, a.ExecutionARN)
			}
			executions[a.ExecutionARN] = true
			for _, b := range attempts[:i] {
				if a.StartedAt.Before(b.EndedAt) && b.StartedAt.Before(a.EndedAt) {
					t.Errorf("%s: attempts overlap: %s–%s and %s–%s", id, a.StartedAt, a.EndedAt, b.StartedAt, b.EndedAt)
				}
			}
		}
	}
	h.checkExecutions(t)
}

// checkTree compares the delivered files with what was acknowledged and looks
// for leftovers.
func (h *crashHarness) checkTree(t *testing.T) {
	t.Helper()
	root := filepath.Join(h.dir, "delivered")
	for id, want := range h.acked {
		for f := range 2 {
			got, err := os.ReadFile(filepath.Join(root, id, "f"+strconv.Itoa(f))) //nolint:gosec // a path of our own making
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s/f%d: %d bytes, %v; want %d bytes", id, f, len(got), err, len(want))
			}
		}
	}
	err := filepath.WalkDir(filepath.Join(root, ".hikyaku"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
}
