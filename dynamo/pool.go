package dynamo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// partition is what the pool's partition holds.
type partition struct {
	hikyaku.Pool

	routes []string // all that ever had a transfer
	counts []counted
}

// counted are the counters of an item.
type counted struct {
	route string
	n     map[string]int64
}

// partition reads the pool, as of the last commit.
func (l *Ledger) partition(ctx context.Context) (*partition, error) {
	p := &partition{}
	for it, err := range l.items(ctx, query{pk: poolPK, consistent: true}) {
		if err == nil {
			err = p.read(it)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *partition) read(it item) error {
	sk, record := text(it, attrSK), bytesOf(it, attrRecord)
	switch {
	case strings.HasPrefix(sk, knownSK):
		p.routes = append(p.routes, sk[len(knownSK):])
	case strings.HasPrefix(sk, taskSK):
		var t hikyaku.Task
		if err := decode(record, &t); err != nil {
			return fmt.Errorf("decode task %s: %w", sk, err)
		}
		p.Tasks = append(p.Tasks, t)
		p.counts = append(p.counts, counted{t.Route, countsOf(it)})
	case strings.HasPrefix(sk, agentSK) && len(record) > 0:
		var a hikyaku.Agent
		if err := decode(record, &a); err != nil {
			return fmt.Errorf("decode agent %s: %w", sk, err)
		}
		a.Busy, a.Version = int(number(it, attrBusy)), number(it, attrVersion)
		a.Today = hikyaku.Carried{Day: text(it, attrDay), Transfers: number(it, attrDayN), Bytes: number(it, attrDayB)}
		p.Agents = append(p.Agents, a)
	case strings.HasPrefix(sk, routeSK):
		var s hikyaku.RouteSettings
		if err := decode(record, &s); err != nil {
			return fmt.Errorf("decode settings %s: %w", sk, err)
		}
		p.Settings = append(p.Settings, s)
	}
	return nil
}

// leased are the transfers that the tasks are leased to.
func (p *partition) leased() []string {
	var ids []string
	for _, t := range p.Tasks {
		if t.TransferID != "" {
			ids = append(ids, t.TransferID)
		}
	}
	return ids
}

// Pool returns the tasks and settings of a route ("": of all) and all agents,
// as of the last commit.
func (l *Ledger) Pool(ctx context.Context, route string) (hikyaku.Pool, error) {
	p, err := l.partition(ctx)
	if err != nil {
		return hikyaku.Pool{}, fmt.Errorf("read pool %q: %w", route, err)
	}
	if route != "" {
		p.Tasks = slices.DeleteFunc(p.Tasks, func(t hikyaku.Task) bool { return t.Route != route })
		p.Settings = slices.DeleteFunc(p.Settings, func(s hikyaku.RouteSettings) bool { return s.Route != route })
	}
	return p.Pool, nil
}

// known makes sure that the table knows a route before it has a transfer of
// it, so that lists of all routes find its partitions.
func (l *Ledger) known(ctx context.Context, route string) error {
	if _, ok := l.routes.Load(route); ok {
		return nil
	}
	l.learning.Lock() // once is enough
	defer l.learning.Unlock()
	if _, ok := l.routes.Load(route); ok {
		return nil
	}
	o := newOp(key{poolPK, knownSK + route})
	o.set(attrRoute, str(route))
	if _, err := l.write(ctx, []*op{o}); err != nil {
		return fmt.Errorf("make route %q known: %w", route, err)
	}
	l.routes.Store(route, struct{}{})
	return nil
}
