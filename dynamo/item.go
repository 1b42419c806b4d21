package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is a DynamoDB item or a part of it.
type item = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }
func blob(b []byte) types.AttributeValue  { return &types.AttributeValueMemberB{Value: b} }
func texts(s ...string) types.AttributeValue {
	return &types.AttributeValueMemberSS{Value: s}
}

func text(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func number(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // we wrote it
		return n
	}
	return 0
}

func bytesOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func has(it item, name string) bool { _, ok := it[name]; return ok }

func set(it item, name string) []string {
	if v, ok := it[name].(*types.AttributeValueMemberSS); ok {
		return v.Value
	}
	return nil
}

// blocks are the elements of a list of binaries.
func blocks(it item, name string) [][]byte {
	list, _ := it[name].(*types.AttributeValueMemberL)
	if list == nil {
		return nil
	}
	var out [][]byte
	for _, v := range list.Value {
		if b, ok := v.(*types.AttributeValueMemberB); ok {
			out = append(out, b.Value)
		}
	}
	return out
}

func blobs(list ...[]byte) types.AttributeValue {
	out := &types.AttributeValueMemberL{Value: []types.AttributeValue{}}
	for _, b := range list {
		out.Value = append(out.Value, blob(b))
	}
	return out
}
