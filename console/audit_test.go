package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

// addDeeds adds n audit records of mia.
func addDeeds(t *testing.T, f *consoletest.Fixture, n int) {
	t.Helper()
	for i := range n {
		r := hikyaku.AuditRecord{
			SchemaVersion: 1, At: f.Now.Add(time.Duration(i) * time.Second), By: "mia", Op: hikyaku.AuditRerun,
			TransferID: fmt.Sprintf("T-%d", i), ID: fmt.Sprintf("I-%d", i), Route: "orders",
		}
		if err := f.Ledger.Commit(t.Context(), hikyaku.Change{Audit: &r}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClient_Audit(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	addDeeds(t, f, 120)
	client := f.Client(consoletest.ViewerToken)
	var seqs []int64
	filter := console.AuditFilter{Limit: 50}
	for pages := 0; ; pages++ {
		list, err := client.Audit(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Records {
			seqs = append(seqs, r.Seq)
		}
		if list.NextToken == nil {
			break
		}
		filter.Token = *list.NextToken
	}
	if len(seqs) != 123 || !slices.IsSortedFunc(seqs, func(a, b int64) int { return int(b - a) }) || len(slices.Compact(seqs)) != 123 {
		t.Errorf("%d records, newest first: %v", len(seqs), seqs)
	}
	for _, tt := range []struct {
		q    hikyaku.AuditQuery
		want int
	}{
		{hikyaku.AuditQuery{By: "mia"}, 120},
		{hikyaku.AuditQuery{By: "sato", Ops: []hikyaku.AuditOp{hikyaku.AuditPause}}, 1},
		{hikyaku.AuditQuery{Transfer: "I-7"}, 1},
		{hikyaku.AuditQuery{Transfer: "T-7"}, 1},
		{hikyaku.AuditQuery{Route: "images"}, 1},
		{hikyaku.AuditQuery{Since: f.Now.Add(90 * time.Second)}, 30},
		{hikyaku.AuditQuery{Until: f.Now}, 3},
		{hikyaku.AuditQuery{By: "nobody"}, 0},
	} {
		n := 0
		filter := console.AuditFilter{AuditQuery: tt.q, Limit: 7}
		for {
			list, err := client.Audit(t.Context(), filter)
			if err != nil {
				t.Fatal(err)
			}
			if n += len(list.Records); list.NextToken == nil || len(list.Records) > 7 {
				break
			}
			filter.Token = *list.NextToken
		}
		if n != tt.want {
			t.Errorf("%+v: %d records, want %d", tt.q, n, tt.want)
		}
	}
	_, err := client.Audit(t.Context(), console.AuditFilter{AuditQuery: hikyaku.AuditQuery{Ops: []hikyaku.AuditOp{"fly"}}})
	if hikyaku.KindOf(err) != hikyaku.KindInvalid {
		t.Errorf("unknown operation: %v", err)
	}
}

// verify streams all records into a chain.
func verify(t *testing.T, client *console.Client, noted string) *hikyaku.AuditBreak {
	t.Helper()
	chain := hikyaku.AuditChain{Noted: noted}
	err := client.AuditRecords(t.Context(), 0, func(r hikyaku.AuditRecord) error {
		chain.Add(&r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	head, err := client.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return chain.End(head)
}

func TestClient_AuditRecords(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	addDeeds(t, f, 1500)
	client := f.Client(consoletest.ViewerToken)
	if b := verify(t, client, ""); b != nil {
		t.Error(b)
	}
	head, _ := client.AuditHead(t.Context())
	if b := verify(t, client, head.Hash[:12]); b != nil {
		t.Error(b)
	}
	f.Ledger.Tamper(func(all []hikyaku.AuditRecord) []hikyaku.AuditRecord {
		all = all[:1400]
		all[1399].Reason = "for fun"
		all[1399].Hash = all[1399].Sum()
		return all
	})
	if b := verify(t, client, ""); b != nil {
		t.Errorf("a log rewritten at its end, and its head, shows %v without a hash that was noted", b)
	}
	if b := verify(t, client, head.Hash); b == nil || b.Fault != hikyaku.AuditNoted {
		t.Errorf("with the hash that was noted: %v", b)
	}
	res := request{path: "/audit.jsonl", token: consoletest.ViewerToken}.do(t, f)
	lines := strings.Split(strings.TrimSpace(text(t, res)), "\n")
	var last hikyaku.AuditRecord
	if len(lines) != 1400 || json.Unmarshal([]byte(lines[1399]), &last) != nil || last.Seq != 1400 ||
		!strings.Contains(res.Header.Get("Content-Disposition"), ".jsonl") {
		t.Errorf("download: %d lines, header %v", len(lines), res.Header)
	}
}

func TestPages_AuditChain(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	page := func() string { return text(t, request{path: "/audit", token: consoletest.ViewerToken}.do(t, f)) }
	addDeeds(t, f, 7000) // more than one view verifies
	if p := page(); !strings.Contains(p, "5,000 of 7,003 records") {
		t.Errorf("the first view does not say how far it came")
	}
	if p := page(); !strings.Contains(p, "Chain unbroken: 7,003 records") {
		t.Errorf("the second view does not come to the end")
	}
	addDeeds(t, f, 1)
	if p := page(); !strings.Contains(p, "Chain unbroken: 7,004 records") || !strings.Contains(p, "Older records") {
		t.Errorf("the third view does not go on")
	}
	f.Ledger.Tamper(func(all []hikyaku.AuditRecord) []hikyaku.AuditRecord {
		all[41].By = "somebody else"
		return all
	})
	f.Now = f.Now.Add(11 * time.Minute) // verified anew
	if p := page(); !strings.Contains(p, "broken at record 42: it is not what was written") || !strings.Contains(p, `class="problem"`) {
		t.Error("a changed record is not found")
	}
	if p := text(t, request{path: "/audit?lang=ja", token: consoletest.ViewerToken}.do(t, f)); !strings.Contains(p, "記録42で壊れています") {
		t.Error("not told in Japanese")
	}
}

func TestConsole_AuditOrigin(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	rerun := "/transfers/" + consoletest.ID(9) + "/rerun"
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	request{method: http.MethodPost, path: rerun, token: consoletest.OperatorToken, header: form}.do(t, f)
	request{method: http.MethodPost, path: "/api/v1" + rerun, token: consoletest.OperatorToken}.do(t, f)
	if _, err := f.Client(consoletest.OperatorToken).Cancel(t.Context(), consoletest.ID(2), console.ActRequest{}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, call := range f.Operator.Calls() {
		got = append(got, call.Act.Origin)
	}
	if want := []string{hikyaku.OriginConsole, hikyaku.OriginAPI, hikyaku.OriginCLI}; !slices.Equal(got, want) {
		t.Errorf("origins %v, want %v", got, want)
	}
}

func TestConsole_AuditsSignIn(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	for _, token := range []string{consoletest.OperatorToken, "guessed"} {
		request{method: http.MethodPost, path: "/login", body: "token=" + token, header: form}.do(t, f)
	}
	list, err := f.Client(consoletest.ViewerToken).Audit(t.Context(), console.AuditFilter{Limit: 2})
	if err != nil {
		t.Fatal(err)
	}
	refused, in := list.Records[0], list.Records[1]
	if refused.Op != hikyaku.AuditSignInRefused || refused.By != "" || in.Op != hikyaku.AuditSignIn || in.By != "operator" || !strings.Contains(in.Detail, "role=operator") {
		t.Errorf("got %+v and %+v", refused, in)
	}
	if raw, _ := json.Marshal(list); strings.Contains(string(raw), "guessed") || strings.Contains(string(raw), consoletest.OperatorToken) {
		t.Error("a token is in the audit log")
	}
}
