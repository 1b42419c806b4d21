package cli_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cli"
)

func TestSend_SomeRefused(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	r.stdin = "B-1\n\n /bad/id \nB-2\n"
	got := r.do(t, "send", "-", "--route", "images")
	if got.code != cli.ExitSomeFailed {
		t.Errorf("code %d, want %d: %s", got.code, cli.ExitSomeFailed, got.err)
	}
	if strings.Count(got.out, "QUEUED") != 2 || !strings.Contains(got.out, "refused") {
		t.Errorf("got\n%s", got.out)
	}
}

func TestSend_Wait(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(*hikyaku.Transfer)
		code int
	}{
		{"succeeded", func(t *hikyaku.Transfer) { t.State, t.Outcome = hikyaku.Succeeded, hikyaku.Delivered }, cli.ExitOK},
		{"cancelled", func(t *hikyaku.Transfer) { t.State = hikyaku.Cancelled }, cli.ExitCancelled},
		{"corrupt", func(t *hikyaku.Transfer) {
			t.State, t.Failure = hikyaku.Failed, &hikyaku.Failure{Kind: hikyaku.KindCorrupt, Message: "differs"}
		}, cli.ExitCorrupt},
		{"missing", func(t *hikyaku.Transfer) {
			t.State, t.Failure = hikyaku.Failed, &hikyaku.Failure{Kind: hikyaku.KindNotFound, Message: "nothing there"}
		}, cli.ExitNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := fixture(t)
			stop := r.f.Ledger.Subscribe(func(tr hikyaku.Transfer) {
				if tr.ID != "W-1" || tr.State != hikyaku.Queued {
					return
				}
				tt.end(&tr)
				tr.WaitingReason, tr.EndedAt = "", r.f.Now
				if err := r.f.Ledger.Commit(context.Background(), hikyaku.Change{Transfer: &tr}); err != nil {
					t.Error(err)
				}
			})
			defer stop()
			got := r.do(t, "send", "W-1", "--wait", "--timeout", "30s")
			if got.code != tt.code {
				t.Errorf("code %d, want %d\n%s%s", got.code, tt.code, got.out, got.err)
			}
		})
	}
}

func TestSend_WaitTimesOut(t *testing.T) {
	t.Parallel()
	got := fixture(t).do(t, "send", "W-1", "--wait", "--timeout", "30ms")
	if got.code != cli.ExitTimeout || !strings.Contains(got.err, "not ended after 30ms") {
		t.Errorf("code %d, stderr %q", got.code, got.err)
	}
}

func TestWatch_EndsWithTheTransfer(t *testing.T) {
	t.Parallel()
	got := fixture(t).do(t, "watch", "A-0998")
	if got.code != cli.ExitNotFound || !strings.Contains(got.out, "A-0998 failed at") {
		t.Errorf("code %d\n%s%s", got.code, got.out, got.err)
	}
}

func TestWatch_AllUntilInterrupted(t *testing.T) {
	t.Parallel()
	r := fixture(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	r.ctx, r.terminal = ctx, true
	got := r.do(t, "watch")
	for _, want := range []string{"A-1001", "━", "96.0 MiB/s", "47 s left", "RUNNING 2"} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is missing in\n%s", want, got.out)
		}
	}
}
