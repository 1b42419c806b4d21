package console

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// maxExport is how many rows a download has at most.
const maxExport = 100_000

// eachListed calls do for every transfer of a view, newest first, at most limit.
func (c *Console) eachListed(r *http.Request, v view, limit int, do func(hikyaku.Transfer) error) (more bool, err error) {
	v.Limit = min(maxLimit, limit)
	for n := 0; ; {
		p, err := c.ledger.Transfers(r.Context(), v.Query)
		if err != nil {
			return false, fmt.Errorf("list transfers: %w", err)
		}
		for _, t := range p.Transfers {
			if !v.has(t) {
				continue
			}
			if n == limit {
				return true, nil
			}
			n++
			if err := do(t); err != nil {
				return false, err
			}
		}
		if p.NextToken == "" {
			return false, nil
		}
		v.Token = p.NextToken
	}
}

// downloadView is the view of a download: all its pages.
func (c *Console) downloadView(w http.ResponseWriter, r *http.Request, kind, contentType string) (view, error) {
	v, err := c.view(r.Context(), r.URL.Query())
	v.Token = ""
	if err == nil {
		h := w.Header()
		h.Set("Content-Type", contentType)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Disposition", `attachment; filename="transfers-`+c.now().UTC().Format("20060102-150405")+"."+kind+`"`)
	}
	return v, err
}

// csvColumn is a column of the download; Of is empty for those that are always in it.
type csvColumn struct {
	name, of string
	value    func(hikyaku.Transfer) string
}

func csvColumns() []csvColumn {
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []csvColumn{
		{"id", "", func(t hikyaku.Transfer) string { return t.ID }},
		{"transfer_id", "", func(t hikyaku.Transfer) string { return t.TransferID }},
		{"route", "", func(t hikyaku.Transfer) string { return t.Route }},
		{"state", "", func(t hikyaku.Transfer) string { return string(t.State) }},
		{"reason", "", reasonOf},
		{"attempt", "", func(t hikyaku.Transfer) string { return strconv.Itoa(t.Attempt) }},
		{"files", "files", func(t hikyaku.Transfer) string { return number(t.Files.Total) }},
		{"bytes", "size", func(t hikyaku.Transfer) string { return number(t.Bytes.Total) }},
		{"throughput_bps", "rate", func(t hikyaku.Transfer) string { return number(t.Rate) }},
		{"agent_arns", "agent", func(t hikyaku.Transfer) string { return strings.Join(t.AgentARNs, " ") }},
		{"started_at", "started", func(t hikyaku.Transfer) string { return stamp(t.StartedAt) }},
		{"ended_at", "ended", func(t hikyaku.Transfer) string { return stamp(t.EndedAt) }},
		{"execution_arn", "execution", func(t hikyaku.Transfer) string { return t.ExecutionARN }},
		{"message_id", "message", func(t hikyaku.Transfer) string { return t.MessageID }},
		{"created_at", "age", func(t hikyaku.Transfer) string { return stamp(t.CreatedAt) }},
	}
}

// reasonOf is why a transfer waits or failed, as a code.
func reasonOf(t hikyaku.Transfer) string {
	switch {
	case t.State == hikyaku.Queued:
		return string(t.WaitingReason)
	case t.Failure != nil && t.State != hikyaku.Succeeded:
		return t.Failure.Code
	}
	return string(t.Outcome)
}

// spreadsheetSafe keeps a cell from being taken for a formula.
func spreadsheetSafe(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// transfersCSV sends the view's transfers with the chosen columns.
func (c *Console) transfersCSV(w http.ResponseWriter, r *http.Request) error {
	v, err := c.downloadView(w, r, "csv", "text/csv; charset=utf-8")
	if err != nil {
		return err
	}
	shown := map[string]bool{"": true}
	all, _ := columns(r)
	for _, col := range all {
		shown[col.Name] = col.Shown
	}
	var cols []csvColumn
	var line []string
	for _, col := range csvColumns() {
		if shown[col.of] {
			cols, line = append(cols, col), append(line, col.name)
		}
	}
	out := csv.NewWriter(w)
	if err := out.Write(line); err != nil {
		return nil //nolint:nilerr // the client went away
	}
	_, err = c.eachListed(r, v, maxExport, func(t hikyaku.Transfer) error {
		for i, col := range cols {
			line[i] = spreadsheetSafe(col.value(t))
		}
		return out.Write(line)
	})
	out.Flush()
	return c.cutOff(r, err)
}

// transfersJSON sends the view's transfers as the API does.
func (c *Console) transfersJSON(w http.ResponseWriter, r *http.Request) error {
	v, err := c.downloadView(w, r, "json", "application/json; charset=utf-8")
	if err != nil {
		return err
	}
	before := "["
	_, err = c.eachListed(r, v, maxExport, func(t hikyaku.Transfer) error {
		b, err := json.Marshal(Document{t})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n%s", before, b)
		before = ","
		return err
	})
	if err == nil {
		if before == "[" {
			_, err = w.Write([]byte("["))
		}
		if err == nil {
			_, err = w.Write([]byte("\n]\n"))
		}
	}
	return c.cutOff(r, err)
}

// cutOff ends a download that failed half-way so that nobody takes it for whole.
func (c *Console) cutOff(r *http.Request, err error) error {
	if err == nil {
		return nil
	}
	c.log.WarnContext(r.Context(), "download cut off", slog.String("path", r.URL.Path), slog.Any("error", err))
	panic(http.ErrAbortHandler)
}
