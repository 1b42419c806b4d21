package hikyaku

import "context"

// BatchCommitter is implemented by ledgers to which every commit is a journey,
// so that several at once are worth it.
type BatchCommitter interface {
	// CommitAll carries out each change as Commit would, and returns what Commit
	// would have returned for each, by index. Changes succeed and fail
	// independently of one another, and in no particular order.
	CommitAll(ctx context.Context, changes []Change) []error
}

// FirstKnower is implemented by ledgers that find out while they commit whether
// an ID is new, which others are asked first. Only they are given changes with
// First.
type FirstKnower interface {
	// KnowsFirst reports that Change.First is obeyed.
	KnowsFirst() bool
}
