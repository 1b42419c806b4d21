package dynamo

import (
	"strings"

	"github.com/hikyaku/hikyaku"
)

// message takes the name of a message, which is kept in one of two places: in
// the item of its ID, if it is the first one that was accepted of it, and else
// in an item of its own. In this way an ID is known to be new by the write that
// takes the name. done is false when the name still needs an item of its own.
//
// The item of an ID is kept for longer than any name of it: taking one of them
// puts its expiry off.
func (p *planner) message(name string) (done bool) {
	parts := strings.SplitN(name, "|", 4) // as hikyaku.MessageKey puts it together
	if len(parts) != 4 || parts[0] != "message" || parts[2] == "" || parts[3] == "" {
		return false // what was not understood is of no ID
	}
	id, me := parts[1], str(p.c.Transfer.TransferID)
	o := newOp(idKey(parts[2], parts[3]))
	p.l.expire(o, p.l.Now(), max(p.l.Retention, lockLife))
	if p.c.First {
		o.set(attrOwner, me)
		o.set(attrMessage, str(id))
		o.when("attribute_not_exists(#mid)", nil)
	} else {
		o.sets = append(o.sets, "#own = if_not_exists(#own, :me)", "#mid = if_not_exists(#mid, :none)")
		o.set(attrLast, me)
		o.when("attribute_not_exists(#mid) OR #mid <> :mid", item{":me": me, ":mid": str(id), ":none": str("-")})
	}
	o.refused = func(old item) error {
		switch last := text(old, attrLast); {
		case text(old, attrMessage) == id:
			return &hikyaku.ConflictError{What: "unique", Key: name, Owner: text(old, attrOwner)}
		case last != "":
			return &hikyaku.ConflictError{What: "first", Key: name, Owner: last}
		}
		return &hikyaku.ConflictError{What: "first", Key: name, Owner: text(old, attrOwner)}
	}
	p.put(o)
	return p.c.First
}

// KnowsFirst implements hikyaku.FirstKnower: an ID that was accepted before has
// an item.
func (*Ledger) KnowsFirst() bool { return true }
