package dynamo

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
)

const (
	// maxBlocks is how many commits' events a transfer's item carries before
	// they are moved to an item of their own: what is carried along is paid for
	// with every write.
	maxBlocks = 16
	// attrSpilled are the sort keys of those items.
	attrSpilled = "xs"
	// maxSpilled bounds for how many of them an ended transfer sets the expiry.
	maxSpilled = 64
)

// stored is what is known of a transfer's item.
type stored struct {
	exists  bool // the record; the item may have events alone
	version int64
	state   hikyaku.State
	route   string
	lastSeq int64
	blocks  [][]byte
	spilled []string
}

func storedOf(old item) *stored {
	return &stored{
		exists: has(old, attrVersion), version: number(old, attrVersion), state: hikyaku.State(text(old, attrState)),
		route: text(old, attrRoute), lastSeq: number(old, attrLastSeq), blocks: blocks(old, attrEvents),
		spilled: set(old, attrSpilled),
	}
}

// transfer writes the record, and the events that belong to it.
func (p *planner) transfer(ctx context.Context) error {
	if p.c.Transfer == nil {
		return nil
	}
	t := *p.c.Transfer
	t.Version++
	if err := p.l.known(ctx, t.Route); err != nil {
		return err
	}
	record, err := p.l.encodeTransfer(t)
	if err != nil {
		return fmt.Errorf("encode transfer %s: %w", t.TransferID, err)
	}
	o := newOp(transferKey(t.TransferID))
	o.set(attrRecord, blob(record))
	o.set(attrVersion, num(t.Version))
	o.set(attrWriter, blob(p.f.writer))
	o.set(attrState, str(string(t.State)))
	o.setText(attrRoute, t.Route)
	p.index(o, &t)
	switch {
	case p.c.UnlockActive:
		o.remove(attrHolds)
	case p.c.LockActive:
		o.set(attrHolds, boolean(true))
	}
	o.whenVersion(p.c.Transfer.Version)
	o.refused = p.refusedTransfer(p.c.Transfer.Version, t.TransferID)
	head := p.f.heads[t.TransferID]
	before := p.before(o, &t, head)
	p.ended(&t, before)
	p.put(o)
	if err := p.events(ctx, o, t.TransferID, head); err != nil {
		return err
	}
	p.expireTransfer(o, &t, before, head)
	return nil
}

// refusedTransfer says what it means that a transfer's conditions do not hold.
func (p *planner) refusedTransfer(version int64, transferID string) func(item) error {
	return func(old item) error {
		switch {
		case bytes.Equal(bytesOf(old, attrWriter), p.f.writer):
			return errWritten
		case number(old, attrVersion) != version:
			return &hikyaku.ConflictError{What: "transfer", Key: transferID}
		}
		p.f.heads[transferID] = storedOf(old)
		return nil
	}
}

// before is the state and route that the transfer had: stored, or assumed and
// made a condition.
func (p *planner) before(o *op, t *hikyaku.Transfer, head *stored) stored {
	switch {
	case head != nil:
		return *head
	case t.Version == 1:
		return stored{}
	}
	assumed := stored{exists: true, state: hikyaku.Running, route: t.Route}
	if t.State.Ended() && !slices.ContainsFunc(p.c.Events, ends) {
		assumed.state = t.State
		o.when("#st = :was_st", item{":was_st": str(string(t.State))})
		return assumed
	}
	o.when("#st IN (:queued, :starting, :running)", item{
		":queued": str(string(hikyaku.Queued)), ":starting": str(string(hikyaku.Starting)), ":running": str(string(hikyaku.Running)),
	})
	return assumed
}

// ends reports whether an event ends a transfer.
func ends(e hikyaku.Event) bool {
	return slices.Contains([]hikyaku.EventType{
		hikyaku.EventSucceeded, hikyaku.EventFailed, hikyaku.EventCancelled, hikyaku.EventRejected,
	}, e.Type)
}

// ended counts a transfer among those that ended, or no more.
func (p *planner) ended(t *hikyaku.Transfer, before stored) {
	if before.state == t.State && before.route == t.Route {
		return
	}
	if before.state.Ended() {
		p.add(countKey(before.route, t.TransferID), countPrefix+string(before.state), -1)
	}
	if t.State.Ended() {
		p.add(countKey(t.Route, t.TransferID), countPrefix+string(t.State), 1)
	}
}

// index sets the keys under which lists find the transfer.
func (p *planner) index(o *op, t *hikyaku.Transfer) {
	at, s := position(t.CreatedAt, t.TransferID), shard(t.TransferID)
	o.set(attrTimeline, str(s))
	o.set(attrCreated, str(at))
	if t.ID != "" {
		id := bounded(t.ID)
		o.set(attrIDShard, str(shard(id)))
		o.set(attrIDOrder, str(id+sep+at))
	} else {
		o.remove(attrIDShard)
		o.remove(attrIDOrder)
	}
	pk, sk, reason := queuePlace(t)
	o.setText(attrQueue, pk)
	o.setText(attrQueueAt, sk)
	o.setText(attrReason, reason)
	attention := ""
	if t.Failure != nil || t.DeadLetter != "" || t.State.Ended() && t.State != hikyaku.Succeeded {
		attention = s
	}
	o.setText(attrAttention, attention)
	o.setText(attrCode, brief(t))
	o.setText(attrLetter, string(t.DeadLetter))
}

// queuePlace is where the queue index has a transfer: in its route's ready
// order, under its execution, or nowhere.
func queuePlace(t *hikyaku.Transfer) (pk, sk, reason string) {
	at, s := position(t.CreatedAt, t.TransferID), shard(t.TransferID)
	switch {
	case t.State == hikyaku.Queued && t.NotBefore.IsZero():
		return queuePK(t.Route, s), ready + moment(t.QueuedAt) + t.TransferID, string(t.WaitingReason)
	case t.State == hikyaku.Queued:
		return queuePK(t.Route, s), parked + moment(t.NotBefore) + moment(t.QueuedAt) + t.TransferID, string(t.WaitingReason)
	case loose(t):
		return loosePK(s), at, ""
	case t.State != hikyaku.Starting && t.ExecutionARN != "":
		return executionPK(t.ExecutionARN), head, ""
	}
	return "", "", ""
}

// loose reports whether a transfer runs without a task that would lead to it.
func loose(t *hikyaku.Transfer) bool {
	return (t.State == hikyaku.Starting || t.State == hikyaku.Running) && t.TaskARN == ""
}

// expireTransfer sets when an ended transfer may be removed, and its events.
func (p *planner) expireTransfer(o *op, t *hikyaku.Transfer, before stored, head *stored) {
	if p.l.Retention <= 0 {
		return
	}
	if !t.State.Ended() {
		o.remove(TTLAttribute)
	} else {
		from := t.EndedAt
		if from.IsZero() {
			from = p.l.Now()
		}
		p.l.expire(o, from, p.l.Retention)
	}
	if t.State.Ended() == before.state.Ended() && before.exists {
		return
	}
	if head == nil {
		o.when("attribute_not_exists(#xs)", nil) // else it comes back with them
		return
	}
	for _, sk := range head.spilled[:min(len(head.spilled), maxSpilled)] {
		spilled := newOp(key{o.key.pk, sk})
		if t.State.Ended() {
			p.l.expire(spilled, t.EndedAt, p.l.Retention)
		} else {
			spilled.remove(TTLAttribute)
		}
		p.put(spilled)
	}
}

// otherEvents appends events to transfers that the change does not write.
func (p *planner) otherEvents(ctx context.Context) error {
	done := map[string]bool{}
	if p.c.Transfer != nil {
		done[p.c.Transfer.TransferID] = true
	}
	for _, e := range p.c.Events {
		id := e.TransferID
		if done[id] {
			continue
		}
		done[id] = true
		o := newOp(transferKey(id))
		o.refused = func(old item) error {
			p.f.heads[id] = storedOf(old)
			return nil
		}
		p.put(o)
		if err := p.events(ctx, o, id, p.f.heads[id]); err != nil {
			return err
		}
	}
	return nil
}

// events appends the change's events of a transfer to its item.
func (p *planner) events(ctx context.Context, o *op, transferID string, head *stored) error {
	var list []hikyaku.Event
	for _, e := range p.c.Events {
		if e.TransferID == transferID {
			e.TransferID = "" // its key says it
			list = append(list, e)
		}
	}
	if head != nil {
		p.unchanged(o, head)
	}
	if len(list) == 0 {
		return nil
	}
	first, last := list[0].Seq, list[0].Seq
	for _, e := range list {
		first, last = min(first, e.Seq), max(last, e.Seq)
	}
	block, err := p.l.codec.encode(list)
	if err != nil {
		return fmt.Errorf("encode events of %s: %w", transferID, err)
	}
	o.vals[":block"] = blobs(block)
	if head == nil {
		o.when("attribute_not_exists(#es) OR #es < :first", item{":first": num(first)})
		o.when("attribute_not_exists(#ev) OR size(#ev) < :many", item{":many": num(maxBlocks)})
		o.appendBlock()
		o.set(attrLastSeq, num(last))
		return nil
	}
	if first <= head.lastSeq {
		if err := p.fresh(ctx, transferID, list); err != nil {
			return err
		}
	}
	o.set(attrLastSeq, num(max(last, head.lastSeq)))
	if len(head.blocks) < maxBlocks {
		o.appendBlock()
		return nil
	}
	o.sets = append(o.sets, "#ev = :block")
	p.spill(o, transferID, head)
	return nil
}

func (o *op) appendBlock() {
	o.sets = append(o.sets, "#ev = list_append(if_not_exists(#ev, :none), :block)")
	o.vals[":none"] = &types.AttributeValueMemberL{Value: []types.AttributeValue{}}
}

// unchanged makes it a condition that what is known of the item still holds.
func (p *planner) unchanged(o *op, head *stored) {
	if head.lastSeq == 0 {
		o.when("attribute_not_exists(#es)", nil)
	} else {
		o.when("#es = :was_es", item{":was_es": num(head.lastSeq)})
	}
	if len(head.blocks) > 0 {
		o.when("size(#ev) = :blocks", item{":blocks": num(int64(len(head.blocks)))})
	}
}

// spill moves the events that the item carries to an item of their own.
func (p *planner) spill(o *op, transferID string, head *stored) {
	moved := newOp(eventsKey(transferID, head.lastSeq))
	moved.set(attrEvents, blobs(head.blocks...))
	moved.when("attribute_not_exists(#pk)", nil)
	moved.refused = func(item) error { return nil } // the item changed: it is read again
	o.add(attrSpilled, texts(moved.key.sk))
	p.put(moved)
}

// fresh reports a conflict if one of the events exists.
func (p *planner) fresh(ctx context.Context, transferID string, list []hikyaku.Event) error {
	there, err := p.l.Events(ctx, transferID, 0)
	if err != nil {
		return err
	}
	for _, e := range list {
		if slices.ContainsFunc(there, func(o hikyaku.Event) bool { return o.Seq == e.Seq }) {
			return &hikyaku.ConflictError{What: "event", Key: transferID}
		}
	}
	return nil
}
