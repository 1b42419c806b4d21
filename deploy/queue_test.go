package deploy_test

import (
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku/dynamo"
)

func testQueues(t *testing.T, x expansions) {
	tm := x.prod
	s := tm.with(t, "KmsKey=aws")
	queue, dlq := s.Resources["Queue"].Properties, s.Resources["DeadLetterQueue"].Properties
	mapping := s.Resources["IntakeFunctionMessages"].Properties
	function := s.Resources["IntakeFunction"].Properties

	need := 6*number(function["Timeout"]) + number(mapping["MaximumBatchingWindowInSeconds"])
	if got := number(queue["VisibilityTimeout"]); got < need {
		t.Errorf("visibility timeout %d s, want 6 times the function's timeout and the window, %d s", got, need)
	}
	if n := number(at(queue, "RedrivePolicy", "maxReceiveCount")); n < 5 {
		t.Errorf("maxReceiveCount %d, want at least 5: throttles count as receives", n)
	}
	if got := text(at(queue, "RedrivePolicy", "deadLetterTargetArn")); got != "att:DeadLetterQueue.Arn" {
		t.Errorf("dead letters go to %s", got)
	}
	allow := at(dlq, "RedriveAllowPolicy")
	wants := []string{"arn:aws:sqs:" + region + ":" + account + ":" + text(queue["QueueName"])}
	if text(at(allow, "redrivePermission")) != "byQueue" || !slices.Equal(texts(at(allow, "sourceQueueArns")), wants) {
		t.Errorf("redrive-allow policy %v, want byQueue of %v", allow, wants)
	}
	if number(dlq["MessageRetentionPeriod"]) <= number(queue["MessageRetentionPeriod"]) {
		t.Errorf("dead letters are kept for %v s, messages for %v s: a dead letter keeps its first time", dlq["MessageRetentionPeriod"], queue["MessageRetentionPeriod"])
	}
	for name, q := range s.of("AWS::SQS::Queue") {
		if q["SqsManagedSseEnabled"] != true {
			t.Errorf("%s is not encrypted", name)
		}
	}
	if got := texts(mapping["FunctionResponseTypes"]); !slices.Equal(got, []string{"ReportBatchItemFailures"}) {
		t.Errorf("function response types %v", got)
	}
	if n := number(at(mapping, "ScalingConfig", "MaximumConcurrency")); n < 2 || n > 1000 {
		t.Errorf("maximum concurrency %d", n)
	}
	if number(mapping["BatchSize"]) > 10 && number(mapping["MaximumBatchingWindowInSeconds"]) < 1 {
		t.Error("a batch over 10 needs a window")
	}
}

// testTLSOnly wants every queue, bucket and topic to refuse plain
// connections.
func testTLSOnly(t *testing.T, x expansions) {
	tm := x.prod
	s := tm.with(t, "KeyPattern=orders/{id}/*")
	denies := func(policy any, resource string) bool {
		return slices.ContainsFunc(list(at(policy, "Statement")), func(st any) bool {
			return text(at(st, "Effect")) == "Deny" && text(at(st, "Principal")) == "*" && slices.Contains(texts(at(st, "Resource")), resource) &&
				text(at(st, "Condition", "Bool", "aws:SecureTransport")) == "false"
		})
	}
	for name, arn := range map[string]string{
		"QueuePolicy": "att:Queue.Arn", "DeadLetterQueuePolicy": "att:DeadLetterQueue.Arn",
		"ReportBucketPolicy": "att:ReportBucket.Arn/*", "AlarmTopicPolicy": "ref:AlarmTopic",
	} {
		if !denies(s.Resources[name].Properties["PolicyDocument"], arn) {
			t.Errorf("%s does not deny plain connections to %s", name, arn)
		}
	}
	if len(s.of("AWS::SQS::Queue")) != len(s.of("AWS::SQS::QueuePolicy")) {
		t.Error("a queue has no policy")
	}
	events := func(s deployed) bool {
		return strings.Contains(text(s.Resources["QueuePolicy"].Properties), "s3.amazonaws.com")
	}
	if !events(s) || events(tm.with(t, "KeyPattern=")) {
		t.Error("the source bucket may send its events if, and only if, there is a KeyPattern")
	}
}

// testTable holds the table against dynamo.TableInput.
func testTable(t *testing.T, x expansions) {
	tm := x.prod
	table := tm.with(t).Resources["Table"]
	want := dynamo.TableInput("t")

	attributes := map[string]string{}
	for _, a := range want.AttributeDefinitions {
		attributes[aws.ToString(a.AttributeName)] = string(a.AttributeType)
	}
	got := map[string]string{}
	for _, a := range list(table.Properties["AttributeDefinitions"]) {
		got[text(at(a, "AttributeName"))] = text(at(a, "AttributeType"))
	}
	if !reflect.DeepEqual(got, attributes) {
		t.Errorf("attributes %v, want %v", got, attributes)
	}
	if got, want := gotKeys(table.Properties["KeySchema"]), wantKeys(want.KeySchema); got != want {
		t.Errorf("keys %s, want %s", got, want)
	}
	indexes := map[string]string{}
	for _, i := range want.GlobalSecondaryIndexes {
		p := slices.Clone(i.Projection.NonKeyAttributes)
		sort.Strings(p)
		indexes[aws.ToString(i.IndexName)] = wantKeys(i.KeySchema) + " " + string(i.Projection.ProjectionType) + " " + strings.Join(p, ",")
	}
	found := map[string]string{}
	for _, i := range list(table.Properties["GlobalSecondaryIndexes"]) {
		p := texts(at(i, "Projection", "NonKeyAttributes"))
		sort.Strings(p)
		found[text(at(i, "IndexName"))] = gotKeys(at(i, "KeySchema")) + " " + text(at(i, "Projection", "ProjectionType")) + " " + strings.Join(p, ",")
	}
	if !reflect.DeepEqual(found, indexes) {
		t.Errorf("indexes %v, want %v", found, indexes)
	}
	for what, ok := range map[string]bool{
		"on demand":              text(table.Properties["BillingMode"]) == string(want.BillingMode),
		"point in time recovery": at(table.Properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") == true,
		"time to live":           text(at(table.Properties, "TimeToLiveSpecification", "AttributeName")) == dynamo.TTLAttribute,
		"deletion protection":    table.Properties["DeletionProtectionEnabled"] == true,
		"kept with its data":     table.DeletionPolicy == "RetainExceptOnCreate",
		"encrypted by our key":   text(at(table.Properties, "SSESpecification", "KMSMasterKeyId")) == "att:Key.Arn",
	} {
		if !ok {
			t.Errorf("the table is not: %s", what)
		}
	}
	if p := tm.with(t, "DeletionProtection=false").Resources["Table"].Properties; p["DeletionProtectionEnabled"] != false {
		t.Error("deletion protection cannot be switched off")
	}
}

func wantKeys(keys []types.KeySchemaElement) string {
	var all []string
	for _, k := range keys {
		all = append(all, aws.ToString(k.AttributeName)+":"+string(k.KeyType))
	}
	return strings.Join(all, " ")
}

func gotKeys(keys any) string {
	var all []string
	for _, k := range list(keys) {
		all = append(all, text(at(k, "AttributeName"))+":"+text(at(k, "KeyType")))
	}
	return strings.Join(all, " ")
}
