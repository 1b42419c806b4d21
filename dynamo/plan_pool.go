package dynamo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
)

// pool writes tasks.
func (p *planner) pool(ctx context.Context) error {
	for _, w := range p.c.Tasks {
		o := newOp(key{poolPK, taskSK + w.Task.ARN})
		if w.Delete {
			o.delete = true
			if err := p.keepCounts(ctx, w.Task); err != nil {
				return err
			}
		} else {
			t := w.Task
			t.Version++
			record, err := p.l.codec.encode(t)
			if err != nil {
				return fmt.Errorf("encode task %s: %w", t.ARN, err)
			}
			o.set(attrRecord, blob(record))
			o.set(attrVersion, num(t.Version))
			o.set(attrToken, num(t.Token))
			p.tasks[t.ARN] = o
		}
		o.whenVersion(w.Task.Version)
		if w.IfToken != nil {
			o.when("#tok = :was_tok", item{":was_tok": num(*w.IfToken)})
		}
		o.refused = func(old item) error {
			return &hikyaku.ConflictError{What: "task", Key: w.Task.ARN, Owner: leasedBy(old)}
		}
		p.put(o)
	}
	return nil
}

func leasedBy(old item) string {
	var t hikyaku.Task
	if old == nil || decode(bytesOf(old, attrRecord), &t) != nil {
		return ""
	}
	return t.TransferID
}

// keepCounts takes over the counters of a task that is deleted. They cannot
// change meanwhile: that would be another version of the task.
func (p *planner) keepCounts(ctx context.Context, t hikyaku.Task) error {
	counts, known := p.f.counts[t.ARN]
	if !known {
		out, err := p.l.Client.GetItem(ctx, &dynamodb.GetItemInput{
			TableName: p.l.table, Key: key{poolPK, taskSK + t.ARN}.item(), ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			return fmt.Errorf("read counters of task %s: %w", t.ARN, err)
		}
		counts = countsOf(out.Item)
		p.f.counts[t.ARN] = counts
	}
	for name, n := range counts {
		p.add(countKey(t.Route, t.ARN), name, n)
	}
	return nil
}

// countsOf are the counters of an item, by attribute.
func countsOf(it item) map[string]int64 {
	counts := map[string]int64{}
	for name := range it {
		if strings.HasPrefix(name, countPrefix) {
			counts[name] = number(it, name)
		}
	}
	return counts
}

// add changes a counter.
func (p *planner) add(k key, name string, n int64) {
	if p.tally[k] == nil {
		p.tally[k] = map[string]int64{}
	}
	p.tally[k][name] += n
}

// count writes the counters: with the task of the change, which is written
// anyway, if that belongs to the same route, else to an item of their own.
func (p *planner) count(context.Context) error {
	for k, counts := range p.tally {
		o := p.carrier(k)
		if o == nil {
			o = newOp(k)
			p.put(o)
		}
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			if counts[name] != 0 {
				o.add(name, num(counts[name]))
			}
		}
		if len(o.adds) == 0 && len(o.sets) == 0 {
			p.ops = slices.DeleteFunc(p.ops, func(other *op) bool { return other == o })
		}
	}
	return nil
}

// carrier is the task's write that can carry the counters of a route.
func (p *planner) carrier(k key) *op {
	for _, w := range p.c.Tasks {
		if o := p.tasks[w.Task.ARN]; o != nil && len(o.adds) == 0 && head+w.Task.Route == k.sk {
			return o
		}
	}
	return nil
}

// agents upserts agents and moves their slots: one write per agent.
func (p *planner) agents(context.Context) error {
	ops := map[string]*op{}
	of := func(arn string) *op {
		if ops[arn] == nil {
			ops[arn] = newOp(key{poolPK, agentSK + arn})
		}
		return ops[arn]
	}
	taken, freed := tallied(p.c.TakeSlots), tallied(p.c.FreeSlots)
	for _, a := range p.c.Agents {
		if err := p.agent(of(a.ARN), a, taken[a.ARN]-freed[a.ARN]); err != nil {
			return err
		}
	}
	for arn, n := range taken {
		o := of(arn)
		o.when("#on = :yes AND (#sl = :unlimited OR #fr >= :wanted)", item{
			":yes": boolean(true), ":unlimited": num(0), ":wanted": num(n),
		})
		o.move(n - freed[arn])
		carries := p.carry(o, arn, freed[arn])
		o.refused = func(old item) error {
			if day := text(old, attrDay); carries && day != p.c.Carried.Day && p.f.days[arn] != day {
				p.f.days[arn] = day
				return nil
			}
			return &hikyaku.ConflictError{What: "agent", Key: arn}
		}
	}
	for arn, n := range freed {
		if taken[arn] == 0 {
			p.free(of, arn, n)
		}
	}
	for _, arn := range slices.Sorted(maps.Keys(ops)) {
		p.put(ops[arn])
	}
	return nil
}

// tallied counts names.
func tallied(names []string) map[string]int64 {
	n := map[string]int64{}
	for _, name := range names {
		n[name]++
	}
	return n
}

// agent writes an agent's record, and how many slots are free with it.
func (p *planner) agent(o *op, a hikyaku.Agent, moved int64) error {
	slots := int64(a.Slots)
	a.Busy, a.Version, a.Today = 0, 0, hikyaku.Carried{}
	record, err := p.l.codec.encode(a)
	if err != nil {
		return fmt.Errorf("encode agent %s: %w", a.ARN, err)
	}
	o.set(attrRecord, blob(record))
	o.set(attrOnline, boolean(a.Online))
	o.set(attrSlots, num(slots))
	o.add(attrVersion, num(1))
	o.sets = append(o.sets, "#bz = if_not_exists(#bz, :zero) + :moved", "#fr = :spare - if_not_exists(#bz, :zero)")
	o.vals[":zero"], o.vals[":moved"], o.vals[":spare"] = num(0), num(moved), num(slots-moved)
	return nil
}

// move takes slots (or gives them back, below 0), unless the agent's record is
// written with it, which does so.
func (o *op) move(n int64) {
	if slices.ContainsFunc(o.sets, func(s string) bool { return strings.HasPrefix(s, "#bz") }) {
		return
	}
	o.add(attrBusy, num(n))
	o.add(attrFree, num(-n))
}

// free gives slots back, as many as are taken at most.
func (p *planner) free(of func(string) *op, arn string, n int64) {
	if busy, known := p.f.busy[arn]; known {
		n = min(n, busy)
	}
	if n == 0 {
		return
	}
	o := of(arn)
	o.when("#bz >= :back", item{":back": num(n)})
	o.move(-n)
	p.carry(o, arn, n)
	o.refused = func(old item) error {
		p.f.busy[arn], p.f.days[arn] = number(old, attrBusy), text(old, attrDay)
		return nil
	}
}

// carry adds what was carried to the day's tally, once for each of n slots
// given back. It is taken to be of the same day; the day's first write is
// refused, which tells. It reports whether it made a condition.
func (p *planner) carry(o *op, arn string, n int64) bool {
	c := p.c.Carried
	day, known := p.f.days[arn]
	switch {
	case n == 0 || c.Day == "" || known && day > c.Day:
		return false
	case !known || day == c.Day:
		o.when("#dy = :day", item{":day": str(c.Day)})
		o.add(attrDayN, num(n*c.Transfers))
		o.add(attrDayB, num(n*c.Bytes))
		return true
	case day == "":
		o.when("attribute_not_exists(#dy)", nil)
	default:
		o.when("#dy = :was_day", item{":was_day": str(day)})
	}
	o.set(attrDay, str(c.Day))
	o.set(attrDayN, num(n*c.Transfers))
	o.set(attrDayB, num(n*c.Bytes))
	return true
}
