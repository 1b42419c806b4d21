package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) eventsCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "events", Short: a.t("told_short"), Long: a.t("told_long"),
		Example: "  hikyaku events list A-123\n  hikyaku events resend A-123 --target warehouse --reason \"they lost it\"",
		Args:    a.knownCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(a.eventsListCommand(), a.eventsResendCommand())
	return c
}

func (a *app) eventsListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list ID|TRANSFER_ID", Short: a.t("told_list_short"),
		Example: "  hikyaku events list A-123\n  hikyaku events list A-123 -o json",
		Args:    a.exactly(1), ValidArgsFunction: a.completeIDs(1, endedStates()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			list := completionEventList{CompletionEvents: d.CompletionEvents}
			return a.emit(list, list.CompletionEvents, func(w io.Writer) error {
				if len(d.CompletionEvents) == 0 {
					_, err := fmt.Fprintln(w, a.t("told_nobody"))
					return err
				}
				return a.toldTable(d.CompletionEvents).write(w)
			})
		},
	}
}

// completionEventList is the document of events list.
type completionEventList struct {
	CompletionEvents []console.CompletionEvent `json:"completion_events"`
}

func (a *app) eventsResendCommand() *cobra.Command {
	var req console.ResendRequest
	var event string
	c := &cobra.Command{
		Use: "resend ID|TRANSFER_ID", Short: a.t("told_resend_short"), Long: a.t("told_resend_long"),
		Example: "  hikyaku events resend A-123\n  hikyaku events resend 01JD3V7Q8Z4M2K9X5T6W1R0YBC --target warehouse",
		Args:    a.exactly(1), ValidArgsFunction: a.completeIDs(1, endedStates()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if event != "" {
				number := strings.TrimPrefix(event, d.TransferID+"/")
				if req.Event, err = strconv.ParseInt(number, 10, 64); err != nil || req.Event < 1 {
					return &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: a.t("err_event", console.Printable(event), d.TransferID)}
				}
			}
			t, err := a.client.Resend(cmd.Context(), d.TransferID, req)
			if err != nil {
				return err
			}
			return a.emit(t, nil, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, a.t("told_resend_done", console.Printable(t.ID), t.TransferID))
				return err
			})
		},
	}
	c.Flags().StringVar(&event, "event", "", a.t("flag_event"))
	c.Flags().StringVar(&req.Target, "target", "", a.t("flag_target"))
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	return c
}

// toldTable is who was told of the ends of a transfer.
func (a *app) toldTable(events []console.CompletionEvent) *table {
	t := a.table(column{title: a.t("col_target")}, column{title: a.t("col_state")}, column{title: a.t("col_event")}, column{title: a.t("col_tries"), right: true},
		column{title: a.t("col_sent")}, column{title: a.t("col_next")}, column{title: a.t("col_why")})
	for _, e := range events {
		why := ""
		if e.State == console.CompletionFailing {
			why = cut(oneLine(e.LastError), 80)
		}
		t.add(plain(console.Printable(e.Target)), plain(string(e.State)), plain(e.EventID), plain(strconv.Itoa(e.Tries)), plain(a.stamp(e.SentAt)),
			plain(a.stamp(e.NextTryAt)), plain(why))
	}
	return t
}
