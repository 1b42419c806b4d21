package ledgertest

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hikyaku/hikyaku"
)

// saidAtLeast is how much of a failure's text every FailureLister gives.
const saidAtLeast = 200

// testFailures lists what failed, in ledgers that can.
func testFailures(s suite) {
	l, ok := s.Ledger.(hikyaku.FailureLister)
	if !ok {
		return // it is optional
	}
	t := s.t
	dead := func(d hikyaku.DeadLetterState) func(*hikyaku.Transfer) {
		return func(t *hikyaku.Transfer) { t.DeadLetter = d }
	}
	lone := func(t *hikyaku.Transfer) { t.Failure.Message, t.Failure.Detail = "", "ENOSPC\x00\nof the target" }
	long := strings.Repeat("送達", 300)
	running := queued(6, in(hikyaku.Running), failing("HKY-1", "last attempt"))
	s.add(t, // not in order
		queued(4, onRoute("invoices"), in(hikyaku.Failed), failing("HKY-2", "disk full"), dead(hikyaku.DeadLetterSent)),
		queued(1), queued(3, in(hikyaku.Succeeded)), queued(7, in(hikyaku.Cancelled)),
		queued(2, in(hikyaku.Failed), failing("HKY-1", "gone"), dead(hikyaku.DeadLetterOwed), withID(strings.Repeat("long/", 180))),
		running, queued(5, onRoute(""), in(hikyaku.Rejected), failing("HKY-3", long)),
		queued(8, in(hikyaku.Failed), failing("HKY-4", ""), lone), queued(9, in(hikyaku.Failed)),
		queued(10, in(hikyaku.Succeeded), dead(hikyaku.DeadLetterRedriven)), queued(11, in(hikyaku.Cancelled), failing("HKY-1", "stopped by 世界")))
	ask := func(q hikyaku.FailureQuery, more bool, want ...string) {
		t.Helper()
		eventually(t, func() error {
			list, rest, err := l.Failures(t.Context(), q)
			if err != nil {
				return err
			}
			var got []string
			for _, f := range list {
				got = append(got, failureText(f))
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || rest != more {
				return fmt.Errorf("query %+v: more %v, want %v (-want +got):\n%s", q, rest, more, diff)
			}
			return nil
		})
	}
	var (
		two      = strings.Repeat("long/", 180) + " orders FAILED owed 2 HKY-1 gone"
		four     = "A-4 invoices FAILED sent 4 HKY-2 disk full"
		five     = "A-5  REJECTED  5 HKY-3 " + failureBegin(long)
		six      = "A-6 orders RUNNING  0 HKY-1 last attempt"
		eight    = "A-8 orders FAILED  8 HKY-4 ENOSPC\x00\nof the target"
		nine     = "A-9 orders FAILED  9  "
		ten      = "A-10 orders SUCCEEDED redriven 10  "
		eleven   = "A-11 orders CANCELLED  11 HKY-1 stopped by 世界"
		bad      = []hikyaku.State{hikyaku.Failed, hikyaku.Rejected}
		openOnes = []hikyaku.DeadLetterState{hikyaku.DeadLetterOwed, hikyaku.DeadLetterSent}
	)
	ask(hikyaku.FailureQuery{Limit: 10}, false, eleven, ten, nine, eight, six, five, four, two)
	ask(hikyaku.FailureQuery{Limit: 8}, false, eleven, ten, nine, eight, six, five, four, two)
	ask(hikyaku.FailureQuery{Limit: 3}, true, eleven, ten, nine)
	ask(hikyaku.FailureQuery{}, true)
	ask(hikyaku.FailureQuery{States: bad, Limit: 10}, false, nine, eight, five, four, two)
	ask(hikyaku.FailureQuery{DeadLetters: openOnes, Limit: 10}, false, four, two)
	ask(hikyaku.FailureQuery{DeadLetters: openOnes, Limit: 1}, true, four)
	ask(hikyaku.FailureQuery{DeadLetters: openOnes[:1], States: bad, Limit: 1}, false, two)
	ask(hikyaku.FailureQuery{DeadLetters: openOnes, States: []hikyaku.State{hikyaku.Rejected}, Limit: 10}, false)
	running.Failure = nil
	in(hikyaku.Succeeded)(running)
	s.must(t, hikyaku.Change{Transfer: running})
	ask(hikyaku.FailureQuery{Limit: 5}, true, eleven, ten, nine, eight, five)
}

// failureText is all that is known of every failure, as text.
func failureText(f hikyaku.FailedTransfer) string {
	said := f.Failure.Message
	if said == "" {
		said = f.Failure.Detail
	}
	ended := 0
	if !f.EndedAt.IsZero() {
		ended = int(f.EndedAt.Sub(at(0)) / time.Second)
	}
	return fmt.Sprintf("%s %s %s %s %d %s %s", f.ID, f.Route, f.State, f.DeadLetter, ended, f.Failure.Code, failureBegin(said))
}

// failureBegin is the part of a failure's text that every ledger gives.
func failureBegin(s string) string {
	if len(s) <= saidAtLeast {
		return s
	}
	end := saidAtLeast
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
