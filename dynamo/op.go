package dynamo

import (
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// op is one conditional write of one item: an update that makes the item if
// need be, a delete, or a check. In expressions "#name" is the attribute name
// and ":name" a value of vals.
type op struct {
	key           key
	delete, check bool

	sets, removes, adds, deletes, conditions []string

	vals item
	// refused says what it means that the conditions do not hold for the stored
	// item (nil: there is none): a conflict, or nil if a fact was learnt with
	// which the change is to be planned again.
	refused func(old item) error
}

func newOp(k key) *op { return &op{key: k, vals: item{}} }

// set sets an attribute.
func (o *op) set(name string, v types.AttributeValue) {
	o.sets = append(o.sets, "#"+name+" = :"+name)
	o.vals[":"+name] = v
}

// setText sets an attribute, or removes it when the text is empty.
func (o *op) setText(name, s string) {
	if s == "" {
		o.remove(name)
		return
	}
	o.set(name, str(s))
}

func (o *op) remove(name string) { o.removes = append(o.removes, "#"+name) }

// add adds a number, or elements to a set.
func (o *op) add(name string, v types.AttributeValue) {
	o.adds = append(o.adds, "#"+name+" :add_"+name)
	o.vals[":add_"+name] = v
}

// when adds a condition with its values, name and value in turn.
func (o *op) when(condition string, vals item) {
	o.conditions = append(o.conditions, "("+condition+")")
	maps.Copy(o.vals, vals)
}

func (o *op) updateExpression() *string {
	var parts []string
	clause := func(word string, list []string) {
		if len(list) > 0 {
			parts = append(parts, word+" "+strings.Join(list, ", "))
		}
	}
	clause("SET", o.sets)
	clause("REMOVE", o.removes)
	clause("ADD", o.adds)
	clause("DELETE", o.deletes)
	if len(parts) == 0 {
		return nil
	}
	return aws.String(strings.Join(parts, " "))
}

func (o *op) condition() *string {
	if len(o.conditions) == 0 {
		return nil
	}
	return aws.String(strings.Join(o.conditions, " AND "))
}

// names are the placeholders that the expressions use.
func (o *op) names() map[string]string {
	all := strings.Join([]string{aws.ToString(o.updateExpression()), aws.ToString(o.condition())}, " ")
	if o.delete || o.check {
		all = aws.ToString(o.condition())
	}
	return namesIn(all)
}

// namesIn maps each "#name" of an expression to its attribute.
func namesIn(expression string) map[string]string {
	var names map[string]string
	for _, word := range strings.FieldsFunc(expression, func(r rune) bool { return strings.ContainsRune(" ,()=<>+-", r) }) {
		if name, ok := strings.CutPrefix(word, "#"); ok {
			if names == nil {
				names = map[string]string{}
			}
			names[word] = name
		}
	}
	return names
}

func (o *op) values() item {
	if len(o.vals) == 0 {
		return nil
	}
	return o.vals
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

func (o *op) transact(table *string) types.TransactWriteItem {
	switch {
	case o.check:
		return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
			TableName: table, Key: o.key.item(), ConditionExpression: o.condition(), ExpressionAttributeNames: o.names(),
			ExpressionAttributeValues: o.values(), ReturnValuesOnConditionCheckFailure: allOld,
		}}
	case o.delete:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: table, Key: o.key.item(), ConditionExpression: o.condition(), ExpressionAttributeNames: o.names(),
			ExpressionAttributeValues: o.values(), ReturnValuesOnConditionCheckFailure: allOld,
		}}
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: table, Key: o.key.item(), UpdateExpression: o.updateExpression(), ConditionExpression: o.condition(),
		ExpressionAttributeNames: o.names(), ExpressionAttributeValues: o.values(), ReturnValuesOnConditionCheckFailure: allOld,
	}}
}

func (o *op) update(table *string) *dynamodb.UpdateItemInput {
	return &dynamodb.UpdateItemInput{
		TableName: table, Key: o.key.item(), UpdateExpression: o.updateExpression(), ConditionExpression: o.condition(),
		ExpressionAttributeNames: o.names(), ExpressionAttributeValues: o.values(), ReturnValuesOnConditionCheckFailure: allOld,
	}
}

func (o *op) deletion(table *string) *dynamodb.DeleteItemInput {
	return &dynamodb.DeleteItemInput{
		TableName: table, Key: o.key.item(), ConditionExpression: o.condition(), ExpressionAttributeNames: o.names(),
		ExpressionAttributeValues: o.values(), ReturnValuesOnConditionCheckFailure: allOld,
	}
}
