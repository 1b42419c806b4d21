package daemon

import (
	"context"
	"time"
)

// drain is one way out of the outbox.
type drain struct {
	wake signal
	do   func(ctx context.Context) (sent int, err error)
}

// drainsOf are the lanes of a dispatcher that has some, else its outbox.
func drainsOf(d Dispatcher) []drain {
	l, ok := d.(lanes)
	if !ok {
		return []drain{{newSignal(), d.DrainOutbox}}
	}
	var all []drain
	for _, name := range l.OutboxLanes() {
		all = append(all, drain{newSignal(), func(ctx context.Context) (int, error) { return l.DrainLane(ctx, name) }})
	}
	return all
}

// owed wakes those who send what is owed.
func (d *Daemon) owed() {
	for _, drain := range d.drains {
		drain.wake.raise()
	}
}

// draining sends what is owed whenever it is signalled and every OutboxEvery,
// with a gap between rounds that lets entries gather.
func (d *Daemon) draining(until, work context.Context, drain drain) {
	timer := time.NewTimer(d.opts.OutboxEvery)
	defer timer.Stop()
	for {
		select {
		case <-until.Done():
			return
		case <-drain.wake:
		case <-timer.C:
		}
		err := d.guard(work, "outbox", func(ctx context.Context) error {
			_, err := drain.do(ctx)
			return err
		})
		if err != nil {
			d.failed(work, "outbox", err)
		}
		sleep(until, d.opts.OutboxGap)
		timer.Reset(d.opts.OutboxEvery)
	}
}
