package hikyakutest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Ledger is a hikyaku.Ledger in memory. The zero value is not usable; see
// NewLedger. Everything handed in or out is copied.
type Ledger struct {
	mu        sync.Mutex
	transfers map[string]hikyaku.Transfer
	queued    map[string]map[string]struct{} // route → transfer_id of QUEUED ones
	events    map[string][]hikyaku.Event
	unique    map[string]string
	active    map[[2]string]string
	tasks     map[string]hikyaku.Task
	agents    map[string]hikyaku.Agent
	settings  map[string]hikyaku.RouteSettings
	outbox    map[string]hikyaku.OutboxEntry
	audit     []hikyaku.AuditRecord
	commits   int64

	feed feed
}

var (
	_ hikyaku.Ledger     = (*Ledger)(nil)
	_ hikyaku.Subscriber = (*Ledger)(nil)
)

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{
		transfers: map[string]hikyaku.Transfer{},
		queued:    map[string]map[string]struct{}{},
		events:    map[string][]hikyaku.Event{},
		unique:    map[string]string{},
		active:    map[[2]string]string{},
		tasks:     map[string]hikyaku.Task{},
		agents:    map[string]hikyaku.Agent{},
		settings:  map[string]hikyaku.RouteSettings{},
		outbox:    map[string]hikyaku.OutboxEntry{},
	}
}

// Commits returns how many changes were carried out.
func (l *Ledger) Commits() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.commits
}

// Active returns the transfer that holds ACTIVE(route, id), or "".
func (l *Ledger) Active(route, id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.active[[2]string{route, id}]
}

// Owner returns the transfer that took a unique name, or "".
func (l *Ledger) Owner(unique string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unique[unique]
}

// Commit implements hikyaku.Ledger.
func (l *Ledger) Commit(ctx context.Context, c hikyaku.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.check(&c); err != nil {
		return err
	}
	l.apply(&c)
	l.commits++
	return nil
}

// check reports the first condition of c that does not hold.
func (l *Ledger) check(c *hikyaku.Change) error {
	for _, name := range c.Unique {
		if owner, taken := l.unique[name]; taken {
			return &hikyaku.ConflictError{What: "unique", Key: name, Owner: owner}
		}
	}
	if t := c.Transfer; t != nil {
		if l.transfers[t.TransferID].Version != t.Version {
			return &hikyaku.ConflictError{What: "transfer", Key: t.TransferID}
		}
		if owner := l.holder(t); c.LockActive && owner != "" {
			return &hikyaku.ConflictError{What: "active", Key: t.Route + "|" + t.ID, Owner: owner}
		}
	}
	for _, e := range c.Events {
		if slices.ContainsFunc(l.events[e.TransferID], func(o hikyaku.Event) bool { return o.Seq == e.Seq }) {
			return &hikyaku.ConflictError{What: "event", Key: e.TransferID}
		}
	}
	for _, w := range c.Tasks {
		stored, ok := l.tasks[w.Task.ARN]
		if stored.Version != w.Task.Version || w.IfToken != nil && (!ok || *w.IfToken != stored.Token) {
			return &hikyaku.ConflictError{What: "task", Key: w.Task.ARN, Owner: stored.TransferID}
		}
	}
	for _, s := range c.Settings {
		if l.settings[s.Route].Version != s.Version {
			return &hikyaku.ConflictError{What: "settings", Key: s.Route}
		}
	}
	taken := map[string]int{}
	for _, arn := range c.TakeSlots {
		a, ok := l.agents[arn]
		if !ok || !a.Online || a.Slots > 0 && a.Busy+taken[arn] >= a.Slots {
			return &hikyaku.ConflictError{What: "agent", Key: arn}
		}
		taken[arn]++
	}
	return nil
}

// holder returns another transfer that holds an ACTIVE lock in the way of t's, or "".
func (l *Ledger) holder(t *hikyaku.Transfer) string {
	for key, owner := range l.active {
		if key[0] == t.Route && owner != t.TransferID && hikyaku.Overlap(key[1], t.ID) {
			return owner
		}
	}
	return ""
}

// apply carries out a change whose conditions hold.
func (l *Ledger) apply(c *hikyaku.Change) {
	if c.Transfer != nil {
		l.putTransfer(*c.Transfer, c)
	}
	for _, e := range c.Events {
		e.Detail = slices.Clone(e.Detail)
		l.events[e.TransferID] = append(l.events[e.TransferID], e)
		slices.SortFunc(l.events[e.TransferID], func(a, b hikyaku.Event) int { return int(a.Seq - b.Seq) })
	}
	for _, w := range c.Tasks {
		if w.Delete {
			delete(l.tasks, w.Task.ARN)
			continue
		}
		t := copyTask(w.Task)
		t.Version++
		l.tasks[t.ARN] = t
	}
	for _, a := range c.Agents {
		a = copyAgent(a)
		a.Busy, a.Today = l.agents[a.ARN].Busy, l.agents[a.ARN].Today
		a.Version = l.agents[a.ARN].Version + 1
		l.agents[a.ARN] = a
	}
	for _, arn := range c.FreeSlots {
		if a, ok := l.agents[arn]; ok && a.Busy > 0 {
			a.Today.Add(c.Carried, 1)
			l.agents[arn] = a
		}
		l.addSlots([]string{arn}, -1)
	}
	l.addSlots(c.TakeSlots, 1)
	for _, s := range c.Settings {
		s = copySettings(s)
		s.Version++
		l.settings[s.Route] = s
	}
	for _, o := range c.Outbox {
		if _, ok := l.outbox[o.ID]; !ok {
			l.outbox[o.ID] = copyOutbox(o)
		}
	}
	for _, id := range c.OutboxDone {
		delete(l.outbox, id)
	}
	for _, o := range c.OutboxLater {
		if _, ok := l.outbox[o.ID]; ok {
			l.outbox[o.ID] = copyOutbox(o)
		}
	}
	l.appendAudit(c.Audit)
}

func (l *Ledger) putTransfer(t hikyaku.Transfer, c *hikyaku.Change) {
	for _, name := range c.Unique {
		l.unique[name] = t.TransferID
	}
	key := [2]string{t.Route, t.ID}
	if c.LockActive {
		l.active[key] = t.TransferID
	}
	if c.UnlockActive && l.active[key] == t.TransferID {
		delete(l.active, key)
	}
	t = copyTransfer(t)
	t.Version++
	l.transfers[t.TransferID] = t
	if t.State == hikyaku.Queued {
		if l.queued[t.Route] == nil {
			l.queued[t.Route] = map[string]struct{}{}
		}
		l.queued[t.Route][t.TransferID] = struct{}{}
	} else {
		delete(l.queued[t.Route], t.TransferID)
	}
	l.feed.publish(copyTransfer(t))
}

func (l *Ledger) addSlots(arns []string, n int) {
	for _, arn := range arns {
		if a, ok := l.agents[arn]; ok {
			a.Busy = max(0, a.Busy+n)
			l.agents[arn] = a
		}
	}
}

// Transfer implements hikyaku.Ledger.
func (l *Ledger) Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	if err := ctx.Err(); err != nil {
		return hikyaku.Transfer{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.transfers[transferID]
	if !ok {
		return hikyaku.Transfer{}, hikyaku.ErrNotFound
	}
	return copyTransfer(t), nil
}

// Events implements hikyaku.Ledger.
func (l *Ledger) Events(ctx context.Context, transferID string, after int64) ([]hikyaku.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []hikyaku.Event
	for _, e := range l.events[transferID] {
		if e.Seq > after {
			e.Detail = slices.Clone(e.Detail)
			out = append(out, e)
		}
	}
	return out, nil
}

// Ready implements hikyaku.Ledger.
func (l *Ledger) Ready(ctx context.Context, route string, now time.Time, limit int) ([]hikyaku.Transfer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []hikyaku.Transfer
	for id := range l.queued[route] {
		if t := l.transfers[id]; !t.NotBefore.After(now) {
			found = append(found, t)
		}
	}
	slices.SortFunc(found, func(a, b hikyaku.Transfer) int {
		if c := a.QueuedAt.Compare(b.QueuedAt); c != 0 {
			return c
		}
		return strings.Compare(a.TransferID, b.TransferID)
	})
	found = found[:min(len(found), max(limit, 0))]
	for i := range found {
		found[i] = copyTransfer(found[i])
	}
	return found, nil
}

// Pool implements hikyaku.Ledger.
func (l *Ledger) Pool(ctx context.Context, route string) (hikyaku.Pool, error) {
	if err := ctx.Err(); err != nil {
		return hikyaku.Pool{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var p hikyaku.Pool
	for _, arn := range slices.Sorted(maps.Keys(l.tasks)) {
		if t := l.tasks[arn]; route == "" || t.Route == route {
			p.Tasks = append(p.Tasks, copyTask(t))
		}
	}
	slices.SortStableFunc(p.Tasks, func(a, b hikyaku.Task) int {
		if c := strings.Compare(a.Route, b.Route); c != 0 {
			return c
		}
		return a.Index - b.Index
	})
	for _, arn := range slices.Sorted(maps.Keys(l.agents)) {
		p.Agents = append(p.Agents, copyAgent(l.agents[arn]))
	}
	for _, name := range slices.Sorted(maps.Keys(l.settings)) {
		if route == "" || name == route {
			p.Settings = append(p.Settings, copySettings(l.settings[name]))
		}
	}
	return p, nil
}

// Outbox implements hikyaku.Ledger.
func (l *Ledger) Outbox(ctx context.Context, q hikyaku.OutboxQuery) ([]hikyaku.OutboxEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var due []hikyaku.OutboxEntry
	for _, o := range l.outbox {
		if q.Matches(&o) {
			due = append(due, copyOutbox(o))
		}
	}
	slices.SortFunc(due, func(a, b hikyaku.OutboxEntry) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return due[:min(len(due), max(q.Limit, 0))], nil
}

// Stats implements hikyaku.Ledger.
func (l *Ledger) Stats(ctx context.Context) (hikyaku.Stats, error) {
	if err := ctx.Err(); err != nil {
		return hikyaku.Stats{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := hikyaku.Stats{
		Counts:        map[string]map[hikyaku.State]int64{},
		Waiting:       map[string]map[hikyaku.WaitingReason]int64{},
		OldestQueued:  map[string]time.Time{},
		OutboxPending: int64(len(l.outbox)),
	}
	for _, o := range l.outbox {
		if o.Target == "" {
			continue
		}
		if s.Owed == nil {
			s.Owed = map[string]hikyaku.Owed{}
		}
		s.Owed[o.Target] = s.Owed[o.Target].Plus(&o)
	}
	for _, t := range l.transfers {
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
		if old, ok := s.OldestQueued[t.Route]; !ok || t.QueuedAt.Before(old) {
			s.OldestQueued[t.Route] = t.QueuedAt
		}
	}
	return s, nil
}
