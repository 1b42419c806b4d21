package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// audit reads the whole audit log and checks that it verifies.
func (w *world) audit(t *testing.T) []hikyaku.AuditRecord {
	t.Helper()
	page, err := w.ledger.AuditRecords(t.Context(), hikyaku.AuditRange{})
	must(t, err)
	head, err := w.ledger.AuditHead(t.Context())
	must(t, err)
	var chain hikyaku.AuditChain
	for i := range page.Records {
		chain.Add(&page.Records[i])
	}
	if b := chain.End(head); b != nil {
		t.Errorf("the audit log does not verify: %v", b)
	}
	return page.Records
}

func TestDispatcher_auditsCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, act := t.Context(), hikyaku.Act{By: "ana", Reason: "because", Origin: hikyaku.OriginCLI}
	sent, err := w.d.Send(ctx, hikyaku.Send{ID: "A-1"}, act)
	must(t, err)
	_, err = w.d.Send(ctx, hikyaku.Send{ID: "A-1"}, act) // joins it
	must(t, err)
	_, err = w.d.Cancel(ctx, sent.TransferID, act)
	must(t, err)
	_, err = w.d.Rerun(ctx, sent.TransferID, act)
	must(t, err)
	_, err = w.d.PauseRoute(ctx, "orders", act)
	must(t, err)
	_, err = w.d.ResumeRoute(ctx, "orders", hikyaku.Act{By: "ana", As: hikyaku.AuditSettings})
	must(t, err)
	_, err = w.d.LimitRoute(ctx, "orders", 1000, act)
	must(t, err)
	must(t, w.d.Bench(ctx, hikyakutest.TaskARN(1), act))
	must(t, w.d.Unbench(ctx, hikyakutest.TaskARN(1), act))

	for name, refused := range map[string]func() error{ // none of these leaves a record
		"unbench again":  func() error { return w.d.Unbench(ctx, hikyakutest.TaskARN(1), act) },
		"rerun queued":   func() error { _, err := w.d.Rerun(ctx, sent.TransferID, act); return err },
		"unknown":        func() error { _, err := w.d.Cancel(ctx, "nobody", act); return err },
		"unknown route":  func() error { _, err := w.d.PauseRoute(ctx, "nowhere", act); return err },
		"bad limit":      func() error { _, err := w.d.LimitRoute(ctx, "orders", 0, act); return err },
		"no dead letter": func() error { _, err := w.d.RedriveDeadLetters(ctx, []string{sent.TransferID}, act); return err },
	} {
		if err := refused(); err == nil && name != "unbench again" {
			t.Errorf("%s: no error", name)
		}
	}

	got := w.audit(t)
	want := []hikyaku.AuditOp{
		hikyaku.AuditSend, hikyaku.AuditSend, hikyaku.AuditCancel, hikyaku.AuditRerun, hikyaku.AuditPause, hikyaku.AuditSettings,
		hikyaku.AuditLimit, hikyaku.AuditBench, hikyaku.AuditUnbench,
	}
	if len(got) != len(want) {
		t.Fatalf("got %d records, want %d: %+v", len(got), len(want), got)
	}
	for i, r := range got {
		onTransfer := i < 4
		if r.Op != want[i] || r.By != "ana" || (r.TransferID == sent.TransferID && r.ID == "A-1") != onTransfer || r.Route != "orders" {
			t.Errorf("record %d: %+v", i+1, r)
		}
		if r.Op != hikyaku.AuditSettings && (r.Reason != "because" || r.Origin != hikyaku.OriginCLI) {
			t.Errorf("record %d does not say why, or where from: %+v", i+1, r)
		}
	}
	if got[5].Detail != "resume" || got[6].Detail != "bytes_per_second=1000" || got[7].TaskARN != hikyakutest.TaskARN(1) {
		t.Errorf("details: %+v", got[5:8])
	}
}

// A message of a person is a command of theirs, once; one of a producer is not,
// nor one that comes from a queue that vouches for nobody.
func TestDispatcher_Accept_audits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	send := func(body, sender string, a hikyaku.Act) hikyaku.Message {
		m := w.message(body)
		m.Sender, m.Attributes = sender, map[string]string{hikyaku.AttributeAct: a.Attribute()}
		must(t, w.d.Accept(t.Context(), m))
		return m
	}
	ana := hikyaku.Act{By: "user/ana", Reason: "late order", Origin: hikyaku.OriginCLI}
	m := send("A-1", "AIDA7", ana)
	must(t, w.d.Accept(t.Context(), m)) // it comes again
	send("A-1", "AIDA7", ana)           // joins it
	many, part := ana, ana
	many.Count, part.Recorded = 21, true
	send("A-2", "AIDA7", many)
	send("A-3", "AIDA7", part)
	send("A-4", "", ana)
	send(`{"poison"`, "AIDA7", ana)
	must(t, w.d.Accept(t.Context(), w.message("A-5")))

	got := w.audit(t)
	if len(got) != 3 {
		t.Fatalf("got %d records, want 3: %+v", len(got), got)
	}
	for i, r := range got {
		if r.Op != hikyaku.AuditSend || r.By != "user/ana" || r.Reason != "late order" || r.Origin != "queue/cli" || r.Detail != "sender_id=AIDA7" {
			t.Errorf("record %d: %+v", i+1, r)
		}
		if one := i < 2; (r.ID == "A-1" && r.Route == "orders" && r.TransferID != "" && r.Count == 0) != one || !one && (r.Count != 21 || r.TransferID != "") {
			t.Errorf("record %d is on the wrong thing: %+v", i+1, r)
		}
	}
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{})
	must(t, err)
	by := map[string]string{}
	for _, x := range page.Transfers {
		events, err := w.ledger.Events(t.Context(), x.TransferID, 0)
		must(t, err)
		by[x.ID] = events[0].By
	}
	for id, want := range map[string]string{"A-1": "user/ana", "A-2": "user/ana", "A-3": "user/ana", "A-4": "", "A-5": ""} {
		if by[id] != want {
			t.Errorf("%s was accepted by %q, want %q", id, by[id], want)
		}
	}
}

func TestDispatcher_auditsManyAsOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, act := t.Context(), hikyaku.Act{By: "ana"}
	var ids []string
	for n := range hikyaku.AuditEach + 1 {
		x := w.send(t, fmt.Sprintf("refused/\x01%d", n)) // poison has a dead letter
		ids = append(ids, x.TransferID)
	}
	must(t, w.d.DiscardDeadLetter(ctx, ids[0], act))
	_, err := w.d.RedriveDeadLetters(ctx, ids, act)
	if err == nil {
		t.Error("what is not understood was redriven")
	}
	got := w.audit(t)
	if len(got) != 2 || got[0].Op != hikyaku.AuditDiscard || got[1].Op != hikyaku.AuditRedrive || got[1].Count != int64(len(ids)) || got[1].TransferID != "" {
		t.Errorf("got %+v", got)
	}
	a, err := w.d.Bulk(ctx, hikyaku.AuditCancel, hikyaku.AuditEach, act)
	if err != nil || a.Recorded || len(w.audit(t)) != 2 {
		t.Errorf("a few are recorded as one: %+v, %v", a, err)
	}
}

// A commit that fails before it takes effect leaves neither the change nor the
// record; one whose answer is lost leaves both.
func TestDispatcher_auditsInTheSameCommit(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost")
	for _, after := range []bool{false, true} {
		fault := ""
		w := newWorld(t)
		d := w.dispatcher(func(o *dispatch.Options) {
			o.Ledger = &hikyakutest.FaultyLedger{Ledger: w.ledger, Fault: func(op string) (error, error) {
				switch {
				case op != "Commit" || fault == "":
					return nil, nil //nolint:nilnil // no fault
				case after:
					return nil, lost
				}
				return lost, nil
			}}
		})
		fault = "on"
		_, err := d.PauseRoute(context.WithoutCancel(t.Context()), "orders", hikyaku.Act{By: "ana"})
		if !errors.Is(err, lost) {
			t.Fatalf("pause: %v", err)
		}
		p, err := w.ledger.Pool(t.Context(), "orders")
		must(t, err)
		paused := len(p.Settings) == 1 && p.Settings[0].Paused
		if recorded := len(w.audit(t)) == 1; paused != after || recorded != after {
			t.Errorf("answer lost %v: paused %v, recorded %v", after, paused, recorded)
		}
	}
}
