package lambda

import (
	"context"
	"encoding/json"
	"errors"
)

// Watcher is what Agents drives; *dispatch.Dispatcher is one.
type Watcher interface {
	// Watch looks at the agents and records what changed.
	Watch(ctx context.Context) error
}

// Agents watches the DataSync agents, which DataSync itself tells nobody
// about: their records, a line of log for each change of state, the metrics.
// An agent that comes back takes its tasks off the bench; the next sweep gives
// them work.
type Agents struct {
	Common
	Dispatcher Watcher
	Levels     *Levels
}

// Handle looks at all agents, whatever invoked it: an event only says that now
// is a good time.
func (h *Agents) Handle(ctx context.Context, _ json.RawMessage) (Summary, error) {
	defer h.begin(ctx)()
	work, cancel := h.work(ctx)
	defer cancel()
	err := h.guard(work, "watch", h.Dispatcher.Watch)
	if h.Levels != nil {
		err = errors.Join(err, h.guard(work, "levels", h.Levels.MeasurePool))
	}
	if err != nil {
		h.Logger.ErrorContext(ctx, "agents not watched", errorAttrs("watch", err)...)
	}
	return Summary{Swept: true}, err
}
