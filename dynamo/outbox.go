package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// attrEntry is an outbox entry's record.
const attrEntry = attrRecord

// outbox adds entries, puts them off and removes them.
func (p *planner) outbox(context.Context) error {
	for _, e := range p.c.Outbox {
		record, err := p.l.codec.encode(e)
		if err != nil {
			return fmt.Errorf("encode outbox entry %s: %w", e.ID, err)
		}
		o := newOp(outboxKey(e.ID))
		o.keep(attrEntry)
		o.vals[":"+attrEntry] = blob(record)
		if p.l.Retention > 0 {
			o.keep(TTLAttribute)
			o.vals[":"+TTLAttribute] = num(e.CreatedAt.Add(max(p.l.Retention, uniqueLife)).Unix())
		}
		p.put(o)
	}
	for _, e := range p.c.OutboxLater {
		if p.f.gone[e.ID] {
			continue
		}
		record, err := p.l.codec.encode(e)
		if err != nil {
			return fmt.Errorf("encode outbox entry %s: %w", e.ID, err)
		}
		o := newOp(outboxKey(e.ID))
		o.set(attrEntry, blob(record))
		o.when("attribute_exists(#pk)", nil)
		o.refused = func(item) error {
			p.f.gone[e.ID] = true
			return nil
		}
		p.put(o)
	}
	for _, id := range p.c.OutboxDone {
		o := newOp(outboxKey(id))
		o.delete = true
		p.put(o)
	}
	return nil
}

// keep sets an attribute that is not there yet.
func (o *op) keep(name string) {
	o.sets = append(o.sets, "#"+name+" = if_not_exists(#"+name+", :"+name+")")
}

// Outbox returns undelivered entries that q selects, oldest first. Of each
// shard it reads as many as are wanted, so that it is exact while fewer than
// q.Limit are selected, and close to it otherwise.
func (l *Ledger) Outbox(ctx context.Context, q hikyaku.OutboxQuery) ([]hikyaku.OutboxEntry, error) {
	if q.Limit <= 0 {
		return nil, nil
	}
	lists, err := sharded(ctx, func(ctx context.Context, s string) ([]hikyaku.OutboxEntry, error) {
		var list []hikyaku.OutboxEntry
		for it, err := range l.items(ctx, query{pk: "O#" + s, from: q.Prefix(), consistent: true, limit: max(q.Limit, batch)}) {
			if err != nil {
				return nil, err
			}
			e, err := entryOf(it)
			if err != nil {
				return nil, err
			}
			if q.Matches(&e) {
				list = append(list, e)
			}
			if len(list) == q.Limit {
				break
			}
		}
		return list, nil
	})
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	all := slices.Concat(lists...)
	slices.SortFunc(all, func(a, b hikyaku.OutboxEntry) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all[:min(len(all), q.Limit)], nil
}

func entryOf(it item) (hikyaku.OutboxEntry, error) {
	var e hikyaku.OutboxEntry
	if err := decode(bytesOf(it, attrEntry), &e); err != nil {
		return e, fmt.Errorf("decode entry %s: %w", text(it, attrSK), err)
	}
	return e, nil
}
