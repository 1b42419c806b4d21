package daemon

import (
	"context"
	"sync"
	"time"
)

// Repetitions of a refresh whose execution was not known yet.
const (
	repeatFirst = 5 * time.Millisecond
	repeatTimes = 7 // 5, 10, … 320 ms: 0.6 s together; then the timer's turn
)

// intake holds the executions to refresh. An execution is in it once, however
// many events name it, and is never handed to two workers at a time.
type intake struct {
	delay time.Duration
	ready chan struct{} // one token, passed on while the queue is not empty

	mu     sync.Mutex // guards what follows
	closed bool
	queue  []string
	items  map[string]*item
}

// item is one execution. Exactly one of these holds: it waits for its timer,
// it is in the queue, a worker has it.
type item struct {
	timer   *time.Timer
	queued  bool
	taken   bool
	ended   bool // an event said so
	dirty   bool // an event came while a worker had it
	repeats int
}

func newIntake(delay time.Duration) *intake {
	return &intake{delay: delay, ready: make(chan struct{}, 1), items: map[string]*item{}}
}

// notify puts an execution in, or notes the news about one that is in.
func (in *intake) notify(arn string, ended bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return
	}
	x := in.items[arn]
	if x == nil {
		x = &item{}
		in.items[arn] = x
	}
	wasEnded := x.ended
	x.ended = x.ended || ended
	switch {
	case x.taken:
		x.dirty = true
	case x.queued:
	case ended && !wasEnded:
		in.enqueue(arn, x)
	case x.timer == nil:
		in.later(arn, x, in.delay)
	}
}

// enqueue makes an execution ready; mu is held.
func (in *intake) enqueue(arn string, x *item) {
	if x.timer != nil {
		x.timer.Stop()
		x.timer = nil
	}
	x.queued = true
	in.queue = append(in.queue, arn)
	in.wake()
}

// later enqueues an execution after a pause; mu is held.
func (in *intake) later(arn string, x *item, pause time.Duration) {
	var timer *time.Timer
	timer = time.AfterFunc(pause, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		if in.closed || x.timer != timer {
			return // overtaken
		}
		in.enqueue(arn, x)
	})
	x.timer = timer
}

// wake passes the token; mu is held.
func (in *intake) wake() {
	select {
	case in.ready <- struct{}{}:
	default:
	}
}

// take waits for an execution that is ready; not ok when ctx is over. The
// caller gives it back with done or again.
func (in *intake) take(ctx context.Context) (arn string, ended, ok bool) {
	for {
		select {
		case <-ctx.Done():
			return "", false, false
		case <-in.ready:
		}
		in.mu.Lock()
		if len(in.queue) == 0 {
			in.mu.Unlock()
			continue
		}
		arn = in.queue[0]
		in.queue[0] = ""
		in.queue = in.queue[1:]
		x := in.items[arn]
		x.queued, x.taken, x.dirty = false, true, false
		ended = x.ended
		if len(in.queue) > 0 {
			in.wake()
		}
		in.mu.Unlock()
		return arn, ended, true
	}
}

// done gives an execution back. If events came meanwhile it is put in again.
func (in *intake) done(arn string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	x := in.items[arn]
	x.taken, x.repeats = false, 0
	switch {
	case in.closed || !x.dirty:
		delete(in.items, arn)
	case x.ended:
		in.enqueue(arn, x)
	default:
		in.later(arn, x, in.delay)
	}
}

// again gives an execution back to be taken once more, soon. After some
// repetitions it is left to the timers.
func (in *intake) again(arn string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	x := in.items[arn]
	x.taken = false
	if in.closed || x.repeats >= repeatTimes {
		delete(in.items, arn)
		return
	}
	in.later(arn, x, repeatFirst<<x.repeats)
	x.repeats++
}

// close drops everything that is not in a worker's hands.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.closed = true
	in.queue = nil
	for arn, x := range in.items {
		if x.timer != nil {
			x.timer.Stop()
		}
		if !x.taken {
			delete(in.items, arn)
		}
	}
}
