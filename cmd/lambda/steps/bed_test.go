package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	dstypes "github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/datasyncapi"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/engine"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/mover"
	"github.com/hikyaku/hikyaku/mover/movertest"
	"github.com/hikyaku/hikyaku/storage"
	"github.com/hikyaku/hikyaku/storage/storagetest"
)

const (
	region  = "eu-west-1"
	account = "123456789012"
	machine = "arn:aws:states:" + region + ":" + account + ":stateMachine:st-transfer"
	steps   = "arn:aws:lambda:" + region + ":" + account + ":function:st-steps"
)

// bed is a stack whose transfers a state machine drives: the machine runs in
// moto's interpreter, calls our DataSync server, and the real binaries.
type bed struct {
	moto, own, dlqURL string
	functions         map[stack.Function]*lambdatest.Function
	offline           atomic.Bool // the agent

	mu   sync.Mutex
	runs map[string]int           // by ID
	gate map[string]chan struct{} // of IDs that run until it is closed
}

// newBed makes a stack with some tasks, all of one agent that takes any number of executions.
func newBed(t *testing.T, tasks int) *bed {
	t.Helper()
	b := &bed{functions: map[stack.Function]*lambdatest.Function{}, runs: map[string]int{}, gate: map[string]chan struct{}{}}
	b.serveDataSync(t)
	functions := httptest.NewServer(http.HandlerFunc(b.serveFunctions))
	t.Cleanup(functions.Close)
	b.moto = mototest.Start(t, "AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=secret",
		"AWS_ENDPOINT_URL_DATASYNC="+b.own, "AWS_ENDPOINT_URL_LAMBDA="+functions.URL)
	db := dynamodb.New(dynamodb.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
	_, err := db.CreateTable(t.Context(), dynamo.TableInput("hikyaku"))
	must(t, err)
	_, err = b.s3().CreateBucket(t.Context(), &s3sdk.CreateBucketInput{
		Bucket: aws.String("outbox"), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
	})
	must(t, err)
	queues := sqssdk.New(sqssdk.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
	dlq, err := queues.CreateQueue(t.Context(), &sqssdk.CreateQueueInput{QueueName: aws.String("orders-dlq")})
	must(t, err)
	b.dlqURL = *dlq.QueueUrl
	b.parameter(t, "/st/route", `{"max_attempts":2,"retry":{"first":"12s","max":"12s"}}`)
	for i, task := range b.provision(t, tasks) {
		b.parameter(t, "/st/pool/"+strconv.Itoa(i), task)
	}
	for _, f := range []stack.Function{stack.Refresh, stack.Agents, stack.Operate, stack.Steps} {
		_, err := os.ReadFile("../" + string(f) + "/main.go") // so that the test cache sees it
		must(t, err)
		b.functions[f] = lambdatest.New(lambdatest.Options{
			Binary: lambdatest.Build(t, "github.com/hikyaku/hikyaku/cmd/lambda/"+string(f)), Env: b.env(f), Name: "st-" + string(f), Timeout: 20 * time.Second,
		})
		t.Cleanup(b.functions[f].Close)
	}
	b.createMachine(t)
	b.invoke(t, stack.Agents)
	b.invoke(t, stack.Refresh) // the tasks join the pool
	return b
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func keys() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider("AKADMIN", "secret", "")
}

// env is a function's environment.
func (b *bed) env(f stack.Function) []string {
	values := map[string]string{
		stack.EnvStack: "st", stack.EnvRoute: "orders", stack.EnvTable: "hikyaku", stack.EnvQueueURL: b.dlqURL, stack.EnvDLQURL: b.dlqURL,
		stack.EnvSourceBucket: "outbox", stack.EnvDestination: "s3://archive/", stack.EnvSettings: "/st/route", stack.EnvPoolPath: "/st/pool/",
		stack.EnvReportBucket: "reports", stack.EnvReportRole: "arn:aws:iam::" + account + ":role/reports",
		stack.EnvDriver: stack.DriverSteps, stack.EnvStateMachine: machine, stack.EnvPoll: "1",
	}
	env := []string{
		"AWS_ACCESS_KEY_ID=AKADMIN", "AWS_SECRET_ACCESS_KEY=secret", "AWS_ENDPOINT_URL=" + b.moto, "AWS_ENDPOINT_URL_DATASYNC=" + b.own,
	}
	for _, v := range stack.Of(f) {
		if value := values[v.Name]; value != "" {
			env = append(env, v.Name+"="+value)
		}
	}
	return env
}

// serveDataSync serves DataSync. Its one agent is said to be offline while b.offline is set.
func (b *bed) serveDataSync(t *testing.T) {
	t.Helper()
	service, err := mover.New(mover.Config{
		Account: account, Region: region, Store: &movertest.Memory{}, Now: time.Now, Rand: rand.Reader, Version: "test",
		Open: func(context.Context, mover.Location) (storage.Driver, error) {
			return storagetest.NewMemory(storagetest.MemoryOptions{}), nil
		},
		Run: b.run,
	})
	must(t, err)
	must(t, service.Start(t.Context()))
	t.Cleanup(func() { _ = service.Stop(context.WithoutCancel(t.Context())) }) // executions may run
	verifier := awsjson.NewVerifier(awsjson.VerifierOptions{Now: time.Now, Lookup: func(context.Context, string) (awsjson.Key, bool) {
		return awsjson.Key{Secret: "secret", Scopes: []awsjson.Scope{awsjson.ScopeAdmin}}, true
	}})
	mux := awsjson.NewMux(datasyncapi.New(datasyncapi.Options{Mover: service, Verifier: verifier, Logger: slog.New(slog.DiscardHandler), Now: time.Now}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !b.offline.Load() || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListAgents") && !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeAgent") {
			mux.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, r)
		_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte("ONLINE"), []byte("OFFLINE"))) // the client sees what is missing
	}))
	t.Cleanup(server.Close)
	b.own = server.URL
}

// run is an execution: of what kind, its ID says.
func (b *bed) run(ctx context.Context, j engine.Job, _ *engine.Progress) (engine.Result, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(j.Includes, "/"), "/*")
	b.mu.Lock()
	b.runs[id]++
	n, gate := b.runs[id], b.gate[id]
	b.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return engine.Result{}, context.Cause(ctx)
		}
	}
	if strings.HasPrefix(id, "broken") || strings.HasPrefix(id, "flaky") && n == 1 {
		return engine.Result{}, errors.New("the destination hung up")
	}
	return engine.Result{Counters: engine.Counters{EstimatedFilesToTransfer: 1, FilesTransferred: 1, FilesVerified: 1, BytesTransferred: 5, BytesWritten: 5}}, nil
}

// hold makes an ID's executions last until the function returned is called.
func (b *bed) hold(id string) (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gate := make(chan struct{})
	b.gate[id] = gate
	return sync.OnceFunc(func() { close(gate) })
}

func (b *bed) ran(id string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs[id]
}

// serveFunctions is Lambda's Invoke, for the function steps.
func (b *bed) serveFunctions(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, "/invocations") || !strings.Contains(r.URL.Path, "st-steps") {
		http.NotFound(w, r)
		return
	}
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	result, err := b.functions[stack.Steps].Invoke(r.Context(), payload)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	out := result.Payload
	if result.Err() != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out, _ = json.Marshal(map[string]string{"errorType": result.ErrorType, "errorMessage": result.ErrorMessage}) // two strings
	}
	_, _ = w.Write(out) // the client sees what is missing
}

func (b *bed) s3() *s3sdk.Client {
	return s3sdk.New(s3sdk.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys(), UsePathStyle: true})
}

func (b *bed) sfn() *sfn.Client {
	return sfn.New(sfn.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
}

func (b *bed) parameter(t *testing.T, name, value string) {
	t.Helper()
	client := ssm.New(ssm.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()})
	_, err := client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString})
	must(t, err)
}

// provision makes tasks, as the template does.
func (b *bed) provision(t *testing.T, size int) []string {
	t.Helper()
	client := datasyncsdk.New(datasyncsdk.Options{BaseEndpoint: &b.own, Region: region, Credentials: keys()})
	agents, err := client.ListAgents(t.Context(), &datasyncsdk.ListAgentsInput{})
	must(t, err)
	agent := *agents.Agents[0].AgentArn
	_, err = client.TagResource(t.Context(), &datasyncsdk.TagResourceInput{
		ResourceArn: &agent, Tags: []dstypes.TagListEntry{{Key: aws.String(datasync.TagSlots), Value: aws.String("0")}},
	})
	must(t, err)
	got, err := datasync.NewProvisioner(client, datasync.Options{}).Ensure(t.Context(), []datasync.Pool{{
		Route: "orders", Size: size, Source: datasync.Location{Bucket: "outbox"}, Destination: datasync.Location{Bucket: "archive", AgentARNs: []string{agent}},
	}})
	must(t, err)
	arns := []string{}
	for _, task := range got.Tasks {
		arns = append(arns, task.ARN)
	}
	return arns
}

// invoke invokes a function and fails on its error.
func (b *bed) invoke(t *testing.T, f stack.Function) {
	t.Helper()
	r, err := b.functions[f].Invoke(t.Context(), []byte(`{"source":"aws.scheduler"}`))
	if err = errors.Join(err, r.Err()); err != nil {
		t.Fatalf("%s: %v\n%s", f, err, tail(b.functions[f].Log()))
	}
}

func tail(s string) string { return s[max(0, len(s)-6000):] }

// operator is the CLI's end of the function operate.
func (b *bed) operator(t *testing.T) *lambda.Client {
	t.Helper()
	client, err := lambda.Dial(t.Context(), func(ctx context.Context, payload []byte) ([]byte, error) {
		r, err := b.functions[stack.Operate].Invoke(ctx, payload)
		return r.Payload, errors.Join(err, r.Err())
	})
	must(t, err)
	return client
}

// deliver puts a file and asks for its ID.
func (b *bed) deliver(t *testing.T, id string) hikyaku.Transfer {
	t.Helper()
	_, err := b.s3().PutObject(t.Context(), &s3sdk.PutObjectInput{Bucket: aws.String("outbox"), Key: aws.String(id + "/a"), Body: strings.NewReader("hello")})
	must(t, err)
	x, err := b.operator(t).Send(t.Context(), hikyaku.Send{ID: id, Route: "orders"}, hikyaku.Act{By: "ada"})
	must(t, err)
	return x
}

func (b *bed) get(t *testing.T, x hikyaku.Transfer) hikyaku.Transfer {
	t.Helper()
	ledger := dynamo.New(dynamo.Config{
		Client: dynamodb.New(dynamodb.Options{BaseEndpoint: &b.moto, Region: region, Credentials: keys()}), Table: "hikyaku", Now: time.Now,
	})
	got, err := ledger.Transfer(t.Context(), x.TransferID)
	must(t, err)
	return got
}

// until waits for what must become true.
func (b *bed) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still not: %s\n%s\n%s", what, b.histories(t), tail(b.functions[stack.Steps].Log()))
		}
	}
}
