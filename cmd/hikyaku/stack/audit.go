package stack

import (
	"context"

	"github.com/hikyaku/hikyaku"
)

var _ hikyaku.AuditLog = reader{}

// AuditHead implements hikyaku.AuditLog.
func (r reader) AuditHead(ctx context.Context) (hikyaku.AuditHead, error) {
	h, err := r.ledger.AuditHead(ctx)
	return h, r.said(err)
}

// AuditRecords implements hikyaku.AuditLog.
func (r reader) AuditRecords(ctx context.Context, part hikyaku.AuditRange) (hikyaku.AuditPage, error) {
	p, err := r.ledger.AuditRecords(ctx, part)
	return p, r.said(err)
}
