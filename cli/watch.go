package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

func (a *app) watchCommand() *cobra.Command {
	var s selection
	c := &cobra.Command{
		Use: "watch [ID|TRANSFER_ID]", Short: a.t("watch_short"), Long: a.t("watch_long"),
		Example: "  hikyaku watch\n  hikyaku watch A-123",
		Args:    a.atMost(1), ValidArgsFunction: a.completeIDs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.watchOne(cmd.Context(), args[0])
			}
			f, err := a.filter(s)
			if err != nil {
				return err
			}
			return a.watchAll(cmd.Context(), f)
		},
	}
	c.Flags().StringVar(&s.route, "route", "", a.t("flag_route_only"))
	c.Flags().StringSliceVar(&s.states, "state", nil, a.t("flag_state"))
	a.completes(c, "route", a.completeRoutes)
	a.completes(c, "state", a.completeStates)
	return c
}

// watchOne follows a transfer to its end and ends by its outcome.
func (a *app) watchOne(ctx context.Context, name string) error {
	d, err := a.appears(ctx, name)
	if err != nil {
		return interrupted(err)
	}
	ended, err := a.wait(ctx, []string{d.TransferID}, 0, a.newView())
	if err != nil {
		return interrupted(err)
	}
	if a.printer().Text() && len(ended) == 1 {
		e := console.Explain(ended[0], a.lang, a.Now())
		if _, err := a.Stdout.Write([]byte(e.Answer + "\n")); err != nil {
			return err
		}
	}
	return exit(outcomeExits(ended))
}

// appearWithin is how long an unknown name may take to become known: between
// sending a message and its acceptance there is a moment.
const appearWithin = 5 * time.Second

// appears resolves a name, waiting a moment for one that is not known yet.
func (a *app) appears(ctx context.Context, name string) (console.TransferDetail, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for began := a.Now(); ; {
		d, err := a.resolve(ctx, name)
		if hikyaku.KindOf(err) != hikyaku.KindNotFound || a.Now().Sub(began) > appearWithin {
			return d, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// watchAll follows everything that is selected until it is interrupted.
func (a *app) watchAll(ctx context.Context, f console.Filter) error {
	v := a.newView()
	if s, ok := v.(*screen); ok {
		s.keep = true
	}
	defer v.close()
	err := a.follow(ctx, f, "", v, func(_ context.Context, e console.StreamEvent) error {
		if e.Transfer != nil && selects(f, *e.Transfer) {
			return v.show(*e.Transfer)
		}
		if l, ok := v.(live); ok && e.Stats != nil {
			l.counts(*e.Stats)
		}
		return nil
	})
	return interrupted(err)
}

// selects covers what the stream cannot narrow by itself.
func selects(f console.Filter, t hikyaku.Transfer) bool {
	return (f.Error == "" || (t.Failure != nil && t.Failure.Code == f.Error)) &&
		(f.Since.IsZero() || !t.CreatedAt.Before(f.Since)) && (f.Until.IsZero() || t.CreatedAt.Before(f.Until))
}

// interrupted is how watching ends: by Ctrl-C, which is no failure.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
