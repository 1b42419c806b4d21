package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/hikyaku/hikyaku"
)

// Table is the part of *dynamodb.Client that is used.
type Table interface {
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// The items: one a parked transfer, beside the ledger's in its table, in a
// partition that the ledger does not know. Only attempts that follow a failed
// one write here, which are as many as a pool has tasks, so that one partition
// is enough.
const (
	attrPK      = "pk"
	attrSK      = "sk" // the transfer_id
	attrToken   = "token"
	attrEvents  = "events"
	attrExpires = "expires_at" // dynamo.TTLAttribute
	parkedPK    = "STEPS#PARKED"
)

// ParkedFor is how long an execution stays parked: the machine's own time-out.
// After it, the next attempt begins another execution.
const ParkedFor = 24 * time.Hour

// Parking keeps the task tokens of executions that wait for their transfer's
// next attempt. Whoever takes a token away uses it, so that each is used once.
// All fields are required; methods may be called concurrently.
type Parking struct {
	Table     Table
	TableName string
	API       API
	Now       func() time.Time
}

func (p *Parking) key(transferID string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		attrPK: &types.AttributeValueMemberS{Value: parkedPK}, attrSK: &types.AttributeValueMemberS{Value: transferID},
	}
}

// Park keeps a transfer's token, and how many events its execution's history
// has by now. An older token is forgotten.
func (p *Parking) Park(ctx context.Context, transferID, token string, events int) error {
	_, err := p.Table.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &p.TableName, Key: p.key(transferID),
		UpdateExpression:         aws.String("SET #t = :t, #e = :e, #n = :n"),
		ExpressionAttributeNames: map[string]string{"#t": attrToken, "#e": attrExpires, "#n": attrEvents},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":t": &types.AttributeValueMemberS{Value: token},
			":n": &types.AttributeValueMemberN{Value: strconv.Itoa(events)},
			":e": &types.AttributeValueMemberN{Value: strconv.FormatInt(p.Now().Add(ParkedFor).Unix(), 10)},
		},
	})
	if err != nil {
		return fmt.Errorf("park transfer %s: %w", transferID, err)
	}
	return nil
}

// Wake takes a transfer's token away and wakes its execution, which goes
// on with s. It reports
// false when none is parked, or the execution is over.
func (p *Parking) Wake(ctx context.Context, transferID string, s State) (bool, error) {
	out, err := p.Table.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &p.TableName, Key: p.key(transferID), ReturnValues: types.ReturnValueAllOld,
	})
	if err != nil {
		return false, &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "wake transfer", Subject: transferID, Err: err}
	}
	token, ok := out.Attributes[attrToken].(*types.AttributeValueMemberS)
	if !ok {
		return false, nil
	}
	if n, ok := out.Attributes[attrEvents].(*types.AttributeValueMemberN); ok {
		if s.Step.Events, err = strconv.Atoi(n.Value); err != nil {
			return false, fmt.Errorf("read parked transfer %s: %w", transferID, err)
		}
	}
	return p.send(ctx, transferID, token.Value, s)
}

// WakeIf is Wake, but only if token is still the transfer's.
func (p *Parking) WakeIf(ctx context.Context, transferID, token string, s State) (bool, error) {
	_, err := p.Table.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &p.TableName, Key: p.key(transferID),
		ConditionExpression: aws.String("#t = :t"), ExpressionAttributeNames: map[string]string{"#t": attrToken},
		ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberS{Value: token}},
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("wake transfer %s: %w", transferID, err)
	}
	return p.send(ctx, transferID, token, s)
}

func (p *Parking) send(ctx context.Context, transferID, token string, s State) (bool, error) {
	output, err := json.Marshal(s)
	if err != nil {
		return false, fmt.Errorf("write the call that wakes transfer %s: %w", transferID, err)
	}
	_, err = p.API.SendTaskSuccess(ctx, &sfn.SendTaskSuccessInput{TaskToken: &token, Output: aws.String(string(output))})
	if over(err) {
		return false, nil
	}
	return err == nil, wrap("wake execution of transfer", transferID, err)
}

// Parked lists the transfers that are parked, and their tokens.
func (p *Parking) Parked(ctx context.Context) (map[string]string, error) {
	found := map[string]string{}
	pages := dynamodb.NewQueryPaginator(p.Table, &dynamodb.QueryInput{
		TableName: &p.TableName, KeyConditionExpression: aws.String("#p = :p"),
		ExpressionAttributeNames:  map[string]string{"#p": attrPK},
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: parkedPK}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list parked transfers: %w", err)
		}
		for _, item := range page.Items {
			id, named := item[attrSK].(*types.AttributeValueMemberS)
			token, ok := item[attrToken].(*types.AttributeValueMemberS)
			if named && ok {
				found[id.Value] = token.Value
			}
		}
	}
	return found, nil
}
