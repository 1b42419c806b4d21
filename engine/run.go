package engine

import (
	"context"
	"errors"
)

// Run carries out job and keeps progress (may be nil) up to date. The error
// is for runs that could not be carried through (source unreadable, ctx
// ended: context.Cause(ctx)); Result is filled as far as the run came.
func Run(ctx context.Context, job Job, progress *Progress) (Result, error) {
	return Result{}, errors.New("not built yet")
}
