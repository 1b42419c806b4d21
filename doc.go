// Package hikyaku is the domain: what a transfer, a route, a task pool, a
// lease and an event are, the rules by which transfers change state, the
// catalogue of errors, and the contracts that the technologies around it
// fulfil (Ledger, Queue, Executor, Source).
//
// It imports the standard library only and does not know SQS, HTTP, SQLite,
// DynamoDB or exit codes. Data flows one way: a message is accepted into the
// ledger; dispatch looks at the source, leases a task of the route's pool and
// starts an execution; refreshing follows it; settling ends it.
//
//	QUEUED ──assign──► STARTING ──► RUNNING ──► SUCCEEDED
//	  ▲  ▲                │            │
//	  │  └── retryable ───┴────────────┼──► FAILED
//	  └────────── rerun ◄──────────────┴──► CANCELLED        REJECTED: never understood
//
// Not guaranteed by the domain: durability, which is the Ledger's promise.
package hikyaku
