package dynamo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
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

// encodeTransfer is a transfer's record without what the item says anyway.
func (l *Ledger) encodeTransfer(t hikyaku.Transfer) ([]byte, error) {
	if bounded(t.ID) == t.ID {
		t.ID = ""
	}
	t.TransferID, t.Route = "", ""
	return l.codec.encode(t)
}

// recordOf is what reading a transfer needs of its item.
func recordOf() []string { return []string{attrPK, attrRecord, attrRoute, attrIDOrder} }

// transferIn is the transfer of an item; ok is false if it has none.
func transferIn(it item) (t hikyaku.Transfer, ok bool, err error) {
	if !has(it, attrRecord) {
		return t, false, nil
	}
	if err := decode(bytesOf(it, attrRecord), &t); err != nil {
		return t, false, fmt.Errorf("decode transfer %s: %w", transferOf(it), err)
	}
	t.TransferID, t.Route = transferOf(it), text(it, attrRoute)
	if order := text(it, attrIDOrder); t.ID == "" && order != "" {
		t.ID = order[:strings.LastIndex(order, sep)]
	}
	return t, true, nil
}

// transferOf is the transfer_id of an item or an index entry.
func transferOf(it item) string { return strings.TrimPrefix(text(it, attrPK), "T#") }

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
