package dynamo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
)

// API is the part of *dynamodb.Client that a ledger uses.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

// Config says where a ledger is. Client, Table and Now are required.
type Config struct {
	Client API
	Table  string
	Now    func() time.Time
	// Retention is how long ended transfers and their events are kept after
	// they ended, names and undelivered outbox entries after they were made
	// (14 days at least). 0 keeps everything. DynamoDB removes expired items
	// within a few days, at no cost.
	Retention time.Duration
}

// Ledger is a hikyaku.Ledger in a DynamoDB table made from TableInput. Its
// methods may be called concurrently and by any number of processes.
type Ledger struct {
	Config

	table *string
	codec codec

	learning sync.Mutex
	routes   sync.Map // route → struct{}: known to the table

	auditing  chan struct{}                     // holds one while a record is written
	auditSeen atomic.Pointer[hikyaku.AuditHead] // after the last record written here
}

var (
	_ hikyaku.Ledger         = (*Ledger)(nil)
	_ hikyaku.BatchCommitter = (*Ledger)(nil)
	_ hikyaku.FirstKnower    = (*Ledger)(nil)
	_ hikyaku.PrefixSearcher = (*Ledger)(nil)
	_ hikyaku.FailureLister  = (*Ledger)(nil)
	_ hikyaku.AuditLog       = (*Ledger)(nil)
)

// New returns the ledger in a table. It makes no call. It panics when a
// required field is missing, because that is a mistake in the wiring.
func New(c Config) *Ledger {
	if c.Client == nil || c.Table == "" || c.Now == nil {
		panic("dynamo: Client, Table and Now are required")
	}
	return &Ledger{Config: c, table: aws.String(c.Table), auditing: make(chan struct{}, 1)}
}

// SearchesByPrefix implements hikyaku.PrefixSearcher: DynamoDB has no index of texts.
func (*Ledger) SearchesByPrefix() bool { return true }

// Transfer returns a transfer by its transfer_id, or hikyaku.ErrNotFound. It
// sees the last commit.
func (l *Ledger) Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	if transferID == "" {
		return hikyaku.Transfer{}, fmt.Errorf("transfer %q: %w", transferID, hikyaku.ErrNotFound)
	}
	projection, names := project(recordOf())
	out, err := l.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: l.table, Key: transferKey(transferID).item(), ConsistentRead: aws.Bool(true),
		ProjectionExpression: projection, ExpressionAttributeNames: names,
	})
	if err != nil {
		return hikyaku.Transfer{}, fmt.Errorf("read transfer %s: %w", transferID, err)
	}
	t, ok, err := transferIn(out.Item)
	if err == nil && !ok {
		err = hikyaku.ErrNotFound
	}
	if err != nil {
		return hikyaku.Transfer{}, fmt.Errorf("read transfer %s: %w", transferID, err)
	}
	return t, nil
}

// Events returns a transfer's events with Seq > after, in order; none for an
// unknown transfer. It sees the last commit.
func (l *Ledger) Events(ctx context.Context, transferID string, after int64) ([]hikyaku.Event, error) {
	if transferID == "" {
		return nil, nil
	}
	var events []hikyaku.Event
	q := query{pk: transferKey(transferID).pk, consistent: true}
	for it, err := range l.items(ctx, q) {
		if err != nil {
			return nil, fmt.Errorf("read events of %s: %w", transferID, err)
		}
		for _, block := range blocks(it, attrEvents) {
			var some []hikyaku.Event
			if err := decode(block, &some); err != nil {
				return nil, fmt.Errorf("read events of %s: %w", transferID, err)
			}
			events = append(events, some...)
		}
	}
	events = slices.DeleteFunc(events, func(e hikyaku.Event) bool { return e.Seq <= after })
	for i := range events {
		events[i].TransferID = transferID
	}
	slices.SortFunc(events, func(a, b hikyaku.Event) int { return int(min(max(a.Seq-b.Seq, -1), 1)) })
	return events, nil
}
