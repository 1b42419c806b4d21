package lambda_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/local"
	storages3 "github.com/hikyaku/hikyaku/storage/s3"
)

// region and account are those that the Runtime API tells functions.
const (
	region  = "eu-west-1"
	account = "123456789012"
	stack   = "hikyaku-test"
)

// Time runs faster here than on AWS: a schedule of one minute fires every five
// seconds, and what a killed function had received comes back after 30 s.
const (
	faster     = 12
	visibility = 30
)

// bed is a deployed stack on this machine. SQS, DynamoDB, S3, SSM and
// EventBridge are moto's (DynamoDB in a process of its own, because Python uses
// one processor), DataSync is ours, Lambda is a harness around the real
// binaries.
type bed struct {
	t testing.TB
	// pace has schedules fire as on AWS.
	pace      bool
	moto      string
	tables    string
	root      string // where the agents' file server keeps its files
	mover     *mover.Service
	faults    *faults
	datasync  string
	deploy    *deployment
	functions map[string]*lambdatest.Function // by logical ID without "Function"

	background sync.WaitGroup

	mu    sync.Mutex // guards spent
	spent map[string][]time.Duration
}

// took notes how long something took, to be told at the end.
func (b *bed) took(what string, d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent == nil {
		b.spent = map[string][]time.Duration{}
	}
	b.spent[what] = append(b.spent[what], d)
}

// durations says how long things took.
func (b *bed) durations() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out strings.Builder
	for _, what := range slices.Sorted(maps.Keys(b.spent)) {
		all := slices.Clone(b.spent[what])
		slices.Sort(all)
		fmt.Fprintf(&out, "%s: %d, median %s, longest %s; ", what, len(all), all[len(all)/2].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
	}
	return out.String()
}

// agentIDs are the agents that could be in the pool, as the template takes them.
func agentIDs() []string {
	return []string{"0a000000000000001", "0a000000000000002", "0a000000000000003", "0a000000000000004"}
}

func agentARN(id string) string {
	return "arn:aws:datasync:" + region + ":" + account + ":agent/agent-" + id
}

// stackParameters are the template's parameters for a pool of n agents.
func stackParameters(n int) []string {
	return []string{
		"RouteName=orders", "SourceBucket=outbox", "SourcePrefix=orders/", "DestinationType=ObjectStorage", "DestinationHost=filer.example.com",
		"DestinationBucket=inbox", "DestinationPath=/orders/", "DestinationSecretArn=arn:aws:secretsmanager:" + region + ":" + account + ":secret:filer-AbCdEf",
		"AgentIds=" + strings.Join(agentIDs()[:n], ","), "TaskSlots=1", "MaxAttempts=10", "RetryFirst=100ms", "RetryMax=1s",
	}
}

// newBed deploys the stack with a pool of n agents. run carries out
// executions; nil is the real engine.
func newBed(t testing.TB, n int, run mover.RunFunc) *bed {
	t.Helper()
	ctx := t.Context()
	b := &bed{t: t, root: t.TempDir(), functions: map[string]*lambdatest.Function{}}
	b.moto, b.tables = mototest.Start(t), mototest.Start(t)
	b.serve(t, run)
	b.deploy = &deployment{
		stack: stack, refs: map[string]string{}, made: map[string]bool{}, visibility: visibility, targets: map[string]string{},
		sqs: b.sqs(), dynamo: b.dynamo(), datasync: b.dataSync(),
		ssm:    ssm.New(ssm.Options{BaseEndpoint: &b.moto, Region: region, Credentials: testKeys()}),
		events: eventbridge.New(eventbridge.Options{BaseEndpoint: &b.moto, Region: region, Credentials: testKeys()}),
	}
	if _, err := b.s3().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("outbox"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
		LocationConstraint: s3types.BucketLocationConstraintEuWest1,
	}}); err != nil {
		t.Fatal(err)
	}
	tmpl := expand(t, stackParameters(n)...)
	for _, f := range []string{"refresh", "agents"} { // what stands for them as targets of rules
		name := "events-" + f
		if _, err := b.sqs().CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name}); err != nil {
			t.Fatal(err)
		}
		b.deploy.targets[functionARN(stack+"-"+f)] = "arn:aws:sqs:" + region + ":" + account + ":" + name
	}
	if err := b.deploy.update(ctx, tmpl); err != nil {
		t.Fatal(err)
	}
	b.build(t)
	return b
}

// build compiles the functions as they are deployed and gives each what the
// template gives it.
func (b *bed) build(t testing.TB) {
	t.Helper()
	for _, id := range slices.Sorted(maps.Keys(b.deploy.template.Resources)) {
		name, ok := strings.CutSuffix(id, "Function")
		if !ok || b.deploy.template.Resources[id].Type != "AWS::Lambda::Function" {
			continue
		}
		p, exists, err := b.deploy.resolver().properties(id)
		if err != nil {
			t.Fatal(err)
		}
		if !exists { // its condition says so
			continue
		}
		name = strings.ToLower(name)
		if _, err := os.ReadFile(filepath.Join(name, "main.go")); err != nil { //nolint:gosec // our own source, so that the test cache sees it
			t.Fatal(err)
		}
		timeout, _ := p["Timeout"].(float64)
		f := lambdatest.New(lambdatest.Options{
			Binary: lambdatest.Build(t, "./"+name), Env: b.environment(t, name, p), Name: fmt.Sprint(p["FunctionName"]), Timeout: time.Duration(timeout) * time.Second,
		})
		t.Cleanup(f.Close)
		b.functions[name] = f
	}
}

// environment is what the template says, and where this machine's AWS is.
func (b *bed) environment(t testing.TB, name string, properties map[string]any) []string {
	t.Helper()
	env := []string{
		"AWS_ACCESS_KEY_ID=" + keyOf(name), "AWS_SECRET_ACCESS_KEY=secret", "AWS_ENDPOINT_URL=" + b.moto, "AWS_ENDPOINT_URL_DYNAMODB=" + b.tables, "AWS_ENDPOINT_URL_DATASYNC=" + b.datasync,
	}
	section, _ := properties["Environment"].(map[string]any)
	variables, _ := section["Variables"].(map[string]any)
	if len(variables) == 0 {
		t.Fatalf("function %s has no variables", name)
	}
	for variable, value := range variables {
		env = append(env, variable+"="+text(value))
	}
	return env
}

// serve serves DataSync, with faults before it. Its agents are the template's;
// what they call filer.example.com is a folder.
func (b *bed) serve(t testing.TB, run mover.RunFunc) {
	t.Helper()
	store := &movertest.Memory{}
	var agents []mover.Agent
	for _, id := range agentIDs() {
		agents = append(agents, mover.Agent{ARN: agentARN(id), Name: "agent " + id, CreatedAt: time.Now()})
	}
	if err := store.Commit(t.Context(), mover.Change{Agents: agents}); err != nil {
		t.Fatal(err)
	}
	var err error
	b.mover, err = mover.New(mover.Config{
		Account: account, Region: region, Store: store, Now: time.Now, Rand: rand.Reader, Version: "test", Open: b.open, Run: run,
	})
	if err == nil {
		err = b.mover.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.mover.Stop(context.WithoutCancel(t.Context())) }) // executions may run
	log := slog.New(slog.DiscardHandler)
	verifier := awsjson.NewVerifier(awsjson.VerifierOptions{Now: time.Now, Lookup: func(context.Context, string) (awsjson.Key, bool) {
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, true
	}})
	b.faults = &faults{
		next: awsjson.NewMux(datasyncapi.New(datasyncapi.Options{Mover: b.mover, Verifier: verifier, Logger: log, Now: time.Now})),
		kill: func(key string) { b.functions[strings.ToLower(strings.TrimPrefix(key, keyPrefix))].Kill() },
	}
	server := httptest.NewServer(b.faults)
	t.Cleanup(server.Close)
	b.datasync = server.URL
}

func (b *bed) open(_ context.Context, l mover.Location) (storage.Driver, error) {
	switch l.Type {
	case mover.TypeS3:
		return storages3.New(storages3.Options{
			Endpoint: b.moto, Region: region, Bucket: l.Bucket, Prefix: l.Prefix, PathStyle: true, Credentials: testKeys(), Now: time.Now,
		})
	case mover.TypeFile: // no template makes one
	case mover.TypeObjectStorage:
		if l.Server != "filer.example.com" || l.AccessKey != "resolved-username" || l.SecretKey.Reveal() != "resolved-password" {
			return nil, fmt.Errorf("location %s is not what the template's parameters say", l.URI())
		}
		return local.New(b.delivered(), local.Options{})
	}
	return nil, fmt.Errorf("location type %s: not here", l.Type)
}

// delivered is the folder that stands for the destination.
func (b *bed) delivered() string { return filepath.Join(b.root, "inbox", "orders") }

func testKeys() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("AKTEST", "secret", "")
}

func (b *bed) sqs() *sqs.Client {
	return sqs.New(sqs.Options{BaseEndpoint: &b.moto, Region: region, Credentials: testKeys()})
}

func (b *bed) s3() *s3.Client {
	return s3.New(s3.Options{BaseEndpoint: &b.moto, Region: region, Credentials: testKeys(), UsePathStyle: true})
}

func (b *bed) dynamo() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: &b.tables, Region: region, Credentials: testKeys()})
}

func (b *bed) dataSync() *datasync.Client {
	return datasync.New(datasync.Options{BaseEndpoint: &b.datasync, Region: region, Credentials: testKeys()})
}

// invoke invokes a function and reports its error.
func (b *bed) invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	f, ok := b.functions[name]
	if !ok {
		return nil, fmt.Errorf("there is no function %s", name)
	}
	began := time.Now()
	r, err := f.Invoke(ctx, payload)
	b.took(name, time.Since(began))
	return r.Payload, errors.Join(err, r.Err())
}

// functionOf is the short name of the function with an ARN.
func functionOf(arn any) string {
	return fmt.Sprint(arn)[strings.LastIndexByte(fmt.Sprint(arn), '-')+1:]
}

// sorted are the logical IDs of resources of a type.
func (b *bed) sorted(kind string) []string {
	var ids []string
	for id, r := range b.deploy.template.Resources {
		if r.Type == kind {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// payloadOf is an event as it is delivered.
func payloadOf(v any) []byte {
	raw, _ := json.Marshal(v) // of our own making
	return raw
}
