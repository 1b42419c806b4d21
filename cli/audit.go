package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

// auditSelection is the flags that select audit records.
type auditSelection struct {
	by, transfer, route, task, since, until string
	ops                                     []string
	limit                                   int
}

func (a *app) auditCommand() *cobra.Command {
	var s auditSelection
	c := &cobra.Command{
		Use: "audit", Short: a.t("audit_short"), Long: a.t("audit_long"),
		Example: "  hikyaku audit --since 24h\n  hikyaku audit --by sato --op cancel,rerun\n  hikyaku audit --transfer A-123 -o json",
		Args:    a.knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := a.auditFilter(s)
			if err != nil {
				return err
			}
			list, err := a.auditList(cmd.Context(), q, s.limit)
			if err != nil {
				return err
			}
			return a.emit(list, list.Records, func(w io.Writer) error { return a.auditTable(w, list) })
		},
	}
	f := c.Flags()
	f.StringVar(&s.by, "by", "", a.t("flag_by"))
	f.StringSliceVar(&s.ops, "op", nil, a.t("flag_op"))
	f.StringVar(&s.transfer, "transfer", "", a.t("flag_audit_transfer"))
	f.StringVar(&s.route, "route", "", a.t("flag_route_only"))
	f.StringVar(&s.task, "task", "", a.t("flag_audit_task"))
	f.StringVar(&s.since, "since", "", a.t("flag_audit_since"))
	f.StringVar(&s.until, "until", "", a.t("flag_audit_until"))
	f.IntVar(&s.limit, "limit", 50, a.t("flag_limit"))
	fixed(c, "op", opNames()...)
	a.completes(c, "transfer", a.completeIDs(0))
	a.completes(c, "route", a.completeRoutes)
	a.completes(c, "since", a.completeAges)
	a.completes(c, "until", a.completeAges)
	c.AddCommand(a.auditVerifyCommand())
	return c
}

func opNames() []string {
	var names []string
	for _, op := range hikyaku.AuditOps() {
		names = append(names, string(op))
	}
	return names
}

func (a *app) auditFilter(s auditSelection) (console.AuditFilter, error) {
	f := console.AuditFilter{AuditQuery: hikyaku.AuditQuery{By: s.by, Transfer: s.transfer, Route: s.route, Task: s.task}}
	for _, name := range s.ops {
		op := hikyaku.AuditOp(strings.ToLower(strings.TrimSpace(name)))
		if !slices.Contains(hikyaku.AuditOps(), op) {
			return f, a.usage("err_op", console.Printable(name), strings.Join(opNames(), ", "))
		}
		f.Ops = append(f.Ops, op)
	}
	for text, into := range map[string]*time.Time{s.since: &f.Since, s.until: &f.Until} {
		if text == "" {
			continue
		}
		at, err := console.ParseTime(text, a.Now())
		if err != nil {
			return f, err
		}
		*into = at
	}
	if s.limit < 0 {
		return f, a.usage("err_limit")
	}
	return f, nil
}

// auditList reads pages until limit (0: all) records are there.
func (a *app) auditList(ctx context.Context, f console.AuditFilter, limit int) (console.AuditList, error) {
	out := console.AuditList{Records: []hikyaku.AuditRecord{}}
	api, err := a.api(ctx)
	if err != nil {
		return out, err
	}
	out.Records, out.NextToken, err = pages(limit, out.Records, func(most int, token string) ([]hikyaku.AuditRecord, *string, error) {
		f.Limit = most
		if token != "" {
			f.Token = token
		}
		page, err := api.Audit(ctx, f)
		return page.Records, page.NextToken, err
	})
	return out, err
}

func (a *app) auditTable(w io.Writer, list console.AuditList) error {
	if len(list.Records) == 0 {
		_, err := fmt.Fprintln(w, a.t("no_audit"))
		return err
	}
	t := a.table(column{title: a.t("col_seq"), right: true}, column{title: a.t("col_when")}, column{title: a.t("col_by")},
		column{title: a.t("col_op")}, column{title: a.t("col_on")}, column{title: a.t("col_reason")}, column{title: a.t("col_origin")},
		column{title: a.t("col_hash")})
	for _, r := range list.Records {
		op := string(r.Op)
		if r.Detail != "" {
			op += " " + r.Detail
		}
		t.add(plain(fmt.Sprint(r.Seq)), plain(r.At.UTC().Format(time.RFC3339)), plain(cmp.Or(console.PrintableText(r.By), "-")),
			plain(cut(console.PrintableText(op), 60)), plain(cut(a.auditSubject(r), 40)), plain(cut(oneLine(r.Reason), 60)),
			plain(console.PrintableText(r.Origin)), plain(r.Hash[:min(len(r.Hash), minNoted)]))
	}
	if err := t.write(w); err != nil {
		return err
	}
	if list.NextToken != nil {
		_, err := fmt.Fprintln(w, a.t("more_audit", len(list.Records)))
		return err
	}
	return nil
}

// auditSubject is what was acted on.
func (a *app) auditSubject(r hikyaku.AuditRecord) string {
	if r.Count > 0 {
		return a.t("audit_many", r.Count)
	}
	return console.PrintableText(cmp.Or(r.ID, r.TransferID, r.TaskARN, r.Route, "-"))
}
