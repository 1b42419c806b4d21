package stack_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
)

// calls are the AWS actions that a function's log tells of.
func (b *bed) calls(f stack.Function) map[string]int {
	calls := map[string]int{}
	for _, line := range b.functions[f].Lines() {
		if line["msg"] != "aws call" {
			continue
		}
		service, _ := line["service"].(string)
		operation, _ := line["operation"].(string)
		calls[strings.ToLower(service)+":"+operation]++
	}
	return calls
}

// allowed fails for calls that Actions does not list.
func (b *bed) allowed(t *testing.T, f stack.Function) {
	t.Helper()
	as := map[string][]string{ // what IAM calls otherwise
		"dynamodb:TransactWriteItems":      {"dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"},
		"dynamodb:TransactGetItems":        {"dynamodb:GetItem"},
		"s3:ListObjectsV2":                 {"s3:ListBucket"},
		"sqs:SendMessageBatch":             {"sqs:SendMessage"},
		"sqs:DeleteMessageBatch":           {"sqs:DeleteMessage"},
		"datasync:StartTaskExecution":      {"datasync:StartTaskExecution", "datasync:TagResource", "iam:PassRole"},
		"sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"},
	}
	for call := range b.calls(f) {
		actions := as[call]
		if actions == nil {
			actions = []string{call}
		}
		for _, a := range actions {
			if !slices.Contains(stack.Actions(f), a) {
				t.Errorf("%s calls %s, which its role does not allow", f, call)
			}
		}
	}
}
