package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Explanation answers the three questions people have about a transfer: where
// is it and why is it not done (Answer), and what to do (Todo).
type Explanation struct {
	Answer string `json:"answer"`
	Todo   string `json:"todo"`
}

// Explain says in words where a transfer is.
func Explain(t hikyaku.Transfer, l Lang, now time.Time) Explanation {
	id := Printable(t.ID)
	if t.ID == "" {
		id = t.TransferID
	}
	end := FormatTime(t.EndedAt, now)
	switch t.State {
	case hikyaku.Queued:
		return explainQueued(t, id, l, now)
	case hikyaku.Starting:
		return Explanation{fmt.Sprintf(word(l, "say_starting"), id), word(l, "do_wait")}
	case hikyaku.Running:
		return explainRunning(t, id, l)
	case hikyaku.Succeeded:
		return explainSucceeded(t, id, end, l)
	case hikyaku.Failed:
		e := Explanation{
			Answer: fmt.Sprintf(word(l, "say_failed"), id, end, t.Attempt, max(t.MaxAttempts, t.Attempt), failureText(t.Failure, l)),
			Todo:   word(l, "do_failed"),
		}
		if r := Remedy(t.Failure, l); r != "" {
			e.Todo = r
			if retryable(t.Failure) {
				e.Todo += between(l) + word(l, "do_rerun_then")
			}
		}
		return e
	case hikyaku.Rejected:
		e := Explanation{fmt.Sprintf(word(l, "say_rejected"), id, end, failureText(t.Failure, l)), word(l, "do_rejected")}
		if r := Remedy(t.Failure, l); r != "" {
			e.Todo = r
		}
		return e
	case hikyaku.Cancelled:
		return Explanation{fmt.Sprintf(word(l, "say_cancelled"), id, end), word(l, "do_cancelled")}
	}
	return Explanation{Answer: id + ": " + Printable(string(t.State))}
}

func explainQueued(t hikyaku.Transfer, id string, l Lang, now time.Time) Explanation {
	reason := waitingKey(t, now)
	since := t.QueuedAt
	if since.IsZero() {
		since = t.CreatedAt
	}
	e := Explanation{
		Answer: fmt.Sprintf(word(l, "say_queued"), id, FormatDuration(now.Sub(since), l), Printable(t.Route), word(l, reason)),
		Todo:   word(l, "do_"+reason),
	}
	if t.WaitingDetail != "" {
		stop := string([]rune(e.Answer)[len([]rune(e.Answer))-1:]) // the full stop of the language
		e.Answer = strings.TrimSuffix(e.Answer, stop) + " (" + printableText(t.WaitingDetail) + ")" + stop
	}
	if t.NotBefore.After(now) {
		e.Answer += between(l) + fmt.Sprintf(word(l, "say_queued_until"), FormatTime(t.NotBefore, now))
	}
	if t.Failure != nil {
		e.Answer += between(l) + fmt.Sprintf(word(l, "say_last_failure"), failureText(t.Failure, l))
	}
	return e
}

// between is what stands between two sentences.
func between(l Lang) string {
	if l == LangJapanese {
		return ""
	}
	return " "
}

func explainRunning(t hikyaku.Transfer, id string, l Lang) Explanation {
	if t.CancelRequested {
		return Explanation{fmt.Sprintf(word(l, "say_running_cancel"), id), word(l, "do_wait")}
	}
	phase := PhaseWord(t.ExecutionStatus, l)
	if phase == "" {
		phase = word(l, string(hikyaku.Running))
	}
	parts := []string{fmt.Sprintf(word(l, "say_running"), id, phase, t.Attempt, max(t.MaxAttempts, t.Attempt))}
	if t.Bytes.Total > 0 {
		parts = append(parts, fmt.Sprintf(word(l, "say_running_counts"), Percent(t), FormatBytes(t.Bytes.Transferred), FormatBytes(t.Bytes.Total)))
	}
	if t.Rate > 0 && t.ETA > 0 {
		parts = append(parts, fmt.Sprintf(word(l, "say_running_rate"), FormatRate(t.Rate, l), FormatDuration(time.Duration(t.ETA)*time.Second, l)))
	}
	return Explanation{strings.Join(parts, between(l)), word(l, "do_wait")}
}

func explainSucceeded(t hikyaku.Transfer, id, end string, l Lang) Explanation {
	e := Explanation{Todo: word(l, "do_nothing")}
	switch t.Outcome {
	case hikyaku.AlreadyThere:
		e.Answer = fmt.Sprintf(word(l, "say_already_there"), id, end, max(t.Files.Total, t.Files.Skipped))
	case hikyaku.Empty:
		e.Answer = fmt.Sprintf(word(l, "say_empty"), id, end)
	case hikyaku.Delivered:
		fallthrough
	default:
		took := FormatDuration(t.EndedAt.Sub(t.CreatedAt), l)
		n := t.Files.Transferred
		if n == 0 {
			n = t.Files.Total
		}
		e.Answer = fmt.Sprintf(word(l, "say_delivered"), id, end, n, FormatBytes(t.Bytes.Transferred), took)
		if t.Files.Verified > 0 && t.Files.Verified >= t.Files.Transferred {
			e.Answer += between(l) + word(l, "say_verified")
		}
	}
	return e
}

// Percent is how much of a transfer's bytes are transferred, 0 to 100; by
// files where it has no bytes.
func Percent(t hikyaku.Transfer) int {
	switch {
	case t.State == hikyaku.Succeeded:
		return 100
	case t.Bytes.Total > 0:
		return int(min(max(t.Bytes.Transferred*100/t.Bytes.Total, 0), 100))
	case t.Files.Total > 0:
		return int(min(max(t.Files.Transferred*100/t.Files.Total, 0), 100))
	}
	return 0
}

// FormatTime returns a time in UTC, without the date if it is today's.
func FormatTime(t, now time.Time) string {
	if t.IsZero() {
		return "-"
	}
	t, now = t.UTC(), now.UTC()
	if t.YearDay() == now.YearDay() && t.Year() == now.Year() {
		return t.Format("15:04:05Z")
	}
	return t.Format("2006-01-02 15:04:05Z")
}

func failureText(f *hikyaku.Failure, l Lang) string {
	if f == nil {
		return word(l, "say_unknown_failure")
	}
	text := printableText(FailureTitle(f, l))
	if f.Code != "" {
		text += " [" + Printable(f.Code) + "]"
	}
	return text
}

func printableText(s string) string { return PrintableText(s) }

// PrintableText is Printable for prose: clean text, quotation marks and
// backslashes included, stays as it is; what could deceive is escaped.
func PrintableText(s string) string {
	p := Printable(s)
	if p == s {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(p[1 : len(p)-1])
}
