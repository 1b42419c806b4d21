package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/lambda"
)

// A stack is operated as a server is.
var _ console.Operator = (*lambda.Client)(nil)

// dial connects a client with the world's function operate, over JSON.
func (w *world) dial(t *testing.T) *lambda.Client {
	t.Helper()
	h := w.operate()
	c, err := lambda.Dial(t.Context(), func(ctx context.Context, payload []byte) ([]byte, error) {
		reply, err := h.Handle(ctx, payload)
		if err != nil {
			return nil, err
		}
		return json.Marshal(reply)
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	c := w.dial(t)
	ctx, act := t.Context(), hikyaku.Act{By: "ada", Reason: "because"}
	if diff := cmp.Diff(c.Routes(), w.dispatcher.Routes()); diff != "" {
		t.Errorf("Routes: %s", diff)
	}
	a, err := c.Send(ctx, hikyaku.Send{ID: "A", Metadata: map[string]string{"k": "v"}}, act)
	if err != nil || a.ID != "A" || a.Metadata["k"] != "v" {
		t.Fatalf("Send = %+v, %v", a, err)
	}
	if n := len(w.executor.Live()); n != 1 {
		t.Errorf("%d executions: what was sent did not start at once", n)
	}
	s, err := c.PauseRoute(ctx, "orders", act)
	if err != nil || !s.Paused || s.By != "ada" || s.PausedReason != "because" {
		t.Errorf("PauseRoute = %+v, %v", s, err)
	}
	if s, err := c.LimitRoute(ctx, "orders", 1234, act); err != nil || *s.BytesPerSecond != 1234 {
		t.Errorf("LimitRoute = %+v, %v", s, err)
	}
	if got := w.executor.Limits()[a.ExecutionARN]; a.ExecutionARN != "" && got != 1234 {
		t.Errorf("limit of what runs = %d", got)
	}
	if s, err := c.ResumeRoute(ctx, "orders", act); err != nil || s.Paused || *s.BytesPerSecond != 1234 {
		t.Errorf("ResumeRoute = %+v, %v", s, err)
	}
	text, _, _ := w.parameters.Get(ctx, "/st/route")
	d, err := lambda.ParseDocument(text, route())
	if err != nil || d.Paused || *d.BytesPerSecond != 1234 || d.By != "ada" {
		t.Errorf("document = %s, %v", text, err)
	}
	if x, err := c.Cancel(ctx, a.TransferID, act); err != nil || !x.CancelRequested {
		t.Errorf("Cancel = %+v, %v", x, err)
	}
	task := w.executor.Starts()[0].TaskARN
	if err := c.Bench(ctx, task, act); err != nil {
		t.Errorf("Bench: %v", err)
	}
	if err := c.Unbench(ctx, task, act); err != nil {
		t.Errorf("Unbench: %v", err)
	}
	if n := len(w.out.logged(t, "command carried out")); n < 7 {
		t.Errorf("%d commands in the log", n)
	}
}

func TestClient_deadLetters(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.source.Set("A", hikyaku.Look{Listed: true})
	w.source.Set("B", hikyaku.Look{Listed: true})
	w.source.Set("C", hikyaku.Look{Listed: true})
	c := w.dial(t)
	ctx, act := t.Context(), hikyaku.Act{By: "ada"}
	ids := map[string]string{}
	for _, id := range []string{"A", "B", "C"} {
		x, err := c.Send(ctx, hikyaku.Send{ID: id}, act)
		if err != nil {
			t.Fatal(err)
		}
		ids[id] = x.TransferID
	}
	if n := len(w.dead.Messages()); n != 3 {
		t.Fatalf("%d dead letters, want 3 at once", n)
	}
	w.source.Set("A", hikyaku.Look{Listed: true, Objects: 1, Bytes: 1})
	if n, err := c.RedriveDeadLetters(ctx, []string{ids["A"]}, act); n != 1 || err != nil {
		t.Errorf("RedriveDeadLetters = %d, %v", n, err)
	}
	if err := c.DiscardDeadLetter(ctx, ids["B"], act); err != nil {
		t.Error(err)
	}
	n, err := c.RedriveDeadLetters(ctx, []string{ids["B"], ids["C"]}, act)
	if n != 1 || hikyaku.CodeOf(err) != hikyaku.CodeNoDeadLetter {
		t.Errorf("RedriveDeadLetters = %d, %v; want one done and one refused", n, err)
	}
	if n, err := c.RedriveDeadLetters(ctx, nil, act); n != 1 || err != nil { // C failed again meanwhile
		t.Errorf("RedriveDeadLetters of all = %d, %v", n, err)
	}
}

func TestClient_errors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	c := w.dial(t)
	ctx, act := t.Context(), hikyaku.Act{}
	_, err := c.Rerun(ctx, "01J00000000000000000000000", act)
	if !errors.Is(err, hikyaku.ErrNotFound) || hikyaku.CodeOf(err) != hikyaku.CodeNoTransfer {
		t.Errorf("Rerun = %v", err)
	}
	if _, err := c.LimitRoute(ctx, "orders", 0, act); hikyaku.CodeOf(err) != hikyaku.CodeBandwidthRefused {
		t.Errorf("LimitRoute = %v", err)
	}
	if _, err := c.PauseRoute(ctx, "nobody", act); hikyaku.CodeOf(err) != hikyaku.CodeNoRoute {
		t.Errorf("PauseRoute = %v", err)
	}
	if _, err := c.Send(ctx, hikyaku.Send{ID: "a|b"}, act); hikyaku.KindOf(err) != hikyaku.KindInvalid {
		t.Errorf("Send = %v", err)
	}
	if err := c.Bench(ctx, "arn:nobody", act); hikyaku.CodeOf(err) != hikyaku.CodeNoTask {
		t.Errorf("Bench = %v", err)
	}
}

func TestOperate_Handle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	for text, message := range map[string]string{
		`{`:                               "the request is not valid JSON: unexpected end of JSON input",
		`{"op":"fly"}`:                    `op "fly" is not known`,
		`{"op":"rerun"}`:                  "rerun: transfer_id is missing",
		`{"op":"send"}`:                   "send: send is missing",
		`{"op":"bench"}`:                  "bench: task_arn is missing",
		`{"op":"redrive"}`:                "redrive: give transfer_ids, or all, and not both",
		`{"op":"routes","version":2}`:     "version 2 is not known; this function speaks 1",
		`{"op":"limit","route":"orders"}`: "limit route orders: 0 bytes per second",
	} {
		reply, err := w.operate().Handle(t.Context(), []byte(text))
		if err != nil || reply.Result != nil || reply.Error == nil || reply.Error.Message != message || reply.Error.Kind != hikyaku.KindInvalid {
			t.Errorf("%s: %+v %+v, %v", text, reply, reply.Error, err)
		}
	}
	// Who it was: the request, else the client context.
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{ClientContext: lambdacontext.ClientContext{
		Custom: map[string]string{lambda.ClientContextBy: "grace"},
	}})
	reply, err := w.operate().Handle(ctx, []byte(`{"op":"pause","reason":"lunch"}`))
	if err != nil || reply.Error != nil || reply.Result.Settings.By != "grace" || reply.Result.Settings.PausedReason != "lunch" {
		t.Errorf("reply = %+v, %v", reply, err)
	}
}

func FuzzOperate_Handle(f *testing.F) {
	f.Add(`{"op":"rerun","transfer_id":"01J00000000000000000000000","by":"x"}`)
	f.Add(`{"op":"send","send":{"id":"A"}}`)
	f.Add(`{"op":"redrive","all":true}`)
	f.Fuzz(func(t *testing.T, text string) {
		reply, err := newWorld(t, 1).operate().Handle(t.Context(), []byte(text))
		if err != nil || (reply.Result == nil) == (reply.Error == nil) {
			t.Fatalf("reply = %+v, %v; want a result or an error", reply, err)
		}
	})
}

// TestClient_RedriveDeadLetters_long: an invocation ends before all is done.
func TestClient_RedriveDeadLetters_long(t *testing.T) {
	t.Parallel()
	replies := []string{
		`{"result":{"routes":[]}}`, `{"result":{"redriven":200},"error":{"kind":"transient","message":"out of time"}}`,
		`{"result":{"redriven":200},"error":{"kind":"transient","message":"out of time"}}`, `{"result":{"redriven":7}}`,
	}
	c, err := lambda.Dial(t.Context(), func(context.Context, []byte) ([]byte, error) {
		reply := replies[0]
		replies = replies[1:]
		return []byte(reply), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := c.RedriveDeadLetters(t.Context(), nil, hikyaku.Act{}); n != 407 || err != nil || len(replies) != 0 {
		t.Errorf("RedriveDeadLetters = %d, %v", n, err)
	}
}

// TestOperate_pauseAnswersWhenInForce: a function that read the settings before
// may act on them for a while, and the answer comes after that.
func TestOperate_pauseAnswersWhenInForce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		h := w.operate()
		h.PauseLag = dispatch.ViewAge
		began := time.Now()
		reply, err := h.Handle(t.Context(), json.RawMessage(`{"op":"pause","route":"orders","by":"ada","reason":"because"}`))
		if err != nil || reply.Error != nil || !reply.Result.Settings.Paused {
			t.Fatalf("pause = %+v, %v", reply, err)
		}
		if took := time.Since(began); took < dispatch.ViewAge {
			t.Errorf("answered after %s, want %s at least", took, dispatch.ViewAge)
		}
		began = time.Now()
		if reply, err = h.Handle(t.Context(), json.RawMessage(`{"op":"resume","route":"orders","by":"ada"}`)); err != nil || reply.Error != nil {
			t.Fatalf("resume = %+v, %v", reply, err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("a resume waited %s", took)
		}
	})
}
