package dispatch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
)

// endpoint is a target that does as it is told.
type endpoint struct {
	mu    sync.Mutex
	fail  func(hikyaku.OutMessage) error
	got   []hikyaku.OutMessage
	tried int
}

func (p *endpoint) Send(_ context.Context, m hikyaku.OutMessage) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried++
	if p.fail != nil {
		if err := p.fail(m); err != nil {
			return "", err
		}
	}
	p.got = append(p.got, m)
	return "", nil
}

func (p *endpoint) set(fail func(hikyaku.OutMessage) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = fail
}

func (p *endpoint) counts() (tried, got int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tried, len(p.got)
}

// statusError is how a target that speaks HTTP refuses.
type statusError int

func (statusError) Error() string     { return "refused" }
func (e statusError) HTTPStatus() int { return int(e) }

func refusal(kind hikyaku.Kind, status int) func(hikyaku.OutMessage) error {
	return func(hikyaku.OutMessage) error {
		return &hikyaku.Error{Kind: kind, Code: hikyaku.CodeOutboxStuck, Op: "post", Err: statusError(status)}
	}
}

// withTargets replaces the targets of completion events.
func withTargets(targets ...dispatch.Target) func(*dispatch.Options) {
	return func(o *dispatch.Options) { o.Completions = targets }
}

func (w *world) drain(t *testing.T) int {
	t.Helper()
	n, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	return n
}

func (w *world) owed(t *testing.T) map[string]hikyaku.Owed {
	t.Helper()
	s, err := w.ledger.Stats(t.Context())
	must(t, err)
	return s.Owed
}

// deliver takes an ID through its life.
func (w *world) deliver(t *testing.T, id string) hikyaku.Transfer {
	t.Helper()
	x := w.run(t, id)
	w.finish(t, x)
	return w.get(t, x)
}

// Each target is told of its routes, by itself, and the event of the log says so.
func TestDispatcher_completionTargets(t *testing.T) {
	t.Parallel()
	hook, queue, other := &endpoint{}, &endpoint{}, &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}, dispatch.Target{Name: "queue", Sender: queue, Routes: []string{"orders"}},
		dispatch.Target{Name: "other", Sender: other, Routes: []string{"invoices"}}))
	x := w.deliver(t, "A")
	if got, want := w.owed(t), (map[string]hikyaku.Owed{"hook": {Events: 1, Since: x.EndedAt}, "queue": {Events: 1, Since: x.EndedAt}}); !cmp.Equal(got, want) {
		t.Errorf("owed %v, want %v", got, want)
	}
	w.drain(t)
	if _, n := other.counts(); n != 0 || len(w.owed(t)) != 0 {
		t.Errorf("the target of another route got %d; owed %v", n, w.owed(t))
	}
	var told []hikyaku.NotifiedDetail
	events, err := w.ledger.Events(t.Context(), x.TransferID, 0)
	must(t, err)
	ended := int64(0)
	for _, e := range events {
		d, err := e.Decode()
		must(t, err)
		if n, ok := d.(*hikyaku.NotifiedDetail); ok {
			told = append(told, *n)
		}
		if e.Type.Ends() {
			ended = e.Seq
		}
	}
	slices.SortFunc(told, func(a, b hikyaku.NotifiedDetail) int { return len(a.Target) - len(b.Target) })
	want := []hikyaku.NotifiedDetail{
		{Kind: hikyaku.OutboxCompletion, Event: ended, Target: "hook", Tries: 1}, {Kind: hikyaku.OutboxCompletion, Event: ended, Target: "queue", Tries: 1},
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if m := hook.got[0]; m.Attributes["hikyaku-event-id"] != hikyaku.EventID(x.TransferID, ended) {
		t.Errorf("attributes %v", m.Attributes)
	}
	w.wantState(t, x, hikyaku.Succeeded)
}

// A target that is down is tried with one event at a time, ever more seldom;
// the others and the dead letters do not notice.
func TestDispatcher_deadTarget(t *testing.T) {
	t.Parallel()
	hook, queue := &endpoint{}, &endpoint{}
	hook.set(refusal(hikyaku.KindTransient, 503))
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}, dispatch.Target{Name: "queue", Sender: queue}))
	const n = 300 // more than are read at once
	for range n {
		w.send(t, "{}")
	}
	for range 3 {
		w.drain(t)
		w.clock.Advance(20 * time.Millisecond)
	}
	if tried, _ := hook.counts(); tried != 1 {
		t.Errorf("the target that is down was tried %d times, want once", tried)
	}
	if _, got := queue.counts(); got != n || len(w.dlq.Messages()) != n {
		t.Errorf("the others got %d events and %d letters, want %d each", got, len(w.dlq.Messages()), n)
	}
	owed := w.owed(t)["hook"]
	if owed.Events != n || owed.Failing != 1 {
		t.Errorf("owed %+v", owed)
	}
	for range 3600 {
		w.clock.Advance(time.Second)
		w.drain(t)
	}
	if tried, _ := hook.counts(); tried < 12 || tried > 60 {
		t.Errorf("it was tried %d times in an hour, want about every 5 minutes in the end", tried)
	}
	hook.set(nil)
	w.clock.Advance(5 * time.Minute)
	w.drain(t)
	w.clock.Advance(5 * time.Minute) // those that were put off themselves
	w.drain(t)
	if _, got := hook.counts(); got != n || len(w.owed(t)) != 0 {
		t.Errorf("it got %d of %d events after it was back; owed %v", got, n, w.owed(t))
	}
}

// What the target does not want is tried again by itself and holds up nothing.
func TestDispatcher_unwantedEvent(t *testing.T) {
	t.Parallel()
	hook := &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}))
	bad := w.deliver(t, "A")
	hook.set(func(m hikyaku.OutMessage) error {
		if m.Attributes[hikyaku.AttributeTransfer] == bad.TransferID {
			return refusal(hikyaku.KindInvalid, 422)(m)
		}
		return nil
	})
	for _, id := range []string{"B", "C", "D", "E"} {
		w.deliver(t, id)
	}
	w.drain(t)
	if _, got := hook.counts(); got != 4 {
		t.Errorf("it got %d events, want the other 4", got)
	}
	entries, err := w.ledger.Outbox(t.Context(), hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: bad.TransferID, Limit: 2})
	must(t, err)
	if len(entries) != 1 || entries[0].LastStatus != 422 || !entries[0].Failing() || entries[0].Tries != 1 || !entries[0].NotBefore.After(w.clock.Now()) {
		t.Errorf("entries %+v", entries)
	}
	hook.set(refusal(hikyaku.KindInvalid, 404)) // the address is wrong: nothing is wanted
	for range 50 {
		w.deliver(t, "F")
	}
	before, _ := hook.counts()
	w.drain(t)
	if tried, _ := hook.counts(); tried-before > 16 {
		t.Errorf("a target that wants nothing was tried %d times in one go", tried-before)
	}
}

// A slow target holds up no other lane.
func TestDispatcher_slowTarget(t *testing.T) {
	t.Parallel()
	release, entered := make(chan struct{}), make(chan struct{}, 100)
	queue := &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "slow", Sender: blocking{release, entered}}, dispatch.Target{Name: "queue", Sender: queue}))
	for range 20 {
		w.send(t, "{}")
	}
	lanes := w.d.OutboxLanes()
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := w.d.DrainLane(t.Context(), lanes[2]); err != nil {
			t.Error(err)
		}
	})
	<-entered
	for _, name := range []string{lanes[0], lanes[1], lanes[3]} {
		_, err := w.d.DrainLane(t.Context(), name)
		must(t, err)
	}
	if n, err := w.d.DrainLane(t.Context(), lanes[2]); n != 0 || err != nil {
		t.Errorf("a lane that is busy sent %d, %v", n, err)
	}
	if _, got := queue.counts(); got != 20 || len(w.dlq.Messages()) != 20 {
		t.Errorf("while one target hung, the other got %d events, and %d letters went", got, len(w.dlq.Messages()))
	}
	close(release)
	wg.Wait()
	if len(w.owed(t)) != 0 {
		t.Errorf("owed %v", w.owed(t))
	}
}

type blocking struct{ release, entered chan struct{} }

func (b blocking) Send(context.Context, hikyaku.OutMessage) (string, error) {
	b.entered <- struct{}{}
	<-b.release
	return "", nil
}

// A person can have an event sent once more: it is the same event.
func TestDispatcher_ResendCompletion(t *testing.T) {
	t.Parallel()
	hook, queue := &endpoint{}, &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}, dispatch.Target{Name: "queue", Sender: queue}))
	act := hikyaku.Act{By: "ana", Reason: "the receiver lost it"}
	x := w.run(t, `{"id":"A","metadata":{"k":"v"}}`)
	if _, err := w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{}, act); hikyaku.CodeOf(err) != hikyaku.CodeNoCompletion {
		t.Errorf("a transfer that runs: %v", err)
	}
	w.finish(t, x)
	w.drain(t)
	_, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{By: "ana", Force: true}) // the record is another now
	must(t, err)
	got, err := w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{Target: "hook"}, act)
	must(t, err)
	if got.State != hikyaku.Queued {
		t.Errorf("state %s", got.State)
	}
	w.drain(t)
	if len(hook.got) != 2 || len(queue.got) != 1 {
		t.Fatalf("sent %d to hook and %d to queue, want 2 and 1", len(hook.got), len(queue.got))
	}
	if diff := cmp.Diff(hook.got[0], hook.got[1]); diff != "" {
		t.Errorf("the event is another (-first +second):\n%s", diff)
	}
	_, err = w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{}, act)
	must(t, err)
	w.drain(t)
	if len(hook.got) != 3 || len(queue.got) != 2 {
		t.Errorf("sent %d to hook and %d to queue, want 3 and 2", len(hook.got), len(queue.got))
	}
	if _, err := w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{Target: "nobody"}, act); hikyaku.CodeOf(err) != hikyaku.CodeNoTarget {
		t.Errorf("an unknown target: %v", err)
	}
	if _, err := w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{Event: 1}, act); hikyaku.CodeOf(err) != hikyaku.CodeNoCompletion {
		t.Errorf("an event that ends nothing: %v", err)
	}
	if _, err := w.d.ResendCompletion(t.Context(), "none", hikyaku.Resend{}, act); !errors.Is(err, hikyaku.ErrNotFound) {
		t.Errorf("an unknown transfer: %v", err)
	}
	events, err := w.ledger.Events(t.Context(), x.TransferID, 0)
	must(t, err)
	i := slices.IndexFunc(events, func(e hikyaku.Event) bool { return e.Type == hikyaku.EventResent })
	if i < 0 || events[i].By != "ana" {
		t.Errorf("events %+v", events)
	}
	w.wantState(t, x, hikyaku.Queued)
}

// Sending again what fails is due at once, and the target is tried although it failed.
func TestDispatcher_ResendCompletion_failing(t *testing.T) {
	t.Parallel()
	hook := &endpoint{}
	hook.set(refusal(hikyaku.KindTransient, 500))
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}))
	x := w.deliver(t, "A")
	w.drain(t)
	hook.set(nil)
	w.drain(t)
	if tried, _ := hook.counts(); tried != 1 {
		t.Fatalf("tried %d times, want 1: it is not due", tried)
	}
	_, err := w.d.ResendCompletion(t.Context(), x.TransferID, hikyaku.Resend{}, hikyaku.Act{By: "ana"})
	must(t, err)
	if n := w.drain(t); n != 1 || len(w.owed(t)) != 0 {
		t.Errorf("sent %d, owed %v", n, w.owed(t))
	}
}

// Events for a target that was taken out of the configuration are dropped, but
// not at once; those from before targets had names go to the first.
func TestDispatcher_strays(t *testing.T) {
	t.Parallel()
	hook := &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "old", Sender: &endpoint{}}))
	x := w.deliver(t, "A")
	nameless := hikyaku.OutboxEntry{
		SchemaVersion: 1, ID: hikyaku.OutboxID(hikyaku.OutboxCompletion, x.TransferID, 5, ""), Kind: hikyaku.OutboxCompletion,
		TransferID: x.TransferID, Route: "orders", Body: "{}", CreatedAt: w.clock.Now(),
	}
	must(t, w.ledger.Commit(t.Context(), hikyaku.Change{Outbox: []hikyaku.OutboxEntry{nameless}}))
	w.d = w.dispatcher(withTargets(dispatch.Target{Name: "new", Sender: hook}))
	w.drain(t)
	w.drain(t)
	if _, got := hook.counts(); got != 1 || w.owed(t)["old"].Failing != 1 || len(w.owed(t)) != 1 {
		t.Errorf("the new target got %d; owed %v", got, w.owed(t))
	}
	for range 24*6 + 1 {
		w.clock.Advance(10 * time.Minute)
		w.drain(t)
	}
	if _, got := hook.counts(); got != 1 || len(w.owed(t)) != 0 {
		t.Errorf("after a day the new target has %d; owed %v", got, w.owed(t))
	}
	w.wantState(t, x, hikyaku.Succeeded)
}

// What is sent but could not be recorded is not sent again by the same process.
func TestDispatcher_completionRecordedLater(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	hook := &endpoint{}
	w := newWorld(t, withTargets(dispatch.Target{Name: "hook", Sender: hook}))
	x := w.deliver(t, "A")
	w.d = w.dispatcher(withTargets(dispatch.Target{Name: "hook", Sender: hook}), func(o *dispatch.Options) {
		o.Ledger = breakable{o.Ledger, &broken}
	})
	broken.Store(true)
	if _, err := w.d.DrainOutbox(t.Context()); err == nil {
		t.Error("nobody minded that it was not recorded")
	}
	broken.Store(false)
	w.drain(t)
	if tried, _ := hook.counts(); tried != 1 || len(w.owed(t)) != 0 {
		t.Errorf("sent %d times, owed %v", tried, w.owed(t))
	}
	w.wantState(t, x, hikyaku.Succeeded)
}

type breakable struct {
	hikyaku.Ledger
	broken *atomic.Bool
}

func (b breakable) Commit(ctx context.Context, c hikyaku.Change) error {
	if b.broken.Load() {
		return errBroken
	}
	return b.Ledger.Commit(ctx, c)
}
