package engine

import (
	"context"
	"fmt"
	"iter"

	"github.com/hikyaku/hikyaku/storage"
)

// guardSource refuses to take a folder that is not there (an unmounted
// share), or a prefix without any key (a mistyped one), for an empty one when
// that would delete everything. A dry run deletes nothing, and may show it.
func (r *run) guardSource() error {
	if !r.opt.remove {
		return nil
	}
	if !r.srcP.Directories {
		return r.guardPrefix()
	}
	if _, err := r.src.Stat(r.ctx, ""); err != nil {
		return &RunError{Code: SourceUnavailable, Err: fmt.Errorf("look at source %s: %w", r.srcP.Name, err)}
	}
	return nil
}

func (r *run) guardPrefix() error {
	if r.job.DryRun {
		return nil
	}
	next, stop := iter.Pull2(r.src.List(r.ctx, storage.List{}))
	defer stop()
	_, _, found := next()
	switch {
	case found: // also if it cannot be read, which the plan finds out
		return nil
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	}
	return &RunError{Code: SourceGone, Err: fmt.Errorf("source %s has no object at all: PreserveDeletedFiles=REMOVE would empty %s", r.srcP.Name, r.dstP.Name)}
}
