package lambda

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Levels reads the ledger for the metrics that are levels, not counts.
type Levels struct {
	Ledger hikyaku.Ledger
	Meter  *Meter
	Route  string
	Now    func() time.Time
}

// Measure notes how much waits and runs, how long the oldest has waited, and
// what the pool can do.
func (l *Levels) Measure(ctx context.Context) error {
	stats, err := l.Ledger.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read stats: %w", err)
	}
	counts := stats.Counts[l.Route]
	l.Meter.Set(MetricQueued, float64(counts[hikyaku.Queued]))
	l.Meter.Set(MetricRunning, float64(counts[hikyaku.Starting]+counts[hikyaku.Running]))
	l.Meter.Set(MetricOutboxPending, float64(stats.OutboxPending))
	var failing int64
	var owedFor time.Duration
	for _, o := range stats.Owed {
		failing += o.Failing
		owedFor = max(owedFor, l.Now().Sub(o.Since))
	}
	l.Meter.Set(MetricEventsFailing, float64(failing))
	l.Meter.Set(MetricEventsOldestAge, owedFor.Seconds())
	var age time.Duration
	if oldest := stats.OldestQueued[l.Route]; !oldest.IsZero() {
		age = max(0, l.Now().Sub(oldest))
	}
	l.Meter.Set(MetricOldestQueuedAge, age.Seconds())
	return l.MeasurePool(ctx)
}

// MeasurePool notes the levels of tasks and of the agents that they depend on.
func (l *Levels) MeasurePool(ctx context.Context) error {
	p, err := l.Ledger.Pool(ctx, l.Route)
	if err != nil {
		return fmt.Errorf("read pool: %w", err)
	}
	online := map[string]bool{}
	for _, a := range p.Agents {
		online[a.ARN] = a.Online
	}
	var needed []string
	states := map[hikyaku.TaskState]int{}
	for _, t := range p.Tasks {
		states[t.State]++
		needed = append(needed, t.AgentARNs...)
	}
	slices.Sort(needed)
	up, down := 0, 0
	for _, arn := range slices.Compact(needed) {
		if online[arn] {
			up++
		} else {
			down++
		}
	}
	l.Meter.Set(MetricTasksIdle, float64(states[hikyaku.Idle]))
	l.Meter.Set(MetricTasksBenched, float64(states[hikyaku.Benched]))
	l.Meter.Set(MetricAgentsOnline, float64(up))
	l.Meter.Set(MetricAgentsOffline, float64(down))
	return nil
}
