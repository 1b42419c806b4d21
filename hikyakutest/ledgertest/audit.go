package ledgertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
)

// deed is the n-th audit record, before it is sealed.
func deed(n int) *hikyaku.AuditRecord {
	return &hikyaku.AuditRecord{
		SchemaVersion: hikyaku.CurrentSchema, At: at(n).Add(123456789), By: "sato", Op: hikyaku.AuditCancel,
		TransferID: transferID(n), ID: fmt.Sprintf("A-%d", n), Route: "orders", Reason: "sent twice", Origin: hikyaku.OriginCLI,
	}
}

// audit is the ledger's audit log.
func (s suite) audit(t *testing.T) hikyaku.AuditLog {
	t.Helper()
	log, ok := s.Ledger.(hikyaku.AuditLog)
	if !ok {
		t.Fatalf("%T has no audit log", s.Ledger)
	}
	return log
}

// records reads the whole log, oldest first, in pages of some size.
func (s suite) records(t *testing.T, size int) []hikyaku.AuditRecord {
	t.Helper()
	var all []hikyaku.AuditRecord
	r := hikyaku.AuditRange{Limit: size}
	for {
		page, err := s.audit(t).AuditRecords(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if size > 0 && len(page.Records) > size {
			t.Fatalf("a page of %d records, want %d at most", len(page.Records), size)
		}
		all = append(all, page.Records...)
		if page.Next == 0 {
			return all
		}
		r.After = page.Next
	}
}

// unbroken fails unless the log has n records that verify, up to its head.
func (s suite) unbroken(t *testing.T, n int) []hikyaku.AuditRecord {
	t.Helper()
	all := s.records(t, 0)
	var chain hikyaku.AuditChain
	for i := range all {
		chain.Add(&all[i])
	}
	head, err := s.audit(t).AuditHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b := chain.End(head); b != nil {
		t.Errorf("the audit log does not verify: %v", b)
	}
	if len(all) != n {
		t.Errorf("got %d audit records, want %d", len(all), n)
	}
	return all
}

func testAudit(s suite) {
	t := s.t
	s.unbroken(t, 0)
	tr := queued(0)
	s.must(t, hikyaku.Change{Transfer: tr, Events: []hikyaku.Event{event(tr.TransferID, 1)}, LockActive: true, Audit: deed(0)})
	s.must(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{{Route: "orders", Paused: true}}, Audit: deed(1)})
	s.must(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: task("task", "orders")}}, Audit: deed(2)})
	s.must(t, hikyaku.Change{Outbox: []hikyaku.OutboxEntry{entry(1)}, Audit: deed(3)})
	for n := 4; n < 25; n++ {
		s.must(t, hikyaku.Change{Audit: deed(n)}) // and alone
	}
	all := s.unbroken(t, 25)
	head := hikyaku.AuditHead{}
	for n, r := range all {
		want := deed(n).Sealed(head)
		same(t, "record", r, want)
		head = r.Head()
	}
	for _, size := range []int{1, 7, 24, 25, 26} {
		same(t, "records in pages", s.records(t, size), all)
	}
	newest := hikyaku.AuditRange{Newest: true, Limit: 10}
	var seqs []int64
	for {
		page, err := s.audit(t).AuditRecords(t.Context(), newest)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			seqs = append(seqs, r.Seq)
		}
		if newest.After = page.Next; page.Next == 0 {
			break
		}
	}
	for i, seq := range seqs {
		if seq != int64(25-i) {
			t.Fatalf("newest first: got %v", seqs)
		}
	}
	if len(seqs) != 25 {
		t.Errorf("newest first: got %d records", len(seqs))
	}
	if page, err := s.audit(t).AuditRecords(t.Context(), hikyaku.AuditRange{After: 25}); err != nil || len(page.Records) != 0 || page.Next != 0 {
		t.Errorf("behind the end: %+v, %v", page, err)
	}
}

// testAuditTexts seals what is hard to keep as it is given.
func testAuditTexts(s suite) {
	t := s.t
	long := strings.Repeat("長い理由", 10_000)
	for n, text := range []string{"", "\x00\x1f\u2028<&>\"\\", "配送が二重でした🚚", "not UTF-8: \xff\xfe", long, "1:a,2:b,"} {
		d := deed(n)
		d.By, d.Reason, d.Detail, d.ID, d.Count = text, text, text, text, int64(n)<<40
		d.At = time.Date(2026, 2, 3, 4, 5, 6, n*100, time.FixedZone("JST", 9*3600))
		s.must(t, hikyaku.Change{Audit: d})
	}
	all := s.unbroken(t, 6)
	if len(all) == 6 && len(all[4].Reason) > 4000 {
		t.Errorf("a reason of %d bytes is kept", len(all[4].Reason))
	}
}

// testAuditAtomicity refuses changes that have a record.
func testAuditAtomicity(s suite) {
	t := s.t
	prepare(t, s)
	s.must(t, hikyaku.Change{Audit: deed(0)})
	stale := queued(1)
	stale.Version = 9
	settings := hikyaku.RouteSettings{Route: "invoices", Version: 7}
	wrong := task("task", "orders")
	wrong.Version = 5
	s.conflict(t, hikyaku.Change{Transfer: stale, Audit: deed(1)}, "transfer", stale.TransferID, "")
	s.conflict(t, hikyaku.Change{Settings: []hikyaku.RouteSettings{settings}, Audit: deed(1)}, "settings", "invoices", "")
	s.conflict(t, hikyaku.Change{Tasks: []hikyaku.TaskWrite{{Task: wrong}}, Audit: deed(1)}, "task", "task", "")
	s.conflict(t, hikyaku.Change{Transfer: queued(7), Unique: []string{"taken"}, Audit: deed(1)}, "unique", "taken", transferID(1))
	s.unbroken(t, 1)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Commit(cancelled, hikyaku.Change{Audit: deed(1)}); err == nil {
		t.Error("a commit without time went through")
	}
	s.unbroken(t, 1)
}

// testAuditRace has 20 writers append at once, with changes of their own, and
// some of them in batches.
func testAuditRace(s suite) {
	t := s.t
	const writers, each = 20, 5
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := w; n < writers*each; n += writers {
				c := hikyaku.Change{Audit: deed(n)}
				if n%2 == 0 {
					c.Transfer = queued(n)
				}
				if err := s.Commit(t.Context(), c); err != nil {
					t.Errorf("commit %d: %v", n, err)
				}
			}
		})
	}
	all.Wait()
	total := writers * each
	if b, ok := s.Ledger.(hikyaku.BatchCommitter); ok {
		changes := make([]hikyaku.Change, 30)
		for i := range changes {
			changes[i] = hikyaku.Change{Transfer: queued(1000 + i), Audit: deed(1000 + i)}
		}
		for _, err := range b.CommitAll(t.Context(), changes) {
			if err != nil {
				t.Error(err)
			}
		}
		total += len(changes)
	}
	seen := map[string]bool{}
	for _, r := range s.unbroken(t, total) {
		if seen[r.TransferID] {
			t.Errorf("the record of %s is there twice", r.TransferID)
		}
		seen[r.TransferID] = true
	}
}

// testAuditRaceForOne lets writers race for one item: only who gets it leaves a record.
func testAuditRaceForOne(s suite) {
	t := s.t
	won := s.crowd(t, 20, func(i int) hikyaku.Change {
		return hikyaku.Change{Settings: []hikyaku.RouteSettings{{Route: "orders", Paused: true}}, Audit: deed(i)}
	}, "settings")
	if won != 1 {
		t.Errorf("%d writers got the settings", won)
	}
	s.unbroken(t, 1)
}
