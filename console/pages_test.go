package console_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
)

const agentARN = "arn:aws:datasync:us-east-1:123456789012:agent/agent-0a1"

func TestPages_ShowAndEscape(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	for path, want := range map[string][]string{
		"/":                                    {"A-1001", "Every task of the pool is busy", "96.0 MiB/s", `href="/transfers?state=FAILED"`, "1 of 2 agents are offline", "nas-east", "at most 1 at once"},
		"/transfers":                           {"A-1001", "Every task of the pool is busy", "96.0 MiB/s", `href="/transfers?state=FAILED"`, "1 of 2 agents are offline", "Rerun A-0998?", "all 14 that match"},
		"/errors":                              {"HKY-6002", "HKY-2001", "needs a person", "Rerun HKY-6002 (1)?", "in the last hour"},
		"/agents":                              {"nas-west", "offline", "A-1001", "0 of 0 out of work"},
		"/audit":                               {"sato", "cancelled", "sent twice", "paused the route", "NAS maintenance until noon", "Chain unbroken: 3 records", "/audit.jsonl"},
		"/audit?op=pause":                      {"paused the route", "NAS maintenance until noon"},
		"/audit?by=nobody&lang=ja":             {"該当する記録はありません", "連鎖は正常です"},
		"/transfers?agent=" + agentARN:         {"A-1001"},
		"/transfers?state=failed&route=orders": {"A-0998", "Nothing is there for the ID", "HKY-2001", `aria-current="true"`},
		"/transfers?q=nothing-like-it":         {"No transfer matches"},
		"/dlq":                                 {"A-0997", "Redrive all", "Redrive with canary", "Edit and send again", "By reason", "Discard the dead letter of A-0998?"},
		"/pool":                                {"A-1001", "unlimited", "stuck in LAUNCHING", "NAS maintenance until noon"},
		"/transfers/" + consoletest.ID(8):      {"A-0997 failed at 08:50:09Z after 2 of 3 attempts", "Phase: transferring", "HKY-6002", "Raw JSON"},
		"/transfers/" + consoletest.ID(10):     {"was rejected", "The message as received"},
		"/transfers/" + consoletest.ID(2):      {`<progress max="100" value="63"`, "about 47 s left"},
		"/?lang=ja":                            {`<html lang="ja">`, "プールのタスクがすべて使用中", "完了"},
		"/no-such-page":                        {"That did not work", "there is no page /no-such-page"},
		"/transfers/does-not-exist?lang=ja":    {"処理できませんでした"},
	} {
		page := text(t, request{path: path, token: consoletest.AdminToken}.do(t, f))
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s lacks %q", path, w)
			}
		}
		if strings.ContainsAny(page, "\x1b\u202e") || strings.Contains(page, "<img src=x") {
			t.Errorf("%s shows a hostile ID as it is", path)
		}
		if strings.Contains(page, "%!") || strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s is badly formatted", path)
		}
	}
}

func TestPages_Forms(t *testing.T) {
	t.Parallel()
	f := consoletest.New(t, nil)
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	for _, tt := range []struct{ path, body, back, call string }{
		{"/transfers/" + consoletest.ID(9) + "/rerun", "reason=fixed&back=/dlq", "/dlq", "rerun"},
		{"/transfers/" + consoletest.ID(2) + "/cancel", "back=//evil.example/", "/", "cancel"},
		{"/transfers/" + consoletest.ID(0) + "/rerun", "force=true&back=https://evil.example", "/", "rerun"},
		{"/dlq/discard", "transfer_id=" + consoletest.ID(8), "/", "discard"},
		{"/routes/orders/pause", "", "/", "pause"},
	} {
		res := request{method: "POST", path: tt.path, token: consoletest.OperatorToken, body: tt.body, header: form}.do(t, f)
		if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != tt.back {
			t.Errorf("%s: status %d to %q: %s", tt.path, res.StatusCode, res.Header.Get("Location"), text(t, res))
		}
		calls := f.Operator.Calls()
		if last := calls[len(calls)-1]; last.Name != tt.call || last.Act.By != "operator" {
			t.Errorf("%s: call %+v", tt.path, last)
		}
	}
	res := request{method: "POST", path: "/transfers/" + consoletest.ID(1) + "/rerun", token: consoletest.OperatorToken, header: form}.do(t, f)
	if res.StatusCode != http.StatusConflict || !strings.Contains(text(t, res), "That did not work") {
		t.Errorf("refused action: status %d", res.StatusCode)
	}
}

func TestPages_ViewerSeesNoButtons(t *testing.T) {
	t.Parallel()
	page := text(t, request{path: "/", token: consoletest.ViewerToken}.do(t, consoletest.New(t, nil)))
	if !strings.Contains(page, `class="readonly"`) {
		t.Error("a viewer's page is not marked read only")
	}
}

func TestWords_Complete(t *testing.T) {
	t.Parallel()
	words := console.Words()
	verbs := regexp.MustCompile(`%(\[\d+\])?[.\d]*[a-z]`)
	for key, p := range words {
		en, ja := verbs.FindAllString(p[0], -1), verbs.FindAllString(p[1], -1)
		slices.Sort(en)
		slices.Sort(ja)
		if p[0] == "" || p[1] == "" || !slices.Equal(en, ja) {
			t.Errorf("%s: %q", key, p)
		}
	}
	for _, s := range console.States() {
		if _, ok := words[string(s)]; !ok {
			t.Errorf("state %s has no words", s)
		}
	}
	for _, r := range []hikyaku.WaitingReason{
		hikyaku.NoFreeTask, hikyaku.AgentOffline, hikyaku.SameIDRunning, hikyaku.BackingOff, hikyaku.RoutePaused, hikyaku.SourceNotReady, hikyaku.Throttled,
	} {
		if _, ok := words[string(r)]; !ok || words["do_"+string(r)] == [2]string{} {
			t.Errorf("waiting reason %s has no words", r)
		}
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1<<20 - 1: "1.0 MiB", 5 << 30: "5.0 GiB", 123 << 20: "123 MiB", 1 << 60: "1024 PiB"} {
		if got := console.FormatBytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{-1: "0 ms", 1500 * time.Millisecond: "1.5 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min 1 s", 3 * time.Hour: "3 h 0 min", 49 * time.Hour: "2 d 1 h"} {
		if got := console.FormatDuration(d, console.LangEnglish); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
	}
	rates := map[string]int64{"10MiB": 10 << 20, "10 MB/s": 10e6, "1.5k": 1536, "unlimited": -1, "512": 512, "": 0, "fast": 0, "-5": 0, "0": 0, "1e9999": 0, "NaN": 0}
	for _, s := range slices.Sorted(maps.Keys(rates)) {
		got, err := console.ParseRate(s)
		if got != rates[s] || (err == nil) == (rates[s] == 0) {
			t.Errorf("rate %q: got %d, %v", s, got, err)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add(consoletest.HostileID)
	f.Add("請求書-2026")
	f.Add(" \t")
	f.Fuzz(func(t *testing.T, s string) {
		if got := console.Printable(s); strings.ContainsAny(got, "\x00\x07\x1b\u202e\u200b\u2066\n\r") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("10MiB")
	f.Add("7d")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := console.ParseRate(s); err == nil && n != -1 && n < 1 {
			t.Errorf("rate %q is %d", s, n)
		}
		now := consoletest.Clock()
		if at, err := console.ParseTime(s, now); err == nil && at.Location() != time.UTC {
			t.Errorf("time %q is not in UTC", s)
		}
	})
}

// TestWaitingWord tells a transfer that was queued a moment ago from one that
// waits for a task.
func TestWaitingWord(t *testing.T) {
	t.Parallel()
	queued := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	waits := hikyaku.Transfer{State: hikyaku.Queued, WaitingReason: hikyaku.NoFreeTask, QueuedAt: queued, UpdatedAt: queued}
	looked := waits
	looked.UpdatedAt = queued.Add(time.Millisecond)
	for _, c := range []struct {
		t     hikyaku.Transfer
		after time.Duration
		want  string
	}{
		{waits, time.Second, "it was accepted a moment ago"},
		{waits, time.Minute, "every task of the pool is busy"},
		{looked, time.Second, "every task of the pool is busy"},
		{hikyaku.Transfer{State: hikyaku.Queued, WaitingReason: hikyaku.RoutePaused, QueuedAt: queued, UpdatedAt: queued}, 0, "the route is paused"},
	} {
		if got := console.WaitingWord(c.t, console.LangEnglish, queued.Add(c.after)); got != c.want {
			t.Errorf("%s after %s: got %q, want %q", c.t.WaitingReason, c.after, got, c.want)
		}
	}
}
