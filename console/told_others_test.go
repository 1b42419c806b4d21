package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// told gives a transfer of the sample an end that one target took, that one
// does not take, and that one is still owed.
func told(t *testing.T, f *consoletest.Fixture) (hikyaku.Transfer, int64) {
	t.Helper()
	x, err := f.Ledger.Transfer(t.Context(), consoletest.ID(9))
	if err != nil {
		t.Fatal(err)
	}
	var events []hikyaku.Event
	add := func(d any, typ hikyaku.EventType, at time.Time) int64 {
		raw, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		x.EventSeq++
		events = append(events, hikyaku.Event{SchemaVersion: 1, TransferID: x.TransferID, Seq: x.EventSeq, At: at, Type: typ, Detail: raw})
		return x.EventSeq
	}
	if x.EventSeq == 0 {
		x.EventSeq = 100
	}
	seq := add(hikyaku.FailedDetail{}, hikyaku.EventFailed, f.Now.Add(-time.Hour))
	add(hikyaku.NotifiedDetail{Kind: hikyaku.OutboxCompletion, Event: seq, Target: "archive", Tries: 1, MessageID: "m-1"}, hikyaku.EventNotified, f.Now.Add(-time.Hour))
	add(hikyaku.NotifiedDetail{Kind: hikyaku.OutboxCompletion, Event: seq, Target: "late", Tries: 1}, hikyaku.EventNotified, f.Now.Add(-time.Hour))
	owed := func(target string) hikyaku.OutboxEntry {
		return hikyaku.OutboxEntry{
			SchemaVersion: 1, ID: hikyaku.OutboxID(hikyaku.OutboxCompletion, x.TransferID, seq, target), Kind: hikyaku.OutboxCompletion,
			TransferID: x.TransferID, Target: target, Body: "{}", CreatedAt: f.Now.Add(-2 * time.Hour),
		}
	}
	hook := owed("hook<b>")
	hook.Tries, hook.LastError, hook.LastStatus, hook.TriedAt, hook.NotBefore = 3, "answered 500 <Oops>", 500, f.Now.Add(-time.Minute), f.Now.Add(time.Minute)
	if err := f.Ledger.Commit(t.Context(), hikyaku.Change{Transfer: &x, Events: events, Outbox: []hikyaku.OutboxEntry{hook, owed("late")}}); err != nil {
		t.Fatal(err)
	}
	return x, seq
}

func TestTransfer_CompletionEvents(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	x, seq := told(t, f)
	var got console.TransferDetail
	if err := json.Unmarshal([]byte(text(t, request{path: "/api/v1/transfers/" + x.TransferID, token: consoletest.ViewerToken}.do(t, f))), &got); err != nil {
		t.Fatal(err)
	}
	id := hikyaku.EventID(x.TransferID, seq)
	want := []console.CompletionEvent{
		{EventID: id, Event: seq, Target: "archive", State: console.CompletionSent, OwedAt: f.Now.Add(-time.Hour), SentAt: f.Now.Add(-time.Hour), Tries: 1, MessageID: "m-1"},
		{
			EventID: id, Event: seq, Target: "hook<b>", State: console.CompletionFailing, OwedAt: f.Now.Add(-2 * time.Hour), NextTryAt: f.Now.Add(time.Minute),
			Tries: 3, LastError: "answered 500 <Oops>", LastStatus: 500, TriedAt: f.Now.Add(-time.Minute),
		},
		{EventID: id, Event: seq, Target: "late", State: console.CompletionOwed, OwedAt: f.Now.Add(-2 * time.Hour), SentAt: f.Now.Add(-time.Hour)},
	}
	if diff := cmp.Diff(want, got.CompletionEvents); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	page := text(t, request{path: "/transfers/" + x.TransferID, token: consoletest.OperatorToken}.do(t, f))
	for _, want := range []string{"Completion events", "hook&lt;b&gt;", "answered 500 &lt;Oops&gt;", "failing", "sent", "archive was told", "/transfers/" + x.TransferID + "/notify"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	japanese := text(t, request{path: "/transfers/" + x.TransferID + "?lang=ja", token: consoletest.OperatorToken}.do(t, f))
	if !strings.Contains(japanese, "完了通知") || !strings.Contains(japanese, "失敗中") {
		t.Error("the page has no Japanese words for it")
	}
	other := text(t, request{path: "/transfers/" + consoletest.ID(0), token: consoletest.OperatorToken}.do(t, f))
	if strings.Contains(other, `id="notices"`) {
		t.Error("a transfer that nobody is told of has a list of those told")
	}
}

// TestOwed_Visible: that a target fails is on the first page, in the numbers and in the metrics.
func TestOwed_Visible(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	told(t, f)
	page := text(t, request{path: "/", token: consoletest.ViewerToken}.do(t, f))
	if !strings.Contains(page, "1 completion events are owed to hook&lt;b&gt; since") {
		t.Errorf("the page does not tell: %s", page)
	}
	var stats console.Stats
	if err := json.Unmarshal([]byte(text(t, request{path: "/api/v1/stats", token: consoletest.ViewerToken}.do(t, f))), &stats); err != nil {
		t.Fatal(err)
	}
	want := map[string]console.OwedEvents{
		"hook<b>": {Events: 1, Failing: 1, Since: f.Now.Add(-2 * time.Hour)}, "late": {Events: 1, Since: f.Now.Add(-2 * time.Hour)},
	}
	if diff := cmp.Diff(want, stats.Owed); diff != "" {
		t.Errorf("owed (-want +got):\n%s", diff)
	}
	metrics := text(t, request{path: "/metrics", token: consoletest.ViewerToken}.do(t, f))
	for _, want := range []string{
		`hikyaku_completion_events_owed{target="late"} 1`, `hikyaku_completion_events_failing{target="hook<b>"} 1`, `hikyaku_completion_events_oldest_seconds{target="late"} 7200`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func TestTransfer_Resend(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	path := "/transfers/" + consoletest.ID(9)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	for _, tt := range []struct {
		req    request
		status int
		call   string
	}{
		{request{method: "POST", path: "/api/v1" + path + "/resend", token: consoletest.OperatorToken, body: `{"event":7,"target":"hook","reason":"lost"}`}, 200, consoletest.ID(9) + " 7 hook"},
		{request{method: "POST", path: "/api/v1" + path + "/resend", token: consoletest.OperatorToken}, 200, consoletest.ID(9) + " 0 "},
		{request{method: "POST", path: "/api/v1" + path + "/resend", token: consoletest.ViewerToken}, 403, ""},
		{request{method: "POST", path: path + "/notify", token: consoletest.OperatorToken, body: "event=7&target=hook&reason=lost&back=" + path, header: form}, 303, consoletest.ID(9) + " 7 hook"},
		{request{method: "POST", path: path + "/notify", token: consoletest.OperatorToken, body: "event=x", header: form}, 400, ""},
		{request{method: "POST", path: path + "/notify", token: consoletest.ViewerToken, body: "event=7", header: form}, 403, ""},
	} {
		before := len(f.Operator.Calls())
		if res := tt.req.do(t, f); res.StatusCode != tt.status {
			t.Errorf("%s %s: status %d, want %d: %s", tt.req.path, tt.req.body, res.StatusCode, tt.status, text(t, res))
		}
		calls := f.Operator.Calls()[before:]
		if tt.call == "" && len(calls) != 0 || tt.call != "" && (len(calls) != 1 || calls[0].Name != "resend" || calls[0].Subject != tt.call) {
			t.Errorf("%s: called %+v, want %q", tt.req.path, calls, tt.call)
		}
	}
	readOnly := consoletest.New(t, func(o *console.Options) { o.Operator = nil })
	req := request{method: "POST", path: "/api/v1" + path + "/resend", token: consoletest.OperatorToken}
	if res := req.do(t, readOnly); res.StatusCode != http.StatusForbidden {
		t.Errorf("a console that only shows: status %d", res.StatusCode)
	}
}
