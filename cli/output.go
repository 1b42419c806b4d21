package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku/console"
)

// The output formats.
const (
	FormatTable = "table"
	FormatJSON  = "json"
	FormatCSV   = "csv"
)

func formats() []string { return []string{FormatTable, FormatJSON, FormatCSV} }

// Printer writes results in the format and by the query of a command line.
// The zero Printer writes text.
type Printer struct {
	// Format is one of the formats; empty is FormatTable.
	Format string
	query  *query
	colour bool
}

// PrinterOf is the printer that a command's --output and --query ask for.
func PrinterOf(cmd *cobra.Command) Printer {
	var p Printer
	if f := cmd.Flag("output"); f != nil {
		p.Format = f.Value.String()
	}
	if f := cmd.Flag("query"); f != nil {
		p.query, _ = parseQuery(f.Value.String()) // refused before any command runs
	}
	return p
}

// Text tells whether the output is for people as a command writes it itself.
func (p Printer) Text() bool { return p.query == nil && (p.Format == "" || p.Format == FormatTable) }

// Print writes v: as JSON; as CSV of records, a slice or one struct (nil: v);
// or by text. With a query what it finds in v is written, in any format.
func (p Printer) Print(w io.Writer, v, records any, text func(io.Writer) error) error {
	if p.query != nil {
		found, err := p.query.search(v)
		if err != nil {
			return err
		}
		switch p.Format {
		case FormatJSON:
			return writeJSON(w, found)
		case FormatCSV:
			return writeResultCSV(w, found)
		}
		return p.resultTable(w, found)
	}
	switch p.Format {
	case FormatJSON:
		return writeJSON(w, v)
	case FormatCSV:
		if records == nil {
			records = v
		}
		return writeCSV(w, records)
	}
	return text(w)
}

// resultTable writes what a query found for people: records as a table, lists
// as its rows, one record as names and values, and a value as it is.
func (p Printer) resultTable(w io.Writer, v any) error {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return p.listTable(w, v)
	case object:
		return p.recordTable(w, v)
	}
	_, err := fmt.Fprintln(w, valueText(v))
	return err
}

func (p Printer) listTable(w io.Writer, list []any) error {
	switch {
	case len(list) == 0:
		return nil
	case every[object](list):
		t := table{colour: p.colour}
		names := columnsOf(list)
		for _, name := range names {
			t.columns = append(t.columns, column{title: name, right: numeric(list, name)})
		}
		for _, record := range list {
			row := make([]cell, len(names))
			for i, name := range names {
				row[i] = plain(valueText(at(record, name)))
			}
			t.add(row...)
		}
		return t.write(w)
	case every[[]any](list):
		t := table{bare: true}
		for _, item := range list {
			var row []cell
			cells, _ := item.([]any) // every one is a list
			for _, v := range cells {
				row = append(row, plain(valueText(v)))
			}
			for len(t.columns) < len(row) {
				t.columns = append(t.columns, column{})
			}
			t.add(row...)
		}
		return t.write(w)
	}
	for _, v := range list {
		if _, err := fmt.Fprintln(w, valueText(v)); err != nil {
			return err
		}
	}
	return nil
}

// recordTable writes names and values, then each list of records in it.
func (p Printer) recordTable(w io.Writer, o object) error {
	t := table{bare: true, columns: make([]column, 2), colour: p.colour}
	var lists []member
	for _, m := range leaves(o, "", nil) {
		if list, ok := m.value.([]any); ok && every[object](list) {
			lists = append(lists, m)
			continue
		}
		t.add(cell{m.name, dim}, plain(valueText(m.value)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	for i, m := range lists {
		gap := "\n"
		if i == 0 && len(t.rows) == 0 {
			gap = ""
		}
		if _, err := fmt.Fprintf(w, "%s%s:\n", gap, m.name); err != nil {
			return err
		}
		list, _ := m.value.([]any) // chosen as one above
		if err := p.listTable(w, list); err != nil {
			return err
		}
	}
	return nil
}

// valueText is a value as a person reads it in a row.
func valueText(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return oneLine(v)
	case json.Number:
		return v.String()
	case bool:
		return fmt.Sprint(v)
	}
	return console.PrintableText(compact(v))
}

// lineText is a value in one line: what a query found in one record of many.
func lineText(v any) string {
	switch v := v.(type) {
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = valueText(v[i])
		}
		return strings.Join(parts, "  ")
	case object:
		var parts []string
		for _, m := range leaves(v, "", nil) {
			parts = append(parts, m.name+"="+valueText(m.value))
		}
		return strings.Join(parts, "  ")
	}
	return valueText(v)
}

// numeric tells whether a column holds numbers only.
func numeric(records []any, name string) bool {
	found := false
	for _, r := range records {
		switch at(r, name).(type) {
		case nil:
		case json.Number:
			found = true
		default:
			return false
		}
	}
	return found
}
