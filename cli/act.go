package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) rerunCommand() *cobra.Command {
	var s selection
	var req console.ActRequest
	c := &cobra.Command{
		Use: "rerun ID… | --state failed", Short: a.t("rerun_short"), Long: a.t("rerun_long"),
		Example:           "  hikyaku rerun A-123\n  hikyaku rerun --state failed --error HKY-2001 --reason \"NAS is back\"\n  hikyaku rerun A-123 --force",
		ValidArgsFunction: a.completeIDs(0, endedStates()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			bySelection := len(s.states) > 0 || s.code != "" || s.route != "" || s.since != "" || s.until != ""
			if (len(args) > 0) == bySelection {
				return a.usage("err_ids_or_state")
			}
			if len(args) > 0 {
				return a.actOnIDs(cmd.Context(), args, req, (*console.Client).Rerun)
			}
			if len(s.states) == 0 {
				s.states = []string{string(hikyaku.Failed)}
			}
			return a.actOnSelection(cmd.Context(), s, req, (*console.Client).Rerun)
		},
	}
	a.selectionFlags(c, &s, 0)
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	c.Flags().BoolVar(&req.Force, "force", false, a.t("flag_force"))
	return c
}

func (a *app) cancelCommand() *cobra.Command {
	var req console.ActRequest
	c := &cobra.Command{
		Use: "cancel ID…", Short: a.t("cancel_short"), Long: a.t("cancel_long"),
		Example: "  hikyaku cancel A-123 --reason \"sent twice\"",
		Args:    a.atLeast(1), ValidArgsFunction: a.completeIDs(0, openStates()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.actOnIDs(cmd.Context(), args, req, (*console.Client).Cancel)
		},
	}
	c.Flags().StringVar(&req.Reason, "reason", "", a.t("flag_reason"))
	return c
}

type clientAct func(*console.Client, context.Context, string, console.ActRequest) (hikyaku.Transfer, error)

// actOnIDs acts on each ID's newest transfer. One that fails is the command's
// error; of several, those that failed are listed.
func (a *app) actOnIDs(ctx context.Context, args []string, req console.ActRequest, do clientAct) error {
	names, err := a.idsFrom(args)
	if err != nil {
		return err
	}
	res := newResult()
	for _, name := range names {
		d, err := a.resolve(ctx, name)
		var t hikyaku.Transfer
		if err == nil {
			t, err = do(a.client, ctx, d.TransferID, req)
		}
		if err != nil && (len(names) == 1 || ctx.Err() != nil) {
			return err
		}
		record(&res, name, t, err)
	}
	return a.sent(res)
}

func (a *app) actOnSelection(ctx context.Context, s selection, req console.ActRequest, do clientAct) error {
	f, err := a.filter(s)
	if err != nil {
		return err
	}
	list, err := a.list(ctx, f, s.limit)
	if err != nil {
		return err
	}
	res := newResult()
	for _, t := range list.Transfers {
		after, err := do(a.client, ctx, t.TransferID, req)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		record(&res, t.ID, after, err)
	}
	return a.sent(res)
}

func newResult() console.SendResult {
	return console.SendResult{Transfers: []hikyaku.Transfer{}, Failed: []console.ItemError{}}
}

func record(res *console.SendResult, id string, t hikyaku.Transfer, err error) {
	if err != nil {
		res.Failed = append(res.Failed, console.ItemError{ID: id, Error: console.AsAPIError(err)})
		return
	}
	res.Transfers = append(res.Transfers, t)
}

func openStates() []hikyaku.State {
	return []hikyaku.State{hikyaku.Queued, hikyaku.Starting, hikyaku.Running}
}

func endedStates() []hikyaku.State {
	return []hikyaku.State{hikyaku.Succeeded, hikyaku.Failed, hikyaku.Cancelled, hikyaku.Rejected}
}
