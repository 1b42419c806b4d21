package cli_test

import (
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

// An ID that is a path is named like any other, also where it is as long as a
// transfer_id.
func TestIDs_ThatArePaths(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"2026/11/A-1", "2026/11/a?b#c%2F&d", "2026/11/order-0000000000-x"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			r := fixture(t)
			for _, other := range []string{"2026/11", id, id + "/below"} {
				if got := r.do(t, "send", other); got.code != 0 {
					t.Fatalf("send %s: %+v", other, got)
				}
			}
			page, err := r.f.Ledger.Transfers(t.Context(), hikyaku.Query{ID: id})
			if err != nil || len(page.Transfers) != 1 {
				t.Fatalf("got %v, %v", page, err)
			}
			transferID := page.Transfers[0].TransferID
			for _, args := range [][]string{
				{"show", id, "-o", "json"}, {"cancel", id, "-o", "json"}, {"rerun", id, "-o", "json"}, {"logs", id},
			} {
				if got := r.do(t, args...); got.code != 0 || args[0] != "logs" && !strings.Contains(got.out, transferID) {
					t.Errorf("%v: %+v", args, got)
				}
			}
			subjects := 0
			for _, c := range r.f.Operator.Calls() {
				if c.Subject == transferID {
					subjects++
				}
			}
			if subjects != 2 { // cancel and rerun
				t.Errorf("calls %+v", r.f.Operator.Calls())
			}
			ended := page.Transfers[0]
			ended, err = r.f.Ledger.Transfer(t.Context(), ended.TransferID)
			if err != nil {
				t.Fatal(err)
			}
			ended.State, ended.Outcome, ended.EndedAt = hikyaku.Succeeded, hikyaku.Delivered, r.f.Now
			if err := r.f.Ledger.Commit(t.Context(), hikyaku.Change{Transfer: &ended}); err != nil {
				t.Fatal(err)
			}
			if got := r.do(t, "watch", id); got.code != 0 || !strings.Contains(got.out, "was delivered") {
				t.Errorf("watch: %+v", got)
			}
			if got := r.do(t, "show", id+"/unknown"); got.code != cli.ExitNotFound {
				t.Errorf("show of an unknown one: %+v", got)
			}
		})
	}
}
