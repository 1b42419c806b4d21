package dynamo

import (
	"context"
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	// maxOps is how many items a transaction may write.
	maxOps = 100
	// maxSends bounds how often a write is sent again that met another one.
	maxSends   = 12
	firstPause = 10 * time.Millisecond
	lastPause  = time.Second
)

// write carries out all writes or none. It returns the stored items of writes
// whose conditions do not hold, by index (nil: there is no item); none if all
// was written. Writes that meet another transaction, or are throttled, are
// sent again a few times.
func (l *Ledger) write(ctx context.Context, ops []*op) (refusals map[int]item, err error) {
	token := crand.Text()
	for try := range maxSends {
		if len(ops) == 1 && !ops[0].check {
			refusals, err = l.writeOne(ctx, ops[0])
		} else {
			refusals, err = l.writeAll(ctx, ops, token)
		}
		if err == nil || !passing(err) {
			return refusals, err
		}
		if wait := pause(ctx, try); wait != nil {
			return nil, errors.Join(err, wait)
		}
	}
	return nil, err
}

// writeOne writes one item, which costs half of a transaction.
func (l *Ledger) writeOne(ctx context.Context, o *op) (map[int]item, error) {
	var err error
	if o.delete {
		_, err = l.Client.DeleteItem(ctx, o.deletion(l.table))
	} else {
		_, err = l.Client.UpdateItem(ctx, o.update(l.table))
	}
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return map[int]item{0: failed.Item}, nil
	}
	return nil, err
}

// writeAll writes several items in one transaction. The token makes a request
// that DynamoDB gets twice, because an answer was lost, count once.
func (l *Ledger) writeAll(ctx context.Context, ops []*op, token string) (map[int]item, error) {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(token)}
	for _, o := range ops {
		in.TransactItems = append(in.TransactItems, o.transact(l.table))
	}
	_, err := l.Client.TransactWriteItems(ctx, in)
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok {
		return nil, err
	}
	var refusals map[int]item
	for i, r := range cancelled.CancellationReasons {
		if aws.ToString(r.Code) != "ConditionalCheckFailed" || i >= len(ops) {
			continue
		}
		if refusals == nil {
			refusals = map[int]item{}
		}
		refusals[i] = r.Item
	}
	if refusals == nil {
		return nil, err
	}
	return refusals, nil
}

// passing reports whether an error passes by itself: another transaction was
// at the same item, or the table or an index is throttled.
func passing(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range cancelled.CancellationReasons {
			switch aws.ToString(r.Code) {
			case "", "None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			default:
				return false
			}
		}
		return true
	}
	for _, is := range []func(error) bool{
		is[*types.TransactionConflictException], is[*types.TransactionInProgressException],
		is[*types.ProvisionedThroughputExceededException], is[*types.RequestLimitExceeded], is[*types.ThrottlingException],
	} {
		if is(err) {
			return true
		}
	}
	return false
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// pause waits a random time that grows with the tries.
func pause(ctx context.Context, try int) error {
	longest := min(firstPause<<min(try, 10), lastPause)
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(longest)))) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
