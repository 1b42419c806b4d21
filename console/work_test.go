package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

func formHeader() map[string]string {
	return map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
}

func submit(t *testing.T, f *consoletest.Fixture, token, path string, v url.Values) reply {
	t.Helper()
	return request{method: "POST", path: path, token: token, body: v.Encode(), header: formHeader()}.do(t, f)
}

func TestPages_Bulk(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	res := submit(t, f, consoletest.OperatorToken, "/transfers/bulk", url.Values{
		"do": {"rerun"}, "transfer_id": {consoletest.ID(8), consoletest.ID(9)}, "reason": {"fixed"}, "back": {"/transfers?state=FAILED"},
	})
	if at := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || at != "/transfers?done=rerun&n=2&state=FAILED" {
		t.Fatalf("selected: status %d to %s", res.StatusCode, at)
	}
	if page := text(t, request{path: "/transfers?done=rerun&n=2", token: consoletest.OperatorToken}.do(t, f)); !strings.Contains(page, "2 sent round again.") {
		t.Error("the page does not say what was done")
	}
	for _, c := range f.Operator.Calls() {
		if c.Name != "rerun" || c.Act.Reason != "fixed" || c.Act.By != "operator" {
			t.Errorf("call %+v", c)
		}
	}
	// all that match: only those that the action is for, the others are counted
	page := text(t, submit(t, f, consoletest.OperatorToken, "/transfers/bulk", url.Values{"do": {"cancel"}, "all": {"true"}, "route": {"orders"}, "state": {"QUEUED", "SUCCEEDED"}}))
	for _, want := range []string{"4 cancelled", "4 could not be worked on"} {
		if !strings.Contains(page, want) {
			t.Errorf("all that match: lacks %q in %s", want, page)
		}
	}
	for name, v := range map[string]url.Values{"unknown action": {"do": {"delete"}, "all": {"true"}}, "bad view": {"do": {"rerun"}, "all": {"true"}, "state": {"NONE"}}} {
		if res := submit(t, f, consoletest.OperatorToken, "/transfers/bulk", v); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, res.StatusCode)
		}
	}
	if res := submit(t, f, consoletest.ViewerToken, "/transfers/bulk", url.Values{"do": {"rerun"}, "all": {"true"}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("viewer: status %d", res.StatusCode)
	}
}

func TestPages_Download(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	f.Put(t, hikyaku.Transfer{
		SchemaVersion: 1, TransferID: "01JZFORMULA", ID: "=HYPERLINK(1)", Route: "orders", State: hikyaku.Succeeded,
		CreatedAt: f.Now, QueuedAt: f.Now, EndedAt: f.Now, UpdatedAt: f.Now,
	})
	res := request{path: "/transfers.csv?route=orders&state=SUCCEEDED", token: consoletest.ViewerToken, header: map[string]string{"Cookie": "hikyaku_columns=files.agent"}}.do(t, f)
	rows, err := csv.NewReader(strings.NewReader(res.body)).ReadAll()
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v: %s", len(rows), err, res.body)
	}
	if got := strings.Join(rows[0], " "); got != "id transfer_id route state reason attempt files agent_arns" {
		t.Errorf("columns: %s", got)
	}
	if rows[1][0] != "'=HYPERLINK(1)" {
		t.Errorf("a formula is written as %q", rows[1][0])
	}
	var list []map[string]any
	res = request{path: "/transfers.json?state=FAILED", token: consoletest.ViewerToken}.do(t, f)
	if err := json.Unmarshal([]byte(res.body), &list); err != nil || len(list) != 2 || !strings.Contains(res.Header.Get("Content-Disposition"), ".json") {
		t.Errorf("%v, %d transfers: %s", err, len(list), res.body)
	}
	if res := (request{path: "/transfers.json?q=none-like-it", token: consoletest.ViewerToken}).do(t, f); strings.Join(strings.Fields(res.body), "") != "[]" {
		t.Errorf("nothing is written as %q", res.body)
	}
}

func TestPages_ColumnsAreKept(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	res := submit(t, f, consoletest.ViewerToken, "/columns", url.Values{"column": {"ended", "agent", "nonsense"}, "back": {"/transfers"}})
	if len(res.cookies) != 1 || res.cookies[0].Value != "agent.ended" {
		t.Fatalf("cookies %v", res.cookies)
	}
	page := text(t, request{path: "/transfers", token: consoletest.ViewerToken, header: map[string]string{"Cookie": "hikyaku_columns=agent.ended"}}.do(t, f))
	if !strings.Contains(page, `class="transfers show-agent show-ended"`) {
		t.Error("the chosen columns are not shown")
	}
}

func TestPages_Resend(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, body := range []string{`{"Records":`, `[1]`, ""} {
		if res := submit(t, f, consoletest.OperatorToken, "/dlq/resend", url.Values{"transfer_id": {consoletest.ID(10)}, "body": {body}}); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: status %d", body, res.StatusCode)
		}
	}
	res := submit(t, f, consoletest.OperatorToken, "/dlq/resend", url.Values{"transfer_id": {consoletest.ID(10)}, "body": {`{"id":"A-77","route":"images"}`}, "back": {"/dlq"}})
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d: %s", res.StatusCode, res.body)
	}
	calls := f.Operator.Calls()
	if len(calls) != 2 || calls[0].Name != "send" || calls[0].Subject != "A-77" || calls[1].Name != "discard" || !strings.Contains(calls[1].Act.Reason, "sent again, edited") {
		t.Errorf("calls %+v", calls)
	}
	if res := submit(t, f, consoletest.OperatorToken, "/dlq/resend", url.Values{"transfer_id": {consoletest.ID(10)}, "body": {"A-77"}}); res.StatusCode != http.StatusConflict {
		t.Errorf("twice: status %d", res.StatusCode)
	}
}

func TestPages_Limit(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for _, tt := range []struct {
		token, rate string
		status      int
	}{{consoletest.AdminToken, "10MiB", 303}, {consoletest.AdminToken, "fast", 400}, {consoletest.OperatorToken, "10MiB", 403}} {
		if res := submit(t, f, tt.token, "/routes/orders/limit", url.Values{"rate": {tt.rate}}); res.StatusCode != tt.status {
			t.Errorf("%+v: status %d", tt, res.StatusCode)
		}
	}
	if page := text(t, request{path: "/pool", token: consoletest.AdminToken}.do(t, f)); !strings.Contains(page, "changed; configured: unlimited") {
		t.Error("the pool does not say that the bandwidth was changed")
	}
}

// newLetters returns a fixture with n more dead letters of one code.
func newLetters(t *testing.T, n int) *consoletest.Fixture {
	t.Helper()
	f := consoletest.New(t, nil)
	for i := range n {
		at := f.Now.Add(-time.Hour)
		f.Put(t, hikyaku.Transfer{
			SchemaVersion: 1, TransferID: fmt.Sprintf("01JLETTER%03d", i), ID: fmt.Sprintf("L-%03d", i), Route: "orders", State: hikyaku.Failed, MaxAttempts: 3,
			Failure: &hikyaku.Failure{Code: "HKY-9999", Message: "the share was full"}, DeadLetter: hikyaku.DeadLetterSent,
			CreatedAt: at.Add(time.Duration(i) * time.Second), QueuedAt: at, EndedAt: at, UpdatedAt: at,
		})
	}
	return f
}

// end ends a transfer that was sent round again.
func end(t *testing.T, f *consoletest.Fixture, id string, failure *hikyaku.Failure) {
	t.Helper()
	x, err := f.Ledger.Transfer(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	x.State, x.EndedAt, x.UpdatedAt, x.WaitingReason = hikyaku.Succeeded, f.Now, f.Now, ""
	if x.Failure = failure; failure != nil {
		x.State = hikyaku.Failed
	}
	f.Put(t, x)
}

// untilPage reads the dead letters' page until it says so.
func untilPage(t *testing.T, f *consoletest.Fixture, want string) {
	t.Helper()
	tick, late := time.NewTicker(20*time.Millisecond), time.NewTimer(20*time.Second)
	defer tick.Stop()
	defer late.Stop()
	for {
		page := text(t, request{path: "/dlq", token: consoletest.OperatorToken}.do(t, f))
		if strings.Contains(page, want) {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("the page never said %q: %s", want, page)
		}
	}
}

func redriven(f *consoletest.Fixture) (ids []string) {
	for _, c := range f.Operator.Calls() {
		if c.Name == "redrive" {
			ids = append(ids, c.Subject)
		}
	}
	return ids
}

func TestCanary_SendsFewFirst(t *testing.T) {
	t.Parallel()
	f := newLetters(t, 25)
	start := url.Values{"code": {"HKY-9999"}, "reason": {"the share has room"}}
	if res := submit(t, f, consoletest.OperatorToken, "/dlq/canary", start); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d: %s", res.StatusCode, res.body)
	}
	untilPage(t, f, "Step 1 of 3: waiting for 1 of 1 to end")
	if res := submit(t, f, consoletest.OperatorToken, "/dlq/canary", start); res.StatusCode != http.StatusConflict {
		t.Errorf("a second one beside it: status %d", res.StatusCode)
	}
	end(t, f, redriven(f)[0], nil)
	untilPage(t, f, "Step 2 of 3: waiting for 10 of 10 to end")
	for _, id := range redriven(f)[1:] {
		end(t, f, id, nil)
	}
	untilPage(t, f, "Finished: 25 sent round again")
	if n := len(redriven(f)); n != 25 {
		t.Errorf("%d were sent", n)
	}
}

func TestCanary_StopsAtTheSameFailure(t *testing.T) {
	t.Parallel()
	f := newLetters(t, 25)
	submit(t, f, consoletest.OperatorToken, "/dlq/canary", url.Values{"code": {"HKY-9999"}})
	untilPage(t, f, "Step 1 of 3: waiting for 1 of 1 to end")
	end(t, f, redriven(f)[0], &hikyaku.Failure{Code: "HKY-9999", Message: "the share was full"})
	untilPage(t, f, "Stopped: L-000 failed again with the same error; 1 of 25 were sent")
	// another one can be started, and stopped by a person
	submit(t, f, consoletest.OperatorToken, "/dlq/canary", url.Values{"code": {"HKY-9999"}})
	untilPage(t, f, "Step 1 of 3")
	submit(t, f, consoletest.OperatorToken, "/dlq/canary/stop", url.Values{})
	untilPage(t, f, "Stopped by operator after 1")
	if n := len(redriven(f)); n != 2 {
		t.Errorf("%d were sent", n)
	}
}
