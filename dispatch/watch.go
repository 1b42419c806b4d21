package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hikyaku/hikyaku"
)

// seenEvery is how often an agent of which nothing changed is written again.
const seenEvery = time.Minute

// Watch asks which agents are online and records what changed. Tasks that were
// benched without a time go back to work when their agents have all come back.
func (d *Dispatcher) Watch(ctx context.Context) error {
	agents, err := d.Executor.Agents(ctx)
	if err != nil {
		return fmt.Errorf("list agents: %w", err)
	}
	p, err := d.Ledger.Pool(ctx, "")
	if err != nil {
		return fmt.Errorf("read pool: %w", err)
	}
	known := map[string]hikyaku.Agent{}
	for _, a := range p.Agents {
		known[a.ARN] = a
	}
	now := d.Now().UTC()
	var change hikyaku.Change
	back := map[string]bool{}
	online := map[string]bool{}
	for _, a := range agents {
		old, ok := known[a.ARN]
		delete(known, a.ARN)
		online[a.ARN] = a.Online
		back[a.ARN] = ok && a.Online && !old.Online
		if next, write := seen(old, a, ok, now); write {
			change.Agents = append(change.Agents, next)
			d.logAgent(ctx, old, next, ok)
		}
	}
	for _, a := range known { // not listed any more: deleted
		if a.Online {
			a.Online, a.Since, a.SeenAt = false, now, now
			a.Changes = a.Changed(hikyaku.AgentChange{At: now})
			change.Agents = append(change.Agents, a)
		}
	}
	if len(change.Agents) > 0 {
		if err := d.commit(ctx, change); err != nil {
			return fmt.Errorf("record agents: %w", err)
		}
	}
	return d.agentsBack(ctx, p.Tasks, back, online)
}

// seen merges what is known of an agent with what was listed now.
func seen(old, now hikyaku.Agent, known bool, at time.Time) (hikyaku.Agent, bool) {
	now.Since, now.SeenAt, now.Changes = old.Since, at, old.Changes
	if !known || old.Online != now.Online {
		now.Since, now.Changes = at, old.Changed(hikyaku.AgentChange{At: at, Online: now.Online})
	}
	same := known && old.Online == now.Online && old.Name == now.Name && old.Slots == now.Slots && old.Platform == now.Platform
	return now, !same || at.Sub(old.SeenAt) >= seenEvery
}

func (d *Dispatcher) logAgent(ctx context.Context, old, now hikyaku.Agent, known bool) {
	if known && old.Online == now.Online {
		return
	}
	d.Logger.InfoContext(ctx, "agent state changed", slog.String("agent_arn", now.ARN), slog.String("name", now.Name), slog.Bool("online", now.Online))
}

// agentsBack unbenches what hikyaku benched when an agent comes back.
func (d *Dispatcher) agentsBack(ctx context.Context, tasks []hikyaku.Task, back, online map[string]bool) error {
	var errs []error
	for _, t := range tasks {
		came, all := false, true
		for _, arn := range t.AgentARNs {
			came, all = came || back[arn], all && online[arn]
		}
		if !came || !all {
			continue
		}
		d.view.announce(t.Route)
		if t.State == hikyaku.Benched && t.BenchedBy == "" {
			errs = append(errs, lost(d.writeTask(ctx, unbenched(t))))
		}
	}
	return errors.Join(errs...)
}
