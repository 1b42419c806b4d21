package dynamo

import (
	"context"

	"github.com/hikyaku/hikyaku"
)

// lock takes or frees ACTIVE(route, ID).
//
// Each path has an item that names its holder and the holders of paths below
// it. Freeing leaves the holder's name where it is and takes the mark off the
// holder's transfer, which is written anyway: a named holder without the mark
// holds nothing. Whoever finds one takes its place on condition that the mark
// is still missing.
func (p *planner) lock(context.Context) error {
	t := p.c.Transfer
	if t == nil || !p.c.LockActive && !p.c.UnlockActive {
		return nil
	}
	above := hikyaku.Ancestors(t.ID)
	if !p.c.LockActive {
		for _, path := range above {
			o := newOp(lockKey(t.Route, path))
			o.unlist(t.TransferID)
			p.put(o)
		}
		return nil
	}
	own := newOp(lockKey(t.Route, t.ID))
	own.set(attrOwner, str(t.TransferID))
	own.when("attribute_not_exists(#bl) OR #bl = :me_alone", item{":me_alone": texts(t.TransferID)})
	p.whenFree(own, true)
	for _, path := range above {
		o := newOp(lockKey(t.Route, path))
		if p.c.UnlockActive { // taken and given back at once: it only must be free
			o.unlist(t.TransferID)
		} else {
			o.add(attrBelow, texts(t.TransferID))
		}
		p.whenFree(o, false)
	}
	return nil
}

// unlist takes a transfer off the holders below a path.
func (o *op) unlist(transferID string) {
	o.deletes = append(o.deletes, "#bl :me")
	o.vals[":me"] = texts(transferID)
}

// whenFree demands that nobody else holds the path of a lock's item.
func (p *planner) whenFree(o *op, own bool) {
	t := p.c.Transfer
	p.l.expire(o, p.l.Now(), lockLife)
	o.vals[":holder"] = str(t.TransferID)
	holder := p.f.owners[o.key]
	if holder == "" {
		o.when("attribute_not_exists(#own) OR #own = :holder", nil)
	} else { // it may hold it no more
		o.vals[":holder"] = str(holder)
		o.when("attribute_not_exists(#own) OR #own = :holder", nil)
		if !own {
			o.remove(attrOwner)
		}
		p.whenUnmarked(holder)
	}
	o.refused = func(old item) error {
		if own {
			for _, below := range set(old, attrBelow) {
				if below != t.TransferID {
					return &hikyaku.ConflictError{What: "active", Key: t.ID, Owner: below}
				}
			}
		}
		p.f.owners[o.key] = text(old, attrOwner)
		if p.f.owners[o.key] == t.TransferID {
			delete(p.f.owners, o.key)
		}
		return nil
	}
	p.put(o)
}

// whenUnmarked demands that a transfer holds no lock.
func (p *planner) whenUnmarked(transferID string) {
	k := transferKey(transferID)
	for _, o := range p.ops {
		if o.key == k { // checked already, or given events by the same change
			o.when("attribute_not_exists(#lk)", nil)
			return
		}
	}
	o := newOp(k)
	o.check = true
	o.when("attribute_not_exists(#lk)", nil)
	o.refused = func(item) error {
		return &hikyaku.ConflictError{What: "active", Key: p.c.Transfer.ID, Owner: transferID}
	}
	p.put(o)
}
