package scenariotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Edition is one way to run hikyaku. Its methods may be called concurrently.
type Edition interface {
	// Name is how the scenario's cannot lines call it.
	Name() string
	// Upload puts an object below the source of the route.
	Upload(ctx context.Context, o Object) error
	// Send sends a message to the queue. It may be called again after an error.
	Send(ctx context.Context, body string) error
	// Transfers lists all transfers, as people are shown them.
	Transfers(ctx context.Context) ([]hikyaku.Transfer, error)
	// Events is a transfer's log.
	Events(ctx context.Context, transferID string) ([]hikyaku.Event, error)
	// Executions are all that DataSync knows.
	Executions(ctx context.Context) ([]Execution, error)
	// DeadLetters are the attributes of the messages in the dead-letter queue.
	DeadLetters(ctx context.Context) ([]map[string]string, error)
	// Do carries out Pool, Limit, Redrive, Break and Mend. Break arms a fault;
	// Mend waits until it has happened as often as was asked for.
	Do(ctx context.Context, c Command) error
}

// Command is what an edition is asked to do.
type Command struct {
	Verb        Verb
	N           int64 // see Step
	Fault       Fault
	TransferIDs []string // of Redrive
}

// Execution is a task execution as DataSync tells of it.
type Execution struct {
	ARN string
	// Include is its filter.
	Include    string
	Start, End time.Time
}

// Options of Run. All but Root and Poll are required.
type Options struct {
	Scenario *Scenario
	Edition  Edition
	// Root is the folder that the route delivers to, and nothing else does.
	// Empty: it cannot be seen from here; then DataSync's counters are compared
	// instead.
	Root string
	// Now is the clock of what is logged.
	Now func() time.Time
	// Poll is how often transfers are looked at while waiting; 0 is 100 ms.
	Poll time.Duration
}

// parallel is how many uploads and sends are under way at once.
const parallel = 8

type runner struct {
	Options
	t    testing.TB
	sent map[string]bool // messages of groups and poisons
}

// Run runs the scenario and holds what became of it against what is expected.
// Steps that the edition cannot take are logged as skipped. ctx bounds it all.
func Run(ctx context.Context, tb testing.TB, o Options) {
	tb.Helper()
	if o.Poll <= 0 {
		o.Poll = 100 * time.Millisecond
	}
	r := &runner{Options: o, t: tb, sent: map[string]bool{}}
	began := o.Now()
	for _, step := range o.Scenario.Steps {
		if why, cannot := o.Scenario.Cannot[o.Edition.Name()][step.If]; cannot && step.If != "" {
			tb.Logf("SKIPPED, NOT TESTED on %s: line %d: %s: %s", o.Edition.Name(), step.Line, step.Text, why)
			continue
		}
		at := o.Now()
		if err := r.step(ctx, step); err != nil {
			r.dump(context.WithoutCancel(ctx))
			tb.Fatalf("line %d: %s: %v", step.Line, step.Text, err)
		}
		tb.Logf("%7.2fs %6.2fs  %s", o.Now().Sub(began).Seconds(), o.Now().Sub(at).Seconds(), step.Text)
	}
	r.check(ctx)
}

func (r *runner) step(ctx context.Context, s Step) error {
	switch s.Verb {
	case Pool, Limit, Break, Mend:
		return r.Edition.Do(ctx, Command{Verb: s.Verb, N: s.N, Fault: s.Fault})
	case Upload:
		return r.upload(ctx, s.Groups)
	case Send:
		return r.send(ctx, s)
	case Again:
		return r.again(ctx, s.Groups)
	case Wait:
		return r.wait(ctx, s.Text, func(all byID) bool { return r.reached(all, s) })
	case Redrive:
		return r.redrive(ctx, s.Groups)
	case Settle:
		return r.wait(ctx, s.Text, r.settled)
	}
	return fmt.Errorf("verb %q is not known", s.Verb)
}

// each calls do for every item, so many at once.
func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	errs := make([]error, len(items))
	limit := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for i, item := range items {
		limit <- struct{}{}
		all.Go(func() {
			defer func() { <-limit }()
			errs[i] = do(ctx, item)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (r *runner) upload(ctx context.Context, groups []string) error {
	var objects []Object
	for _, name := range groups {
		g, _ := r.Scenario.group(name)
		if g.Files.Max == 0 { // late: its files are not there at first
			return fmt.Errorf("group %s has no files", name)
		}
		for _, id := range g.IDs() {
			objects = append(objects, g.Objects(id)...)
		}
	}
	return each(ctx, objects, func(ctx context.Context, o Object) error {
		return insist(ctx, func(ctx context.Context) error { return r.Edition.Upload(ctx, o) })
	})
}

// insist calls do until it succeeds: a process that is killed answers nobody
// for a while.
func insist(ctx context.Context, do func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", err, context.Cause(ctx))
		}
	}
}

// body is the message for an ID. The key makes sending it again harmless.
func body(id, key string) string {
	raw, _ := json.Marshal(map[string]string{"id": id, "key": key}) // strings: never fails
	return string(raw)
}

func (r *runner) send(ctx context.Context, s Step) error {
	var bodies []string
	for _, name := range s.Groups {
		r.sent[name] = true
		if p, ok := r.Scenario.poison(name); ok {
			bodies = append(bodies, p.Body)
			continue
		}
		g, _ := r.Scenario.group(name)
		for _, id := range g.IDs() {
			bodies = append(bodies, body(id, id))
			if s.Twice {
				bodies = append(bodies, body(id, id))
			}
		}
	}
	return each(ctx, bodies, func(ctx context.Context, b string) error {
		return insist(ctx, func(ctx context.Context) error { return r.Edition.Send(ctx, b) })
	})
}

// again sends each ID once more while its first transfer runs.
func (r *runner) again(ctx context.Context, groups []string) error {
	left := map[string]bool{}
	for _, name := range groups {
		g, _ := r.Scenario.group(name)
		for _, id := range g.IDs() {
			left[id] = true
		}
	}
	var failed error
	err := r.wait(ctx, "all have run", func(all byID) bool {
		for id := range left {
			if failed != nil || len(all[id]) != 1 {
				continue
			}
			if all[id][0].State.Ended() {
				failed = fmt.Errorf("%s ended before it was seen to run: the limit is too high", id)
			}
			if all[id][0].State == hikyaku.Running {
				failed = insist(ctx, func(ctx context.Context) error { return r.Edition.Send(ctx, body(id, id+" again")) })
				delete(left, id)
			}
		}
		return len(left) == 0 || failed != nil
	})
	return errors.Join(failed, err)
}

func (r *runner) redrive(ctx context.Context, groups []string) error {
	all, err := r.transfers(ctx)
	if err != nil {
		return err
	}
	c := Command{Verb: Redrive}
	for _, name := range groups {
		g, _ := r.Scenario.group(name)
		for _, id := range g.IDs() {
			for _, t := range all[id] {
				c.TransferIDs = append(c.TransferIDs, t.TransferID)
			}
		}
	}
	return r.Edition.Do(ctx, c)
}

// byID is all transfers by ID; what has none by its body.
type byID map[string][]hikyaku.Transfer

func (r *runner) transfers(ctx context.Context) (byID, error) {
	list, err := r.Edition.Transfers(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b hikyaku.Transfer) int { return a.CreatedAt.Compare(b.CreatedAt) })
	all := byID{}
	for _, t := range list {
		name := t.ID
		if t.State == hikyaku.Rejected {
			name = t.Body
		}
		all[name] = append(all[name], t)
	}
	return all, nil
}

// wait looks at the transfers until ok.
func (r *runner) wait(ctx context.Context, what string, ok func(byID) bool) error {
	tick := time.NewTicker(r.Poll)
	defer tick.Stop()
	for {
		all, err := r.transfers(ctx)
		if err == nil && ok(all) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("never: %s: %w", what, errors.Join(err, context.Cause(ctx)))
		}
	}
}

// reached reports whether every ID of a wait step's groups is where it says.
func (r *runner) reached(all byID, s Step) bool {
	for _, name := range s.Groups {
		g, _ := r.Scenario.group(name)
		for _, id := range g.IDs() {
			if len(all[id]) == 0 {
				return false
			}
			for _, t := range all[id] {
				if s.State != "" && t.State != s.State || s.Reason != "" && t.WaitingReason != s.Reason {
					return false
				}
			}
		}
	}
	return true
}

// settled reports whether everything that was sent has ended and nothing is
// owed any more.
func (r *runner) settled(all byID) bool {
	for _, list := range all {
		for _, t := range list {
			if !t.State.Ended() || t.DeadLetter == hikyaku.DeadLetterOwed {
				return false
			}
		}
	}
	for _, e := range r.Scenario.Expectations {
		for _, name := range e.Groups {
			g, _ := r.Scenario.group(name)
			for _, id := range g.IDs() {
				if r.sent[name] && len(all[id]) < e.Transfers {
					return false
				}
			}
		}
	}
	for _, p := range r.Scenario.Poisons {
		if r.sent[p.Name] && len(all[p.Body]) == 0 {
			return false
		}
	}
	return true
}

// dump logs what is not at its end.
func (r *runner) dump(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	all, err := r.transfers(ctx)
	if err != nil {
		r.t.Logf("transfers: %v", err)
	}
	counts := map[hikyaku.State]int{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, t := range all[name] {
			counts[t.State]++
			if !t.State.Ended() {
				r.t.Logf("%s %s %s %s attempt %d %s %+v", name, t.TransferID, t.State, t.WaitingReason, t.Attempt, t.TaskARN, t.Failure)
			}
		}
	}
	r.t.Logf("transfers: %v", counts)
}
