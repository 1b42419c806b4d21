package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) showCommand() *cobra.Command {
	var files bool
	var q console.FileQuery
	c := &cobra.Command{
		Use: "show ID|TRANSFER_ID", Short: a.t("show_short"), Long: a.t("show_long"),
		Example: "  hikyaku show A-123\n  hikyaku show 01JD3V7Q8Z4M2K9X5T6W1R0YBC -o json\n  hikyaku show A-123 --files --files-state failed",
		Args:    a.exactly(1), ValidArgsFunction: a.completeIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if files {
				return a.showFiles(cmd.Context(), d.TransferID, q)
			}
			return a.emit(d, nil, func(w io.Writer) error { return a.showText(w, d) })
		},
	}
	c.Flags().BoolVar(&files, "files", false, a.t("flag_files"))
	c.Flags().StringVar(&q.State, "files-state", "", a.t("flag_file_state"))
	c.Flags().IntVar(&q.Limit, "files-limit", 0, a.t("flag_file_limit"))
	c.Flags().StringVar(&q.Token, "files-token", "", a.t("flag_file_token"))
	return c
}

func (a *app) showFiles(ctx context.Context, transferID string, q console.FileQuery) error {
	api, err := a.api(ctx)
	if err != nil {
		return err
	}
	list, err := api.Files(ctx, transferID, q)
	if err != nil {
		return err
	}
	return a.emit(list, list.Files, func(w io.Writer) error { return a.fileTable(w, list) })
}

// showText answers first, then gives the facts.
func (a *app) showText(w io.Writer, d console.TransferDetail) error {
	var b bytes.Buffer
	e := console.Explain(d.Transfer, a.lang, a.Now())
	fmt.Fprintln(&b, a.paint(bold, e.Answer))
	fmt.Fprintf(&b, "%s %s\n\n", a.t("todo_prefix"), e.Todo)
	a.facts(&b, d.Transfer)
	if len(d.Attempts) > 0 {
		fmt.Fprintf(&b, "\n%s\n", a.paint(bold, a.t("attempts_title")))
		if err := a.attemptTable(d.Attempts).write(&b); err != nil {
			return err
		}
	}
	if len(d.CompletionEvents) > 0 {
		fmt.Fprintf(&b, "\n%s\n", a.paint(bold, a.t("told_title")))
		if err := a.toldTable(d.CompletionEvents).write(&b); err != nil {
			return err
		}
	}
	if len(d.Events) > 0 {
		fmt.Fprintf(&b, "\n%s\n", a.paint(bold, a.t("events_title")))
		a.eventLines(&b, d.Events)
	}
	_, err := b.WriteTo(w)
	return err
}

func (a *app) facts(w *bytes.Buffer, t hikyaku.Transfer) {
	type fact struct{ name, value string }
	facts := []fact{
		{"fact_id", console.Printable(t.ID)},
		{"fact_transfer", t.TransferID},
		{"fact_route", t.Route},
		{"fact_state", strings.TrimSpace(string(t.State) + " " + string(t.Outcome))},
		{"fact_try", fmt.Sprintf("%d/%d", t.Attempt, max(t.MaxAttempts, t.Attempt))},
		{"fact_files", fmt.Sprintf(a.t("files_of"), t.Files.Total, t.Files.Transferred, t.Files.Verified, t.Files.Skipped, t.Files.Failed)},
		{"fact_bytes", fmt.Sprintf(a.t("bytes_of"), console.FormatBytes(t.Bytes.Total), console.FormatBytes(t.Bytes.Transferred), console.FormatBytes(t.Bytes.Written))},
		{"fact_accepted", a.stamp(t.CreatedAt)},
		{"fact_started", a.stamp(t.StartedAt)},
		{"fact_ended", a.stamp(t.EndedAt)},
		{"fact_task", t.TaskARN},
		{"fact_execution", t.ExecutionARN},
		{"fact_agents", strings.Join(t.AgentARNs, ", ")},
		{"fact_message", t.MessageID},
		{"fact_dead_letter", string(t.DeadLetter)},
		{"fact_log", t.LogURL},
	}
	if f := t.Failure; f != nil {
		facts = append(facts, fact{"fact_error", strings.TrimSpace(f.Code + " " + oneLine(f.Message))}, fact{"fact_detail", oneLine(f.Detail)})
	}
	width := 0
	for _, f := range facts {
		width = max(width, runewidth.StringWidth(a.t(f.name)))
	}
	for _, f := range facts {
		if f.value == "" || f.value == "-" {
			continue
		}
		name := a.t(f.name)
		fmt.Fprintf(w, "%s%s  %s\n", a.paint(dim, name), strings.Repeat(" ", width-runewidth.StringWidth(name)), f.value)
	}
}

func (a *app) attemptTable(attempts []hikyaku.Attempt) *table {
	t := a.table(column{title: "#", right: true}, column{title: a.t("col_started")}, column{title: a.t("col_took"), right: true},
		column{title: a.t("col_result")}, column{title: a.t("col_files"), right: true}, column{title: a.t("col_size"), right: true},
		column{title: a.t("col_why")})
	for _, at := range attempts {
		took, result := "-", at.Status
		if !at.EndedAt.IsZero() {
			took = console.FormatDuration(at.EndedAt.Sub(at.StartedAt), a.lang)
		}
		if result == "" {
			result = "…"
		}
		why := ""
		if at.Failure != nil {
			why = strings.TrimSpace(at.Failure.Code + " " + oneLine(at.Failure.Message))
		}
		t.add(plain(fmt.Sprint(at.Number)), plain(a.stamp(at.StartedAt)), plain(took), plain(result),
			plain(count(at.Files.Transferred)), plain(size(at.Bytes.Transferred)), plain(why))
	}
	return t
}

// eventLines writes one line per event: when, what, who, and what matters of it.
func (a *app) eventLines(w *bytes.Buffer, events []hikyaku.Event) {
	titles := make([]string, len(events))
	width := 0
	for i, e := range events {
		titles[i] = console.EventTitle(e, a.lang)
		if e.By != "" {
			titles[i] += " " + a.t("by", console.Printable(e.By))
		}
		width = max(width, runewidth.StringWidth(titles[i]))
	}
	for i, e := range events {
		line := a.paint(dim, a.stamp(e.At)) + "  " + titles[i] + strings.Repeat(" ", width-runewidth.StringWidth(titles[i])) +
			"  " + oneLine(console.EventSummary(e, a.lang))
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// logLines writes one line per event with everything it holds, to be searched.
func (a *app) logLines(w *bytes.Buffer, events []hikyaku.Event) {
	for _, e := range events {
		by := ""
		if e.By != "" {
			by = " " + a.t("by", console.Printable(e.By))
		}
		fmt.Fprintf(w, "%s  %-16s%s %s\n", a.paint(dim, a.stamp(e.At)), e.Type, by, eventDetail(e.Detail))
	}
}

// eventDetail is an event's detail in one safe line.
func eventDetail(raw json.RawMessage) string {
	var b bytes.Buffer
	if len(raw) == 0 || string(raw) == "{}" || string(raw) == "null" || json.Compact(&b, raw) != nil {
		return ""
	}
	var fields map[string]any
	d := json.NewDecoder(&b)
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return oneLine(string(raw))
	}
	return joinFields(fields)
}

func (a *app) stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func (a *app) paint(colour, s string) string {
	if !a.colours() {
		return s
	}
	return colour + s + reset
}

func (a *app) logsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logs ID|TRANSFER_ID", Short: a.t("logs_short"), Long: a.t("logs_long"),
		Example: "  hikyaku logs A-123",
		Args:    a.exactly(1), ValidArgsFunction: a.completeIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return a.emit(console.EventList{Events: d.Events}, d.Events, func(w io.Writer) error {
				var b bytes.Buffer
				a.logLines(&b, d.Events)
				if d.LogURL != "" {
					fmt.Fprintln(&b, a.t("log_at", d.LogURL))
				}
				_, err := b.WriteTo(w)
				return err
			})
		},
	}
}
