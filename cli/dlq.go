package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) dlqCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "dlq", Short: a.t("dlq_short"), Long: a.t("dlq_long"),
		Example: "  hikyaku dlq list\n  hikyaku dlq redrive A-123\n  hikyaku dlq redrive --all --reason \"NAS is back\"\n  hikyaku dlq discard A-123 --reason \"sent by mistake\"",
		Args:    a.knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.listDeadLetters(cmd.Context(), selection{limit: 50}, nil)
		},
	}
	c.AddCommand(a.dlqListCommand(), a.dlqShowCommand(), a.dlqActCommand("redrive"), a.dlqActCommand("discard"))
	return c
}

func (a *app) dlqListCommand() *cobra.Command {
	var s selection
	var states []string
	c := &cobra.Command{
		Use: "list", Short: a.t("dlq_list_short"), Args: a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listDeadLetters(cmd.Context(), s, states) },
	}
	a.selectionFlags(c, &s, 50)
	c.Flags().StringSliceVar(&states, "dead-letter", nil, a.t("flag_dead_letter"))
	fixed(c, "dead-letter", "owed", "sent", "redriven", "discarded")
	return c
}

func (a *app) listDeadLetters(ctx context.Context, s selection, states []string) error {
	f, err := a.filter(s)
	if err != nil {
		return err
	}
	f.DeadLetters, f.Limit = states, min(s.limit, pageSize)
	api, err := a.api(ctx)
	if err != nil {
		return err
	}
	list, err := api.DeadLetters(ctx, f)
	if err != nil {
		return err
	}
	return a.emit(list, documents(list.DeadLetters), func(w io.Writer) error {
		if len(list.DeadLetters) == 0 {
			_, err := fmt.Fprintln(w, a.t("no_dead_letters"))
			return err
		}
		t := a.table(column{title: a.t("col_id")}, column{title: a.t("col_transfer")}, column{title: a.t("col_age"), right: true},
			column{title: a.t("col_state")}, column{title: a.t("col_dead_letter")}, column{title: a.t("col_why")})
		for _, tr := range list.DeadLetters {
			t.add(plain(cut(console.Printable(tr.ID), 40)), plain(tr.TransferID), plain(a.age(tr.EndedAt)), a.state(tr),
				plain(string(tr.DeadLetter)), plain(cut(a.why(tr), 80)))
		}
		return t.write(w)
	})
}

func (a *app) dlqShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID|TRANSFER_ID", Short: a.t("dlq_show_short"), Args: a.exactly(1), ValidArgsFunction: a.completeDeadLetters(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.resolve(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if d.DeadLetter == "" {
				return &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: a.t("err_no_dead_letter", console.Printable(args[0]))}
			}
			return a.emit(d, nil, func(w io.Writer) error {
				var b bytes.Buffer
				if err := a.showText(&b, d); err != nil {
					return err
				}
				fmt.Fprintf(&b, "\n%s\n%s\n", a.paint(bold, a.t("body_title")), console.Printable(d.Body))
				_, err := b.WriteTo(w)
				return err
			})
		},
	}
}

func (a *app) dlqActCommand(action string) *cobra.Command {
	var req console.ActRequest
	c := &cobra.Command{
		Use: action + " ID… | --all", Short: a.t("dlq_" + action + "_short"), ValidArgsFunction: a.completeDeadLetters(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) > 0) == req.All {
				return a.usage("err_ids_or_all")
			}
			api, err := a.api(cmd.Context())
			if err != nil {
				return err
			}
			for _, name := range args {
				d, err := a.resolve(cmd.Context(), name)
				if err != nil {
					return err
				}
				req.TransferIDs = append(req.TransferIDs, d.TransferID)
			}
			if action == "redrive" {
				res, err := api.Redrive(cmd.Context(), req)
				if err != nil {
					return err
				}
				return a.emit(res, nil, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, a.t("dlq_redrive_done", res.Redriven))
					return err
				})
			}
			return a.discard(cmd.Context(), api, req)
		},
	}
	c.Flags().BoolVar(&req.All, "all", false, a.t("flag_all"))
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	return c
}

func (a *app) discard(ctx context.Context, api *console.Client, req console.ActRequest) error {
	res, err := api.Discard(ctx, req)
	if err != nil {
		return err
	}
	err = a.emit(res, nil, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, a.t("dlq_discard_done", res.Discarded, len(res.Failed)))
		return err
	})
	if err == nil && len(res.Failed) > 0 {
		return exit(ExitSomeFailed)
	}
	return err
}
