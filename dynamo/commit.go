package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

// maxPlans bounds how often a change is planned anew with what a refusal
// taught about the stored items.
const maxPlans = 12

// errWritten says that a refused write had been carried out already: only its
// answer was lost.
var errWritten = errors.New("written already")

// Commit carries out the whole change or nothing of it. A condition that does
// not hold gives *hikyaku.ConflictError. What the change carries is not kept.
//
// A change is planned on assumptions that hold nearly always (a transfer that
// ends was running, nobody else held the lock), so that nothing needs to be
// read first. The conditions check them; where one does not hold, DynamoDB
// returns the item, and the change is planned again knowing it.
func (l *Ledger) Commit(ctx context.Context, c hikyaku.Change) error {
	if c.Audit != nil {
		done, err := l.auditTurn(ctx)
		if err != nil {
			return err
		}
		defer done()
	}
	return l.commit(ctx, &c, newFacts())
}

func (l *Ledger) commit(ctx context.Context, c *hikyaku.Change, f *facts) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for plans := 0; plans < maxPlans; {
		ops, err := l.plan(ctx, c, f)
		if err != nil {
			return err
		}
		if len(ops) == 0 {
			return nil
		}
		refusals, err := l.write(ctx, ops)
		if err != nil {
			return fmt.Errorf("commit change of %d items: %w", len(ops), err)
		}
		if refusals == nil {
			l.audited(c, f)
			return nil
		}
		races := f.races()
		err = judge(ops, refusals)
		if errors.Is(err, errWritten) {
			return nil
		}
		if err != nil {
			return err
		}
		if f.races() == races {
			plans++
			continue
		}
		if err := pause(ctx, min(races, 3)); err != nil {
			return err
		}
	}
	return fmt.Errorf("commit: the items changed %d times while they were written", maxPlans)
}

// judge asks the refused writes, in order, what that means.
func judge(ops []*op, refusals map[int]item) error {
	for i, o := range ops {
		old, refused := refusals[i]
		if !refused {
			continue
		}
		if o.refused == nil {
			return fmt.Errorf("item %s %s was refused without a condition", o.key.pk, o.key.sk)
		}
		if err := o.refused(old); err != nil {
			return err
		}
	}
	return nil
}

// facts are what refusals taught about stored items.
type facts struct {
	// writer names this commit in the transfer it writes.
	writer []byte
	// heads are transfers' items by transfer_id.
	heads map[string]*stored
	// owners are who holds or held a lock, by its key.
	owners map[key]string
	// busy are agents' slots taken, by ARN.
	busy map[string]int64
	// days are those that agents' tallies are of, by ARN.
	days map[string]string
	// gone are outbox entries that are not there.
	gone map[string]bool
	// counts are the counters that a task to be deleted carries, by ARN.
	counts map[string]map[string]int64
	// chain is the head of the audit log; nil: not needed so far.
	chain *chainHead
}

func newFacts() *facts {
	w := make([]byte, 6)
	_, _ = rand.Read(w) // never fails
	return &facts{
		writer: w, heads: map[string]*stored{}, owners: map[key]string{}, busy: map[string]int64{}, days: map[string]string{},
		gone: map[string]bool{}, counts: map[string]map[string]int64{},
	}
}

// planner makes the writes of a change.
type planner struct {
	l *Ledger
	c *hikyaku.Change
	f *facts

	ops []*op
	// tally are changes of counters, by item and attribute.
	tally map[key]map[string]int64
	tasks map[string]*op // by ARN, of tasks that are not deleted
}

// plan returns the writes of a change, names first: a message that was
// accepted before must be known as such whatever else changed.
func (l *Ledger) plan(ctx context.Context, c *hikyaku.Change, f *facts) ([]*op, error) {
	if c.Transfer == nil && (len(c.Unique) > 0 || c.LockActive || c.UnlockActive) {
		return nil, &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "commit", Message: "unique names and the active lock need a transfer",
		}
	}
	p := &planner{l: l, c: c, f: f, tally: map[key]map[string]int64{}, tasks: map[string]*op{}}
	for _, step := range []func(context.Context) error{
		p.unique, p.transfer, p.otherEvents, p.settings, p.lock, p.pool, p.agents, p.outbox, p.count, p.audit,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	if len(p.ops) > maxOps {
		return nil, &hikyaku.Error{
			Kind: hikyaku.KindInvalid, Op: "commit",
			Message: fmt.Sprintf("the change touches %d items, and DynamoDB writes at most %d at once", len(p.ops), maxOps),
		}
	}
	return p.ops, nil
}

func (p *planner) put(o *op) { p.ops = append(p.ops, o) }

func (p *planner) unique(context.Context) error {
	seen := map[string]bool{}
	for _, name := range p.c.Unique {
		if seen[name] {
			continue
		}
		seen[name] = true
		if p.message(name) {
			continue
		}
		o := newOp(uniqueKey(name))
		o.set(attrOwner, str(p.c.Transfer.TransferID))
		p.l.expire(o, p.l.Now(), max(p.l.Retention, uniqueLife))
		o.when("attribute_not_exists(#own)", nil)
		o.refused = func(old item) error {
			return &hikyaku.ConflictError{What: "unique", Key: name, Owner: text(old, attrOwner)}
		}
		p.put(o)
	}
	return nil
}

func (p *planner) settings(context.Context) error {
	for _, s := range p.c.Settings {
		o := newOp(key{poolPK, routeSK + s.Route})
		version := s.Version
		s.Version++
		record, err := p.l.codec.encode(s)
		if err != nil {
			return fmt.Errorf("encode settings of %s: %w", s.Route, err)
		}
		o.set(attrRecord, blob(record))
		o.set(attrVersion, num(s.Version))
		o.whenVersion(version)
		o.refused = func(item) error { return &hikyaku.ConflictError{What: "settings", Key: s.Route} }
		p.put(o)
	}
	return nil
}

// whenVersion demands the stored version; 0: the item has none.
func (o *op) whenVersion(version int64) {
	if version == 0 {
		o.when("attribute_not_exists(#v)", nil)
		return
	}
	o.when("#v = :was_v", item{":was_v": num(version)})
}
