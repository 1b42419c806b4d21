package dynamo

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
)

// query selects items of one partition of the table or an index, in order of
// the sort key.
type query struct {
	index      string // "": the table
	pk         string
	from, to   string // inclusive; from without to is a prefix; both empty: all
	descending bool
	consistent bool
	limit      int // of a page; 0: as DynamoDB likes
	// filter is evaluated before items are sent; its reading costs all the same.
	filter string
	vals   item
}

// sortKeys are the hash and sort keys of the table and its indexes.
func sortKeys(index string) (hash, sort string) {
	switch index {
	case indexTimeline:
		return attrTimeline, attrCreated
	case indexIDs:
		return attrIDShard, attrIDOrder
	case indexQueue:
		return attrQueue, attrQueueAt
	case indexAttention:
		return attrAttention, attrCreated
	}
	return attrPK, attrSK
}

func (q query) input(table *string) *dynamodb.QueryInput {
	hash, sort := sortKeys(q.index)
	vals := item{":hash": str(q.pk)}
	condition := "#" + hash + " = :hash"
	switch {
	case q.from != "" && q.to != "":
		condition += " AND #" + sort + " BETWEEN :from AND :to"
		vals[":from"], vals[":to"] = str(q.from), str(q.to)
	case q.from != "":
		condition += " AND begins_with(#" + sort + ", :from)"
		vals[":from"] = str(q.from)
	}
	in := &dynamodb.QueryInput{
		TableName: table, KeyConditionExpression: aws.String(condition), ExpressionAttributeValues: vals,
		ScanIndexForward: aws.Bool(!q.descending), ConsistentRead: aws.Bool(q.consistent),
	}
	if q.index != "" {
		in.IndexName = aws.String(q.index)
	}
	if q.filter != "" {
		in.FilterExpression = aws.String(q.filter)
		maps.Copy(vals, q.vals)
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(min(q.limit, 1000)))
	}
	in.ExpressionAttributeNames = namesIn(condition + " " + q.filter)
	return in
}

// pages reads a query as far as it is ranged over.
func (l *Ledger) pages(ctx context.Context, q query) iter.Seq2[[]item, error] {
	return func(yield func([]item, error) bool) {
		in := q.input(l.table)
		for {
			out, err := l.Client.Query(ctx, in)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(out.Items, nil) || len(out.LastEvaluatedKey) == 0 {
				return
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
}

// items reads a query page by page, as far as it is ranged over.
func (l *Ledger) items(ctx context.Context, q query) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for page, err := range l.pages(ctx, q) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, it := range page {
				if !yield(it, nil) {
					return
				}
			}
		}
	}
}

// project is a projection of attributes.
func project(attributes []string) (expression *string, names map[string]string) {
	list := "#" + strings.Join(attributes, ", #")
	return aws.String(list), namesIn(list)
}

// batch is how many items BatchGetItem reads.
const batch = 100

// load reads transfers by transfer_id, in that order and each once (an index
// may show one in two places while it moves); those that are gone are left out.
func (l *Ledger) load(ctx context.Context, transferIDs []string) ([]hikyaku.Transfer, error) {
	found := make(map[string]hikyaku.Transfer, len(transferIDs))
	seen := make(map[string]bool, len(transferIDs))
	transferIDs = slices.DeleteFunc(slices.Clone(transferIDs), func(id string) bool {
		again := seen[id] || id == ""
		seen[id] = true
		return again
	})
	for start := 0; start < len(transferIDs); start += batch {
		var keys []item
		for _, id := range transferIDs[start:min(start+batch, len(transferIDs))] {
			keys = append(keys, transferKey(id).item())
		}
		if err := l.loadBatch(ctx, keys, found); err != nil {
			return nil, err
		}
	}
	list := make([]hikyaku.Transfer, 0, len(found))
	for _, id := range transferIDs {
		if t, ok := found[id]; ok {
			list = append(list, t)
		}
	}
	return list, nil
}

func (l *Ledger) loadBatch(ctx context.Context, keys []item, into map[string]hikyaku.Transfer) error {
	projection, names := project(recordOf())
	wanted := types.KeysAndAttributes{Keys: keys, ProjectionExpression: projection, ExpressionAttributeNames: names}
	for try := 0; ; try++ {
		out, err := l.Client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{
			RequestItems: map[string]types.KeysAndAttributes{l.Table: wanted},
		})
		if err != nil {
			return err
		}
		for _, it := range out.Responses[l.Table] {
			t, ok, err := transferIn(it)
			if err != nil {
				return err
			}
			if ok {
				into[t.TransferID] = t
			}
		}
		rest, more := out.UnprocessedKeys[l.Table]
		if !more || len(rest.Keys) == 0 {
			return nil
		}
		wanted = rest
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}
