package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// sendBatch is how many IDs go in one request.
const sendBatch = 500

func (a *app) sendCommand() *cobra.Command {
	var req console.SendRequest
	var wait bool
	var timeout time.Duration
	c := &cobra.Command{
		Use: "send ID…", Short: a.t("send_short"), Long: a.t("send_long"),
		Example: "  hikyaku send A-123 A-124\n  hikyaku send A-123 --wait --timeout 10m\n  cat ids.txt | hikyaku send -",
		Args:    a.atLeast(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := a.idsFrom(args)
			if err != nil {
				return err
			}
			if timeout > 0 && !wait {
				return a.usage("err_timeout_wait")
			}
			res, err := a.send(cmd.Context(), req, ids)
			if err != nil {
				return err
			}
			if wait {
				return a.sendWait(cmd.Context(), res, timeout)
			}
			return a.sent(res)
		},
	}
	f := c.Flags()
	f.StringVar(&req.Route, "route", "", a.t("flag_route"))
	f.StringVar(&req.Key, "key", "", a.t("flag_key"))
	f.StringArrayVar(&req.Paths, "path", nil, a.t("flag_path"))
	f.BoolVar(&wait, "wait", false, a.t("flag_wait"))
	f.DurationVar(&timeout, "timeout", 0, a.t("flag_timeout"))
	a.completes(c, "route", a.completeRoutes)
	fixed(c, "timeout", "1m", "10m", "1h")
	return c
}

// idsFrom returns the arguments, with "-" replaced by the lines of stdin.
func (a *app) idsFrom(args []string) ([]string, error) {
	var ids []string
	for _, arg := range args {
		if arg != "-" {
			ids = append(ids, arg)
			continue
		}
		lines := bufio.NewScanner(a.Stdin)
		for lines.Scan() {
			if id := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff")); id != "" {
				ids = append(ids, id)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read ids from stdin: %w", err)
		}
	}
	if len(ids) == 0 {
		return nil, a.usage("err_no_ids")
	}
	for _, id := range ids {
		if !utf8.ValidString(id) { // JSON would change it on the way
			return nil, a.usage("err_utf8", strconv.Quote(id))
		}
	}
	return ids, nil
}

func (a *app) send(ctx context.Context, req console.SendRequest, ids []string) (console.SendResult, error) {
	res := console.SendResult{Transfers: []hikyaku.Transfer{}, Failed: []console.ItemError{}}
	api, err := a.api(ctx)
	if err != nil {
		return res, err
	}
	for len(ids) > 0 {
		n := min(sendBatch, len(ids))
		req.IDs = ids[:n]
		ids = ids[n:]
		part, err := api.Send(ctx, req)
		if err != nil && (len(res.Transfers) == 0 || ctx.Err() != nil) {
			return res, err
		}
		for _, id := range req.IDs {
			if err == nil {
				break
			}
			part.Failed = append(part.Failed, console.ItemError{ID: id, Error: console.AsAPIError(err)}) // what went before went
		}
		res.Transfers = append(res.Transfers, part.Transfers...)
		res.Failed = append(res.Failed, part.Failed...)
	}
	return res, nil
}

// sent shows the result of send, rerun and cancel.
func (a *app) sent(res console.SendResult) error {
	err := a.emit(res, sentRows(res), func(w io.Writer) error {
		if len(res.Transfers)+len(res.Failed) == 0 {
			_, err := fmt.Fprintln(w, a.t("no_transfers"))
			return err
		}
		t := a.table(column{title: a.t("col_id")}, column{title: a.t("col_transfer")}, column{title: a.t("col_route")},
			column{title: a.t("col_state")}, column{title: a.t("col_why")})
		for _, tr := range res.Transfers {
			t.add(plain(console.Printable(tr.ID)), plain(tr.TransferID), plain(tr.Route), a.state(tr), plain(a.why(tr)))
		}
		for _, f := range res.Failed {
			t.add(plain(console.Printable(f.ID)), plain("-"), plain("-"), cell{a.t("refused"), red}, plain(oneLine(f.Error.Message)))
		}
		return t.write(w)
	})
	if err == nil && len(res.Failed) > 0 {
		return exit(ExitSomeFailed)
	}
	return err
}

// sentRow is a row of what was sent: a transfer, or an ID that was refused.
type sentRow struct {
	ID         string            `json:"id"`
	TransferID string            `json:"transfer_id"`
	Route      string            `json:"route"`
	State      hikyaku.State     `json:"state"`
	Outcome    hikyaku.Outcome   `json:"outcome"`
	Error      *console.APIError `json:"error"`
}

func sentRows(res console.SendResult) []sentRow {
	rows := make([]sentRow, 0, len(res.Transfers)+len(res.Failed))
	for _, t := range res.Transfers {
		row := sentRow{ID: t.ID, TransferID: t.TransferID, Route: t.Route, State: t.State, Outcome: t.Outcome}
		if f := t.Failure; f != nil {
			row.Error = &console.APIError{Code: f.Code, Kind: f.Kind, Message: f.Message, Remedy: f.Remedy}
		}
		rows = append(rows, row)
	}
	for _, f := range res.Failed {
		rows = append(rows, sentRow{ID: f.ID, Error: f.Error})
	}
	return rows
}

// sendWait waits for what was sent and ends by its outcome.
func (a *app) sendWait(ctx context.Context, res console.SendResult, timeout time.Duration) error {
	ids := make([]string, len(res.Transfers))
	for i, t := range res.Transfers {
		ids[i] = t.TransferID
	}
	var v view
	if a.printer().Text() {
		v = a.newView()
	}
	ended, err := a.wait(ctx, ids, timeout, v)
	if err != nil && !isTimeout(err) {
		return err
	}
	known := map[string]hikyaku.Transfer{}
	for _, t := range ended {
		known[t.TransferID] = t
	}
	for i, t := range res.Transfers { // a timeout leaves what was sent as it was
		if now, ok := known[t.TransferID]; ok {
			res.Transfers[i] = now
		}
	}
	if emitErr := a.sent(res); emitErr != nil && ExitCode(emitErr) != ExitSomeFailed {
		return emitErr
	}
	switch {
	case err != nil:
		return err
	case len(res.Failed) > 0:
		return exit(ExitSomeFailed)
	}
	return exit(outcomeExits(ended))
}
