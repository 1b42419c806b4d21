package dispatch_test

import (
	"context"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

func TestDispatcher_DrainOutbox_putsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "{}")
	w.dlq.FailSends(errBroken)
	n, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	if got := w.get(t, x); n != 1 || got.DeadLetter != hikyaku.DeadLetterOwed { // the completion event went
		t.Fatalf("sent %d, dead letter %s", n, got.DeadLetter)
	}
	w.dlq.FailSends(nil)
	if n, err = w.d.DrainOutbox(t.Context()); n != 0 || err != nil {
		t.Fatalf("sent %d before its time, %v", n, err)
	}
	w.clock.Advance(time.Minute)
	if n, err = w.d.DrainOutbox(t.Context()); n != 1 || err != nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	if got := w.wantState(t, x, hikyaku.Rejected); got.DeadLetter != hikyaku.DeadLetterSent {
		t.Errorf("dead letter %s", got.DeadLetter)
	}
	must(t, w.d.DiscardDeadLetter(t.Context(), x.TransferID, hikyaku.Act{By: "ana"}))
	if _, err := w.d.RedriveDeadLetters(t.Context(), []string{x.TransferID}, hikyaku.Act{}); hikyaku.CodeOf(err) == "" && err == nil {
		t.Error("a discarded letter was redriven")
	}
}

// What was sent is not sent again because something after it could not be recorded.
func TestDispatcher_DrainOutbox_recordsWhatWasSent(t *testing.T) {
	t.Parallel()
	var h hook
	w := newWorld(t, func(o *dispatch.Options) {
		o.Ledger = &hikyakutest.FaultyLedger{Ledger: o.Ledger, Fault: h.fault}
	})
	w.send(t, "{}")
	h.set(func(op string) (error, error) { return map[string]error{"Transfer": errBroken}[op], nil })
	if _, err := w.d.DrainOutbox(t.Context()); err == nil {
		t.Fatal("the letter could not be recorded as sent, and nobody minded")
	}
	h.set(nil)
	_, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	if n := len(w.completions.Messages()); n != 1 {
		t.Errorf("%d completion events, want 1", n)
	}
}

// mover is a dead-letter queue that can move its messages back.
type mover struct {
	*hikyakutest.Queue
	moved []string
}

func (m *mover) Redrive(_ context.Context, destination string) (string, error) {
	m.moved = append(m.moved, destination)
	return "handle", nil
}

func TestDispatcher_RedriveDeadLetters(t *testing.T) {
	t.Parallel()
	var m mover
	w := newWorld(t, func(o *dispatch.Options) {
		m.Queue = hikyakutest.NewQueue("inbox-dlq")
		o.DeadLetters["inbox"] = &m
	})
	for _, id := range []string{"A", "B", "C"} {
		w.source.Set(id, hikyaku.Look{Listed: true})
		w.send(t, id)
	}
	w.assign(t)
	_, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	letters := m.Messages()
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{ID: "C"})
	must(t, err)
	discarded := page.Transfers[0]
	must(t, w.d.DiscardDeadLetter(t.Context(), discarded.TransferID, hikyaku.Act{By: "ana"}))
	n, err := w.d.RedriveDeadLetters(t.Context(), nil, hikyaku.Act{By: "ana"})
	must(t, err)
	if n != 2 || len(m.moved) != 1 || m.moved[0] != "inbox" {
		t.Fatalf("redriven %d, moved %v", n, m.moved)
	}
	for _, letter := range letters { // they come in as messages
		letter.ID, letter.Queue = "moved-"+letter.ID, "inbox"
		must(t, w.d.Accept(t.Context(), letter))
	}
	page, err = w.ledger.Transfers(t.Context(), hikyaku.Query{States: []hikyaku.State{hikyaku.Queued}})
	must(t, err)
	if len(page.Transfers) != 2 || page.Transfers[0].Reruns != 1 || page.Transfers[1].Reruns != 1 {
		t.Fatalf("queued %+v", page.Transfers)
	}
	w.wantState(t, discarded, hikyaku.Failed)
}

func TestDispatcher_CollectDeadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.dlq.Send(t.Context(), hikyaku.OutMessage{Body: "A-9"})
	must(t, err)
	n, err := w.d.CollectDeadLetters(t.Context())
	must(t, err)
	x := w.newest(t)
	if n != 1 || x.State != hikyaku.Rejected || x.Failure.Code != hikyaku.CodeQueueGaveUp || x.Body != "A-9" {
		t.Fatalf("collected %d: %+v", n, x)
	}
	_, err = w.d.DrainOutbox(t.Context())
	must(t, err)
	if n, err = w.d.CollectDeadLetters(t.Context()); n != 0 || err != nil || len(w.dlq.Messages()) != 1 {
		t.Fatalf("collected %d again, %v, letters %v", n, err, w.dlq.Messages())
	}
	again, err := w.d.Rerun(t.Context(), x.TransferID, hikyaku.Act{})
	must(t, err)
	if again.State != hikyaku.Queued || again.ID != "A-9" {
		t.Errorf("rerun gave %+v", again)
	}
}
