package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// selection is the flags that select transfers.
type selection struct {
	id, route, code, search string
	states                  []string
	since, until            string
	limit                   int
}

func (a *app) selectionFlags(c *cobra.Command, s *selection, limit int) {
	f := c.Flags()
	f.StringVar(&s.route, "route", "", a.t("flag_route_only"))
	f.StringSliceVar(&s.states, "state", nil, a.t("flag_state"))
	f.StringVar(&s.code, "error", "", a.t("flag_error"))
	f.StringVar(&s.since, "since", "", a.t("flag_since"))
	f.StringVar(&s.until, "until", "", a.t("flag_until"))
	f.IntVar(&s.limit, "limit", limit, a.t("flag_limit"))
	a.completes(c, "route", a.completeRoutes)
	a.completes(c, "state", a.completeStates)
	a.completes(c, "error", a.completeCodes)
	a.completes(c, "since", a.completeAges)
	a.completes(c, "until", a.completeAges)
}

func (a *app) filter(s selection) (console.Filter, error) {
	f := console.Filter{ID: s.id, Route: s.route, Error: s.code, Query: s.search}
	for _, name := range s.states {
		st, err := console.ParseState(name)
		if err != nil {
			return f, err
		}
		f.States = append(f.States, st)
	}
	var err error
	if s.since != "" {
		if f.Since, err = console.ParseTime(s.since, a.Now()); err != nil {
			return f, err
		}
	}
	if s.until != "" {
		if f.Until, err = console.ParseTime(s.until, a.Now()); err != nil {
			return f, err
		}
	}
	if s.limit < 0 {
		return f, a.usage("err_limit")
	}
	return f, nil
}

// pageSize is the most items that one request gives.
const pageSize = 1000

// list reads pages until limit (0: all) transfers are there.
func (a *app) list(ctx context.Context, f console.Filter, limit int) (console.TransferList, error) {
	out := console.TransferList{Transfers: []hikyaku.Transfer{}}
	api, err := a.api(ctx)
	if err != nil {
		return out, err
	}
	out.Transfers, out.NextToken, err = pages(limit, out.Transfers, func(most int, token string) ([]hikyaku.Transfer, *string, error) {
		f.Limit = most
		if token != "" {
			f.Token = token
		}
		page, err := api.Transfers(ctx, f)
		return page.Transfers, page.NextToken, err
	})
	return out, err
}

// pages adds what read gives, at most so many from a token on, to all until
// limit (0: any number) are there; next is where the rest begins, nil at the end.
func pages[T any](limit int, all []T, read func(most int, token string) ([]T, *string, error)) (_ []T, next *string, err error) {
	token := ""
	for {
		most := pageSize
		if limit > 0 {
			most = min(pageSize, limit-len(all))
		}
		page, next, err := read(most, token)
		if err != nil {
			return all, nil, err
		}
		all = append(all, page...)
		if next == nil || limit > 0 && len(all) >= limit {
			return all, next, nil
		}
		token = *next
	}
}

func (a *app) transfersCommand() *cobra.Command {
	var s selection
	var watch bool
	c := &cobra.Command{
		Use: "transfers", Aliases: []string{"ls"}, Short: a.t("transfers_short"), Long: a.t("transfers_long"),
		Example: "  hikyaku transfers --state failed --since 24h\n  hikyaku transfers --state queued,running --watch\n  hikyaku transfers --error HKY-2001 -o csv > failed.csv\n  hikyaku transfers --query 'transfers[?attempt > `1`].{ID: id, Try: attempt}'",
		Args:    a.exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := a.filter(s)
			if err != nil {
				return err
			}
			if watch {
				return a.watchAll(cmd.Context(), f)
			}
			list, err := a.list(cmd.Context(), f, s.limit)
			if err != nil {
				return err
			}
			return a.emit(list, documents(list.Transfers), func(w io.Writer) error { return a.transferTable(w, list) })
		},
	}
	a.selectionFlags(c, &s, 50)
	c.Flags().StringVar(&s.id, "id", "", a.t("flag_id"))
	c.Flags().StringVarP(&s.search, "search", "s", "", a.t("flag_search"))
	c.Flags().BoolVar(&watch, "watch", false, a.t("flag_watch"))
	a.completes(c, "id", a.completeIDs(0))
	return c
}

func (a *app) transferTable(w io.Writer, list console.TransferList) error {
	if len(list.Transfers) == 0 {
		_, err := fmt.Fprintln(w, a.t("no_transfers"))
		return err
	}
	t := a.table(column{title: a.t("col_id")}, column{title: a.t("col_state")}, column{title: a.t("col_age"), right: true},
		column{title: a.t("col_files"), right: true}, column{title: a.t("col_size"), right: true},
		column{title: a.t("col_progress"), right: true}, column{title: a.t("col_try"), right: true},
		column{title: a.t("col_route")}, column{title: a.t("col_why")})
	for _, tr := range list.Transfers {
		t.add(plain(cut(console.Printable(tr.ID), 40)), a.state(tr), plain(a.age(tr.CreatedAt)),
			plain(count(tr.Files.Total)), plain(size(tr.Bytes.Total)), plain(fmt.Sprintf("%d%%", console.Percent(tr))),
			plain(fmt.Sprintf("%d/%d", tr.Attempt, max(tr.MaxAttempts, tr.Attempt))), plain(tr.Route), plain(cut(a.why(tr), 70)))
	}
	if err := t.write(w); err != nil {
		return err
	}
	if list.NextToken != nil {
		_, err := fmt.Fprintln(w, a.t("more_transfers", len(list.Transfers)))
		return err
	}
	return nil
}

func (a *app) age(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return console.FormatDuration(a.Now().Sub(t), a.lang)
}

func count(n int64) string {
	if n == 0 {
		return "-"
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func size(n int64) string {
	if n == 0 {
		return "-"
	}
	return console.FormatBytes(n)
}

// ulidLength is the length of a transfer_id.
const ulidLength = 26

// resolve finds a transfer by its transfer_id, or an ID's newest one.
func (a *app) resolve(ctx context.Context, name string) (console.TransferDetail, error) {
	api, err := a.api(ctx)
	if err != nil {
		return console.TransferDetail{}, err
	}
	if len(name) == ulidLength {
		d, err := api.Transfer(ctx, name)
		if err == nil || hikyaku.KindOf(err) != hikyaku.KindNotFound {
			return d, err
		}
	}
	page, err := api.Transfers(ctx, console.Filter{ID: name, Limit: 1})
	if err != nil {
		return console.TransferDetail{}, err
	}
	if len(page.Transfers) == 0 {
		return console.TransferDetail{}, &hikyaku.Error{
			Kind: hikyaku.KindNotFound, Message: a.t("err_no_transfer", console.Printable(name)),
		}
	}
	return api.Transfer(ctx, page.Transfers[0].TransferID)
}
