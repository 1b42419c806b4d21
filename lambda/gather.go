package lambda

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/hikyaku/hikyaku"
)

// Gather is a ledger that carries out together what several workers commit at
// the same time, where the ledger behind it can (hikyaku.BatchCommitter). It
// waits for no clock: a round of commits goes when every worker that Enter
// announced has either come to a commit or left.
type Gather struct {
	hikyaku.Ledger
	batch hikyaku.BatchCommitter // nil: it cannot

	mu      sync.Mutex // guards what follows
	workers int
	waiting []*waitingCommit
}

type waitingCommit struct {
	change hikyaku.Change
	done   chan error // takes one
}

// NewGather returns a ledger in front of l.
func NewGather(l hikyaku.Ledger) *Gather {
	batch, _ := l.(hikyaku.BatchCommitter)
	return &Gather{Ledger: l, batch: batch}
}

// KnowsFirst implements hikyaku.FirstKnower for a ledger that does.
func (g *Gather) KnowsFirst() bool { return knowsFirst(g.Ledger) }

func knowsFirst(l hikyaku.Ledger) bool {
	k, ok := l.(hikyaku.FirstKnower)
	return ok && k.KnowsFirst()
}

// Enter announces n workers, each of which must call Leave. A nil Gather takes
// no notice.
func (g *Gather) Enter(n int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.workers += n
}

// Leave takes a worker back. What the others wait for may go now.
func (g *Gather) Leave(ctx context.Context) {
	if g == nil {
		return
	}
	g.mu.Lock()
	g.workers--
	round := g.round()
	g.mu.Unlock()
	g.carryOut(ctx, round)
}

// Commit implements hikyaku.Ledger.
func (g *Gather) Commit(ctx context.Context, c hikyaku.Change) error {
	g.mu.Lock()
	if g.batch == nil || g.workers == 0 {
		g.mu.Unlock()
		return g.Ledger.Commit(ctx, c)
	}
	w := &waitingCommit{change: c, done: make(chan error, 1)}
	g.waiting = append(g.waiting, w)
	round := g.round()
	g.mu.Unlock()
	g.carryOut(ctx, round)
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		if g.withdraw(w) {
			return ctx.Err()
		}
		return <-w.done // it is being carried out
	}
}

// round takes the waiting commits if nobody else can come; mu is held.
func (g *Gather) round() []*waitingCommit {
	if len(g.waiting) == 0 || len(g.waiting) < g.workers {
		return nil
	}
	round := g.waiting
	g.waiting = nil
	return round
}

func (g *Gather) withdraw(w *waitingCommit) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.waiting)
	g.waiting = slices.DeleteFunc(g.waiting, func(x *waitingCommit) bool { return x == w })
	return len(g.waiting) < n
}

// errRound is what is said about a commit of which the ledger said nothing.
var errRound = errors.New("the ledger gave no answer")

// carryOut commits a round and tells everybody, also should the ledger panic.
func (g *Gather) carryOut(ctx context.Context, round []*waitingCommit) {
	if len(round) == 0 {
		return
	}
	errs := slices.Repeat([]error{errRound}, len(round))
	defer func() {
		for i, w := range round {
			w.done <- errs[i]
		}
	}()
	if len(round) == 1 {
		errs[0] = g.Ledger.Commit(ctx, round[0].change)
		return
	}
	changes := make([]hikyaku.Change, len(round))
	for i, w := range round {
		changes[i] = w.change
	}
	copy(errs, g.batch.CommitAll(ctx, changes))
}
