package hikyakutest

import (
	"context"
	"slices"

	"github.com/hikyaku/hikyaku"
)

var _ hikyaku.AuditLog = (*Ledger)(nil)

// appendAudit adds a record; l.mu is held.
func (l *Ledger) appendAudit(r *hikyaku.AuditRecord) {
	if r != nil {
		l.audit = append(l.audit, r.Sealed(l.auditHead()))
	}
}

func (l *Ledger) auditHead() hikyaku.AuditHead {
	if len(l.audit) == 0 {
		return hikyaku.AuditHead{}
	}
	return l.audit[len(l.audit)-1].Head()
}

// AuditHead implements hikyaku.AuditLog.
func (l *Ledger) AuditHead(ctx context.Context) (hikyaku.AuditHead, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.auditHead(), ctx.Err()
}

// AuditRecords implements hikyaku.AuditLog.
func (l *Ledger) AuditRecords(ctx context.Context, r hikyaku.AuditRange) (hikyaku.AuditPage, error) {
	if err := ctx.Err(); err != nil {
		return hikyaku.AuditPage{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(len(l.audit))
	var page hikyaku.AuditPage
	if r.Newest {
		end := n
		if r.After > 0 {
			end = min(n, r.After-1)
		}
		begin := max(0, end-int64(r.Bound()))
		page.Records = slices.Clone(l.audit[begin:end])
		slices.Reverse(page.Records)
		if begin > 0 {
			page.Next = begin + 1
		}
		return page, nil
	}
	begin := min(n, max(0, r.After))
	end := min(n, begin+int64(r.Bound()))
	page.Records = slices.Clone(l.audit[begin:end])
	if end < n {
		page.Next = end
	}
	return page, nil
}

// Tamper changes the records of the audit log as somebody would who has got at
// them; what change returns is the log from then on. The head moves with it.
func (l *Ledger) Tamper(change func([]hikyaku.AuditRecord) []hikyaku.AuditRecord) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.audit = change(slices.Clone(l.audit))
}
