package dynamo

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// selection is a query in the terms of the schema: positions from <= p < below.
type selection struct {
	hikyaku.Query

	from, below string
	size        int // of index pages
}

// within reports whether a position is selected.
func (s selection) within(at string) bool { return at >= s.from && at < s.below }

// stream yields places of candidates, newest first.
type stream = iter.Seq2[place, error]

// maxPrefixed bounds how many transfers a prefix of IDs may select to be
// sorted here; more are found by reading all transfers.
const maxPrefixed = 5000

// streams chooses the index that answers the most selective condition.
func (l *Ledger) streams(ctx context.Context, s selection) ([]stream, error) {
	switch {
	case s.from >= s.below:
		return nil, nil
	case s.ID != "":
		id := bounded(s.ID)
		return []stream{l.byID(ctx, s, id)}, nil
	case s.Text != "":
		return l.byText(ctx, s)
	case s.Code != "" || len(s.DeadLetters) > 0:
		return l.byAttention(ctx, s), nil
	case len(s.States) > 0 && !slices.Contains(s.States, hikyaku.Succeeded):
		return l.byState(ctx, s)
	}
	return l.timeline(ctx, s), nil
}

// timeline streams every transfer.
func (l *Ledger) timeline(ctx context.Context, s selection) []stream {
	q := query{index: indexTimeline}
	if s.Route != "" {
		q.filter, q.vals = "#rt = :rt", item{":rt": str(s.Route)}
	}
	return l.shards(ctx, s, q)
}

// shards streams an index by creation, each shard for itself.
func (l *Ledger) shards(ctx context.Context, s selection, q query) []stream {
	var streams []stream
	for n := range Shards {
		q := q
		q.pk, q.from, q.to = shardName(n), s.from, s.below
		if q.from == "" {
			q.from = digits(0)
		}
		q.descending, q.limit = true, s.size
		if q.filter != "" {
			q.limit = max(s.size, maxLimit)
		}
		streams = append(streams, s.places(l.items(ctx, q), createdOf))
	}
	return streams
}

// byID streams the transfers of an ID.
func (l *Ledger) byID(ctx context.Context, s selection, id string) stream {
	q := query{index: indexIDs, pk: shard(id), from: id + sep + s.from, to: id + sep + s.below, descending: true, limit: s.size}
	return s.places(l.items(ctx, q), inOrderOf)
}

// createdOf is the place of an index entry that carries the creation.
func createdOf(it item) place { return place{text(it, attrCreated), transferOf(it)} }

// inOrderOf is the place of an entry of the index of IDs.
func inOrderOf(it item) place {
	order := text(it, attrIDOrder)
	return place{order[strings.LastIndex(order, sep)+1:], transferOf(it)}
}

func placeOf(t hikyaku.Transfer) place {
	return place{position(t.CreatedAt, t.TransferID), t.TransferID}
}

// places streams the selected places of index entries.
func (s selection) places(entries iter.Seq2[item, error], of func(item) place) stream {
	return func(yield func(place, error) bool) {
		for it, err := range entries {
			p := of(it)
			if err == nil && !s.within(p.at) {
				continue // the bounds of a query are inclusive
			}
			if !yield(p, err) {
				return
			}
		}
	}
}

// byText streams what a text finds: an execution, a transfer_id, IDs that
// begin with it.
func (l *Ledger) byText(ctx context.Context, s selection) ([]stream, error) {
	var found []place
	if strings.HasPrefix(s.Text, "arn:") {
		for it, err := range l.items(ctx, query{index: indexQueue, pk: executionPK(s.Text)}) {
			if err != nil {
				return nil, err
			}
			found = append(found, createdOf(it))
		}
	}
	exact, err := l.load(ctx, []string{s.Text})
	if err != nil {
		return nil, err
	}
	for _, t := range exact {
		found = append(found, placeOf(t))
	}
	prefix := strings.ToValidUTF8(s.Text, "\uFFFD")
	if len(prefix) > maxKey-70 {
		prefix = strings.ToValidUTF8(prefix[:maxKey-70], "")
	}
	lists, err := sharded(ctx, func(ctx context.Context, shard string) (list []place, err error) {
		for it, err := range l.items(ctx, query{index: indexIDs, pk: shard, from: prefix}) {
			if err != nil {
				return nil, err
			}
			if list = append(list, inOrderOf(it)); len(list) > maxPrefixed {
				break
			}
		}
		return list, nil
	})
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(lists, func(list []place) bool { return len(list) > maxPrefixed }) {
		return l.timeline(ctx, s), nil
	}
	return []stream{s.sorted(append(found, slices.Concat(lists...)...))}, nil
}

// sorted streams places, each once.
func (s selection) sorted(places []place) stream {
	places = slices.DeleteFunc(places, func(p place) bool { return !s.within(p.at) })
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(b.at+b.transferID, a.at+a.transferID) })
	places = slices.Compact(places)
	return func(yield func(place, error) bool) {
		for _, p := range places {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// byAttention streams transfers with a failure, a dead letter or a bad end.
func (l *Ledger) byAttention(ctx context.Context, s selection) []stream {
	return l.shards(ctx, s, attentionQuery(s.Query))
}

// attentionQuery filters attention by route, code, state and dead letter.
func attentionQuery(s hikyaku.Query) query {
	q := query{index: indexAttention, vals: item{}}
	var filters []string
	in := func(name string, values []string) {
		if len(values) == 0 || len(values) > 100 {
			return
		}
		var list []string
		for i, v := range values {
			placeholder := ":" + name + strconv.Itoa(i)
			list = append(list, placeholder)
			q.vals[placeholder] = str(v)
		}
		filters = append(filters, "#"+name+" IN ("+strings.Join(list, ", ")+")")
	}
	if s.Route != "" {
		in(attrRoute, []string{s.Route})
	}
	if s.Code != "" {
		filters = append(filters, "(#cd = :cd OR begins_with(#cd, :code))")
		q.vals[":cd"], q.vals[":code"] = str(s.Code), str(s.Code+sep)
	}
	in(attrState, words(s.States))
	in(attrLetter, words(s.DeadLetters))
	q.filter = strings.Join(filters, " AND ")
	return q
}

func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return out
}

// byState streams transfers by state: QUEUED ones from the queue, which is
// read whole because it is in another order; running ones from the pool.
func (l *Ledger) byState(ctx context.Context, s selection) ([]stream, error) {
	var found []place
	var bad []hikyaku.State
	var p *partition
	runs := false
	for _, state := range s.States {
		switch {
		case state.Ended():
			bad = append(bad, state)
			continue
		case state == hikyaku.Queued || !runs:
		default:
			continue
		}
		var err error
		if p == nil {
			if p, err = l.partition(ctx); err != nil {
				return nil, err
			}
		}
		var some []place
		if state == hikyaku.Queued {
			some, err = l.queued(ctx, s, p)
		} else {
			runs = true
			some, err = l.runningPlaces(ctx, p)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	streams := []stream{s.sorted(found)}
	if len(bad) > 0 {
		s.States = bad
		streams = append(streams, l.byAttention(ctx, s)...)
	}
	return streams, nil
}

func (l *Ledger) queued(ctx context.Context, s selection, p *partition) (found []place, err error) {
	routes := p.routes
	if s.Route != "" {
		routes = []string{s.Route}
	}
	for _, route := range routes {
		places, err := l.queue(ctx, route)
		if err != nil {
			return nil, err
		}
		for _, w := range places {
			found = append(found, place{w.created, w.transferID})
		}
	}
	return found, nil
}

func (l *Ledger) runningPlaces(ctx context.Context, p *partition) (found []place, err error) {
	running, err := l.running(ctx, p)
	for _, t := range running {
		found = append(found, placeOf(t))
	}
	return found, err
}
