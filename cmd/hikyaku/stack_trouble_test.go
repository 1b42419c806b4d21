package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	datasynctypes "github.com/aws/aws-sdk-go-v2/service/datasync/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
)

// scriptBreak breaks one thing that doctor looks at.
func (b *bed) scriptBreak(ts *testscript.TestScript, _ bool, args []string) {
	breaks := map[string]func(context.Context) error{
		"settings": func(ctx context.Context) error { return b.set(ctx, "/hikyaku/st/settings", `{"paused": maybe}`) },
		"pool": func(ctx context.Context) error {
			return b.set(ctx, "/hikyaku/st/pool/9", b.arn("datasync", "task/task-0123456789abcdef0"))
		},
		"task": b.addOddTask, "agent": b.needAgent, "redrive": b.forgetRedrive, "subscription": b.unsubscribe,
		"letter": func(ctx context.Context) error {
			_, err := sqssdk.NewFromConfig(b.cfg).SendMessage(ctx, &sqssdk.SendMessageInput{QueueUrl: &b.dlqURL, MessageBody: aws.String("lost")})
			return err
		},
		"table": func(ctx context.Context) error {
			client, name := dynamodb.NewFromConfig(b.cfg), "ledger"
			in := dynamo.TableInput(name)
			in.GlobalSecondaryIndexes[0].IndexName = aws.String("other")
			if _, err := client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
				return err
			}
			_, err := client.CreateTable(ctx, in)
			return err
		},
	}
	b.stopSweeps() // they would mend some of it
	ts.Check(breaks[args[0]](context.Background()))
}

func (b *bed) set(ctx context.Context, name, value string) error {
	_, err := ssm.NewFromConfig(b.cfg).PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)})
	return err
}

// addOddTask publishes a task that must not be in a pool.
func (b *bed) addOddTask(ctx context.Context) error {
	out, err := b.dataSync().CreateTask(ctx, &datasyncsdk.CreateTaskInput{
		SourceLocationArn: &b.destination, DestinationLocationArn: &b.location,
		Options: &datasynctypes.Options{TaskQueueing: datasynctypes.TaskQueueingEnabled},
	})
	if err != nil {
		return err
	}
	return b.set(ctx, "/hikyaku/st/pool/8", *out.TaskArn)
}

// needAgent writes into the ledger that a task needs an agent.
func (b *bed) needAgent(ctx context.Context) error {
	ledger := dynamo.New(dynamo.Config{Client: dynamodb.NewFromConfig(b.cfg), Table: "ledger", Now: time.Now})
	pool, err := ledger.Pool(ctx, "orders")
	if err != nil {
		return err
	}
	task := pool.Tasks[0]
	task.AgentARNs = []string{b.arn("datasync", "agent/agent-0b0addbeef44baca3")}
	return ledger.Commit(ctx, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task}}})
}

func (b *bed) forgetRedrive(ctx context.Context) error {
	_, err := sqssdk.NewFromConfig(b.cfg).SetQueueAttributes(ctx, &sqssdk.SetQueueAttributesInput{
		QueueUrl: &b.queueURL, Attributes: map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + b.arn("sqs", "orders-dlq") + `","maxReceiveCount":2}`},
	})
	return err
}

func (b *bed) unsubscribe(ctx context.Context) error {
	client := sns.NewFromConfig(b.cfg)
	out, err := client.ListSubscriptionsByTopic(ctx, &sns.ListSubscriptionsByTopicInput{TopicArn: &b.topic})
	if err != nil {
		return err
	}
	_, err = client.Unsubscribe(ctx, &sns.UnsubscribeInput{SubscriptionArn: out.Subscriptions[0].SubscriptionArn})
	return err
}

// agentOffline is a DataSync that knows one agent more, and that it is gone:
// our own has no agents.
func (b *bed) agentOffline(t *testing.T) string {
	t.Helper()
	own, err := url.Parse(b.own.API)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(own)
		r.Out.Host = r.In.Host // it is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".DescribeAgent") {
			forward.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"Name":"filer-room","Status":"OFFLINE","LastConnectionTime":1795381000}`) // a client that left needs no answer
	}))
	t.Cleanup(server.Close)
	return server.URL
}
