package scenariotest

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// ListExecutions asks DataSync for all executions of the account.
func ListExecutions(ctx context.Context, client *datasync.Client) ([]Execution, error) {
	var arns []string
	pages := datasync.NewListTaskExecutionsPaginator(client, &datasync.ListTaskExecutionsInput{MaxResults: aws.Int32(100)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list executions: %w", err)
		}
		for _, e := range page.TaskExecutions {
			arns = append(arns, *e.TaskExecutionArn)
		}
	}
	found := make(chan Execution, len(arns))
	err := each(ctx, arns, func(ctx context.Context, arn string) error {
		d, err := client.DescribeTaskExecution(ctx, &datasync.DescribeTaskExecutionInput{TaskExecutionArn: &arn})
		if err != nil {
			return fmt.Errorf("describe execution %s: %w", arn, err)
		}
		e := Execution{ARN: arn, Start: aws.ToTime(d.StartTime), End: aws.ToTime(d.EndTime)}
		for _, f := range d.Includes {
			e.Include += aws.ToString(f.Value)
		}
		found <- e
		return nil
	})
	close(found)
	var list []Execution
	for e := range found {
		list = append(list, e)
	}
	return list, err
}

// ReadLetters reads the attributes of all messages in a queue and leaves them
// there, invisible for a while.
func ReadLetters(ctx context.Context, client *sqs.Client, url string) ([]map[string]string, error) {
	var letters []map[string]string
	for empty := 0; empty < 2; {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, VisibilityTimeout: 60, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		if len(out.Messages) == 0 {
			empty++
		}
		for _, m := range out.Messages {
			attributes := map[string]string{}
			for name, value := range m.MessageAttributes {
				attributes[name] = aws.ToString(value.StringValue)
			}
			letters = append(letters, attributes)
		}
	}
	return letters, nil
}
