package storage

import (
	"context"
	"errors"
)

// Keeper is implemented by stages that can leave alone what appears under a
// final name while they write.
type Keeper interface {
	// KeepExisting makes the stage give no file a name that something has by
	// then, also if that appeared a moment before: Create, Finish or Publish
	// fails with [ErrExists] instead, and what is there stays as it is. It is
	// called before the first Create.
	KeepExisting()
}

// NewSymlinkMaker is implemented by a [SymlinkMaker] that can leave alone what
// appears at the link's place.
type NewSymlinkMaker interface {
	// MakeNewSymlink makes the link e.Path, or fails with [ErrExists].
	MakeNewSymlink(ctx context.Context, e Entry, target string) error
}

// ErrExists says that the final name was taken, and the stage keeps what exists.
var ErrExists = errors.New("exists already")
