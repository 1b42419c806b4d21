package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

var errCrashed = errors.New("the process is gone")

// chaos drives two dispatchers on one ledger and one DataSync through random
// operations. Every call to either may fail before or after it took effect,
// may be the moment at which the process dies, or at which the other
// dispatcher does something.
type chaos struct {
	world
	store   *reopened       // what the dispatchers use
	ctx     context.Context //nolint:containedctx // of the test
	rng     *rand.Rand
	calm    bool  // no faults any more
	broken  error // the ledger could not be opened again
	nested  bool
	peers   [2]*peer
	acked   []hikyaku.Message
	tokens  map[string]int64
	checked map[string]int64 // transfer_id → the version of it that held
	kept    map[string]bool  // messages whose transfer was found since the last crash
}

// reopened is a ledger that may be closed and opened again under its users.
type reopened struct {
	hikyaku.Ledger
	// again closes the ledger and opens it anew; nil: it lives in memory.
	again func() (hikyaku.Ledger, error)
	// every is after how many steps the invariants are checked.
	every int
}

// peer is a dispatcher process; dead ones are replaced.
type peer struct {
	d    *dispatch.Dispatcher
	dead bool
}

func newChaos(ctx context.Context, store *reopened, seed uint64) *chaos {
	c := &chaos{
		ctx: ctx, store: store, rng: rand.New(rand.NewPCG(seed, 1)), //nolint:gosec // a test must be repeatable
		tokens: map[string]int64{}, checked: map[string]int64{}, kept: map[string]bool{},
		world: world{
			clock: hikyakutest.NewClock(), source: hikyakutest.NewSource(),
			dlq: hikyakutest.NewQueue("inbox-dlq"), completions: hikyakutest.NewQueue("done"),
			routes: []hikyaku.Route{route("orders")}, newID: hikyakutest.IDs(),
		},
	}
	c.routes[0].IDPattern = "[^/]+(/[^/]+)*"
	c.executor = hikyakutest.NewExecutor(c.clock.Now)
	c.source.Set("none", hikyaku.Look{Listed: true})
	c.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: true, Slots: 1})
	for i := range c.peers {
		c.boot(i)
	}
	return c
}

// setUp makes the pool: two tasks share an agent with one slot, one has none.
func (c *chaos) setUp() error {
	d := c.dispatcher(func(o *dispatch.Options) { o.Ledger = c.store })
	desired := []hikyaku.TaskDescription{
		c.executor.AddTask(1, "agent-1"), c.executor.AddTask(2, "agent-1"), c.executor.AddTask(3),
	}
	return errors.Join(d.Watch(c.ctx), d.Reconcile(c.ctx, map[string][]hikyaku.TaskDescription{"orders": desired}))
}

func (c *chaos) boot(i int) {
	p := &peer{}
	fault := func(op string) (before, after error) { return c.fault(p, i, op) }
	p.d = c.dispatcher(func(o *dispatch.Options) {
		o.Ledger = &hikyakutest.FaultyLedger{Ledger: c.store, Fault: fault}
		o.Executor = &hikyakutest.FaultyExecutor{Executor: c.executor, Fault: fault}
		o.Workers = 1 // what two workers would do, two peers do
		o.Random = c.rng.Float64
		o.LateStarts = c.rng.IntN(2) == 0
	})
	c.peers[i] = p
}

// fault decides what happens at one call of a peer.
func (c *chaos) fault(p *peer, i int, _ string) (before, after error) {
	if p.dead {
		return errCrashed, nil
	}
	if c.calm {
		return nil, nil
	}
	switch n := c.rng.IntN(100); {
	case n < 3:
		return errBroken, nil
	case n < 6:
		return nil, errBroken
	case n < 8:
		p.dead = true
		return errCrashed, nil
	case n < 10:
		p.dead = true
		return nil, errCrashed
	case n < 25 && !c.nested:
		c.nested = true
		for range 1 + c.rng.IntN(5) {
			c.step(1 - i)
		}
		c.nested = false
	}
	return nil, nil
}

// restart replaces a dead peer. A ledger on disk is closed and opened again,
// and every other time the other peer goes down with it, wherever it stands.
func (c *chaos) restart(i int) error {
	if c.store.again != nil {
		l, err := c.store.again()
		if err != nil {
			return fmt.Errorf("open the ledger again: %w", err)
		}
		c.store.Ledger = l
		c.peers[1-i].dead = c.peers[1-i].dead || c.rng.IntN(2) == 0
		clear(c.checked)
		clear(c.kept)
	}
	c.boot(i)
	_ = c.peers[i].d.Recover(c.ctx) // it fails when the faults want it
	return nil
}

// step lets a peer do something, or moves the world.
func (c *chaos) step(i int) {
	if c.peers[i].dead {
		if c.broken = errors.Join(c.broken, c.restart(i)); c.broken != nil {
			return
		}
	}
	d := c.peers[i].d
	switch c.rng.IntN(15) {
	case 0, 1:
		c.deliver(d, c.message(c.body()))
	case 2: // again, as at-least-once delivery does
		if len(c.acked) > 0 {
			c.deliver(d, c.acked[c.rng.IntN(len(c.acked))])
		}
	case 3, 4:
		_, _ = d.AssignAll(c.ctx)
	case 5, 6, 7:
		c.moveExecution()
	case 8:
		_ = d.Refresh(c.ctx, c.anyExecution()) // late, twice or out of order
	case 9:
		_ = d.RefreshAll(c.ctx)
	case 10:
		_ = d.Reap(c.ctx)
	case 11:
		c.operate(d)
	case 12:
		_, _ = d.DrainOutbox(c.ctx)
		c.redriveLetter(d)
	case 14: // an agent flaps
		c.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: c.rng.IntN(2) == 0, Slots: 1})
		_ = d.Watch(c.ctx)
	case 13:
		if !c.nested { // a paused process is not the world's fault
			c.clock.Advance(time.Duration(c.rng.IntN(200)) * time.Second)
		}
	}
}

func (c *chaos) body() string {
	return []string{
		"A", "B", "C", "D", "none", `{"bad":1}`, `{"id":"A","paths":["x"]}`, `{"id":"B","key":"k1"}`, `{"id":"C","route":"nowhere"}`,
		"A/1", "A/1/x", `{"id":"A/1","paths":["x/y"]}`, "A/2", "A-1",
	}[c.rng.IntN(14)]
}

func (c *chaos) deliver(d *dispatch.Dispatcher, m hikyaku.Message) {
	if d.Accept(c.ctx, m) == nil {
		c.acked = append(c.acked, m)
	}
}

func (c *chaos) redriveLetter(d *dispatch.Dispatcher) {
	letters := c.dlq.Messages()
	if len(letters) == 0 || c.rng.IntN(3) > 0 {
		return
	}
	m := letters[c.rng.IntN(len(letters))]
	c.messages++
	m.ID, m.Queue, m.Receives = fmt.Sprintf("redriven-%d", c.messages), "inbox", 1
	_ = d.Accept(c.ctx, m)
}

func (c *chaos) anyExecution() string {
	var all []string
	for arn := range c.executor.Executions() {
		all = append(all, arn)
	}
	if len(all) == 0 {
		return hikyakutest.TaskARN(1) + "/execution/exec-0"
	}
	slices.Sort(all)
	return all[c.rng.IntN(len(all))]
}

func (c *chaos) moveExecution() {
	live := c.executor.Live()
	if len(live) == 0 {
		return
	}
	arn := live[c.rng.IntN(len(live))]
	switch c.rng.IntN(6) {
	case 0:
		c.executor.Fail(arn, []string{"Transient", "SourceDenied", "ChecksumMismatch", "NoMem"}[c.rng.IntN(4)], "")
	case 1:
		c.executor.Move(arn, func(e *hikyaku.Execution) {
			if e.Status != "CANCELLING" {
				e.Status, e.EstimatedFiles = "TRANSFERRING", 2
				e.FilesTransferred++
			}
		})
	default:
		c.executor.Succeed(arn, 2, 20)
	}
}

func (c *chaos) operate(d *dispatch.Dispatcher) {
	page, err := c.store.Transfers(c.ctx, hikyaku.Query{Limit: 1000})
	if err != nil || len(page.Transfers) == 0 {
		return
	}
	id := page.Transfers[c.rng.IntN(len(page.Transfers))].TransferID
	act := hikyaku.Act{By: "ana", Force: c.rng.IntN(2) == 0}
	switch c.rng.IntN(3) {
	case 0:
		_, _ = d.Cancel(c.ctx, id, act)
	case 1:
		_, _ = d.Rerun(c.ctx, id, act)
	case 2:
		_, _ = d.PauseRoute(c.ctx, "orders", act)
		_, _ = d.ResumeRoute(c.ctx, "orders", act)
	}
}

// settleDown stops the faults; everything must end.
func (c *chaos) settleDown() error {
	c.calm = true
	for i := range c.peers {
		c.boot(i)
	}
	d := c.peers[0].d
	c.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: true, Slots: 1})
	if err := d.Watch(c.ctx); err != nil {
		return err
	}
	if _, err := d.ResumeRoute(c.ctx, "orders", hikyaku.Act{}); err != nil {
		return err
	}
	for n := range 200 {
		c.clock.Advance(time.Minute)
		errs := []error{d.Reap(c.ctx), d.RefreshAll(c.ctx)}
		_, err := d.AssignAll(c.ctx)
		errs = append(errs, err)
		for _, arn := range c.executor.Live() {
			c.executor.Succeed(arn, 2, 20)
		}
		errs = append(errs, d.RefreshAll(c.ctx))
		_, err = d.DrainOutbox(c.ctx)
		if errs = append(errs, err); n%c.store.every == 0 {
			errs = append(errs, c.check())
		}
		if err := errors.Join(errs...); err != nil {
			return err
		}
		if c.ended() {
			return c.checkEnd()
		}
	}
	page, err := c.store.Transfers(c.ctx, hikyaku.Query{States: []hikyaku.State{hikyaku.Queued, hikyaku.Starting, hikyaku.Running}})
	var left []string
	for _, t := range page.Transfers {
		left = append(left, fmt.Sprintf("%s %s %s %s %s", t.TransferID, t.ID, t.State, t.WaitingReason, t.WaitingDetail))
	}
	return errors.Join(fmt.Errorf("not everything ended: %s", strings.Join(left, "; ")), err)
}

func (c *chaos) ended() bool {
	s, err := c.store.Stats(c.ctx)
	if err != nil || s.OutboxPending > 0 {
		return false
	}
	for _, counts := range s.Counts {
		if counts[hikyaku.Queued]+counts[hikyaku.Starting]+counts[hikyaku.Running] > 0 {
			return false
		}
	}
	return true
}

func runChaos(ctx context.Context, store *reopened, seed uint64, steps int) error {
	c := newChaos(ctx, store, seed)
	if err := c.setUp(); err != nil {
		return err
	}
	for n := range steps {
		c.step(c.rng.IntN(2))
		if c.broken == nil && n%store.every == 0 {
			c.broken = c.check()
		}
		if err := c.broken; err != nil {
			return fmt.Errorf("seed %d, after step %d: %w", seed, n, err)
		}
	}
	if err := c.settleDown(); err != nil {
		return fmt.Errorf("seed %d, afterwards: %w", seed, err)
	}
	return nil
}

func TestDispatcher_holdsInvariantsUnderChaos(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.Uint64().Draw(rt, "seed")
		steps := rapid.IntRange(1, 100).Draw(rt, "steps")
		if err := runChaos(t.Context(), &reopened{Ledger: hikyakutest.NewLedger(), every: 1}, seed, steps); err != nil {
			rt.Fatal(err)
		}
	})
}
