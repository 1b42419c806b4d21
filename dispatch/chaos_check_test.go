package dispatch_test

import (
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// check reports the first invariant that does not hold.
func (c *chaos) check() error {
	if overlaps := c.executor.Overlaps(); len(overlaps) > 0 {
		return fmt.Errorf("two executions of one ID: %s", strings.Join(overlaps, "; "))
	}
	page, err := c.ledger.Transfers(c.ctx, hikyaku.Query{Limit: 1000})
	if err != nil {
		return err
	}
	pool, err := c.ledger.Pool(c.ctx, "")
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
	for _, t := range page.Transfers {
		if err := c.checkTransfer(t, leases); err != nil {
			return fmt.Errorf("transfer %s (%s %s): %w", t.TransferID, t.ID, t.State, err)
		}
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
	case running != (c.ledger.Active(t.Route, t.ID) == t.TransferID):
		return fmt.Errorf("ACTIVE is held by %q", c.ledger.Active(t.Route, t.ID))
	case (t.State == hikyaku.Queued) != (t.WaitingReason != ""):
		return fmt.Errorf("waiting reason %q", t.WaitingReason)
	case t.State.Ended() == t.EndedAt.IsZero():
		return fmt.Errorf("ended at %s", t.EndedAt)
	}
	return replays(c.ctx, c.ledger, t)
}

// checkPromises: what was acknowledged is in the ledger, and nothing that was
// there is forgotten.
func (c *chaos) checkPromises() error {
	for _, m := range c.acked {
		owner := ""
		for _, key := range [][2]string{{"orders", "A"}, {"orders", "B"}, {"orders", "C"}, {"orders", "D"}, {"orders", "none"}, {"", ""}, {"nowhere", "C"}} {
			if o := c.ledger.Owner(hikyaku.MessageKey(m.ID, key[0], key[1])); o != "" {
				owner = o
			}
		}
		if owner == "" && strings.Contains(m.Body, `"key"`) {
			owner = c.ledger.Owner(hikyaku.ProducerKey("orders", "k1"))
		}
		if _, err := c.ledger.Transfer(c.ctx, owner); err != nil {
			return fmt.Errorf("message %s (%s) was acknowledged, but no transfer stands for it: %w", m.ID, m.Body, err)
		}
	}
	return nil
}

// checkEnd: bytes moved once per run of a transfer.
func (c *chaos) checkEnd() error {
	success := map[string]int{}
	for _, e := range c.executor.Executions() {
		if e.Status == "SUCCESS" {
			success[e.Tags[hikyaku.TagTransfer]]++
		}
	}
	for id, n := range success {
		t, err := c.ledger.Transfer(c.ctx, id)
		if err != nil {
			return err
		}
		if n > 1+t.Reruns {
			return fmt.Errorf("the bytes of %s moved %d times with %d reruns", id, n, t.Reruns)
		}
	}
	return nil
}
