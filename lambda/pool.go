package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

// describeAgain is how long a task's description is believed: tasks change
// when people change them, and DataSync's API is slow to ask.
const describeAgain = 15 * time.Minute

// Reconciler is what PoolKeeper drives; *dispatch.Dispatcher is one.
type Reconciler interface {
	// Reconcile makes the pools what they should be.
	Reconcile(ctx context.Context, desired map[string][]hikyaku.TaskDescription) error
}

// PoolKeeper keeps the ledger's pool equal to the deployed tasks. Each
// parameter under Path has the ARN of one task for its value: the template
// publishes its own there, and a task made by hand joins the pool when a
// person adds a parameter for it. All but Source and Logger are required.
type PoolKeeper struct {
	Dispatcher Reconciler
	Parameters Parameters
	// Describe describes a task; see hikyaku.Executor.
	Describe func(ctx context.Context, taskARN string) (hikyaku.TaskDescription, error)
	Path     string
	Route    string
	// Source is the DataSync location that every task must read from; empty
	// does not check.
	Source string
	Now    func() time.Time
	Logger *slog.Logger

	mu    sync.Mutex // guards known
	known map[string]described
}

type described struct {
	task hikyaku.TaskDescription
	at   time.Time
}

// Reconcile reads the path and makes the pool equal to it. It changes nothing
// when the path is empty or a task cannot be described just now: a slip of the
// parameter store or of DataSync must not drain the pool. Tasks that do not
// exist and those that must not be used are left out and part of the error.
func (k *PoolKeeper) Reconcile(ctx context.Context) error {
	parameters, err := k.Parameters.Under(ctx, k.Path)
	if err != nil {
		return fmt.Errorf("read pool path %s: %w", k.Path, err)
	}
	if len(parameters) == 0 {
		return hikyaku.NewError(hikyaku.CodeNoTask, "read pool path", k.Path, "there is no parameter under it; the pool is left as it is")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	var errs []error
	var tasks []hikyaku.TaskDescription
	seen := map[string]described{}
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		arn := parameters[name]
		if _, twice := seen[arn]; twice {
			continue
		}
		d, err := k.describe(ctx, arn)
		switch {
		case hikyaku.KindOf(err) == hikyaku.KindNotFound:
			errs = append(errs, hikyaku.NewError(hikyaku.CodeNoTask, "add to pool", arn, "parameter "+name+" names a task that does not exist"))
			continue
		case err != nil:
			return fmt.Errorf("describe task %s of parameter %s: %w", arn, name, err)
		}
		seen[arn] = d
		if k.Source != "" && d.task.SourceLocation != k.Source {
			errs = append(errs, hikyaku.NewError(hikyaku.CodeTaskRefused, "add to pool", arn, "its source is "+d.task.SourceLocation+", the stack's is "+k.Source))
			continue
		}
		tasks = append(tasks, d.task)
	}
	k.known = seen
	err = k.Dispatcher.Reconcile(ctx, map[string][]hikyaku.TaskDescription{k.Route: tasks})
	return errors.Join(append(errs, err)...)
}

// describe asks about a task unless it did lately; k.mu is held.
func (k *PoolKeeper) describe(ctx context.Context, arn string) (described, error) {
	if d, ok := k.known[arn]; ok && k.Now().Sub(d.at) < describeAgain {
		return d, nil
	}
	task, err := k.Describe(ctx, arn)
	if err != nil {
		if d, ok := k.known[arn]; ok && hikyaku.KindOf(err) != hikyaku.KindNotFound {
			return d, nil // as it was: the next sweep asks again
		}
		return described{}, err
	}
	return described{task: task, at: k.Now()}, nil
}
