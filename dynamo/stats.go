package dynamo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Stats counts transfers per route and state. What runs is counted by the
// pool, what is QUEUED by reading the queue index (its cost grows with the
// queue), and what ended by counters: these count since the table was made,
// also transfers that expired since.
func (l *Ledger) Stats(ctx context.Context) (hikyaku.Stats, error) {
	s := hikyaku.Stats{
		Counts:       map[string]map[hikyaku.State]int64{},
		Waiting:      map[string]map[hikyaku.WaitingReason]int64{},
		OldestQueued: map[string]time.Time{},
	}
	p, err := l.partition(ctx)
	if err != nil {
		return s, fmt.Errorf("read pool: %w", err)
	}
	for _, step := range []struct {
		what  string
		count func(context.Context, *partition, *hikyaku.Stats) error
	}{
		{"queues", l.countQueued}, {"what runs", l.countRunning}, {"what ended", l.countEnded}, {"outbox", l.countOutbox},
	} {
		if err := step.count(ctx, p, &s); err != nil {
			return hikyaku.Stats{}, fmt.Errorf("count %s: %w", step.what, err)
		}
	}
	for route, counts := range s.Counts {
		for state, n := range counts {
			if n <= 0 {
				delete(counts, state)
			}
		}
		if len(counts) == 0 {
			delete(s.Counts, route)
		}
	}
	return s, nil
}

func tallyState(s *hikyaku.Stats, route string, state hikyaku.State, n int64) {
	if s.Counts[route] == nil {
		s.Counts[route] = map[hikyaku.State]int64{}
	}
	s.Counts[route][state] += n
}

func (l *Ledger) countQueued(ctx context.Context, p *partition, s *hikyaku.Stats) error {
	for _, route := range p.routes {
		places, err := l.queue(ctx, route)
		if err != nil {
			return err
		}
		for _, w := range places {
			tallyState(s, route, hikyaku.Queued, 1)
			if s.Waiting[route] == nil {
				s.Waiting[route] = map[hikyaku.WaitingReason]int64{}
			}
			s.Waiting[route][w.reason]++
			at, ok := momentOf(w.queuedAt)
			if oldest, known := s.OldestQueued[route]; ok && (!known || at.Before(oldest)) {
				s.OldestQueued[route] = at
			}
		}
	}
	return nil
}

func (l *Ledger) countRunning(ctx context.Context, p *partition, s *hikyaku.Stats) error {
	running, err := l.running(ctx, p)
	if err != nil {
		return err
	}
	for _, t := range running {
		tallyState(s, t.Route, t.State, 1)
	}
	return nil
}

// running are the transfers that are STARTING or RUNNING: those that tasks are
// leased to, and those without a task.
func (l *Ledger) running(ctx context.Context, p *partition) ([]hikyaku.Transfer, error) {
	without, err := sharded(ctx, func(ctx context.Context, s string) (ids []string, err error) {
		for it, err := range l.items(ctx, query{index: indexQueue, pk: loosePK(s)}) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, transferOf(it))
		}
		return ids, nil
	})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var ids []string
	for _, id := range append(p.leased(), concat(without)...) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	list, err := l.load(ctx, ids)
	if err != nil {
		return nil, err
	}
	var running []hikyaku.Transfer
	for _, t := range list {
		if t.State == hikyaku.Starting || t.State == hikyaku.Running {
			running = append(running, t)
		}
	}
	return running, nil
}

func concat(lists [][]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func (l *Ledger) countEnded(ctx context.Context, p *partition, s *hikyaku.Stats) error {
	lists, err := sharded(ctx, func(ctx context.Context, shard string) (list []counted, err error) {
		for it, err := range l.items(ctx, query{pk: "C#" + shard, consistent: true}) {
			if err != nil {
				return nil, err
			}
			list = append(list, counted{strings.TrimPrefix(text(it, attrSK), head), countsOf(it)})
		}
		return list, nil
	})
	if err != nil {
		return err
	}
	for _, list := range append(lists, p.counts) {
		for _, c := range list {
			for name, n := range c.n {
				tallyState(s, c.route, hikyaku.State(strings.TrimPrefix(name, countPrefix)), n)
			}
		}
	}
	return nil
}

// countOutbox reads every entry: what is owed to whom is in their records.
func (l *Ledger) countOutbox(ctx context.Context, _ *partition, s *hikyaku.Stats) error {
	type sum struct {
		pending int64
		owed    map[string]hikyaku.Owed
	}
	sums, err := sharded(ctx, func(ctx context.Context, shard string) (sum, error) {
		n := sum{owed: map[string]hikyaku.Owed{}}
		for it, err := range l.items(ctx, query{pk: "O#" + shard, consistent: true}) {
			if err != nil {
				return n, err
			}
			n.pending++
			if !strings.HasPrefix(text(it, attrSK), string(hikyaku.OutboxCompletion)) {
				continue
			}
			e, err := entryOf(it)
			if err != nil {
				return n, err
			}
			if e.Target != "" {
				n.owed[e.Target] = n.owed[e.Target].Plus(&e)
			}
		}
		return n, nil
	})
	for _, n := range sums {
		s.OutboxPending += n.pending
		for target, o := range n.owed {
			if s.Owed == nil {
				s.Owed = map[string]hikyaku.Owed{}
			}
			s.Owed[target] = s.Owed[target].Join(o)
		}
	}
	return err
}
