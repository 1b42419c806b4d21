package ledgertest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// model is the contract in the simplest words: maps, and a copy of them that
// replaces them when every condition held.
type model struct {
	transfers map[string]hikyaku.Transfer
	events    map[string]hikyaku.Event // by transfer_id/seq
	uniques   map[string]string
	active    map[string]string // by route|id
	tasks     map[string]hikyaku.Task
	agents    map[string]hikyaku.Agent
	settings  map[string]hikyaku.RouteSettings
	outbox    map[string]hikyaku.OutboxEntry
}

func newModel() *model {
	return &model{
		transfers: map[string]hikyaku.Transfer{}, events: map[string]hikyaku.Event{}, uniques: map[string]string{},
		active: map[string]string{}, tasks: map[string]hikyaku.Task{}, agents: map[string]hikyaku.Agent{},
		settings: map[string]hikyaku.RouteSettings{}, outbox: map[string]hikyaku.OutboxEntry{},
	}
}

// commit applies a change, or returns which conditions do not hold.
func (m *model) commit(c hikyaku.Change) (broken map[hikyaku.ConflictError]bool) {
	n := &model{
		transfers: maps.Clone(m.transfers), events: maps.Clone(m.events), uniques: maps.Clone(m.uniques),
		active: maps.Clone(m.active), tasks: maps.Clone(m.tasks), agents: maps.Clone(m.agents),
		settings: maps.Clone(m.settings), outbox: maps.Clone(m.outbox),
	}
	broken = map[hikyaku.ConflictError]bool{}
	n.applyTransfer(c, broken)
	n.applyPool(c, broken)
	n.applyOutbox(c)
	if len(broken) == 0 {
		*m = *n
	}
	return broken
}

func (m *model) applyTransfer(c hikyaku.Change, broken map[hikyaku.ConflictError]bool) {
	if c.Transfer != nil {
		t := *c.Transfer
		if m.transfers[t.TransferID].Version != t.Version {
			broken[hikyaku.ConflictError{What: "transfer", Key: t.TransferID}] = true
		}
		t.Version++
		m.transfers[t.TransferID] = t
		for _, name := range c.Unique {
			if owner, taken := m.uniques[name]; taken {
				broken[hikyaku.ConflictError{What: "unique", Key: name, Owner: owner}] = true
			}
			m.uniques[name] = t.TransferID
		}
		lock := t.Route + "|" + t.ID
		if c.LockActive {
			for held, owner := range m.active {
				if id, here := strings.CutPrefix(held, t.Route+"|"); here && owner != t.TransferID && related(id, t.ID) {
					broken[hikyaku.ConflictError{What: "active", Owner: owner}] = true
				}
			}
			m.active[lock] = t.TransferID
		}
		if c.UnlockActive && m.active[lock] == t.TransferID {
			delete(m.active, lock)
		}
	}
	for _, e := range c.Events {
		key := fmt.Sprintf("%s/%d", e.TransferID, e.Seq)
		if _, there := m.events[key]; there {
			broken[hikyaku.ConflictError{What: "event"}] = true
		}
		m.events[key] = e
	}
}

// related says it in the words of the contract: the same ID, or one a path
// prefix of the other.
func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func (m *model) applyPool(c hikyaku.Change, broken map[hikyaku.ConflictError]bool) {
	for _, w := range c.Tasks {
		stored, there := m.tasks[w.Task.ARN]
		if stored.Version != w.Task.Version || w.IfToken != nil && (!there || stored.Token != *w.IfToken) {
			broken[hikyaku.ConflictError{What: "task", Key: w.Task.ARN}] = true
		}
		if w.Delete {
			delete(m.tasks, w.Task.ARN)
			continue
		}
		t := w.Task
		t.Version++
		m.tasks[t.ARN] = t
	}
	for _, a := range c.Agents {
		a.Busy, a.Today = m.agents[a.ARN].Busy, m.agents[a.ARN].Today
		m.agents[a.ARN] = a
	}
	for _, arn := range c.FreeSlots {
		if a, known := m.agents[arn]; known && a.Busy > 0 {
			a.Busy--
			a.Today.Add(c.Carried, 1)
			m.agents[arn] = a
		}
	}
	for _, arn := range c.TakeSlots {
		a := m.agents[arn]
		if !a.Online || a.Slots != 0 && a.Busy >= a.Slots {
			broken[hikyaku.ConflictError{What: "agent", Key: arn}] = true
			continue
		}
		a.Busy++
		m.agents[arn] = a
	}
	for _, s := range c.Settings {
		if m.settings[s.Route].Version != s.Version {
			broken[hikyaku.ConflictError{What: "settings", Key: s.Route}] = true
		}
		s.Version++
		m.settings[s.Route] = s
	}
}

func (m *model) applyOutbox(c hikyaku.Change) {
	for _, e := range c.Outbox {
		if _, there := m.outbox[e.ID]; !there {
			m.outbox[e.ID] = e
		}
	}
	for _, e := range c.OutboxLater {
		if _, there := m.outbox[e.ID]; there {
			m.outbox[e.ID] = e
		}
	}
	for _, id := range c.OutboxDone {
		delete(m.outbox, id)
	}
}

// list answers a query: newest first.
func (m *model) list(q hikyaku.Query) []string {
	var list []hikyaku.Transfer
	for _, t := range m.transfers {
		switch {
		case q.ID != "" && t.ID != q.ID, q.Route != "" && t.Route != q.Route,
			len(q.States) > 0 && !slices.Contains(q.States, t.State),
			q.Code != "" && (t.Failure == nil || t.Failure.Code != q.Code),
			len(q.DeadLetters) > 0 && !slices.Contains(q.DeadLetters, t.DeadLetter),
			!q.Since.IsZero() && t.CreatedAt.Before(q.Since), !q.Until.IsZero() && !t.CreatedAt.Before(q.Until):
			continue
		}
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b hikyaku.Transfer) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return ids(list)
}

// log is a transfer's events in order.
func (m *model) log(transferID string) []hikyaku.Event {
	var list []hikyaku.Event
	for _, e := range m.events {
		if e.TransferID == transferID {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b hikyaku.Event) int { return int(a.Seq - b.Seq) })
	return list
}

// ready answers Ready without a limit.
func (m *model) ready(route string, now time.Time) []string {
	var list []hikyaku.Transfer
	for _, t := range m.transfers {
		if t.Route == route && t.State == hikyaku.Queued && !t.NotBefore.After(now) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b hikyaku.Transfer) int { return a.QueuedAt.Compare(b.QueuedAt) })
	return ids(list)
}

// stats counts everything.
func (m *model) stats() hikyaku.Stats {
	s := hikyaku.Stats{
		Counts: map[string]map[hikyaku.State]int64{}, Waiting: map[string]map[hikyaku.WaitingReason]int64{},
		OldestQueued: map[string]time.Time{}, OutboxPending: int64(len(m.outbox)),
	}
	for _, e := range m.outbox {
		if e.Target == "" {
			continue
		}
		if s.Owed == nil {
			s.Owed = map[string]hikyaku.Owed{}
		}
		s.Owed[e.Target] = s.Owed[e.Target].Plus(&e)
	}
	for _, t := range m.transfers {
		if s.Counts[t.Route] == nil {
			s.Counts[t.Route] = map[hikyaku.State]int64{}
		}
		s.Counts[t.Route][t.State]++
		if t.State != hikyaku.Queued {
			continue
		}
		if s.Waiting[t.Route] == nil {
			s.Waiting[t.Route] = map[hikyaku.WaitingReason]int64{}
		}
		s.Waiting[t.Route][t.WaitingReason]++
		if oldest, known := s.OldestQueued[t.Route]; !known || t.QueuedAt.Before(oldest) {
			s.OldestQueued[t.Route] = t.QueuedAt
		}
	}
	return s
}

// compare holds a ledger against the model.
func (m *model) compare(ctx context.Context, s suite, queries []hikyaku.Query) error {
	for id, want := range m.transfers {
		got, err := s.Transfer(ctx, id)
		if err != nil {
			return err
		}
		if diff := differ(want, got); diff != "" {
			return fmt.Errorf("transfer %s (-model +ledger):\n%s", id, diff)
		}
		events, err := s.Events(ctx, id, 0)
		if err != nil {
			return err
		}
		if diff := differ(m.log(id), events); diff != "" {
			return fmt.Errorf("events of %s (-model +ledger):\n%s", id, diff)
		}
	}
	for _, q := range queries {
		list, err := s.all(ctx, q)
		if err != nil {
			return err
		}
		if diff := differ(m.list(q), ids(list)); diff != "" {
			return fmt.Errorf("query %+v (-model +ledger):\n%s", q, diff)
		}
	}
	for _, route := range modelRoutes() {
		for _, now := range []int{0, 20, 40, 1000} {
			list, err := s.Ready(ctx, route, at(now), 1000)
			if err != nil {
				return err
			}
			if diff := differ(m.ready(route, at(now)), ids(list)); diff != "" {
				return fmt.Errorf("ready of %s at %d (-model +ledger):\n%s", route, now, diff)
			}
		}
	}
	stats, err := s.Stats(ctx)
	if err != nil {
		return err
	}
	if diff := differ(m.stats(), stats); diff != "" {
		return fmt.Errorf("stats (-model +ledger):\n%s", diff)
	}
	return m.comparePool(ctx, s)
}

func (m *model) comparePool(ctx context.Context, s suite) error {
	pool, err := s.Pool(ctx, "")
	if err != nil {
		return err
	}
	tasks, agents := map[string]hikyaku.Task{}, map[string]hikyaku.Agent{}
	settings := map[string]hikyaku.RouteSettings{}
	for _, t := range pool.Tasks {
		tasks[t.ARN] = t
	}
	for _, a := range pool.Agents {
		a.Version = 0
		agents[a.ARN] = a
	}
	for _, r := range pool.Settings {
		settings[r.Route] = r
	}
	if diff := differ(m.tasks, tasks) + differ(m.agents, agents) + differ(m.settings, settings); diff != "" {
		return fmt.Errorf("pool (-model +ledger):\n%s", diff)
	}
	due, err := s.Outbox(ctx, hikyaku.OutboxQuery{Due: at(1000), Limit: 1000})
	if err != nil {
		return err
	}
	outbox := map[string]hikyaku.OutboxEntry{}
	for _, e := range due {
		outbox[e.ID] = e
	}
	if diff := differ(m.outbox, outbox); diff != "" {
		return fmt.Errorf("outbox (-model +ledger):\n%s", diff)
	}
	return nil
}
