package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku/storage"
)

// taskOp says what a worker is to do.
type taskOp uint8

const (
	opCheck  taskOp = iota // doubtful: compare first, then perhaps opCopy
	opCopy                 // transfer a file or link
	opDelete               // delete a destination item that is not a directory
	opDir                  // drop the planner's reference to a directory
)

// task is one item's work. node is the directory it is in (opDir and the
// check of a directory: the directory itself), held by the task.
type task struct {
	op       taskOp
	src, dst storage.Entry
	node     *dirNode
}

// planner merge-joins the two listings and hands out tasks.
type planner struct {
	r       *run
	send    func(t task) bool // false: the run has ended
	stack   []*dirNode        // from the root to the directory the merge is in
	guard   *caseGuard
	protect unread // at the source: nothing there or below is deleted
	unseen  unread // at the destination: nothing there or below is new for sure
	nodst   bool   // the destination is not looked at
}

// plan lists both sides and sends a task for all that is to be done.
func (r *run) plan(ctx context.Context, send func(t task) bool) error {
	p := &planner{r: r, send: send, stack: []*dirNode{newDirNode(nil, storage.Entry{Kind: storage.Dir}, dirStays)}}
	folds := folds(r.dstP)
	p.nodst = r.opt.all && r.opt.overwrite && !folds
	if folds {
		p.guard = newCaseGuard(folding(r.dst))
	}
	ranges := r.sel.includes.ranges()
	src := scan(ctx, r.src, ranges, r.sel, false, func(n int) { r.prog.c.listedAtSource.Add(int64(n)) })
	defer src.close()
	var dst *stream
	if !p.nodst {
		dst = scan(ctx, r.dst, ranges, r.sel, r.opt.remove, nil)
		defer dst.close()
	}
	err := p.merge(src, dst)
	for len(p.stack) > 0 {
		p.pop()
	}
	return err
}

func (p *planner) merge(src, dst *stream) error {
	for {
		s, err := src.peek()
		if err != nil {
			return &RunError{Code: SourceUnavailable, Err: err}
		}
		var d *scanned
		if dst != nil {
			if d, err = dst.peek(); err != nil {
				return atDestination(err)
			}
		}
		ok := true
		switch {
		case s == nil && d == nil:
			return nil
		case s != nil && s.err != nil:
			p.unreadable(s)
			src.advance()
		case d != nil && (d.err != nil || d.excluded):
			if d.err != nil && !p.r.opt.overwrite {
				p.unseen.add(d)
			}
			p.keep(d)
			dst.advance()
		case d == nil || s != nil && s.entry.Path < d.entry.Path:
			ok = p.atSource(&s.entry, nil)
			src.advance()
		case s == nil || d.entry.Path < s.entry.Path:
			ok = p.atDestination(&d.entry)
			dst.advance()
		default:
			ok = p.atSource(&s.entry, &d.entry)
			src.advance()
			dst.advance()
		}
		if !ok {
			return nil
		}
	}
}

// enter leaves the directories that path is not in and returns the innermost left.
func (p *planner) enter(path string) *dirNode {
	for len(p.stack) > 1 && !strings.HasPrefix(path, p.stack[len(p.stack)-1].entry.Path) {
		p.pop()
	}
	return p.stack[len(p.stack)-1]
}

func (p *planner) pop() {
	n := p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	switch {
	case n.role != dirDelete:
	case n.entry.Implicit && p.r.dstP.UserMetadata:
		n.role = dirStays // it is there no longer than what is in it
	case !n.kept.Load():
		p.r.prog.c.estimatedDeletes.Add(1)
		p.r.prog.c.estimatedFiles.Add(1)
	}
	if n.refs.Load() == 1 && p.r.busyDir(n) {
		if p.send(task{op: opDir, src: n.entry, node: n}) {
			return
		}
	}
	p.r.release(p.r.ctx, n)
}

// unreadable reports a source item that the listing could not give.
func (p *planner) unreadable(s *scanned) {
	if p.r.opt.remove {
		p.protect.add(s)
	}
	p.r.failed(p.r.ctx, s.entry, phasePreparing, coded(SourceReadFailed, s.err))
}

// keep notes a destination item that must stay, so that its directories do.
// The merge may not have come as far as the item, so no directory is left.
func (p *planner) keep(d *scanned) {
	for _, n := range p.stack {
		if n.role == dirDelete && strings.HasPrefix(d.entry.Path, n.entry.Path) {
			n.kept.Store(true)
		}
	}
}

// atDestination handles an item the source does not have.
func (p *planner) atDestination(d *storage.Entry) bool {
	if !p.r.opt.remove {
		return true
	}
	n := p.enter(d.Path)
	role := dirDelete
	if p.protect.covers(d.Path) != nil {
		n.kept.Store(true)
		role = dirStays
	}
	if d.Kind == storage.Dir {
		dir := newDirNode(n, *d, role)
		if role == dirStays {
			dir.kept.Store(true)
		}
		p.stack = append(p.stack, dir)
		return true
	}
	if role == dirStays {
		return true
	}
	p.r.prog.c.estimatedDeletes.Add(1)
	p.r.prog.c.estimatedFiles.Add(1)
	return p.send(task{op: opDelete, dst: *d, node: n.hold()})
}

// atSource handles an item of the source, with the destination's if it has one.
func (p *planner) atSource(s, d *storage.Entry) bool {
	n := p.enter(s.Path)
	if p.guard != nil {
		if err := p.guard.check(s.Path); err != nil {
			if s.Kind == storage.Dir {
				p.stack = append(p.stack, p.failedDir(n, s))
			}
			p.r.failed(p.r.ctx, *s, phasePreparing, err)
			return true
		}
	}
	if !p.r.opt.overwrite {
		if bad := p.unseen.covers(s.Path); bad != nil {
			if s.Kind == storage.Dir {
				p.stack = append(p.stack, p.failedDir(n, s))
			}
			p.r.failed(p.r.ctx, *s, phasePreparing, coded(DestinationReadFailed, bad))
			return true
		}
	}
	if s.Kind == storage.Dir {
		return p.dir(n, s, d)
	}
	if err := p.r.refused(s); err != nil {
		p.r.failed(p.r.ctx, *s, phasePreparing, err)
		return true
	}
	t := task{op: opCopy, src: *s}
	if d != nil {
		if !p.r.opt.overwrite {
			p.r.skip(s)
			return true
		}
		t.dst = *d
		if !p.r.opt.all {
			switch p.r.cmp.quick(*s, *d) {
			case unchanged:
				p.r.skip(s)
				return true
			case doubtful:
				t.op = opCheck
			case changed:
			}
		}
	}
	if t.op == opCopy {
		p.r.expect(s)
	}
	t.node = n.hold()
	return p.send(t)
}

// failedDir stands for a directory that cannot be made; what is in it fails too.
func (p *planner) failedDir(parent *dirNode, s *storage.Entry) *dirNode {
	n := newDirNode(parent, *s, dirMake)
	n.failed = true
	return n
}

func (p *planner) dir(parent *dirNode, s, d *storage.Entry) bool {
	n := newDirNode(parent, *s, dirMake)
	n.existed = d != nil && (!d.Implicit || !p.r.dstP.UserMetadata)
	p.stack = append(p.stack, n)
	switch {
	case p.r.dstP.UserMetadata && s.Implicit:
		n.role = dirStays // prefixes need no making
		return true
	case d == nil || p.r.opt.all && p.r.opt.overwrite:
		n.changed.Store(true)
	case !p.r.opt.overwrite:
		n.failed = true // exists and is to be left alone
		p.r.skip(s)
		return true
	default:
		switch p.r.cmp.quick(*s, *d) {
		case unchanged:
			p.r.skip(s)
			return true
		case doubtful:
			return p.send(task{op: opCheck, src: *s, dst: *d, node: n.hold()})
		case changed:
			n.changed.Store(true)
		}
	}
	p.r.expect(s)
	return true
}

// expect adds an item to the estimates.
func (r *run) expect(s *storage.Entry) {
	r.prog.c.estimatedFiles.Add(1)
	r.prog.c.estimatedBytes.Add(s.Size)
}

// refused says why an item of the source cannot be transferred, if so.
func (r *run) refused(s *storage.Entry) error {
	switch {
	case s.Kind == storage.Other:
		return coded(UnsupportedType, errors.New("devices, FIFOs and sockets are not transferred"))
	case s.Kind == storage.Symlink && (r.links == nil || !r.srcP.Symlinks):
		return coded(UnsupportedType, fmt.Errorf("%s cannot hold symbolic links", r.dstP.Name))
	case r.dstP.MaxFile > 0 && s.Size > r.dstP.MaxFile:
		return coded(FileTooLarge, fmt.Errorf("%d bytes, %s takes at most %d", s.Size, r.dstP.Name, r.dstP.MaxFile))
	}
	return nil
}
