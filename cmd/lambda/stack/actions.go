package stack

import "slices"

// Actions lists what a function may call, as IAM names it: what its role must
// allow, and nothing else. StartTaskExecution needs TagResource for the tags
// it carries, and PassRole where reports are asked for. A test records what
// the functions call and holds it against this list.
func Actions(f Function) []string {
	ledger := []string{
		"dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem",
	}
	agents := []string{"datasync:DescribeAgent", "datasync:ListAgents", "datasync:ListTagsForResource"}
	starts := []string{
		"datasync:CancelTaskExecution", "datasync:DescribeTask", "datasync:DescribeTaskExecution", "datasync:ListTagsForResource",
		"datasync:StartTaskExecution", "datasync:TagResource", "datasync:UpdateTaskExecution", "events:PutEvents", "iam:PassRole",
		"s3:ListBucket", "sqs:SendMessage", "ssm:GetParameter",
		"states:SendTaskSuccess", "states:StartExecution", // where Step Functions drives
	}
	pool := []string{
		"datasync:DescribeLocationAzureBlob", "datasync:DescribeLocationHdfs", "datasync:DescribeLocationNfs", "datasync:DescribeLocationObjectStorage",
		"datasync:DescribeLocationS3", "datasync:DescribeLocationSmb", "datasync:ListLocations", "ssm:GetParametersByPath",
	}
	// Looking into the dead-letter queue, and moving what lies in it.
	letters := []string{"sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:ReceiveMessage"}
	move := []string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:StartMessageMoveTask"}
	var all []string
	switch f {
	case Intake: // and what the event source mapping does in the function's name
		all = slices.Concat(ledger, starts, []string{"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"})
	case Refresh:
		all = slices.Concat(ledger, starts, pool, letters)
	case Steps:
		all = slices.Concat(ledger, starts)
	case Agents:
		all = slices.Concat(ledger, agents)
	case Operate:
		all = slices.Concat(ledger, starts, move, []string{"ssm:PutParameter"})
	}
	slices.Sort(all)
	return slices.Compact(all)
}
