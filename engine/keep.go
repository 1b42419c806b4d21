package engine

import (
	"context"

	"github.com/hikyaku/hikyaku/storage"
)

// makeLink makes a link, in the place of what is there if that may be replaced.
func (r *run) makeLink(ctx context.Context, e storage.Entry, target string) error {
	if k, ok := r.links.(storage.NewSymlinkMaker); ok && !r.opt.overwrite {
		return k.MakeNewSymlink(ctx, e, target)
	}
	return r.links.MakeSymlink(ctx, e, target)
}
