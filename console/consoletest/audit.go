package consoletest

import (
	"context"
	"fmt"
	"time"

	"github.com/hikyaku/hikyaku"
)

// deeds writes what people did, by three audit records.
func deeds(ctx context.Context, l hikyaku.Ledger, now time.Time) error {
	for i, r := range []hikyaku.AuditRecord{
		{By: "ops", Op: hikyaku.AuditSignIn, Detail: "role=operator address=192.0.2.7"},
		{By: "sato", Op: hikyaku.AuditPause, Route: "images", Reason: "NAS maintenance until noon"},
		{By: "sato", Op: hikyaku.AuditCancel, TransferID: ID(11), ID: "A-0996\u202e", Route: "orders", Reason: "sent twice"},
	} {
		r.SchemaVersion, r.At, r.Origin = hikyaku.CurrentSchema, now.Add(time.Duration(i-30)*time.Minute), hikyaku.OriginConsole
		if err := l.Commit(ctx, hikyaku.Change{Audit: &r}); err != nil {
			return fmt.Errorf("fill audit log: %w", err)
		}
	}
	return nil
}
