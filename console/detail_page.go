package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// filesOnPage is how many files a transfer's page shows, errors first: as many as
// keep it under 100 KB.
const filesOnPage = 250

// othersOnPage is how many other transfers of the same ID it links.
const othersOnPage = 10

func (c *Console) transferPage(w http.ResponseWriter, r *http.Request) error {
	d, err := c.detail(r.Context(), r.PathValue("transfer_id"))
	if err != nil {
		return err
	}
	l, now := requestLang(r), c.now()
	e := Explain(d.Transfer, l, now)
	raw, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	content := &web.Transfer{
		Row: row(d.Transfer, l, now), Answer: e.Answer, Todo: e.Todo, ForceRerun: d.State == hikyaku.Succeeded,
		Facts: facts(d.Transfer, l), Attempts: attempts(d.Attempts, l), Events: timeline(d.Events, l),
		JSON: visibleJSON(raw), APILink: "/api/v1/transfers/" + url.PathEscape(d.TransferID),
		Meaning: meaning(d.Transfer, l), Bad: bad(d.Events), Notices: notices(d.CompletionEvents, l, now),
		Live: "/live?" + url.Values{"transfer_id": {d.TransferID}}.Encode(),
	}
	if d.Body != "" && d.Body != d.ID {
		content.Body = printableText(d.Body)
	}
	files, err := c.fileList(r.Context(), d.Transfer, FileQuery{Limit: filesOnPage})
	if err != nil {
		return err
	}
	content.Files, content.FilesKnown = fileRows(files.Files, l), files.Available
	if content.Meaning != nil {
		if strings.HasPrefix(content.Todo, content.Meaning.Remedy) {
			content.Meaning.Remedy = "" // it is said above
		}
		content.Meaning.Files = fileCauses(files.Files, l)
	}
	if shown := int64(len(files.Files)); shown > 0 && shown < d.Files.Total {
		content.FilesMore = sprintf(web.Text(l, "files_more"), shown, d.Files.Total)
	}
	if d.ID != "" {
		page, err := c.ledger.Transfers(r.Context(), hikyaku.Query{ID: d.ID, Limit: othersOnPage + 1})
		if err != nil {
			return err
		}
		for _, t := range page.Transfers {
			if t.TransferID != d.TransferID {
				content.Others = append(content.Others, row(t, l, now))
			}
		}
	}
	c.page(w, r, http.StatusOK, "transfer", &web.Page{
		Title: "nav_transfers", Subject: content.Row.ID, Section: "transfers", Content: content,
	})
	return nil
}

// visibleJSON escapes what JSON leaves as it is but people cannot see, such as
// bidirectional overrides.
func visibleJSON(raw []byte) string {
	var b strings.Builder
	for _, r := range string(raw) {
		if r == '\n' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

func facts(t hikyaku.Transfer, l Lang) []web.Fact {
	all := []web.Fact{
		{Name: "fact_transfer", Value: t.TransferID},
		{Name: "fact_route", Value: t.Route},
		{Name: "fact_try", Value: numberOf(t.Attempt, max(t.MaxAttempts, t.Attempt))},
		{Name: "fact_files", Value: sprintf(web.Text(l, "files_of"), t.Files.Total, t.Files.Transferred, t.Files.Verified, t.Files.Skipped, t.Files.Failed)},
		{Name: "fact_bytes", Value: sprintf(web.Text(l, "bytes_of"), FormatBytes(t.Bytes.Total), FormatBytes(t.Bytes.Transferred), FormatBytes(t.Bytes.Written))},
	}
	if t.Rate > 0 {
		all = append(all, web.Fact{Name: "fact_rate", Value: FormatRate(t.Rate, l)})
	}
	if f := t.Failure; f != nil {
		all = append(all, web.Fact{Name: "fact_error", Value: strings.TrimSpace(f.Code + " " + FailureTitle(f, l))}, web.Fact{Name: "fact_detail", Value: f.Detail})
	}
	all = append(all,
		web.Fact{Name: "fact_task", Value: t.TaskARN},
		web.Fact{Name: "fact_execution", Value: t.ExecutionARN},
		web.Fact{Name: "fact_agents", Value: strings.Join(t.AgentARNs, ", ")},
		web.Fact{Name: "fact_message", Value: t.MessageID},
		web.Fact{Name: "fact_key", Value: t.Key},
		web.Fact{Name: "fact_dead_letter", Value: deadLetterWord(t.DeadLetter, l)},
		web.Fact{Name: "fact_log", Value: t.LogURL},
	)
	var out []web.Fact
	for _, f := range all {
		if f.Value = printableText(strings.TrimSpace(f.Value)); f.Value != "" {
			out = append(out, f)
		}
	}
	return out
}

func attempts(as []hikyaku.Attempt, l Lang) []web.Attempt {
	var out []web.Attempt
	for _, a := range as {
		v := web.Attempt{
			Number: a.Number, Started: a.StartedAt, Took: "…", Status: a.Status, Mode: a.TransferMode,
			Files: countText(a.Files.Transferred), Size: sizeText(a.Bytes.Transferred), Execution: a.ExecutionARN,
			Task: lastPart(a.TaskARN), Agent: agentsText(a.AgentARNs), Phases: phases(a.Durations, l),
			Good: a.Status == "SUCCESS", Bad: a.Status == "ERROR" || a.Status == "LOST",
		}
		if !a.EndedAt.IsZero() {
			v.Took = FormatDuration(a.EndedAt.Sub(a.StartedAt), l)
		}
		if a.Failure != nil {
			v.Error = strings.TrimSpace(printableText(a.Failure.Code) + " " + printableText(FailureTitle(a.Failure, l)))
		}
		out = append(out, v)
	}
	return out
}

// meaning is the catalogue's entry of what a transfer failed with.
func meaning(t hikyaku.Transfer, l Lang) *web.Meaning {
	if t.Failure == nil || t.State == hikyaku.Succeeded {
		return nil
	}
	e, ok := hikyaku.Lookup(t.Failure.Code)
	if !ok {
		return nil
	}
	text := e.Text(string(l))
	next := "errors_final"
	switch {
	case e.Retryable && t.State == hikyaku.Failed:
		next = "errors_used_up"
	case e.Retryable:
		next = "errors_retryable"
	}
	return &web.Meaning{
		Code: e.Code, Title: text.Title, Cause: text.Cause, Remedy: text.Remedy, Detail: printableText(t.Failure.Detail),
		Next: web.Text(l, next), Link: failedLink(e.Code),
	}
}

// causesShown bounds the reasons why files failed.
const causesShown = 5

// fileCauses groups failed files by what they failed with.
func fileCauses(fs []File, l Lang) []web.FileCause {
	var out []web.FileCause
	for _, f := range fs {
		if f.Failure == nil {
			continue
		}
		at := slices.IndexFunc(out, func(c web.FileCause) bool { return c.Code == f.Failure.Code })
		if at >= 0 {
			out[at].Count++
			continue
		}
		if len(out) == causesShown {
			continue
		}
		c := web.FileCause{Code: f.Failure.Code, Count: 1, Example: printableText(f.Path), Detail: printableText(f.Failure.Message), Remedy: printableText(Remedy(f.Failure, l))}
		if e, ok := hikyaku.Lookup(f.Failure.Code); ok {
			c.Title = e.Text(string(l)).Title
			if c.Detail == e.English.Title {
				c.Detail = ""
			}
		}
		out = append(out, c)
	}
	return out
}

// bad counts the events that went wrong.
func bad(es []hikyaku.Event) int {
	n := 0
	for _, e := range es {
		if tone(e.Type) == "bad" {
			n++
		}
	}
	return n
}

// phases are an attempt's durations, in order; empty when none is known.
func phases(d hikyaku.Durations, l Lang) string {
	if d == (hikyaku.Durations{}) {
		return ""
	}
	var parts []string
	for _, ms := range []int64{d.Queued, d.Launching, d.Preparing, d.Transferring, d.Verifying} {
		parts = append(parts, FormatDuration(time.Duration(ms)*time.Millisecond, l))
	}
	return strings.Join(parts, " · ")
}

// longGap is from which pause on the timeline tells how long it was.
const longGap = time.Second

func timeline(es []hikyaku.Event, l Lang) []web.Event {
	var out []web.Event
	var before time.Time
	for _, e := range es {
		v := web.Event{
			At: e.At, Type: string(e.Type), Text: eventText(e, l),
			By: printableText(e.By), Detail: EventSummary(e, l), Tone: tone(e.Type),
		}
		if gap := e.At.Sub(before); !before.IsZero() && gap >= longGap {
			v.Gap = FormatDuration(gap, l)
		}
		before = e.At
		out = append(out, v)
	}
	return out
}

// eventText is what happened in words.
func eventText(e hikyaku.Event, l Lang) string {
	text := web.Text(l, "event_"+string(e.Type))
	var d struct {
		Status string `json:"status"`
		Reason string `json:"reason"`
	}
	if e.Type == hikyaku.EventNotified {
		return notifiedText(e, l)
	}
	if e.Type != hikyaku.EventPhase && e.Type != hikyaku.EventWaiting {
		return text
	}
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return sprintf(text, "?")
	}
	if e.Type == hikyaku.EventPhase {
		return sprintf(text, PhaseWord(d.Status, l))
	}
	return sprintf(text, ReasonWord(d.Reason, l))
}

func tone(t hikyaku.EventType) string {
	switch t { //nolint:exhaustive // most have none
	case hikyaku.EventSucceeded:
		return "good"
	case hikyaku.EventFailed, hikyaku.EventRejected, hikyaku.EventAttemptEnded, hikyaku.EventStalled:
		return "bad"
	case hikyaku.EventWaiting, hikyaku.EventCancelRequested, hikyaku.EventCancelled:
		return "wait"
	}
	return ""
}

func fileRows(fs []File, l Lang) []web.File {
	out := make([]web.File, 0, len(fs))
	for _, f := range fs {
		v := web.File{
			Path: printableText(f.Path), State: wordOr("file_"+f.State, f.State, l), Size: sizeText(f.Bytes),
			Source: f.SourceChecksum, Destination: f.DestinationChecksum, Same: f.SourceChecksum != "" && f.SourceChecksum == f.DestinationChecksum, Bad: f.State == "failed",
		}
		if f.Seconds > 0 && f.Bytes > 0 {
			v.Rate = FormatBytes(int64(float64(f.Bytes)/f.Seconds)) + "/s"
		}
		if f.Failure != nil {
			v.Error = strings.TrimSpace(printableText(f.Failure.Code) + " " + printableText(FailureTitle(f.Failure, l)))
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b web.File) int {
		switch {
		case a.Bad == b.Bad:
			return 0
		case a.Bad:
			return -1
		}
		return 1
	})
	return out
}
