package dispatch_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// withEvents lets route orders take S3 events.
func withEvents(o *dispatch.Options) { o.Routes[0].KeyPattern = "orders/{id}/*" }

// eventOf is a notification of several keys of the bucket outbox.
func eventOf(t *testing.T, keys ...string) string {
	t.Helper()
	records := []map[string]any{}
	for _, key := range keys {
		records = append(records, map[string]any{
			"eventName": "ObjectCreated:Put",
			"s3":        map[string]any{"bucket": map[string]any{"name": "outbox"}, "object": map[string]any{"key": key}},
		})
	}
	raw, err := json.Marshal(map[string]any{"Records": records})
	must(t, err)
	return string(raw)
}

func (w *world) all(t *testing.T, q hikyaku.Query) []hikyaku.Transfer {
	t.Helper()
	var out []hikyaku.Transfer
	q.Limit = 1000
	for {
		page, err := w.ledger.Transfers(t.Context(), q)
		must(t, err)
		out = append(out, page.Transfers...)
		if page.NextToken == "" {
			return out
		}
		q.Token = page.NextToken
	}
}

// One record of several that is refused is a letter of its own: sending it
// round again delivers it, and nothing of the others.
func TestDispatcher_Accept_severalRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withEvents)
	m := w.message(eventOf(t, "orders/A/1.txt", "elsewhere/X+Y/1.txt", "orders/A/2.txt"))
	for range 2 { // at least once
		must(t, w.d.Accept(t.Context(), m))
	}
	accepted := w.all(t, hikyaku.Query{States: []hikyaku.State{hikyaku.Queued}})
	refused := w.all(t, hikyaku.Query{States: []hikyaku.State{hikyaku.Rejected}})
	if len(accepted) != 1 || accepted[0].ID != "A" || len(refused) != 1 {
		t.Fatalf("accepted %+v, refused %+v", accepted, refused)
	}
	if got := w.wantState(t, accepted[0], hikyaku.Queued); got.EventSeq != 2 { // accepted, came again
		t.Errorf("%d events for two objects of one ID that came twice, want 2", got.EventSeq)
	}
	if strings.Contains(refused[0].Body, "orders/A") {
		t.Errorf("the refused record keeps its siblings: %s", refused[0].Body)
	}
	elsewhere := route("elsewhere")
	elsewhere.KeyPattern = "elsewhere/{id}/*"
	orders := w.routes[0]
	orders.KeyPattern = "orders/{id}/*"
	w.d.SetRoutes([]hikyaku.Route{orders, elsewhere}, "")
	again, err := w.d.Rerun(t.Context(), refused[0].TransferID, hikyaku.Act{By: "ana"})
	must(t, err)
	if again.ID != "X Y" || again.Route != "elsewhere" || again.State != hikyaku.Queued {
		t.Errorf("sent round again as %q on %q, %s", again.ID, again.Route, again.State)
	}
	if n := len(w.all(t, hikyaku.Query{ID: "A"})); n != 1 {
		t.Errorf("%d transfers of A, want 1", n)
	}
}

// A message of thousands of records that is cut short goes on where it was
// with the next receive.
func TestDispatcher_Accept_manyRecordsGetFurther(t *testing.T) {
	t.Parallel()
	const records, each = 3000, 1000
	var left atomic.Int64
	left.Store(each)
	w := newWorld(t, withEvents, func(o *dispatch.Options) {
		o.Ledger = &hikyakutest.FaultyLedger{Ledger: o.Ledger, Fault: func(op string) (error, error) {
			if op == "Commit" && left.Add(-1) < 0 {
				return context.DeadlineExceeded, nil
			}
			return nil, nil //nolint:nilnil // neither before nor after
		}}
	})
	keys := make([]string, records)
	for i := range keys {
		keys[i] = fmt.Sprintf("orders/id-%04d/file", i)
	}
	m := w.message(eventOf(t, keys...))
	for n := range records / each {
		left.Store(each + int64(n)*each) // what was done costs a look, no more
		if err := w.d.Accept(t.Context(), m); (err == nil) != (n == records/each-1) {
			t.Fatalf("receive %d: %v", n+1, err)
		}
	}
	if got := len(w.all(t, hikyaku.Query{})); got != records {
		t.Errorf("%d transfers, want %d", got, records)
	}
}

func TestDispatcher_CollectDeadLetters_deletesOnlyWhatWasAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withEvents)
	partly := w.message(eventOf(t, "orders/A/1", "orders/B/1", "nowhere/1"))
	first := partly
	first.Body = eventOf(t, "orders/A/1") // as far as it got
	must(t, w.d.Accept(t.Context(), first))
	joined := w.message("A")
	must(t, w.d.Accept(t.Context(), joined))
	// Letters of hikyaku's own lie before what the queue moved.
	for n := range 25 {
		_, err := w.dlq.Send(t.Context(), hikyaku.OutMessage{Body: fmt.Sprint("own-", n), Attributes: map[string]string{hikyaku.AttributeTransfer: "x"}})
		must(t, err)
	}
	w.dlq.Put(joined, partly)
	n, err := w.d.CollectDeadLetters(t.Context())
	must(t, err)
	refused := w.all(t, hikyaku.Query{Code: hikyaku.CodeQueueGaveUp})
	if n != 2 || len(refused) != 2 {
		t.Fatalf("collected %d, recorded %+v; want B and what no route takes", n, refused)
	}
	if left := w.dlq.Messages(); len(left) != 25 {
		t.Errorf("%d letters left, want the 25 of hikyaku's own", len(left))
	}
	for _, x := range refused {
		if strings.Contains(x.Body, "orders/A") {
			t.Errorf("what was accepted would be repeated: %s", x.Body)
		}
	}
	if n, err = w.d.CollectDeadLetters(t.Context()); n != 0 || err != nil {
		t.Errorf("collected %d again, %v", n, err)
	}
}

// smallQueue refuses messages over a size, attributes included.
type smallQueue struct {
	*hikyakutest.Queue
	limit int
}

func (q *smallQueue) Send(ctx context.Context, m hikyaku.OutMessage) (string, error) {
	size := len(m.Body)
	for name, value := range m.Attributes {
		size += len(name) + len(value)
	}
	if size > q.limit {
		return "", &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: "the message is too long"}
	}
	return q.Queue.Send(ctx, m)
}

// A message of the largest size leaves no room for the letter's attributes.
func TestDispatcher_DrainOutbox_letterTooLarge(t *testing.T) {
	t.Parallel()
	small := &smallQueue{Queue: hikyakutest.NewQueue("inbox-dlq"), limit: hikyaku.MaxBody}
	w := newWorld(t, func(o *dispatch.Options) { o.DeadLetters["inbox"] = small })
	body := `{"id":"A","route":"nowhere","pad":"`
	body += strings.Repeat("x", hikyaku.MaxBody-len(body)-2) + `"}`
	x := w.send(t, body)
	_, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	letters := small.Messages()
	if got := w.wantState(t, x, hikyaku.Rejected); got.DeadLetter != hikyaku.DeadLetterSent || len(letters) != 1 {
		t.Fatalf("dead letter %s, %d letters", got.DeadLetter, len(letters))
	}
	nowhere := route("nowhere")
	w.d.SetRoutes([]hikyaku.Route{nowhere}, "")
	letters[0].Queue = "inbox"
	must(t, w.d.Accept(t.Context(), letters[0]))
	if got := w.wantState(t, x, hikyaku.Queued); got.ID != "A" || got.Route != "nowhere" {
		t.Errorf("redriven as %q on %q", got.ID, got.Route)
	}
}

// A producer that corrected its message and sent it again with the same key
// does not get it twice when the refused one is sent round again.
func TestDispatcher_Rerun_refusedKeyWasSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused := w.send(t, `{"id":"A","route":"nowhere","key":"k"}`)
	must(t, w.d.Accept(t.Context(), w.message(`{"id":"A","route":"orders","key":"k"}`)))
	moved := w.routes[0]
	moved.Name = "nowhere"
	w.d.SetRoutes([]hikyaku.Route{w.routes[0], moved}, "")
	must(t, w.d.Accept(t.Context(), w.message(`{"id":"A","route":"nowhere","key":"k"}`)))
	if _, err := w.d.Rerun(t.Context(), refused.TransferID, hikyaku.Act{}); hikyaku.KindOf(err) != hikyaku.KindConflict {
		t.Errorf("rerun gave %v, want a conflict: the key was accepted", err)
	}
	w.wantState(t, refused, hikyaku.Rejected)
}
