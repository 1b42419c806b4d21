package mototest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func awsConfig(url string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AK", "secret", ""),
	}
}

// Of many conditional writes of one item at once exactly one goes through, and
// a transaction that is sent twice is carried out once.
func TestStart_dynamodb(t *testing.T) {
	t.Parallel()
	client := dynamodb.NewFromConfig(awsConfig(mototest.Start(t)))
	ctx := t.Context()
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("table"), BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: ddb.KeyTypeHash}},
	})
	must(t, err)
	key := map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: "a"}}
	one := map[string]ddb.AttributeValue{":n": &ddb.AttributeValueMemberN{Value: "1"}}
	var won atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
				TableName: aws.String("table"), Key: key, UpdateExpression: aws.String("SET n = :n"),
				ConditionExpression: aws.String("attribute_not_exists(n)"), ExpressionAttributeValues: one,
			})
			if err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of 20 conditional writes went through, want 1", won.Load())
	}
	for range 2 {
		_, err := client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
			ClientRequestToken: aws.String("token"),
			TransactItems: []ddb.TransactWriteItem{{Update: &ddb.Update{
				TableName: aws.String("table"), Key: key, UpdateExpression: aws.String("ADD n :n"), ExpressionAttributeValues: one,
				ConditionExpression: aws.String("n = :n"),
			}}},
		})
		must(t, err)
	}
	out, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("table"), Key: key})
	must(t, err)
	if n, ok := out.Item["n"].(*ddb.AttributeValueMemberN); !ok || n.Value != "2" {
		t.Errorf("after a transaction sent twice the item is %v, want n = 2", out.Item)
	}
}

// Messages move from a dead-letter queue: back where SQS took them from, or to
// a named queue; others have no way back.
func TestStart_moveTasks(t *testing.T) {
	t.Parallel()
	client := sqs.NewFromConfig(awsConfig(mototest.Start(t)))
	ctx := t.Context()
	queue := func(name string) (url, arn string) {
		out, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name)})
		must(t, err)
		return aws.ToString(out.QueueUrl), "arn:aws:sqs:us-east-1:123456789012:" + name
	}
	dlq, dlqARN := queue("dlq")
	q, qARN := queue("q")
	send := func() {
		_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(dlq), MessageBody: aws.String("A")})
		must(t, err)
	}
	move := func(destination *string) string {
		_, err := client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(dlqARN), DestinationArn: destination})
		must(t, err)
		out, err := client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(dlqARN)})
		must(t, err)
		return fmt.Sprint(aws.ToString(out.Results[0].Status), " ", out.Results[0].ApproximateNumberOfMessagesMoved, " ", aws.ToString(out.Results[0].FailureReason))
	}
	send()
	if got := move(nil); got != "FAILED 0 CouldNotDetermineMessageSource" {
		t.Errorf("moving what was sent there: %s", got)
	}
	if got := move(aws.String(qARN)); got != "COMPLETED 1 " {
		t.Errorf("moving to a queue: %s", got)
	}
	out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(q)})
	must(t, err)
	if len(out.Messages) != 1 || aws.ToString(out.Messages[0].Body) != "A" {
		t.Errorf("the queue has %v, want the message", out.Messages)
	}
}

// A state machine runs more than once.
func TestStart_stepFunctions(t *testing.T) {
	t.Parallel()
	url := mototest.Start(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/moto-api/config",
		strings.NewReader(`{"stepfunctions":{"execute_state_machine":true}}`))
	must(t, err)
	reply, err := http.DefaultClient.Do(request)
	must(t, err)
	must(t, reply.Body.Close())
	client := sfn.NewFromConfig(awsConfig(url))
	machine, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("m"), RoleArn: aws.String("arn:aws:iam::123456789012:role/r"),
		Definition: aws.String(`{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"done":true},"End":true}}}`),
	})
	must(t, err)
	for _, name := range []string{"first", "second"} {
		started, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: machine.StateMachineArn, Name: aws.String(name)})
		must(t, err)
		deadline, tick := time.NewTimer(30*time.Second), time.NewTicker(50*time.Millisecond)
		for status := ""; status != "SUCCEEDED"; {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("the execution is %s", status)
			}
			out, err := client.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: started.ExecutionArn})
			must(t, err)
			status = string(out.Status)
		}
		deadline.Stop()
		tick.Stop()
	}
}

// An expression does the same when it comes again, and is then carried out
// directly, as the first time, when moto does it all.
func TestStart_updates(t *testing.T) {
	t.Parallel()
	client := dynamodb.NewFromConfig(awsConfig(mototest.Start(t)))
	ctx := t.Context()
	text := func(s string) ddb.AttributeValue { return &ddb.AttributeValueMemberS{Value: s} }
	attributes := func(names ...string) (all []ddb.AttributeDefinition) {
		for _, n := range names {
			all = append(all, ddb.AttributeDefinition{AttributeName: aws.String(n), AttributeType: ddb.ScalarAttributeTypeS})
		}
		return all
	}
	keys := func(hash, sort string) []ddb.KeySchemaElement {
		return []ddb.KeySchemaElement{{AttributeName: aws.String(hash), KeyType: ddb.KeyTypeHash}, {AttributeName: aws.String(sort), KeyType: ddb.KeyTypeRange}}
	}
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: aws.String("table"), BillingMode: ddb.BillingModePayPerRequest, AttributeDefinitions: attributes("pk", "sk", "hash", "sort"), KeySchema: keys("pk", "sk"),
		GlobalSecondaryIndexes: []ddb.GlobalSecondaryIndex{{
			IndexName: aws.String("index"), KeySchema: keys("hash", "sort"), Projection: &ddb.Projection{ProjectionType: ddb.ProjectionTypeKeysOnly},
		}},
	})
	must(t, err)
	names := map[string]string{}
	for _, n := range []string{"hash", "sort", "a", "n", "set", "list"} {
		names["#"+n] = n
	}
	values := map[string]ddb.AttributeValue{
		":t": text("text"), ":n": &ddb.AttributeValueMemberN{Value: "7"}, ":m": &ddb.AttributeValueMemberN{Value: "-9"}, ":b": &ddb.AttributeValueMemberB{Value: []byte{0, 1, 255}},
		":s": &ddb.AttributeValueMemberSS{Value: []string{"x", "y"}}, ":x": &ddb.AttributeValueMemberSS{Value: []string{"x"}},
		":none": &ddb.AttributeValueMemberL{}, ":more": &ddb.AttributeValueMemberL{Value: []ddb.AttributeValue{&ddb.AttributeValueMemberB{Value: []byte("block")}}},
	}
	expressions := []string{
		"SET #hash = :t, #sort = :t, #a = :b, #list = list_append(if_not_exists(#list, :none), :more)",
		"SET #list = list_append(if_not_exists(#list, :none), :more), #a = :n REMOVE #hash ADD #n :n, #set :s", "ADD #n :m DELETE #set :x",
		"SET #hash = :n", "ADD #a :s", "DELETE #set :s", "SET #hash = :t REMOVE #a, #set",
	}
	var first []string
	for _, sk := range []string{"moto's", "directly"} {
		key := map[string]ddb.AttributeValue{"pk": text("p"), "sk": text(sk)}
		for i, expression := range expressions {
			used, with := map[string]string{}, map[string]ddb.AttributeValue{}
			for word := range strings.FieldsFuncSeq(expression, func(r rune) bool { return strings.ContainsRune(" ,()=", r) }) {
				if n, ok := names[word]; ok {
					used[word] = n
				}
				if v, ok := values[word]; ok {
					with[word] = v
				}
			}
			_, err := client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []ddb.TransactWriteItem{{Update: &ddb.Update{
				TableName: aws.String("table"), Key: key, UpdateExpression: &expression, ExpressionAttributeNames: used, ExpressionAttributeValues: with,
			}}}})
			out, readErr := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("table"), Key: key})
			must(t, readErr)
			delete(out.Item, "sk")
			found, queryErr := client.Query(ctx, &dynamodb.QueryInput{
				TableName: aws.String("table"), IndexName: aws.String("index"), KeyConditionExpression: aws.String("hash = :t AND sort BETWEEN :t AND :u"),
				FilterExpression: aws.String("sk = :sk"), ExpressionAttributeValues: map[string]ddb.AttributeValue{":t": text("text"), ":u": text("texts"), ":sk": text(sk)},
			})
			must(t, queryErr)
			got := fmt.Sprint(err != nil, found.Count, describe(out.Item))
			if sk == "moto's" {
				first = append(first, got)
			} else if got != first[i] {
				t.Errorf("%s: the second time %s, the first time %s", expression, got, first[i])
			}
		}
	}
	t.Log(strings.Join(first, "\n"))
}

// describe writes an item's attributes, sets and maps in order.
func describe(item map[string]ddb.AttributeValue) string {
	var all []string
	for name, v := range item {
		if set, ok := v.(*ddb.AttributeValueMemberSS); ok {
			slices.Sort(set.Value)
		}
		raw, _ := json.Marshal(v) // of strings, bytes and lists of them
		all = append(all, name+string(raw))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
