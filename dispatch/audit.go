package dispatch

import (
	"context"
	"fmt"
	"strings"

	"github.com/hikyaku/hikyaku"
)

// audit gives the change the audit record of the act; what e's transfer is by
// then says on what.
func (e *edit) audit(op hikyaku.AuditOp, act hikyaku.Act) {
	e.change.Audit = act.Audit(op, e.at)
	if a := e.change.Audit; a != nil && a.Count == 0 {
		a.TransferID, a.ID, a.Route = e.t.TransferID, e.t.ID, e.t.Route
	}
}

// auditRoute is the audit record of an act on a route.
func (d *Dispatcher) auditRoute(op hikyaku.AuditOp, act hikyaku.Act, route, detail string) *hikyaku.AuditRecord {
	a := act.Audit(op, d.Now())
	if a != nil {
		a.Route, a.Detail = route, detail
		if act.As != "" {
			a.Detail = strings.TrimSpace(string(op) + " " + detail)
		}
	}
	return a
}

// auditTask is the audit record of an act on a task.
func (d *Dispatcher) auditTask(op hikyaku.AuditOp, act hikyaku.Act, t hikyaku.Task) *hikyaku.AuditRecord {
	a := act.Audit(op, d.Now())
	if a != nil {
		a.Route, a.TaskARN = t.Route, t.ARN
	}
	return a
}

// Bulk is called before an op on n transfers, and returns the act that is then
// done to each. One on more than hikyaku.AuditEach is recorded here, once, with
// how many they are; each of fewer is recorded with what it changes.
func (d *Dispatcher) Bulk(ctx context.Context, op hikyaku.AuditOp, n int, act hikyaku.Act) (hikyaku.Act, error) {
	if n <= hikyaku.AuditEach {
		return act, nil
	}
	a := act.Audit(op, d.Now())
	if a == nil {
		return act, nil
	}
	a.Count = int64(n)
	if err := d.commit(ctx, hikyaku.Change{Audit: a}); err != nil {
		return act, fmt.Errorf("record %s of %d transfers: %w", op, n, err)
	}
	act.Recorded = true
	return act, nil
}
