package console

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// row is a transfer as lists show it, in words.
func row(t hikyaku.Transfer, l Lang, now time.Time) web.Row {
	r := web.Row{
		TransferID: t.TransferID, ID: printableText(t.ID), Route: printableText(t.Route),
		State: string(t.State), StateText: StateWord(string(t.State), l),
		Percent: Percent(t), Moving: t.State == hikyaku.Running,
		Files: countText(t.Files.Total), Size: sizeText(t.Bytes.Total),
		At: t.CreatedAt, Age: FormatDuration(now.Sub(t.CreatedAt), l),
		Started: t.StartedAt, Ended: t.EndedAt, Agent: agentsText(t.AgentARNs),
		Execution: lastPart(t.ExecutionARN), Message: printableText(t.MessageID),
		CanRerun: canRerun(t), CanCancel: canCancel(t),
		DeadLetter:    deadLetterWord(t.DeadLetter, l),
		DeadLetterNow: t.DeadLetter == hikyaku.DeadLetterOwed || t.DeadLetter == hikyaku.DeadLetterSent,
	}
	if t.ID == "" {
		r.ID = t.TransferID
	}
	if t.Rate > 0 {
		r.Rate = FormatRate(t.Rate, l)
	}
	if t.Attempt > 1 {
		r.Attempt = numberOf(t.Attempt, max(t.MaxAttempts, t.Attempt))
	}
	r.Stations = stations(t)
	r.StationsText = r.StateText
	if t.State == hikyaku.Running {
		r.StationsText = strings.TrimSpace(PhaseWord(t.ExecutionStatus, l) + " " + numberText(int64(r.Percent)) + "%")
	}
	r.Headline, r.Detail = happening(t, l, now)
	r.Headline = upperFirst(r.Headline)
	if t.Failure != nil && (t.State == hikyaku.Failed || t.State == hikyaku.Rejected) {
		r.Code = printableText(t.Failure.Code)
	}
	return r
}

// upperFirst makes a phrase stand alone.
func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// happening is what a transfer does, or why not, and one line more.
func happening(t hikyaku.Transfer, l Lang, now time.Time) (headline, detail string) {
	switch t.State {
	case hikyaku.Queued:
		return waiting(t, l, now)
	case hikyaku.Starting:
		return web.Text(l, "starting"), lastFailure(t, l)
	case hikyaku.Running:
		if t.CancelRequested {
			return web.Text(l, "cancelling"), ""
		}
		headline = PhaseWord(t.ExecutionStatus, l)
		if t.Bytes.Total > 0 {
			headline += " " + numberText(int64(Percent(t))) + "%"
		}
		var parts []string
		if t.Rate > 0 {
			parts = append(parts, FormatRate(t.Rate, l))
		}
		if t.ETA > 0 {
			parts = append(parts, sprintf(web.Text(l, "remaining"), FormatDuration(time.Duration(t.ETA)*time.Second, l)))
		}
		if f := lastFailure(t, l); f != "" {
			parts = append(parts, f)
		}
		return headline, strings.Join(parts, " · ")
	case hikyaku.Succeeded:
		return succeeded(t, l), ""
	case hikyaku.Failed, hikyaku.Rejected:
		return printableText(FailureTitle(t.Failure, l)), printableText(Remedy(t.Failure, l))
	case hikyaku.Cancelled:
	}
	return "", ""
}

func waiting(t hikyaku.Transfer, l Lang, now time.Time) (headline, detail string) {
	var parts []string
	if t.WaitingDetail != "" {
		parts = append(parts, printableText(t.WaitingDetail))
	}
	if t.NotBefore.After(now) {
		parts = append(parts, sprintf(web.Text(l, "until"), FormatTime(t.NotBefore, now)))
	}
	if f := lastFailure(t, l); f != "" {
		parts = append(parts, f)
	}
	return WaitingWord(t, l, now), strings.Join(parts, " · ")
}

func lastFailure(t hikyaku.Transfer, l Lang) string {
	if t.Failure == nil {
		return ""
	}
	return strings.TrimSpace(printableText(t.Failure.Code) + " " + printableText(FailureTitle(t.Failure, l)))
}

func succeeded(t hikyaku.Transfer, l Lang) string {
	switch t.Outcome {
	case hikyaku.AlreadyThere:
		return web.Text(l, "outcome_already")
	case hikyaku.Empty:
		return web.Text(l, "outcome_empty")
	case hikyaku.Delivered:
	}
	s := sprintf(web.Text(l, "outcome_delivered"), FormatDuration(t.EndedAt.Sub(t.CreatedAt), l))
	if t.Files.Verified > 0 && t.Files.Verified >= t.Files.Transferred {
		s += " · " + web.Text(l, "outcome_verified")
	}
	return s
}

// stationCount is accepted, started, prepared, transferred, verified.
const stationCount = 5

// stations marks how far a delivery came.
func stations(t hikyaku.Transfer) []string {
	at, mark := 0, ""
	switch t.State {
	case hikyaku.Queued:
		at, mark = 1, "wait"
	case hikyaku.Starting:
		at, mark = 1, "now"
	case hikyaku.Running:
		at, mark = phaseStation(t.ExecutionStatus), "now"
	case hikyaku.Succeeded:
		at = stationCount
	case hikyaku.Failed:
		at, mark = failedAt(t), "fail"
	case hikyaku.Rejected:
		at, mark = 0, "fail"
	case hikyaku.Cancelled:
		at = min(failedAt(t), stationCount-1)
	}
	out := make([]string, stationCount)
	for i := range out {
		switch {
		case i < at:
			out[i] = "done"
		case i == at:
			out[i] = mark
		}
	}
	return out
}

func phaseStation(status string) int {
	switch status {
	case "PREPARING":
		return 2
	case "TRANSFERRING":
		return 3
	case "VERIFYING", "SUCCESS":
		return 4
	}
	return 1
}

func failedAt(t hikyaku.Transfer) int {
	switch {
	case t.Durations.Verifying > 0 || t.Files.Verified > 0:
		return 4
	case t.Durations.Transferring > 0 || t.Bytes.Transferred > 0 || t.Files.Transferred > 0:
		return 3
	case t.Durations.Preparing > 0:
		return 2
	}
	return 1
}

// deadLetterWord says what became of a dead letter; "" if there is none.
func deadLetterWord(d hikyaku.DeadLetterState, l Lang) string {
	if d == "" {
		return ""
	}
	return web.Text(l, "letter_"+string(d))
}

// agentsText names agents as short as tells them apart.
func agentsText(arns []string) string {
	names := make([]string, len(arns))
	for i, arn := range arns {
		names[i] = lastPart(arn)
	}
	return strings.Join(names, ", ")
}
