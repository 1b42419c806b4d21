package stack_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/mover"
)

// region and account are those of the Runtime API's functions.
const (
	region  = "eu-west-1"
	account = "123456789012"
)

// ground is what beds share: moto and the binaries.
type ground struct {
	moto  string
	built map[stack.Function]string

	names atomic.Int64

	mu   sync.Mutex // guards beds
	beds []*bed     // that are complete
}

func (g *ground) all() []*bed {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.beds)
}

// bed is a stack on this machine: DynamoDB, SSM, S3 and Step Functions by moto,
// SQS and DataSync by ourselves, and the real binaries.
type bed struct {
	*ground
	own       string
	amazon    http.Handler // SQS and DataSync
	name      string       // of the stack and of its table
	driver    atomic.Value // of the route: a string
	settings  string       // the route's document; empty is {}
	withAgent bool         // all tasks are its, which takes any number of executions
	tasks     []string     // their ARNs
	mover     *mover.Service
	queueURL  string
	dlqURL    string
	endedURL  string
	functions map[stack.Function]*lambdatest.Function
	ends      chan error // one for each execution to end
	// run is an execution; nil ends with ends.
	run func(context.Context, engine.Job) error
	// disturb, if not nil, stands before SQS and DataSync.
	disturb func(http.Handler) http.Handler
}

// newGround starts moto and compiles the functions of a driver.
func newGround(t *testing.T, driver string) *ground {
	t.Helper()
	return newGroundOf(t, driver, func(pkg string) string { return lambdatest.Build(t, pkg) })
}

func newGroundOf(t *testing.T, driver string, build func(pkg string) string) *ground {
	t.Helper()
	g := &ground{built: map[stack.Function]string{}}
	called := httptest.NewServer(http.HandlerFunc(g.serveStates))
	t.Cleanup(called.Close)
	g.moto = mototest.Start(t, "AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_ENDPOINT_URL_DATASYNC="+called.URL, "AWS_ENDPOINT_URL_LAMBDA="+called.URL)
	for _, f := range stack.FunctionsOf(driver) {
		if _, err := os.ReadFile("../" + string(f) + "/main.go"); err != nil { // so that the test cache sees it
			t.Fatal(err)
		}
		g.built[f] = build("github.com/hikyaku/hikyaku/cmd/lambda/" + string(f))
	}
	if _, err := g.s3().CreateBucket(t.Context(), &s3sdk.CreateBucketInput{Bucket: aws.String("outbox"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
		LocationConstraint: s3types.BucketLocationConstraintEuWest1,
	}}); err != nil {
		t.Fatal(err)
	}
	return g
}

// bed makes a stack with some tasks that events drive.
func (g *ground) bed(t *testing.T, tasks int) *bed {
	t.Helper()
	b := &bed{}
	b.driver.Store(stack.DriverEvents)
	g.open(t, b, tasks)
	return b
}

func (g *ground) open(t *testing.T, b *bed, tasks int) {
	t.Helper()
	b.ground, b.ends, b.functions = g, make(chan error), map[stack.Function]*lambdatest.Function{}
	b.name = fmt.Sprintf("stack%d", g.names.Add(1))
	b.serve(t)
	db := dynamodb.New(dynamodb.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
	if _, err := db.CreateTable(t.Context(), dynamo.TableInput(b.name)); err != nil {
		t.Fatal(err)
	}
	b.dlqURL = b.queue(t, "orders-dlq", nil)
	b.endedURL = b.queue(t, "ended", nil)
	b.queueURL = b.queue(t, "orders", map[string]string{
		"VisibilityTimeout": "20", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:` + region + `:` + account + `:orders-dlq","maxReceiveCount":5}`,
	})
	b.parameter(t, b.path("route"), cmp.Or(b.settings, `{}`))
	for i, task := range b.provision(t, tasks) {
		b.parameter(t, b.path("pool/"+strconv.Itoa(i)), task)
	}
	for f, binary := range b.built {
		b.functions[f] = lambdatest.New(lambdatest.Options{Binary: binary, Env: b.env(f), Name: b.name + "-" + string(f), Timeout: 20 * time.Second, InitTimeout: 20 * time.Second})
		t.Cleanup(b.functions[f].Close)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.beds = append(g.beds, b)
}

// path is a parameter's name.
func (b *bed) path(name string) string { return "/" + b.name + "/" + name }

// env is a function's environment: what it reads and nothing else.
func (b *bed) env(f stack.Function) []string {
	values := map[string]string{
		stack.EnvStack: b.name, stack.EnvRoute: "orders", stack.EnvTable: b.name, stack.EnvQueueURL: b.queueURL, stack.EnvDLQURL: b.dlqURL,
		stack.EnvSourceBucket: "outbox", stack.EnvDestination: "s3://archive/", stack.EnvSettings: b.path("route"), stack.EnvPoolPath: b.path("pool/"),
		stack.EnvCompletionQueue: b.endedURL, stack.EnvLogLevel: "debug",
		stack.EnvReportBucket: "reports", stack.EnvReportRole: "arn:aws:iam::" + account + ":role/reports",
	}
	if b.withAgent {
		values[stack.EnvLogLevel] = "info"
	}
	if driver, _ := b.driver.Load().(string); driver == stack.DriverSteps {
		values[stack.EnvDriver], values[stack.EnvStateMachine], values[stack.EnvPoll] = driver, b.machine(), "1"
	}
	env := []string{
		"AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=secret", "AWS_ENDPOINT_URL=" + b.moto,
		"AWS_ENDPOINT_URL_SQS=" + b.own, "AWS_ENDPOINT_URL_DATASYNC=" + b.own,
	}
	for _, v := range stack.Of(f) {
		if value := values[v.Name]; value != "" {
			env = append(env, v.Name+"="+value)
		}
	}
	return env
}

func keys() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("AKADMIN", "secret", "")
}

func (g *ground) s3() *s3sdk.Client {
	return s3sdk.New(s3sdk.Options{BaseEndpoint: &g.moto, Region: region, Credentials: keys(), UsePathStyle: true})
}

func (b *bed) sqs() *sqssdk.Client {
	return sqssdk.New(sqssdk.Options{BaseEndpoint: &b.own, Region: region, Credentials: keys()})
}

func (b *bed) queue(t *testing.T, name string, attributes map[string]string) string {
	t.Helper()
	out, err := b.sqs().CreateQueue(t.Context(), &sqssdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

func (b *bed) ssm() *ssm.Client {
	return ssm.New(ssm.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
}

func (b *bed) parameter(t *testing.T, name, value string) {
	t.Helper()
	if _, err := b.ssm().PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
}

// put puts a file of an ID into the outbox.
func (b *bed) put(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if _, err := b.s3().PutObject(t.Context(), &s3sdk.PutObjectInput{Bucket: aws.String("outbox"), Key: aws.String(id + "/a"), Body: strings.NewReader("hello")}); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bed) send(t *testing.T, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if _, err := b.sqs().SendMessage(t.Context(), &sqssdk.SendMessageInput{QueueUrl: &b.queueURL, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
	}
}

// invoke invokes a function and fails on its error.
func (b *bed) invoke(t *testing.T, f stack.Function, payload any) lambdatest.Result {
	t.Helper()
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.functions[f].Invoke(t.Context(), raw)
	if err = errors.Join(err, r.Err()); err != nil {
		t.Fatalf("%s: %v\n%s", f, err, b.functions[f].Log())
	}
	return r
}

func (b *bed) sweep(t *testing.T) {
	t.Helper()
	b.invoke(t, stack.Refresh, map[string]string{"source": "aws.scheduler"})
}

// events hands every state change to the function refresh, as EventBridge
// does, until the test ends.
func (b *bed) events(t *testing.T) {
	t.Helper()
	changes, unsubscribe := b.mover.Subscribe(256)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range changes {
			if b.driver.Load() != stack.DriverEvents { // the rules are disabled
				continue
			}
			raw, err := json.Marshal(e)
			if err != nil {
				t.Error(err)
				continue
			}
			if r, err := b.functions[stack.Refresh].Invoke(context.WithoutCancel(t.Context()), raw); err != nil || r.Err() != nil {
				t.Logf("event %s: %v %v", e.Detail.State, err, r.Err())
			}
		}
	}()
	t.Cleanup(func() { unsubscribe(); <-done })
}

// poller is the event source mapping of the function intake.
func (b *bed) poller(t *testing.T) *lambdatest.Poller {
	t.Helper()
	p, err := lambdatest.StartPoller(t.Context(), lambdatest.PollerOptions{Client: b.sqs(), QueueURL: b.queueURL, Function: b.functions[stack.Intake]})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// document is the route's settings document.
func (b *bed) document(t *testing.T) string {
	t.Helper()
	out, err := b.ssm().GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(b.path("route"))})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Parameter.Value
}

func (b *bed) ledger() *dynamo.Ledger {
	return dynamo.New(dynamo.Config{
		Client: dynamodb.New(dynamodb.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()}), Table: b.name, Now: time.Now,
	})
}

// transfers lists everything, by ID.
func (b *bed) transfers(t *testing.T) map[string]hikyaku.Transfer {
	t.Helper()
	page, err := b.ledger().Transfers(t.Context(), hikyaku.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]hikyaku.Transfer{}
	for _, x := range page.Transfers {
		all[x.ID] = x
	}
	return all
}

// until waits for what the transfers must become.
func (b *bed) until(t *testing.T, what string, ok func(map[string]hikyaku.Transfer) bool) map[string]hikyaku.Transfer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		all := b.transfers(t)
		if ok(all) {
			return all
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			for id, x := range all {
				t.Logf("%q %s %s %+v", id, x.State, x.WaitingReason, x.Failure)
			}
			t.Fatalf("still not: %s\n%s\n%s", what, tail(b.functions[stack.Intake].Log()), tail(b.functions[stack.Refresh].Log()))
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-4000):] }

// messages takes n messages from a queue.
func (b *bed) messages(t *testing.T, url string, n int) []sqstypes.Message {
	t.Helper()
	var all []sqstypes.Message
	for len(all) < n {
		out, err := b.sqs().ReceiveMessage(t.Context(), &sqssdk.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, MessageAttributeNames: []string{"All"},
		})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("%d messages of %d, %v", len(all), n, err)
		}
		all = append(all, out.Messages...)
	}
	return all
}
