package stack

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// TestServices holds what is spoken to SSM and EventBridge against moto.
func TestServices(t *testing.T) {
	t.Parallel()
	url := mototest.Start(t)
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AK", "secret", "")}
	t.Run("parameters", func(t *testing.T) {
		t.Parallel()
		testParameters(t, ssm.NewFromConfig(cfg))
	})
	t.Run("bus", func(t *testing.T) {
		t.Parallel()
		testBus(t, cfg)
	})
}

func testParameters(t *testing.T, client *ssm.Client) {
	t.Helper()
	ctx, p := t.Context(), &parameters{client}
	if _, _, err := p.Get(ctx, "/st/route"); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("Get of nothing = %v", err)
	}
	for want := int64(1); want <= 3; want++ {
		if got, err := p.Put(ctx, "/st/route", strconv.FormatInt(want, 10)); got != want || err != nil {
			t.Errorf("Put = %d, %v; want %d", got, err, want)
		}
	}
	for name, want := range map[string]string{"/st/route": "3", "/st/route:2": "2"} {
		if value, version, err := p.Get(ctx, name); value != want || strconv.FormatInt(version, 10) != want || err != nil {
			t.Errorf("Get %s = %q, %d, %v", name, value, version, err)
		}
	}
	if _, _, err := p.Get(ctx, "/st/route:9"); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("Get of a version that is not there = %v", err)
	}
	for i := range 25 { // three pages
		if _, err := p.Put(ctx, "/st/pool/"+strconv.Itoa(i), "arn"+strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := p.Under(ctx, "/st/pool/"); err != nil || len(got) != 25 || got["/st/pool/24"] != "arn24" {
		t.Errorf("Under = %v, %v", got, err)
	}
	if _, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/st/secret"), Value: aws.String("hush"), Type: types.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}
	read := p.secret("/st/secret")
	for range 2 {
		if got, err := read(ctx); string(got) != "hush" || err != nil {
			t.Errorf("secret = %q, %v", got, err)
		}
	}
	if _, err := p.secret("/st/none")(ctx); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("secret that is not there = %v", err)
	}
}

func testBus(t *testing.T, cfg aws.Config) {
	t.Helper()
	ctx, events, queues := t.Context(), eventbridge.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	q, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("heard")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("ended"), EventPattern: aws.String(`{"source":["hikyaku"],"detail-type":["Hikyaku Transfer Ended"],"detail":{"state":["FAILED"]}}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := events.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("ended"), Targets: []eventtypes.Target{{
		Id: aws.String("q"), Arn: aws.String("arn:aws:sqs:eu-west-1:123456789012:heard"),
	}}}); err != nil {
		t.Fatal(err)
	}
	b := &bus{client: events, name: "default"}
	for _, state := range []string{"SUCCEEDED", "FAILED"} {
		if id, err := b.Send(ctx, hikyaku.OutMessage{Body: `{"state":"` + state + `"}`}); id == "" || err != nil {
			t.Errorf("Send = %q, %v", id, err)
		}
	}
	out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.QueueUrl, WaitTimeSeconds: 10, MaxNumberOfMessages: 10})
	if err != nil || len(out.Messages) != 1 {
		t.Fatalf("received %+v, %v; want the one that matches", out, err)
	}
	var e struct {
		Detail map[string]string `json:"detail"`
	}
	if err := json.Unmarshal([]byte(*out.Messages[0].Body), &e); err != nil || e.Detail["state"] != "FAILED" {
		t.Errorf("event = %s, %v", *out.Messages[0].Body, err)
	}
}

func TestConsoleURL(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:datasync:eu-west-1:123456789012:task/task-1/execution/exec-2":            "https://eu-west-1.console.aws.amazon.com/datasync/home?region=eu-west-1#/history/task-1/exec-2",
		"arn:aws-cn:datasync:cn-north-1:123456789012:task/task-1/execution/exec-2":        "https://cn-north-1.console.amazonaws.cn/datasync/home?region=cn-north-1#/history/task-1/exec-2",
		"arn:aws-us-gov:datasync:us-gov-west-1:123456789012:task/task-1/execution/exec-2": "https://us-gov-west-1.console.amazonaws-us-gov.com/datasync/home?region=us-gov-west-1#/history/task-1/exec-2",
		"arn:aws:datasync:eu-west-1:123456789012:task/task-1":                             "",
		"": "",
	} {
		if got := consoleURL(arn); got != want {
			t.Errorf("%s: %s, want %s", arn, got, want)
		}
	}
}
