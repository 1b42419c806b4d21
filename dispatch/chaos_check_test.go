package dispatch_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// check reports the first invariant that does not hold.
func (c *chaos) check() error {
	if overlaps := c.executor.Overlaps(); len(overlaps) > 0 {
		return fmt.Errorf("two executions of overlapping IDs: %s", strings.Join(overlaps, "; "))
	}
	page, err := c.store.Transfers(c.ctx, hikyaku.Query{Limit: 1000})
	if err != nil {
		return err
	}
	pool, err := c.store.Pool(c.ctx, "")
	if err != nil {
		return err
	}
	leases := map[string]hikyaku.Task{}
	busy := map[string]int{}
	for _, task := range pool.Tasks {
		if task.Token < c.tokens[task.ARN] {
			return fmt.Errorf("token of %s fell from %d to %d", task.ARN, c.tokens[task.ARN], task.Token)
		}
		c.tokens[task.ARN] = task.Token
		if task.TransferID == "" {
			continue
		}
		if other, twice := leases[task.TransferID]; twice {
			return fmt.Errorf("%s has two tasks: %s and %s", task.TransferID, other.ARN, task.ARN)
		}
		leases[task.TransferID] = task
		for _, a := range task.AgentARNs {
			busy[a]++
		}
	}
	for _, a := range pool.Agents {
		if a.Busy != busy[a.ARN] || a.Slots > 0 && a.Busy > a.Slots {
			return fmt.Errorf("agent %s: busy %d of %d slots, %d leases", a.ARN, a.Busy, a.Slots, busy[a.ARN])
		}
	}
	var running []hikyaku.Transfer
	for _, t := range page.Transfers {
		if err := c.checkTransfer(t, leases); err != nil {
			return fmt.Errorf("transfer %s (%s %s): %w", t.TransferID, t.ID, t.State, err)
		}
		if t.State != hikyaku.Starting && t.State != hikyaku.Running {
			continue
		}
		for _, other := range running {
			if other.Route == t.Route && hikyaku.Overlap(other.ID, t.ID) {
				return fmt.Errorf("%s of %s and %s of %s run at once", t.TransferID, t.ID, other.TransferID, other.ID)
			}
		}
		running = append(running, t)
	}
	return c.checkPromises()
}

func (c *chaos) checkTransfer(t hikyaku.Transfer, leases map[string]hikyaku.Task) error {
	task, leased := leases[t.TransferID]
	running := t.State == hikyaku.Starting || t.State == hikyaku.Running
	switch {
	case running != leased:
		return fmt.Errorf("running %t, but leased %t", running, leased)
	case leased && (task.ARN != t.TaskARN || task.Token != t.Token):
		return fmt.Errorf("has task %s token %d, lease is %s token %d", t.TaskARN, t.Token, task.ARN, task.Token)
	case (t.State == hikyaku.Queued) != (t.WaitingReason != ""):
		return fmt.Errorf("waiting reason %q", t.WaitingReason)
	case t.State.Ended() == t.EndedAt.IsZero():
		return fmt.Errorf("ended at %s", t.EndedAt)
	}
	if c.checked[t.TransferID] == t.Version {
		return nil // it has not changed since
	}
	c.checked[t.TransferID] = t.Version
	owner, err := c.owner(hikyaku.Change{Transfer: &hikyaku.Transfer{TransferID: "probe", Route: t.Route, ID: t.ID}, LockActive: true})
	switch {
	case err != nil:
		return err
	case running != (owner == t.TransferID):
		return fmt.Errorf("ACTIVE is held by %q", owner)
	}
	return replays(c.ctx, c.store, t)
}

// owner tells who holds what a change wants to take: the change asks for a
// task that does not exist besides, so that nothing of it ever happens.
func (c *chaos) owner(change hikyaku.Change) (string, error) {
	token := int64(1)
	change.Tasks = []hikyaku.TaskWrite{{Task: hikyaku.Task{ARN: "probe", Version: 1}, IfToken: &token}}
	err := c.store.Commit(c.ctx, change)
	conflict, ok := errors.AsType[*hikyaku.ConflictError](err)
	switch {
	case ok && conflict.What == "task":
		return "", nil
	case ok:
		return conflict.Owner, nil
	}
	return "", fmt.Errorf("the probe ended with: %w", err)
}

// checkPromises: what was acknowledged is in the ledger, and nothing that was
// there is forgotten.
func (c *chaos) checkPromises() error {
	for _, m := range c.acked {
		if c.kept[m.ID] {
			continue
		}
		owner, err := c.ownerOf(m)
		if err != nil {
			return err
		}
		if _, err := c.store.Transfer(c.ctx, owner); err != nil {
			return fmt.Errorf("message %s (%s) was acknowledged, but no transfer stands for it: %w", m.ID, m.Body, err)
		}
		c.kept[m.ID] = true
	}
	return nil
}

// ownerOf returns the transfer that stands for a message, or "".
func (c *chaos) ownerOf(m hikyaku.Message) (string, error) {
	names := []string{hikyaku.MessageKey(m.ID, "", ""), hikyaku.MessageKey(m.ID, "nowhere", "C")}
	for _, id := range []string{"A", "B", "C", "D", "none", "A/1", "A/1/x", "A/2", "A-1"} {
		names = append(names, hikyaku.MessageKey(m.ID, "orders", id))
	}
	if strings.Contains(m.Body, `"key"`) {
		names = append(names, hikyaku.ProducerKey("orders", "k1"))
	}
	for _, name := range names {
		owner, err := c.owner(hikyaku.Change{Transfer: &hikyaku.Transfer{TransferID: "probe"}, Unique: []string{name}})
		if owner != "" || err != nil {
			return owner, err
		}
	}
	return "", nil
}

// checkEnd: all is still there, and bytes moved once per run of a transfer.
func (c *chaos) checkEnd() error {
	clear(c.checked)
	clear(c.kept)
	if err := c.check(); err != nil {
		return err
	}
	success := map[string]int{}
	for _, e := range c.executor.Executions() {
		if e.Status == "SUCCESS" {
			success[e.Tags[hikyaku.TagTransfer]]++
		}
	}
	for id, n := range success {
		t, err := c.store.Transfer(c.ctx, id)
		if err != nil {
			return err
		}
		if n > 1+t.Reruns {
			return fmt.Errorf("the bytes of %s moved %d times with %d reruns", id, n, t.Reruns)
		}
	}
	return nil
}
