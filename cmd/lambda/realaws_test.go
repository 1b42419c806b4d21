//go:build realaws

package lambda_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	hikyakustack "github.com/hikyaku/hikyaku/cmd/hikyaku/stack"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
)

// TestScenario_realStack runs what is safe of the scenario on a deployed stack:
//
//	HIKYAKU_REAL_AWS_STACK=hikyaku-dev make test-real-aws
//
// The credentials are those of the environment. They must be allowed what the
// stack's viewer and operator policies allow, to put and delete objects below
// the source, to read the dead-letter queue and to describe executions. Where
// the destination is mounted HIKYAKU_REAL_AWS_DESTINATION names its folder; it
// must hold nothing else below the run's prefix. What was uploaded is deleted
// at the end, what was delivered stays.
func TestScenario_realStack(t *testing.T) {
	name := os.Getenv("HIKYAKU_REAL_AWS_STACK")
	if name == "" {
		t.Fatal("HIKYAKU_REAL_AWS_STACK names no stack")
	}
	scenario, err := scenariotest.RealStack()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now().Add(-time.Minute) // clocks differ
	prefix := "test-" + time.Now().UTC().Format("20060102T150405") + "-"
	scenario.Rename(prefix)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Hour)
	defer cancel()
	e := &deployed{t: t, prefix: prefix, began: began}
	if e.stack, err = hikyakustack.Open(ctx, hikyakustack.Options{Name: name, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	if e.config, err = awsconfig.LoadDefaultConfig(ctx); err != nil {
		t.Fatal(err)
	}
	rest, ok := strings.CutPrefix(e.stack.SourceURI, "s3://")
	if e.bucket, e.below, _ = strings.Cut(rest, "/"); !ok || e.bucket == "" {
		t.Fatalf("the stack's source is %q", e.stack.SourceURI)
	}
	t.Cleanup(e.clean)
	scenariotest.Run(ctx, t, scenariotest.Options{
		Scenario: scenario, Edition: e, Root: os.Getenv("HIKYAKU_REAL_AWS_DESTINATION"), Now: time.Now, Poll: 5 * time.Second,
	})
}

// deployed is the edition of a real stack.
type deployed struct {
	t             *testing.T
	stack         *hikyakustack.Stack
	config        aws.Config
	bucket, below string
	prefix        string
	began         time.Time
}

// Name implements scenariotest.Edition.
func (*deployed) Name() string { return "real-aws" }

// Upload implements scenariotest.Edition.
func (e *deployed) Upload(ctx context.Context, o scenariotest.Object) error {
	_, err := s3.NewFromConfig(e.config).PutObject(ctx, &s3.PutObjectInput{Bucket: &e.bucket, Key: aws.String(e.below + o.Key), Body: bytes.NewReader(o.Content)})
	return err
}

// clean removes what was uploaded.
func (e *deployed) clean() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.t.Context()), 5*time.Minute)
	defer cancel()
	client := s3.NewFromConfig(e.config)
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &e.bucket, Prefix: aws.String(e.below + e.prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			e.t.Errorf("list what was uploaded: %v", err)
			return
		}
		for _, o := range page.Contents {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &e.bucket, Key: o.Key}); err != nil {
				e.t.Errorf("delete %s: %v", *o.Key, err)
			}
		}
	}
}

// Send implements scenariotest.Edition.
func (e *deployed) Send(ctx context.Context, body string) error {
	_, err := sqs.NewFromConfig(e.config).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &e.stack.QueueURL, MessageBody: &body})
	return err
}

// Transfers implements scenariotest.Edition: those of this run.
func (e *deployed) Transfers(ctx context.Context) ([]hikyaku.Transfer, error) {
	var mine []hikyaku.Transfer
	for q := (hikyaku.Query{Since: e.began, Limit: 1000}); ; {
		page, err := e.stack.Ledger().Transfers(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Transfers {
			if t.State == hikyaku.Rejected || strings.HasPrefix(t.ID, e.prefix) {
				mine = append(mine, t)
			}
		}
		if q.Token = page.NextToken; q.Token == "" {
			return mine, nil
		}
	}
}

// Events implements scenariotest.Edition.
func (e *deployed) Events(ctx context.Context, transferID string) ([]hikyaku.Event, error) {
	return e.stack.Ledger().Events(ctx, transferID, 0)
}

// Executions implements scenariotest.Edition: those of this run's attempts.
func (e *deployed) Executions(ctx context.Context) ([]scenariotest.Execution, error) {
	all, err := e.Transfers(ctx)
	if err != nil {
		return nil, err
	}
	client := datasync.NewFromConfig(e.config)
	var list []scenariotest.Execution
	for _, t := range all {
		for _, a := range t.Attempts {
			if a.ExecutionARN == "" {
				continue
			}
			d, err := client.DescribeTaskExecution(ctx, &datasync.DescribeTaskExecutionInput{TaskExecutionArn: &a.ExecutionARN})
			if err != nil {
				return nil, err
			}
			x := scenariotest.Execution{ARN: a.ExecutionARN, Start: aws.ToTime(d.StartTime), End: aws.ToTime(d.EndTime)}
			for _, f := range d.Includes {
				x.Include += aws.ToString(f.Value)
			}
			list = append(list, x)
		}
	}
	return list, nil
}

// DeadLetters implements scenariotest.Edition: those of this run's transfers.
// Reading hides letters from others for a minute.
func (e *deployed) DeadLetters(ctx context.Context) ([]map[string]string, error) {
	all, err := e.Transfers(ctx)
	if err != nil {
		return nil, err
	}
	mine := map[string]bool{}
	for _, t := range all {
		mine[t.TransferID] = true
	}
	letters, err := scenariotest.ReadLetters(ctx, sqs.NewFromConfig(e.config), e.stack.DLQURL)
	var list []map[string]string
	for _, l := range letters {
		if mine[l[hikyaku.AttributeTransfer]] {
			list = append(list, l)
		}
	}
	return list, err
}

// Do implements scenariotest.Edition. Only redriving is safe.
func (e *deployed) Do(ctx context.Context, c scenariotest.Command) error {
	if c.Verb != scenariotest.Redrive {
		e.t.Fatalf("%s is not for a stack that others use", c.Verb)
	}
	_, err := e.stack.Operator().RedriveDeadLetters(ctx, c.TransferIDs, hikyaku.Act{Reason: "make test-real-aws: the files are there now"})
	return err
}

var _ scenariotest.Edition = (*deployed)(nil)
