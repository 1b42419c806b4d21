package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/hikyakutest/ledgertest"
	"github.com/hikyaku/hikyaku/sqlite"
)

// auditLog reads the whole audit log, which must verify.
func auditLog(t *testing.T, l *sqlite.Ledger) []hikyaku.AuditRecord {
	t.Helper()
	head, err := l.AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []hikyaku.AuditRecord
	var chain hikyaku.AuditChain
	part := hikyaku.AuditRange{}
	for {
		page, err := l.AuditRecords(t.Context(), part)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Records {
			chain.Add(&page.Records[i])
		}
		all = append(all, page.Records...)
		if part.After = page.Next; page.Next == 0 {
			break
		}
	}
	if b := chain.End(head); b != nil {
		t.Errorf("the audit log does not verify: %v", b)
	}
	return all
}

// checkAudit holds that each commit of these transfers, all of which carried a
// record, left its change and its record, or neither.
func checkAudit(t *testing.T, l *sqlite.Ledger, transferIDs []string) {
	t.Helper()
	records := map[string]int64{}
	for _, r := range auditLog(t, l) {
		if r.Count != records[r.TransferID] {
			t.Errorf("transfer %s: record of step %d after %d records", r.TransferID, r.Count, records[r.TransferID])
		}
		records[r.TransferID]++
	}
	for _, id := range transferIDs {
		tr, err := l.Transfer(t.Context(), id)
		if err != nil || tr.Version != records[id] {
			t.Errorf("transfer %s: version %d with %d audit records, %v", id, tr.Version, records[id], err)
		}
	}
}

func TestLedger_Prune_keepsAudit(t *testing.T) {
	t.Parallel()
	l, err := sqlite.OpenLedger(t.Context(), filepath.Join(t.TempDir(), "ledger.db"), sqlite.LedgerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	task := hikyaku.Task{ARN: "task", Route: "orders", State: hikyaku.Idle}
	if err := l.Commit(t.Context(), hikyaku.Change{
		Agents: []hikyaku.Agent{{ARN: "agent", Online: true}}, Tasks: []hikyaku.TaskWrite{{Task: task}},
	}); err != nil {
		t.Fatal(err)
	}
	task.Version = 1
	for _, c := range ledgertest.Changes(1, task) {
		c.Audit = &hikyaku.AuditRecord{SchemaVersion: 1, Op: hikyaku.AuditRerun, TransferID: c.Transfer.TransferID}
		if err := l.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	before := len(auditLog(t, l))
	removed, err := l.Prune(t.Context(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), 1000)
	if err != nil || removed != 1 {
		t.Fatalf("removed %d, %v", removed, err)
	}
	if after := len(auditLog(t, l)); after != before || before == 0 {
		t.Errorf("%d records are left of %d", after, before)
	}
}
