package cli

import (
	"bufio"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// column is one column of a table.
type column struct {
	title string
	right bool // numbers
}

// cell is a text with an optional colour.
type cell struct {
	text   string
	colour string
}

// table lays text out in columns, by the width people see.
type table struct {
	columns []column
	rows    [][]cell
	colour  bool
	bare    bool // without a head
}

func plain(s string) cell { return cell{text: s} }

func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) error {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = runewidth.StringWidth(c.title)
	}
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], runewidth.StringWidth(c.text))
		}
	}
	head := make([]cell, len(t.columns))
	for i, c := range t.columns {
		head[i] = cell{text: c.title, colour: dim}
	}
	b := bufio.NewWriter(w)
	rows := t.rows
	if !t.bare {
		rows = append([][]cell{head}, rows...)
	}
	for _, row := range rows {
		_, _ = b.WriteString(t.line(row, widths)) // the error stays in the writer and comes with Flush
	}
	return b.Flush()
}

func (t *table) line(row []cell, widths []int) string {
	var b strings.Builder
	for i, c := range row {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", widths[i]-runewidth.StringWidth(c.text))
		shown := c.text
		if t.colour && c.colour != "" {
			shown = c.colour + shown + reset
		}
		switch {
		case t.columns[i].right:
			b.WriteString(pad + shown)
		case i == len(row)-1:
			b.WriteString(shown)
		default:
			b.WriteString(shown + pad)
		}
	}
	return strings.TrimRight(b.String(), " ") + "\n"
}

// The colours, of the terminal's own palette.
const (
	reset  = "\x1b[0m"
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func stateColour(s hikyaku.State) string {
	switch s {
	case hikyaku.Succeeded:
		return green
	case hikyaku.Failed, hikyaku.Rejected:
		return red
	case hikyaku.Running, hikyaku.Starting:
		return cyan
	case hikyaku.Queued:
		return yellow
	case hikyaku.Cancelled:
		return dim
	}
	return ""
}

// colours tells whether output may be coloured: only on a terminal, and never
// against NO_COLOR.
func (a *app) colours() bool {
	return a.IsTerminal && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

func (a *app) table(columns ...column) *table {
	return &table{columns: columns, colour: a.colours()}
}

// emit writes v, in CSV its records (nil: v itself), or what text writes.
func (a *app) emit(v, records any, text func(w io.Writer) error) error {
	return a.printer().Print(a.Stdout, v, records, text)
}

func (a *app) printer() Printer {
	return Printer{Format: a.output, query: a.query, colour: a.colours()}
}

// documents are transfers as records.
func documents(ts []hikyaku.Transfer) []console.Document {
	out := make([]console.Document, len(ts))
	for i, t := range ts {
		out[i] = console.Document{Transfer: t}
	}
	return out
}

// cut shortens text to a width, with an ellipsis.
func cut(s string, width int) string {
	return runewidth.Truncate(s, width, "…")
}

func (a *app) state(t hikyaku.Transfer) cell {
	return cell{text: string(t.State), colour: stateColour(t.State)}
}

// why is the last column: waiting reason, phase, or error.
func (a *app) why(t hikyaku.Transfer) string {
	switch {
	case t.State == hikyaku.Queued:
		return console.WaitingWord(t, a.lang, a.Now())
	case t.State == hikyaku.Running:
		return console.PhaseWord(t.ExecutionStatus, a.lang)
	case t.Failure != nil && t.State != hikyaku.Succeeded:
		s := console.FailureTitle(t.Failure, a.lang)
		if t.Failure.Code != "" {
			s = t.Failure.Code + " " + s
		}
		return oneLine(s)
	case t.State == hikyaku.Succeeded:
		return a.t("outcome_" + string(t.Outcome))
	}
	return ""
}

// oneLine makes text of elsewhere safe to print in a row.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return ""
	}
	return console.PrintableText(s)
}
