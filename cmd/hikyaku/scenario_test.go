package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

// TestScenario_selfHosted runs the delivery scenario, which the AWS edition
// runs as well, against the real binary.
func TestScenario_selfHosted(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the scenario takes a while")
	}
	t.Parallel()
	scenario, err := scenariotest.Delivery()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	e := &selfHosted{t: t, bin: builtBinary(t), dir: t.TempDir(), pool: 1, faults: map[scenariotest.Fault]chan error{}}
	if err := e.start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.stop)
	scenariotest.Run(ctx, t, scenariotest.Options{Scenario: scenario, Edition: e, Root: filepath.Join(e.dir, "delivered"), Now: time.Now})
}

// selfHosted is the edition of one process.
type selfHosted struct {
	t        *testing.T
	bin, dir string
	faults   map[scenariotest.Fault]chan error // takes one, when it has happened

	mu        sync.Mutex // guards what follows
	pool      int64
	process   *exec.Cmd
	exited    chan error
	log       *bytes.Buffer
	endpoints cli.Endpoints
}

// Name implements scenariotest.Edition.
func (*selfHosted) Name() string { return "self-hosted" }

func (e *selfHosted) data() string   { return filepath.Join(e.dir, "data") }
func (e *selfHosted) config() string { return filepath.Join(e.dir, "hikyaku.yaml") }

// configure writes the config; e.mu is held.
func (e *selfHosted) configure() error {
	text := fmt.Sprintf(`
data: %s
listen: {console: "127.0.0.1:0", api: "127.0.0.1:0", s3: "127.0.0.1:0"}
routes:
  orders:
    source: s3://outbox/orders/
    destination: file://%s
    pool: %d
    retry: {first: 100ms, max: 1s}
    max_attempts: 10
`, e.data(), filepath.Join(e.dir, "delivered"), e.pool)
	return os.WriteFile(e.config(), []byte(text), 0o600)
}

// start starts the process and waits until it is ready.
func (e *selfHosted) start(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.configure(); err != nil {
		return err
	}
	_ = os.Remove(filepath.Join(e.data(), endpointsFile)) // so that the new one is seen
	e.log, e.exited = &bytes.Buffer{}, make(chan error, 1)
	e.process = exec.CommandContext(context.WithoutCancel(ctx), e.bin, "serve", "--config", e.config()) //nolint:gosec // the binary under test
	e.process.Stdout, e.process.Stderr = io.Discard, e.log
	if err := e.process.Start(); err != nil {
		return err
	}
	go func(p *exec.Cmd, exited chan<- error) { exited <- p.Wait() }(e.process, e.exited)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-e.exited:
			return fmt.Errorf("server ended: %w\n%s", err, e.log)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		if found, err := readEndpoints(e.data()); err == nil && serverReady(ctx, found.Console) {
			e.endpoints = found
			return nil
		}
	}
}

// kill kills the process.
func (e *selfHosted) kill() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.process.Process.Kill(); err != nil {
		return err
	}
	<-e.exited //nolint:errcheck // it was killed, of course
	return nil
}

// stop ends the process in order, and shows its log if the test failed.
func (e *selfHosted) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.process == nil || e.process.Process == nil {
		return
	}
	_ = e.process.Process.Signal(os.Interrupt) // it may have ended
	select {
	case err := <-e.exited:
		if err != nil {
			e.t.Errorf("graceful stop: %v", err)
		}
	case <-time.After(30 * time.Second):
		_ = e.process.Process.Kill()
		e.t.Error("the server does not stop")
	}
	if log := e.log.String(); e.t.Failed() {
		e.t.Log(log[max(0, len(log)-8000):])
	}
}

func (e *selfHosted) now() cli.Endpoints {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.endpoints
}

func (e *selfHosted) console() *console.Client {
	at := e.now()
	return console.NewClient(at.Console, at.Token, nil)
}

// Upload implements scenariotest.Edition.
func (e *selfHosted) Upload(ctx context.Context, o scenariotest.Object) error {
	at := e.now()
	creds := credentials.NewStaticCredentialsProvider(at.AccessKeyID, at.SecretAccessKey, "")
	client := s3.New(s3.Options{BaseEndpoint: aws.String(at.S3), Region: at.Region, Credentials: creds, UsePathStyle: true, Retryer: aws.NopRetryer{}})
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("outbox"), Key: aws.String("orders/" + o.Key), Body: bytes.NewReader(o.Content)})
	return err
}

func (e *selfHosted) queue() (client *sqssdk.Client, at cli.Endpoints) {
	at = e.now()
	return sqssdk.New(sqssdk.Options{
		BaseEndpoint: aws.String(at.API), Region: at.Region, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(at.AccessKeyID, at.SecretAccessKey, ""),
	}), at
}

// Send implements scenariotest.Edition.
func (e *selfHosted) Send(ctx context.Context, body string) error {
	client, at := e.queue()
	_, err := client.SendMessage(ctx, &sqssdk.SendMessageInput{QueueUrl: aws.String(at.QueueURL), MessageBody: &body})
	return err
}

// Transfers implements scenariotest.Edition.
func (e *selfHosted) Transfers(ctx context.Context) ([]hikyaku.Transfer, error) {
	client := e.console()
	var all []hikyaku.Transfer
	for token := ""; ; {
		page, err := client.Transfers(ctx, console.Filter{Limit: 1000, Token: token})
		if err != nil {
			return nil, err
		}
		all = append(all, page.Transfers...)
		if page.NextToken == nil {
			return all, nil
		}
		token = *page.NextToken
	}
}

// Events implements scenariotest.Edition.
func (e *selfHosted) Events(ctx context.Context, transferID string) ([]hikyaku.Event, error) {
	d, err := e.console().Transfer(ctx, transferID)
	return d.Events, err
}

// Executions implements scenariotest.Edition.
func (e *selfHosted) Executions(ctx context.Context) ([]scenariotest.Execution, error) {
	return scenariotest.ListExecutions(ctx, dataSyncClient(e.now()))
}

// DeadLetters implements scenariotest.Edition.
func (e *selfHosted) DeadLetters(ctx context.Context) ([]map[string]string, error) {
	client, at := e.queue()
	return scenariotest.ReadLetters(ctx, client, at.DLQURL)
}

// Do implements scenariotest.Edition.
func (e *selfHosted) Do(ctx context.Context, c scenariotest.Command) error {
	client := e.console()
	switch c.Verb { //nolint:exhaustive // Run does the others itself
	case scenariotest.Pool:
		return e.resize(ctx, c.N)
	case scenariotest.Limit:
		_, err := client.ActOnRoute(ctx, "orders", "limit", console.ActRequest{BytesPerSecond: c.N})
		return err
	case scenariotest.Redrive:
		result, err := client.Redrive(ctx, console.ActRequest{TransferIDs: c.TransferIDs, Reason: "the files are there now"})
		if err == nil && result.Redriven != len(c.TransferIDs) {
			err = fmt.Errorf("%d of %d were redriven", result.Redriven, len(c.TransferIDs))
		}
		return err
	case scenariotest.Break:
		if c.Fault != scenariotest.KillBeforeStart {
			return fmt.Errorf("%s cannot be had here", c.Fault)
		}
		done := make(chan error, 1)
		e.faults[c.Fault] = done
		go func() { done <- e.killWhileStarting(ctx, c.N) }() // ends with ctx
		return nil
	case scenariotest.Mend:
		select {
		case err := <-e.faults[c.Fault]:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return fmt.Errorf("%s: not known", c.Verb)
}

// resize changes the pool as people do: the config and SIGHUP.
func (e *selfHosted) resize(ctx context.Context, n int64) error {
	e.mu.Lock()
	e.pool = n
	err := e.configure()
	if err == nil {
		err = e.process.Process.Signal(syscall.SIGHUP)
	}
	e.mu.Unlock()
	if err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		pool, err := e.console().Pool(ctx, "orders")
		live := int64(0)
		for _, task := range pool.Tasks {
			if task.State != hikyaku.Draining {
				live++
			}
		}
		if err == nil && live == n {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the pool has %d tasks, want %d: %w", live, n, errors.Join(err, context.Cause(ctx)))
		}
	}
}

// killWhileStarting kills the process n times at a moment when a task is
// leased and the ledger knows of no execution, and starts it again.
func (e *selfHosted) killWhileStarting(ctx context.Context, n int64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n > 0 {
		page, err := e.console().Transfers(ctx, console.Filter{States: []hikyaku.State{hikyaku.Starting}, Limit: 1})
		if err == nil && len(page.Transfers) > 0 {
			if err := errors.Join(e.kill(), e.start(ctx)); err != nil {
				return err
			}
			n--
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("nothing was seen STARTING: %w", context.Cause(ctx))
		}
	}
	return nil
}

var _ scenariotest.Edition = (*selfHosted)(nil)
