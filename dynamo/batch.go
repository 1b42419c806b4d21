package dynamo

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// planned is a change of several, with its writes.
type planned struct {
	index int // of the change
	facts *facts
	ops   []*op
}

// CommitAll carries out each change as Commit would, as many as fit in one
// transaction with one call. Those of which a condition does not hold leave the
// others alone, which are sent again without them; what touches the same item
// as another is committed after it.
func (l *Ledger) CommitAll(ctx context.Context, changes []hikyaku.Change) []error {
	errs := make([]error, len(changes))
	var group []planned
	size, keys := 0, map[key]bool{}
	send := func() {
		l.commitGroup(ctx, changes, group, errs)
		group, size, keys = nil, 0, map[key]bool{}
	}
	for i := range changes {
		p := planned{index: i, facts: newFacts()}
		if p.ops, errs[i] = l.plan(ctx, &changes[i], p.facts); errs[i] != nil {
			continue
		}
		if size+len(p.ops) > maxOps || overlaps(keys, p.ops) {
			send()
		}
		for _, o := range p.ops {
			keys[o.key] = true
		}
		group, size = append(group, p), size+len(p.ops)
	}
	send()
	return errs
}

func overlaps(keys map[key]bool, ops []*op) bool {
	for _, o := range ops {
		if keys[o.key] {
			return true
		}
	}
	return false
}

// commitGroup commits changes in one transaction, without those that are
// refused, or else one by one.
func (l *Ledger) commitGroup(ctx context.Context, changes []hikyaku.Change, group []planned, errs []error) {
	var alone []planned
	for len(group) > 1 {
		var ops []*op
		for _, p := range group {
			ops = append(ops, p.ops...)
		}
		refusals, err := l.write(ctx, ops)
		if err == nil && refusals == nil {
			for _, p := range group {
				l.audited(&changes[p.index], p.facts)
			}
			group = nil
			break
		}
		if _, answered := errors.AsType[smithy.APIError](err); err != nil && !answered { // unclear what was written
			for _, p := range group {
				errs[p.index] = fmt.Errorf("commit %d changes: %w", len(group), err)
			}
			group = nil
			break
		}
		held, again := sortOut(group, refusals, errs)
		alone = append(alone, again...)
		if len(held) == len(group) { // nobody knows why
			break
		}
		group = held
	}
	var all sync.WaitGroup
	for _, p := range append(alone, group...) {
		all.Go(func() { errs[p.index] = l.Commit(ctx, changes[p.index]) })
	}
	all.Wait()
}

// sortOut returns which changes of a refused transaction held, and which are to
// be planned again with what was learnt. Those that conflict are told so.
func sortOut(group []planned, refusals map[int]item, errs []error) (held, again []planned) {
	from := 0
	for _, p := range group {
		mine := map[int]item{}
		for i := range p.ops {
			if old, refused := refusals[from+i]; refused {
				mine[i] = old
			}
		}
		from += len(p.ops)
		if len(mine) == 0 {
			held = append(held, p)
			continue
		}
		err := judge(p.ops, mine)
		switch {
		case err == nil:
			again = append(again, p)
		case !errors.Is(err, errWritten):
			errs[p.index] = err
		}
	}
	return held, again
}
