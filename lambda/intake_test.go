package lambda_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
)

func TestIntake_Handle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	got, err := w.intake().Handle(t.Context(), batch("A-1", "A-2", `{"nonsense":`, "A-3", "A-1"))
	if err != nil || len(failed(got)) != 0 {
		t.Fatalf("Handle = %v, %v; want nothing to come again", got, err)
	}
	if n := len(w.executor.Live()); n != 2 {
		t.Errorf("%d executions run, want 2: the pool's size", n)
	}
	if got := w.states(t); got[hikyaku.Running] != 2 || got[hikyaku.Rejected] != 1 {
		t.Errorf("states = %v", got)
	}
	letters := w.dead.Messages()
	if len(letters) != 1 || letters[0].Attributes[hikyaku.AttributeCode] != hikyaku.CodeNotUnderstood || letters[0].Body != `{"nonsense":` {
		t.Errorf("dead letters = %+v, want the poison at once", letters)
	}
	if n := w.out.metric(t, lambda.MetricRejected, ""); n != 1 {
		t.Errorf("rejected = %v", n)
	}
	if n := w.out.metric(t, lambda.MetricRejected, hikyaku.CodeNotUnderstood); n != 1 {
		t.Errorf("rejected by code = %v", n)
	}
	assigned := w.out.logged(t, "transfer event")
	assigned = slices.DeleteFunc(assigned, func(m map[string]any) bool { return m["event"] != string(hikyaku.EventAssigned) })
	if len(assigned) != 2 || assigned[0]["lease_token"] == nil || assigned[0]["transfer_id"] == "" || assigned[0]["id"] == "" {
		t.Errorf("log of assigning = %v", assigned)
	}
}

func TestIntake_Handle_again(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for range 3 { // at-least-once: the same messages come again
		got, err := w.intake().Handle(t.Context(), batch("A-1", "A-2"))
		if err != nil || len(failed(got)) != 0 {
			t.Fatalf("Handle = %v, %v", got, err)
		}
	}
	if n := len(w.executor.Starts()); n != 1 {
		t.Errorf("%d starts, want 1", n)
	}
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{})
	if err != nil || len(page.Transfers) != 2 {
		t.Errorf("%d transfers, %v; want 2", len(page.Transfers), err)
	}
}

// TestIntake_Handle_audits records who sent what a person sent, and who AWS says
// that it was.
func TestIntake_Handle_audits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	e := batch("A-1", "A-2", "A-3")
	said := hikyaku.Act{By: "user/taro", Origin: hikyaku.OriginCLI}.Attribute()
	for i := range 2 {
		e.Records[i].Attributes["SenderId"] = "AIDA7"
		e.Records[i].MessageAttributes = map[string]events.SQSMessageAttribute{hikyaku.AttributeAct: {DataType: "String", StringValue: &said}}
	}
	got, err := w.intake().Handle(t.Context(), e)
	if err != nil || len(failed(got)) != 0 {
		t.Fatalf("Handle = %v, %v", got, err)
	}
	page, err := w.ledger.AuditRecords(t.Context(), hikyaku.AuditRange{})
	if err != nil || len(page.Records) != 2 {
		t.Fatalf("got %+v, %v; want two records", page.Records, err)
	}
	for _, r := range page.Records {
		if r.By != "user/taro" || r.Detail != "sender_id=AIDA7" || r.Origin != "queue/cli" || r.ID == "" || r.ID == "A-3" {
			t.Errorf("got %+v", r)
		}
	}
}

// TestIntake_Handle_busy is the pool's waiting: it burns no receive.
func TestIntake_Handle_busy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	got, err := w.intake().Handle(t.Context(), batch("A", "B", "C", "D"))
	if err != nil || len(failed(got)) != 0 {
		t.Fatalf("Handle = %v, %v; want all acknowledged", got, err)
	}
	if s := w.states(t); s[hikyaku.Queued] != 3 {
		t.Errorf("states = %v, want 3 QUEUED", s)
	}
}

// acceptor panics, fails or waits as a message's body says.
type acceptor struct{ released chan struct{} }

func (a *acceptor) Accept(ctx context.Context, m hikyaku.Message) error {
	switch m.Body {
	case "panic":
		panic("boom")
	case "error":
		return &hikyaku.Error{Kind: hikyaku.KindTransient, Message: "throttled"}
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (a *acceptor) AssignAll(context.Context) (int, error) {
	if a.released != nil {
		<-a.released // whatever the context says
	}
	return 0, nil
}
func (*acceptor) DrainOutbox(context.Context) (int, error) { return 0, nil }

func TestIntake_Handle_failures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	h := w.intake()
	h.Dispatcher = &acceptor{}
	got, err := h.Handle(t.Context(), batch("ok", "panic", "ok", "error", "ok"))
	if err != nil || !slices.Equal(failed(got), []string{"m1", "m3"}) {
		t.Errorf("Handle = %v, %v; want m1 and m3 alone to come again", failed(got), err)
	}
	if n := len(w.out.logged(t, "panic")); n != 1 {
		t.Errorf("%d panics logged", n)
	}
}

// TestIntake_Handle_deadline: a message that hangs, and starts that hang, end
// before Lambda ends the invocation.
func TestIntake_Handle_deadline(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	h := w.intake()
	h.Now = time.Now
	released := make(chan struct{})
	t.Cleanup(func() { close(released) })
	h.Dispatcher = &acceptor{released: released}
	ctx := deadline(t, 1500*time.Millisecond)
	got, err := h.Handle(ctx, batch("ok", "hang", "ok"))
	if ctx.Err() != nil {
		t.Error("the reply came after the deadline")
	}
	if err != nil || !slices.Equal(failed(got), []string{"m1"}) {
		t.Errorf("Handle = %v, %v; want m1 to come again", failed(got), err)
	}
}

// TestIntake_Handle_trace follows a producer's trace into the execution's tags.
func TestIntake_Handle_trace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	e := batch("A", "B")
	const w3c = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	e.Records[0].MessageAttributes = map[string]events.SQSMessageAttribute{"traceparent": {DataType: "String", StringValue: new(w3c)}}
	e.Records[1].Attributes["AWSTraceHeader"] = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	if _, err := w.intake().Handle(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range w.executor.Starts() {
		got[s.Includes] = s.Tags[hikyaku.TagTrace]
	}
	if got["/A/*"] != w3c || got["/B/*"] != "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01" {
		t.Errorf("tags = %v", got)
	}
}

// batchLedger counts what is committed together.
type batchLedger struct {
	*hikyakutest.Ledger
	together chan int
	panics   bool
}

func (l *batchLedger) CommitAll(ctx context.Context, changes []hikyaku.Change) []error {
	l.together <- len(changes)
	if l.panics {
		panic("the ledger is broken")
	}
	errs := make([]error, len(changes))
	for i, c := range changes {
		errs[i] = l.Commit(ctx, c)
	}
	return errs
}

func TestGather(t *testing.T) {
	t.Parallel()
	for name, panics := range map[string]bool{"commits": false, "panics": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := &batchLedger{Ledger: hikyakutest.NewLedger(), together: make(chan int, 100), panics: panics}
			g := lambda.NewGather(ledger)
			w := newWorld(t, 0)
			h := w.intake()
			h.Gather = g
			h.Dispatcher = &committer{g}
			got, err := h.Handle(t.Context(), batch("A", "none", "B", "panic", "C", "none"))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"m3"}
			if panics {
				want = []string{"m0", "m2", "m3", "m4"}
			}
			if !slices.Equal(failed(got), want) {
				t.Errorf("failed = %v, want %v", failed(got), want)
			}
			if n := <-ledger.together; n != 3 || len(ledger.together) != 0 {
				t.Errorf("%d were committed together, %d rounds more; want 3 in one", n, len(ledger.together))
			}
		})
	}
}

// committer commits a transfer named as the body, once for each message.
type committer struct{ ledger hikyaku.Ledger }

func (c *committer) Accept(ctx context.Context, m hikyaku.Message) error {
	switch m.Body {
	case "panic":
		panic("boom")
	case "none":
		return nil
	}
	return c.ledger.Commit(ctx, hikyaku.Change{Unique: []string{m.Body}, Transfer: &hikyaku.Transfer{TransferID: m.Body, State: hikyaku.Queued}})
}
func (*committer) AssignAll(context.Context) (int, error)   { return 0, nil }
func (*committer) DrainOutbox(context.Context) (int, error) { return 0, nil }
