package hikyaku

import (
	"context"
	"time"
)

// Source lists an ID at a route's source before a task is leased for it.
type Source interface {
	// Look lists what the include filter of id (narrowed to paths, nil is all)
	// selects. Missing is no error: Objects is 0. Methods may be called
	// concurrently. Errors are *Error (Transient, Denied, NotFound for the
	// bucket itself).
	Look(ctx context.Context, r Route, id string, paths []string) (Look, error)
}

// Look is what was found at the source.
type Look struct {
	// Listed is false where the source cannot be listed from here; the rest is then zero.
	Listed  bool
	Objects int64
	Bytes   int64
	// Newest is the latest LastModified.
	Newest time.Time
	// Marker tells whether the route's ready marker is there.
	Marker bool
	// Truncated: listing stopped at the budget; Objects and Bytes are lower bounds.
	Truncated bool
}
