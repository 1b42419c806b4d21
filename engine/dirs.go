package engine

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/hikyaku/hikyaku/storage"
)

// dirRole says what is to become of a directory once all below it is done.
type dirRole uint8

const (
	dirStays  dirRole = iota // nothing to do: the root, or out of scope
	dirMake                  // exists at the source
	dirDelete                // exists at the destination only
)

// dirNode is a directory that items are under way in. It lives as long as
// they do: its own work is done by whoever drops the last reference.
type dirNode struct {
	parent *dirNode
	entry  storage.Entry
	role   dirRole
	// existed: the destination had it before.
	existed bool
	refs    atomic.Int32
	// changed: it is to be made or its metadata set, and counts as an item.
	changed atomic.Bool
	// touched: something in it was written or deleted, which moved its mtime.
	touched atomic.Bool
	// kept: something in it stays, so it cannot be deleted.
	kept atomic.Bool
	// failed: it is not to be made, for a reason already reported.
	failed bool
}

// newDirNode returns a node with one reference, holding one to its parent.
func newDirNode(parent *dirNode, e storage.Entry, role dirRole) *dirNode {
	n := &dirNode{parent: parent, entry: e, role: role}
	n.refs.Store(1)
	if parent != nil {
		parent.refs.Add(1)
	}
	return n
}

func (n *dirNode) hold() *dirNode {
	n.refs.Add(1)
	return n
}

// release drops a reference and finishes the directories that become free.
func (r *run) release(ctx context.Context, n *dirNode) {
	for n != nil && n.refs.Add(-1) == 0 {
		if !r.finishDir(ctx, n) {
			return // deferred: it still holds its parent
		}
		n = n.parent
	}
}

// busyDir reports whether finishing n would need the destination.
func (r *run) busyDir(n *dirNode) bool {
	switch n.role {
	case dirMake:
		return !n.failed && (n.changed.Load() || n.touched.Load())
	case dirDelete:
		return !n.kept.Load()
	case dirStays:
	}
	return false
}

// finishDir does what a directory's role asks for; false if that was put off.
func (r *run) finishDir(ctx context.Context, n *dirNode) bool {
	switch {
	case r.job.DryRun:
		r.planDir(n)
	case ctx.Err() != nil || n.failed:
	case n.role == dirMake:
		return r.makeDir(ctx, n)
	case n.role == dirDelete:
		r.removeDir(ctx, n)
	}
	return true
}

func (r *run) planDir(n *dirNode) {
	switch {
	case n.role == dirMake && n.changed.Load() && !n.failed:
		r.report(FileResult{Path: n.entry.Path, Kind: storage.Dir, Action: ActionTransferred})
	case n.role == dirDelete && !n.kept.Load():
		r.report(FileResult{Path: n.entry.Path, Kind: storage.Dir, Action: ActionDeleted})
	case n.role == dirDelete && n.parent != nil:
		n.parent.kept.Store(true)
	}
}

// makeDir makes a directory or sets its metadata, after everything in it.
func (r *run) makeDir(ctx context.Context, n *dirNode) bool {
	count := n.changed.Load()
	if !count && !n.touched.Load() {
		return true
	}
	full, err := n.entry, error(nil)
	if r.srcP.UserMetadata && !full.Implicit && (full.Object == nil) {
		full, err = r.src.Stat(ctx, n.entry.Path)
		if gone(err) { // it went while its contents were copied; they imply it
			full, err = n.entry, nil
			full.Implicit = true
		}
		err = coded(SourceReadFailed, err)
	}
	want := delivered(full, r.opt.preserve, r.srcP, r.dstP)
	want.Path, want.Kind = n.entry.Path, storage.Dir
	bare := want.POSIX == nil && want.ModTime.IsZero()
	switch {
	case err != nil:
	case !count && (bare || !r.dstP.POSIXMetadata || n.entry.Implicit):
		return true // publishing did not change anything that is preserved
	case count && bare && n.touched.Load() && r.dstP.Directories:
		// Its contents' publication made it.
	default:
		err = r.retry(ctx, func() error {
			st, err := r.stage(ctx)
			if err != nil {
				return err
			}
			return st.MakeDir(ctx, want)
		})
	}
	if err == nil && r.opt.verify && r.dstP.POSIXMetadata && !bare {
		err = r.checkDir(ctx, want)
	}
	switch {
	case errors.Is(err, storage.ErrConflict) && r.putOff(task{op: opDir, src: n.entry, node: n}):
		n.refs.Store(1)
		return false
	case err != nil:
		r.failed(ctx, n.entry, phaseTransferring, err)
	case count:
		if r.opt.verify && !r.opt.verifyAll {
			r.prog.c.verified.Add(1)
		}
		r.prog.c.transferred.Add(1)
		r.report(r.details(FileResult{
			Path: n.entry.Path, Kind: storage.Dir, Action: ActionTransferred, Verified: r.opt.verify, Recheck: r.known != nil, Overwrote: n.existed,
		}, &n.entry, &n.entry))
	}
	if n.parent != nil && !n.existed {
		n.parent.touched.Store(true)
	}
	return true
}

// checkDir compares a directory's metadata with what was asked for.
func (r *run) checkDir(ctx context.Context, want storage.Entry) error {
	have, err := r.dst.Stat(ctx, want.Path)
	if err != nil {
		return coded(DestinationReadFailed, err)
	}
	if !samePOSIX(want, have) {
		return &itemError{code: MetadataMismatch, step: Verifying, err: errors.New("directory metadata differs from what was set")}
	}
	return nil
}

func (r *run) removeDir(ctx context.Context, n *dirNode) {
	if n.kept.Load() {
		if n.parent != nil {
			n.parent.kept.Store(true)
		}
		return
	}
	r.remove(ctx, n.entry, n.parent)
}

// remove deletes one item of the destination.
func (r *run) remove(ctx context.Context, e storage.Entry, parent *dirNode) {
	err := r.retry(ctx, func() error { return r.dst.Remove(ctx, e) })
	if err != nil {
		if parent != nil {
			parent.kept.Store(true)
		}
		ie := &itemError{code: DeleteFailed, err: err}
		r.prog.c.failedDelete.Add(1)
		r.report(FileResult{
			Path: e.Path, Kind: e.Kind, Action: ActionFailed, Step: Transferring, Size: e.Size, Err: err, Code: classify(ie), Destination: r.detailed(e),
		})
		return
	}
	if parent != nil {
		parent.touched.Store(true)
	}
	r.prog.c.deleted.Add(1)
	r.report(FileResult{Path: e.Path, Kind: e.Kind, Action: ActionDeleted, Size: e.Size, Destination: r.detailed(e)})
}
