package console

import (
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// EventTitle is what happened, in words.
func EventTitle(e hikyaku.Event, l Lang) string { return eventText(e, l) }

// EventSummary is what people read an event for, in one line: why, how far, and
// what with. The event itself holds everything.
func EventSummary(e hikyaku.Event, l Lang) string {
	detail, err := e.Decode()
	if err != nil {
		return detailText(e.Detail, l)
	}
	var s summary
	s.l = l
	switch d := detail.(type) {
	case *hikyaku.AcceptedDetail:
		s.field("route", d.Route)
		s.field("key", d.Key)
		s.field("paths", strings.Join(d.Paths, ", "))
		s.field("message_id", d.MessageID)
	case *hikyaku.RejectedDetail:
		s.failure(d.Failure)
		s.field("queue", d.Queue)
	case *hikyaku.LookedDetail:
		s.found(d.Found)
	case *hikyaku.WaitingDetail:
		s.text(d.Detail)
		s.until(d.NotBefore)
	case *hikyaku.AssignedDetail:
		s.field("task_arn", d.TaskARN)
		s.field("agent_arns", agentsText(d.AgentARNs))
		s.field("token", numberText(d.Token))
		s.field("transfer_mode", d.TransferMode)
	case *hikyaku.StartedDetail:
		s.field("execution_arn", d.ExecutionARN)
	case *hikyaku.AdoptedDetail:
		s.field("execution_arn", d.ExecutionARN)
		s.text(d.Reason)
	case *hikyaku.PhaseDetail:
		s.progress(d.Progress)
	case *hikyaku.StalledDetail:
		s.failure(d.Failure)
	case *hikyaku.AttemptEndedDetail:
		s.failure(d.Failure)
		s.progress(d.Progress)
		s.flag("free", d.Free)
		s.until(d.Waiting.NotBefore)
	case *hikyaku.SucceededDetail:
		s.text(wordOr("outcome_"+string(d.Outcome), string(d.Outcome), l))
		s.progress(d.Progress)
	case *hikyaku.FailedDetail:
		s.failure(d.Failure)
		s.progress(d.Progress)
	case *hikyaku.CancelledDetail:
		s.text(d.Reason)
		s.progress(d.Progress)
	default: // short enough as they are
		return detailText(e.Detail, l)
	}
	return strings.Join(s.parts, " · ")
}

// summary gathers the parts of a line; empty ones are left out.
type summary struct {
	l     Lang
	parts []string
}

func (s *summary) text(v string) {
	if v != "" {
		s.parts = append(s.parts, printableText(v))
	}
}

// field adds "name: value", named as in the event.
func (s *summary) field(name, v string) {
	if v != "" {
		s.parts = append(s.parts, fieldWord(name, s.l)+colon(s.l)+valueWord(name, v, s.l))
	}
}

func (s *summary) flag(name string, set bool) {
	if set {
		s.parts = append(s.parts, fieldWord(name, s.l))
	}
}

func (s *summary) failure(f hikyaku.Failure) {
	title := FailureTitle(&f, s.l)
	s.text(strings.TrimSpace(f.Code + " " + title))
	if f.Detail != title {
		s.text(f.Detail)
	}
}

func (s *summary) until(at time.Time) {
	if !at.IsZero() {
		s.field("not_before", at.UTC().Format(time.RFC3339))
	}
}

func (s *summary) found(f hikyaku.Found) {
	if !f.Listed {
		return
	}
	s.field("files.total", numberText(f.Objects))
	s.text(FormatBytes(f.Bytes))
	s.flag("found.truncated", f.Truncated)
	if !f.Newest.IsZero() {
		s.field("found.newest", f.Newest.UTC().Format(time.RFC3339))
	}
}

// progress tells how far it is, if anything is known of that.
func (s *summary) progress(p hikyaku.Progress) {
	if p.Files.Total == 0 && p.Files.Transferred == 0 {
		return
	}
	s.parts = append(s.parts,
		sprintf(word(s.l, "sum_progress"), numberText(p.Files.Transferred), numberText(max(p.Files.Total, p.Files.Transferred)), FormatBytes(p.Bytes.Transferred), FormatBytes(p.Bytes.Total)))
	if p.Files.Skipped > 0 {
		s.field("files.skipped", numberText(p.Files.Skipped))
	}
	if p.Files.Failed > 0 {
		s.field("files.failed", numberText(p.Files.Failed))
	}
	if p.Rate > 0 {
		s.text(FormatRate(p.Rate, s.l))
	}
}
