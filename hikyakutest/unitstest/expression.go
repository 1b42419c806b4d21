package unitstest

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// unused removes placeholders that only a filter used.
func unused(in *dynamodb.QueryInput) {
	words := strings.FieldsFunc(aws.ToString(in.KeyConditionExpression), func(r rune) bool { return strings.ContainsRune(" ,()=<>", r) })
	used := map[string]bool{}
	for _, w := range words {
		used[w] = true
	}
	for name := range in.ExpressionAttributeNames {
		if !used[name] {
			delete(in.ExpressionAttributeNames, name)
		}
	}
	for name := range in.ExpressionAttributeValues {
		if !used[name] {
			delete(in.ExpressionAttributeValues, name)
		}
	}
}
