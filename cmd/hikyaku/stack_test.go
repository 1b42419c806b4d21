package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	datasynctypes "github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

const (
	bedRegion  = "eu-west-1" // the Runtime API's
	bedAccount = "123456789012"
	bedStack   = "st"
	bedReports = "stack-reports"
)

// bed is an AWS account on this machine with one stack in it: CloudFormation,
// DynamoDB, SQS, SSM, SNS and STS by moto, S3 and DataSync by ourselves with
// the real engine, and the real Lambda binaries.
type bed struct {
	moto, lambda string
	own          cli.Endpoints
	cfg          aws.Config
	queueURL     string
	dlqURL       string
	topic        string
	location     string // of the source
	destination  string
	stopSweeps   func()
	functions    map[string]*lambdatest.Function
}

// bedFunctions are those that the bed runs.
func bedFunctions() []string { return []string{"intake", "refresh", "operate"} }

// buildFunctions builds the functions; the files live as long as t.
func buildFunctions(t *testing.T) map[string]string {
	t.Helper()
	if _, err := exec.LookPath("moto_server"); err != nil {
		mototest.Start(t) // says what is missing
	}
	built := map[string]string{}
	for _, name := range bedFunctions() {
		built[name] = lambdatest.Build(t, "github.com/hikyaku/hikyaku/cmd/lambda/"+name)
	}
	return built
}

func newBed(t *testing.T, built map[string]string) *bed {
	t.Helper()
	b := &bed{moto: mototest.Start(t), functions: map[string]*lambdatest.Function{}}
	b.serve(t)
	b.cfg = aws.Config{
		Region: bedRegion, Credentials: credentials.NewStaticCredentialsProvider(b.own.AccessKeyID, b.own.SecretAccessKey, ""),
		BaseEndpoint: &b.moto,
	}
	ctx := t.Context()
	if _, err := dynamodb.NewFromConfig(b.cfg).CreateTable(ctx, dynamo.TableInput("ledger")); err != nil {
		t.Fatal(err)
	}
	b.dlqURL = b.queue(t, "orders-dlq", nil)
	b.queueURL = b.queue(t, "orders", map[string]string{
		"VisibilityTimeout": "360", "RedrivePolicy": `{"deadLetterTargetArn":"` + b.arn("sqs", "orders-dlq") + `","maxReceiveCount":5}`,
	})
	b.parameter(t, "/hikyaku/st/settings", `{"schema_version": 1, "paused": false}`)
	for i, task := range b.tasks(t, 2) {
		b.parameter(t, "/hikyaku/st/pool/"+strconv.Itoa(i), task)
	}
	topic, err := sns.NewFromConfig(b.cfg).CreateTopic(ctx, &sns.CreateTopicInput{Name: aws.String("alarms")})
	if err != nil {
		t.Fatal(err)
	}
	b.topic = *topic.TopicArn
	if _, err := sns.NewFromConfig(b.cfg).Subscribe(ctx, &sns.SubscribeInput{TopicArn: &b.topic, Protocol: aws.String("sqs"), Endpoint: aws.String(b.arn("sqs", "orders-dlq"))}); err != nil {
		t.Fatal(err)
	}
	b.stack(t, bedStack, b.outputs())
	b.stack(t, "foreign", map[string]string{"QueueUrl": b.queueURL})
	for name, change := range map[string][2]string{
		"untabled": {"TableName", "gone"}, "unmanned": {"OperateFunctionName", "gone"}, "crashing": {"OperateFunctionName", "crash"},
		"forbidden": {"OperateFunctionName", "forbidden"}, "unqueued": {"QueueUrl", b.queueURL + "-gone"},
	} {
		outputs := b.outputs()
		outputs[change[0]] = change[1]
		b.stack(t, name, outputs)
	}
	for _, name := range bedFunctions() {
		f := lambdatest.New(lambdatest.Options{Binary: built[name], Env: b.functionEnv(), Name: name, Timeout: 20 * time.Second})
		b.functions[name] = f
		t.Cleanup(f.Close)
	}
	b.serveLambda(t)
	b.agent(t)
	b.run(t)
	return b
}

// serve starts a self-hosted server for its S3 and its DataSync.
func (b *bed) serve(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	data, config := filepath.Join(dir, "data"), filepath.Join(dir, "hikyaku.yaml")
	text := "s3: {endpoint: embedded, region: " + bedRegion + "}\nlisten: {console: '127.0.0.1:0', api: '127.0.0.1:0', s3: '127.0.0.1:0'}\n" +
		"routes: {unused: {source: s3://unused/, destination: 'file://" + filepath.Join(dir, "delivered") + "'}}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := exec.Command(builtBinary(t), "serve", "--config", config, "--data", data, "--log-level", "warn") //nolint:gosec,noctx // the binary under test; ended below
	server.Stdout, server.Stderr = t.Output(), t.Output()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill() // it may have ended
		_ = server.Wait()         // killed: always an error
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	eventually(ctx, t, "the server is ready", func() bool {
		e, err := readEndpoints(data)
		b.own = e
		return err == nil && serverReady(ctx, e.Console)
	})
}

func (b *bed) arn(service, name string) string {
	return "arn:aws:" + service + ":" + bedRegion + ":" + bedAccount + ":" + name
}

func (b *bed) s3() *s3sdk.Client {
	return s3sdk.NewFromConfig(b.cfg, func(o *s3sdk.Options) { o.BaseEndpoint, o.UsePathStyle = &b.own.S3, true })
}

func (b *bed) dataSync() *datasyncsdk.Client {
	return datasyncsdk.NewFromConfig(b.cfg, func(o *datasyncsdk.Options) { o.BaseEndpoint = &b.own.API })
}

func (b *bed) queue(t *testing.T, name string, attributes map[string]string) string {
	t.Helper()
	out, err := sqssdk.NewFromConfig(b.cfg).CreateQueue(t.Context(), &sqssdk.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

func (b *bed) parameter(t *testing.T, name, value string) {
	t.Helper()
	if _, err := ssm.NewFromConfig(b.cfg).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
}

// tasks makes buckets, locations and tasks, as the template does.
func (b *bed) tasks(t *testing.T, n int) []string {
	t.Helper()
	locations := map[string]string{}
	for _, bucket := range []string{"stack-outbox", "stack-archive", bedReports} {
		if _, err := b.s3().CreateBucket(t.Context(), &s3sdk.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		out, err := b.dataSync().CreateLocationS3(t.Context(), &datasyncsdk.CreateLocationS3Input{
			S3BucketArn: aws.String("arn:aws:s3:::" + bucket), S3Config: &datasynctypes.S3Config{BucketAccessRoleArn: aws.String("arn:aws:iam::" + bedAccount + ":role/datasync")},
		})
		if err != nil {
			t.Fatal(err)
		}
		locations[bucket] = *out.LocationArn
	}
	b.location, b.destination = locations["stack-outbox"], locations["stack-archive"]
	var arns []string
	for range n {
		out, err := b.dataSync().CreateTask(t.Context(), &datasyncsdk.CreateTaskInput{
			SourceLocationArn: &b.location, DestinationLocationArn: aws.String(locations["stack-archive"]),
			Options: &datasynctypes.Options{TaskQueueing: datasynctypes.TaskQueueingDisabled, PreserveDeletedFiles: datasynctypes.PreserveDeletedFilesPreserve},
		})
		if err != nil {
			t.Fatal(err)
		}
		arns = append(arns, *out.TaskArn)
	}
	return arns
}

// outputs are those of the template that the tools read.
func (b *bed) outputs() map[string]string {
	return map[string]string{
		"RouteName": "orders", "QueueUrl": b.queueURL, "QueueArn": b.arn("sqs", "orders"), "DeadLetterQueueUrl": b.dlqURL,
		"DeadLetterQueueArn": b.arn("sqs", "orders-dlq"), "TableName": "ledger", "OperateFunctionName": "st-operate",
		"SettingsParameterName": "/hikyaku/st/settings", "PoolPath": "/hikyaku/st/pool/", "SourceLocationArn": b.location,
		"SourceUri": "s3://stack-outbox/", "AlarmTopicArn": b.topic, "ReportBucketName": bedReports, "DashboardUrl": "https://example.com/dashboard",
	}
}

// stack makes a CloudFormation stack that says these outputs.
func (b *bed) stack(t *testing.T, name string, outputs map[string]string) {
	t.Helper()
	type m = map[string]any
	values := m{}
	for k, v := range outputs {
		values[k] = m{"Value": v}
	}
	template, err := json.Marshal(m{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Resources":                m{"Note": m{"Type": "AWS::SSM::Parameter", "Properties": m{"Type": "String", "Name": "/note/" + name, "Value": "made by a test"}}},
		"Outputs":                  values,
	})
	if err != nil {
		t.Fatal(err)
	}
	client := cloudformation.NewFromConfig(b.cfg)
	if _, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(string(template))}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	eventually(ctx, t, "stack "+name+" is made", func() bool {
		out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
		return err == nil && out.Stacks[0].StackStatus == cfntypes.StackStatusCreateComplete
	})
}

func (b *bed) functionEnv() []string {
	return append(b.endpoints(),
		"HIKYAKU_STACK="+bedStack, "HIKYAKU_ROUTE=orders", "HIKYAKU_TABLE=ledger", "HIKYAKU_QUEUE_URL="+b.queueURL, "HIKYAKU_DLQ_URL="+b.dlqURL,
		"HIKYAKU_SOURCE_BUCKET=stack-outbox", "HIKYAKU_DESTINATION=s3://stack-archive/", "HIKYAKU_SETTINGS_PARAMETER=/hikyaku/st/settings",
		"HIKYAKU_POOL_PATH=/hikyaku/st/pool/", "HIKYAKU_SOURCE_LOCATION_ARN="+b.location, "HIKYAKU_REPORT_BUCKET="+bedReports,
		"HIKYAKU_REPORT_ROLE_ARN=arn:aws:iam::"+bedAccount+":role/report", "HIKYAKU_RETENTION_DAYS=90",
	)
}

// endpoints leads AWS's SDKs here.
func (b *bed) endpoints() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + b.own.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + b.own.SecretAccessKey,
		"AWS_ENDPOINT_URL=" + b.moto, "AWS_ENDPOINT_URL_DATASYNC=" + b.own.API, "AWS_ENDPOINT_URL_S3=" + b.own.S3,
	}
}

// serveLambda is Lambda's Invoke for the function operate.
func (b *bed) serveLambda(t *testing.T) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", func(w http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code, message string) {
			w.Header().Set("X-Amzn-ErrorType", code)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"Message":"`+message+`"}`) // a client that left needs no answer
		}
		f := b.functions[strings.TrimPrefix(r.PathValue("name"), bedStack+"-")]
		switch {
		case r.PathValue("name") == "forbidden":
			refuse(http.StatusForbidden, "AccessDeniedException", "User is not authorized to perform lambda:InvokeFunction")
			return
		case r.PathValue("name") == "crash":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			_, _ = io.WriteString(w, `{"errorType":"string","errorMessage":"boom"}`)
			return
		case f == nil:
			refuse(http.StatusNotFound, "ResourceNotFoundException", "Function not found")
			return
		}
		payload, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		result, err := f.Invoke(r.Context(), payload)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		case result.ErrorType != "":
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			result.Payload, _ = json.Marshal(map[string]string{"errorType": result.ErrorType, "errorMessage": result.ErrorMessage})
		}
		_, _ = w.Write(result.Payload)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	b.lambda = server.URL
}

// agent puts an agent into the ledger, as the function agents does.
func (b *bed) agent(t *testing.T) {
	t.Helper()
	ledger := dynamo.New(dynamo.Config{Client: dynamodb.NewFromConfig(b.cfg), Table: "ledger", Now: time.Now})
	now := time.Now().UTC()
	err := ledger.Commit(t.Context(), hikyaku.Change{Agents: []hikyaku.Agent{{
		ARN: b.arn("datasync", "agent/agent-0b0addbeef44baca3"), Name: "filer-room", Online: true, Slots: 1, LastContact: now, Since: now, SeenAt: now,
	}}})
	if err != nil {
		t.Fatal(err)
	}
}

// run polls the queue and sweeps until the test ends.
func (b *bed) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	p, err := lambdatest.StartPoller(ctx, lambdatest.PollerOptions{Client: sqssdk.NewFromConfig(b.cfg), QueueURL: b.queueURL, Function: b.functions["intake"]})
	if err != nil {
		t.Fatal(err)
	}
	var sweeps sync.WaitGroup
	sweeping, stopSweeping := context.WithCancel(ctx)
	b.stopSweeps = func() {
		stopSweeping()
		sweeps.Wait()
	}
	sweeps.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for sweeping.Err() == nil {
			if r, err := b.functions["refresh"].Invoke(context.WithoutCancel(ctx), []byte(`{}`)); err != nil || r.Err() != nil {
				t.Logf("sweep: %v %v", err, r.Err())
			}
			select {
			case <-tick.C:
			case <-sweeping.Done():
			}
		}
	})
	t.Cleanup(func() {
		stop()
		b.stopSweeps()
		p.Stop()
		if t.Failed() {
			for name, f := range b.functions {
				log := f.Log()
				t.Logf("%s:\n%s", name, log[max(0, len(log)-3000):])
			}
		}
	})
}
