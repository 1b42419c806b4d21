// Package unitstest counts what DynamoDB would charge for calls: write and read
// units from the sizes of the items and the schema's indexes. (moto's consumed
// capacity is a constant.)
package unitstest

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Client is what a Meter stands in front of.
type Client interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Cost is what calls cost.
type Cost struct {
	// Calls are requests. Trips are waits for the network: calls that are under
	// way together count as one.
	Calls, Trips int
	// Table and Index are write units, Reads read units.
	Table, Index, Reads float64
	// Items are the writes by name of the item's kind, see Meter.Kind.
	Items map[string]float64
}

// Writes are all write units.
func (c Cost) Writes() float64 { return c.Table + c.Index }

// Meter passes calls on and adds up what they cost. It carries out one call at
// a time, and reads items before and after they are written, which it does not
// count.
type Meter struct {
	Client

	// Kind names the kind of an item by its key, for Cost.Items; nil: none.
	Kind func(key Item) string

	indexes []index

	flight  sync.Mutex
	waiting int

	mu   sync.Mutex
	cost Cost
}

// New returns a meter of a client for tables of a schema.
func New(c Client, schema *dynamodb.CreateTableInput) *Meter {
	return &Meter{Client: c, indexes: indexes(schema)}
}

// Take returns the cost since the last call of Take.
func (m *Meter) Take() Cost {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.cost
	m.cost = Cost{}
	return c
}

// call counts one call; done ends it.
func (m *Meter) call() (done func()) {
	m.flight.Lock()
	trip := m.waiting == 0
	m.waiting++
	m.flight.Unlock()
	m.mu.Lock()
	m.cost.Calls++
	if trip {
		m.cost.Trips++
	}
	return func() {
		m.mu.Unlock()
		m.flight.Lock()
		m.waiting--
		m.flight.Unlock()
	}
}

// write is one item that a call writes.
type write struct {
	table  *string
	key    Item
	before Item
	factor float64
}

func (m *Meter) read(ctx context.Context, table *string, key Item) Item {
	out, err := m.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil
	}
	return out.Item
}

// wrote adds up what writes cost that went through, or were refused.
func (m *Meter) wrote(ctx context.Context, writes []write, err error) {
	if err != nil && !refused(err) {
		return
	}
	if m.cost.Items == nil {
		m.cost.Items = map[string]float64{}
	}
	for _, w := range writes {
		now := w.before
		if err == nil {
			now = m.read(ctx, w.table, w.key)
		}
		table := w.factor * units(max(Size(w.before), Size(now)), writeUnit)
		m.cost.Table += table
		if m.Kind != nil {
			m.cost.Items[m.Kind(w.key)] += table
		}
		for _, x := range m.indexes {
			n := x.cost(w.before, now)
			m.cost.Index += n
			if n > 0 {
				m.cost.Items["index "+x.name] += n
			}
		}
	}
}

func refused(err error) bool {
	_, one := errors.AsType[*types.ConditionalCheckFailedException](err)
	_, all := errors.AsType[*types.TransactionCanceledException](err)
	return one || all
}

// UpdateItem implements Client.
func (m *Meter) UpdateItem(ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error) {
	defer m.call()()
	w := []write{{in.TableName, in.Key, m.read(ctx, in.TableName, in.Key), 1}}
	out, err := m.Client.UpdateItem(ctx, in, o...)
	m.wrote(ctx, w, err)
	return out, err
}

// DeleteItem implements Client.
func (m *Meter) DeleteItem(ctx context.Context, in *dynamodb.DeleteItemInput, o ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	defer m.call()()
	w := []write{{in.TableName, in.Key, m.read(ctx, in.TableName, in.Key), 1}}
	out, err := m.Client.DeleteItem(ctx, in, o...)
	m.wrote(ctx, w, err)
	return out, err
}

// TransactWriteItems implements Client. Every item of a transaction costs
// twice, checked ones too; entries of indexes are counted once.
func (m *Meter) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	defer m.call()()
	var writes []write
	for _, i := range in.TransactItems {
		w := write{factor: 2}
		switch {
		case i.Update != nil:
			w.table, w.key = i.Update.TableName, i.Update.Key
		case i.Delete != nil:
			w.table, w.key = i.Delete.TableName, i.Delete.Key
		case i.ConditionCheck != nil:
			w.table, w.key = i.ConditionCheck.TableName, i.ConditionCheck.Key
		}
		w.before = m.read(ctx, w.table, w.key)
		writes = append(writes, w)
	}
	out, err := m.Client.TransactWriteItems(ctx, in, o...)
	m.wrote(ctx, writes, err)
	return out, err
}

// GetItem implements Client.
func (m *Meter) GetItem(ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	defer m.call()()
	m.cost.Reads += price(in.ConsistentRead) * units(Size(m.read(ctx, in.TableName, in.Key)), readUnit)
	return m.Client.GetItem(ctx, in, o...)
}

// price is what a read unit costs.
func price(consistent *bool) float64 {
	if aws.ToBool(consistent) {
		return 1
	}
	return 0.5
}

// BatchGetItem implements Client.
func (m *Meter) BatchGetItem(ctx context.Context, in *dynamodb.BatchGetItemInput, o ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	defer m.call()()
	for table, wanted := range in.RequestItems {
		for _, k := range wanted.Keys {
			m.cost.Reads += price(wanted.ConsistentRead) * units(Size(m.read(ctx, &table, k)), readUnit)
		}
	}
	return m.Client.BatchGetItem(ctx, in, o...)
}

// Query implements Client. A page costs by the sum of what was looked at,
// before the filter.
func (m *Meter) Query(ctx context.Context, in *dynamodb.QueryInput, o ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error) {
	defer m.call()()
	all := *in
	all.Select, all.ProjectionExpression = "", nil
	if in.FilterExpression != nil {
		all.FilterExpression = nil
		all.ExpressionAttributeNames, all.ExpressionAttributeValues = maps.Clone(in.ExpressionAttributeNames), maps.Clone(in.ExpressionAttributeValues)
		unused(&all)
	}
	if out, err := m.Client.Query(ctx, &all); err == nil {
		size := 0
		for _, it := range out.Items {
			size += m.sizeIn(aws.ToString(in.IndexName), it)
		}
		m.cost.Reads += price(in.ConsistentRead) * units(size, readUnit)
	}
	return m.Client.Query(ctx, in, o...)
}

func (m *Meter) sizeIn(name string, it Item) int {
	for _, x := range m.indexes {
		if x.name == name {
			return Size(x.entry(it))
		}
	}
	return Size(it)
}
