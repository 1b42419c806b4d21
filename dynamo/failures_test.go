package dynamo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/unitstest"
)

// failed returns a transfer that failed, every third with an open dead letter.
func failed(n int) *hikyaku.Transfer {
	t := transfer(n)
	t.State, t.WaitingReason, t.EndedAt = hikyaku.Failed, "", t.CreatedAt.Add(time.Minute)
	t.Failure = &hikyaku.Failure{Code: "HKY-2001", Kind: hikyaku.KindNotFound, Message: fmt.Sprintf("there is nothing under %s", t.ID)}
	t.Paths = []string{strings.Repeat("a/", 2000)} // which lists of failures need not read
	if n%3 == 0 {
		t.DeadLetter = hikyaku.DeadLetterSent
	}
	return t
}

// TestLedger_Failures_reads lists from the index alone, a few dozen transfers
// for a read unit, and reads only those that were written before entries of the
// index said enough.
func TestLedger_Failures_reads(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	meter := unitstest.New(m.client, dynamo.TableInput("schema"))
	var table string
	l := m.ledger(t, func(c *dynamo.Config) { c.Client, table = meter, c.Table })
	const n = 120
	var all []*hikyaku.Transfer
	for i := range n {
		x := failed(i)
		all = append(all, x)
		commit(t, l, hikyaku.Change{Transfer: x})
	}
	slices.Reverse(all)
	ask := func(q hikyaku.FailureQuery, want int, units float64) {
		t.Helper()
		meter.Take()
		list, more, err := l.Failures(t.Context(), q)
		must(t, err)
		cost := meter.Take()
		if len(list) != want || more {
			t.Fatalf("%+v: got %d, %v, want %d", q, len(list), more, want)
		}
		for i, x := range slices.DeleteFunc(slices.Clone(all), func(x *hikyaku.Transfer) bool { return len(q.DeadLetters) > 0 && x.DeadLetter == "" }) {
			f := hikyaku.FailedTransfer{
				ID: x.ID, Route: x.Route, State: x.State, DeadLetter: x.DeadLetter, EndedAt: x.EndedAt,
				Failure: hikyaku.Failure{Code: x.Failure.Code, Message: x.Failure.Message},
			}
			if list[i] != f {
				t.Errorf("%+v: %d is %+v, want %+v", q, i, list[i], f)
			}
		}
		if cost.Reads > units {
			t.Errorf("%+v costs %g read units in %d calls, want at most %g", q, cost.Reads, cost.Calls, units)
		}
		t.Logf("%d failures: %g read units, %d calls, %d trips", want, cost.Reads, cost.Calls, cost.Trips)
	}
	failures := hikyaku.FailureQuery{States: []hikyaku.State{hikyaku.Failed, hikyaku.Rejected}, Limit: 10_000}
	letters := hikyaku.FailureQuery{DeadLetters: []hikyaku.DeadLetterState{hikyaku.DeadLetterSent}, Limit: 5000}
	ask(failures, n, n/20)
	ask(letters, n/3, n/20)
	const old = 6
	for _, x := range all[3 : 3+old] { // as entries were at first
		_, err := m.client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{
			TableName: aws.String(table), UpdateExpression: aws.String("SET cd = :c"),
			Key:                       unitstest.Item{"pk": &types.AttributeValueMemberS{Value: "T#" + x.TransferID}, "sk": &types.AttributeValueMemberS{Value: "#"}},
			ExpressionAttributeValues: unitstest.Item{":c": &types.AttributeValueMemberS{Value: x.Failure.Code}},
		})
		must(t, err)
	}
	ask(failures, n, n/20+old)
	page, err := l.Transfers(t.Context(), hikyaku.Query{Code: "HKY-2001", Limit: 1000})
	if err != nil || len(page.Transfers) != n {
		t.Errorf("by code, old entries and new: %d transfers, %v; want %d", len(page.Transfers), err, n)
	}
	page, err = l.Transfers(t.Context(), hikyaku.Query{Code: "HKY-200", Limit: 1000})
	if err != nil || len(page.Transfers) != 0 {
		t.Errorf("by the beginning of a code: %d transfers, %v; want none", len(page.Transfers), err)
	}
}

// TestLedger_Failures_error says which list could not be read.
func TestLedger_Failures_error(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	l := dynamo.New(dynamo.Config{Client: m.client, Table: "none", Now: noon})
	_, _, err := l.Failures(t.Context(), hikyaku.FailureQuery{Limit: 10})
	var gone *types.ResourceNotFoundException
	if !errors.As(err, &gone) || !strings.HasPrefix(err.Error(), "list failures: ") {
		t.Errorf("no table: got %v", err)
	}
}
