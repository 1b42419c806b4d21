package dispatch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hikyaku/hikyaku"
)

// An ID that brings the server down each time it is copied stops at the cap.
func TestDispatcher_restartsWithoutEndStopAtTheCap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.send(t, "A")
	for range hikyaku.DefaultMaxAttempts {
		w.clock.Advance(hikyaku.DefaultRetryMax)
		w.assign(t)
		got := w.wantState(t, x, hikyaku.Running)
		w.executor.Fail(got.ExecutionARN, "TooManyRestarts", "")
		must(t, w.d.RefreshAll(t.Context()))
	}
	w.wantState(t, x, hikyaku.Failed)
}

// Thousands of messages that nobody understands become as many letters, and
// keep nobody else from going on.
func TestDispatcher_poisonFlood(t *testing.T) {
	t.Parallel()
	const flood = 2000
	w := newWorld(t)
	for n := range flood {
		must(t, w.d.Accept(t.Context(), w.message(fmt.Sprintf(`{"n":%d}`, n))))
	}
	w.run(t, "A")
	sent, err := w.d.DrainOutbox(t.Context())
	must(t, err)
	if letters := w.dlq.Messages(); sent != 2*flood || len(letters) != flood { // and as many completions
		t.Errorf("sent %d, letters %d, want %d letters", sent, len(letters), flood)
	}
}

// What a message may ask for below its ID, and what not.
func TestDispatcher_Accept_hostilePaths(t *testing.T) {
	t.Parallel()
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf("%q", fmt.Sprintf("folder/file-%06d", i))
	}
	for paths, want := range map[string]string{
		`"../B/x"`:               hikyaku.CodePathRefused,
		`"a/../../B"`:            hikyaku.CodePathRefused,
		`"/etc/passwd"`:          hikyaku.CodePathRefused,
		`"a//b"`:                 hikyaku.CodePathRefused,
		`"."`:                    hikyaku.CodePathRefused,
		`""`:                     hikyaku.CodePathRefused,
		`"a\nb"`:                 hikyaku.CodePathRefused,
		`5`:                      hikyaku.CodeNotUnderstood,
		strings.Join(many, ", "): hikyaku.CodeFilterTooLong,
		`"*"`:                    "",
		`"x|/B/*"`:               "",
		`"a\\*"`:                 "",
	} {
		w := newWorld(t)
		x := w.send(t, `{"id":"A","paths":[`+paths+`]}`)
		if want != "" {
			if got := w.wantState(t, x, hikyaku.Rejected); got.Failure.Code != want {
				t.Errorf("%.60s: %s, want %s", paths, got.Failure.Code, want)
			}
			continue
		}
		w.assign(t)
		includes := w.executor.Starts()[0].Includes
		for rest := includes; rest != ""; { // no wildcard and no second pattern is left
			i := strings.IndexAny(rest, `\*|`)
			if i < 0 {
				break
			}
			if rest[i] != '\\' {
				t.Errorf("%s became the filter %s", paths, includes)
				break
			}
			rest = rest[i+2:]
		}
		if !strings.HasPrefix(includes, "/A/") {
			t.Errorf("%s became the filter %s", paths, includes)
		}
	}
}
