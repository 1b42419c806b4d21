// Package dynamo is the hikyaku.Ledger in one DynamoDB table.
//
// A transfer and its events are one item, so that most writes of a running
// transfer touch one item and need no transaction. What a change touches
// beyond that (names, locks, tasks, agents' slots, outbox entries) are items of
// their own, written with it in one TransactWriteItems. docs/dynamodb.md
// describes items, indexes, access paths and what they cost.
package dynamo
