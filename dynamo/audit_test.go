package dynamo_test

import (
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/unitstest"
)

func deed(n int) *hikyaku.AuditRecord {
	return &hikyaku.AuditRecord{
		SchemaVersion: 1, At: noon(), By: "sato", Op: hikyaku.AuditLimit, Route: "orders", Count: int64(n),
		Reason: "because", Detail: "bytes_per_second=1048576", Origin: hikyaku.OriginLambda,
	}
}

// unbroken fails unless the log verifies; it returns the records.
func unbroken(t *testing.T, l *dynamo.Ledger) []hikyaku.AuditRecord {
	t.Helper()
	page, err := l.AuditRecords(t.Context(), hikyaku.AuditRange{})
	must(t, err)
	head, err := l.AuditHead(t.Context())
	must(t, err)
	var chain hikyaku.AuditChain
	for i := range page.Records {
		chain.Add(&page.Records[i])
	}
	if b := chain.End(head); b != nil {
		t.Errorf("the audit log does not verify: %v", b)
	}
	return page.Records
}

// TestLedger_audit_processes has several processes, each with its own idea of
// the head, append at once.
func TestLedger_audit_processes(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	first := m.ledger(t)
	const processes, each = 5, 4
	var all sync.WaitGroup
	for p := range processes {
		l := dynamo.New(first.Config)
		all.Go(func() {
			for n := range each {
				if err := l.Commit(t.Context(), hikyaku.Change{Audit: deed(p*each + n)}); err != nil {
					t.Errorf("process %d, record %d: %v", p, n, err)
				}
			}
		})
	}
	all.Wait()
	seen := map[int64]bool{}
	for _, r := range unbroken(t, first) {
		seen[r.Count] = true
	}
	if len(seen) != processes*each {
		t.Errorf("%d of %d records are there", len(seen), processes*each)
	}
}

// TestLedger_audit_kept holds that nothing of the log expires, and what a
// record costs.
func TestLedger_audit_kept(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	meter := unitstest.New(m.client, dynamo.TableInput("schema"))
	l := m.ledger(t, func(c *dynamo.Config) { c.Client, c.Retention = meter, time.Hour })
	settings := hikyaku.RouteSettings{Route: "orders"}
	must(t, l.Commit(t.Context(), hikyaku.Change{Settings: []hikyaku.RouteSettings{settings}, Audit: deed(0)}))
	cost := func(c hikyaku.Change) float64 {
		meter.Take()
		must(t, l.Commit(t.Context(), c))
		return meter.Take().Writes()
	}
	settings.Version = 1
	plain := cost(hikyaku.Change{Settings: []hikyaku.RouteSettings{settings}})
	settings.Version = 2
	recorded := cost(hikyaku.Change{Settings: []hikyaku.RouteSettings{settings}, Audit: deed(1)})
	if plain != 1 || recorded != 6 {
		t.Errorf("a change of settings costs %g write units, and %g with its record; docs/audit.md says 1, and 2 + 4", plain, recorded)
	}
	out, err := m.client.Query(t.Context(), &dynamodb.QueryInput{
		TableName: aws.String(l.Table), KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: unitstest.Item{":p": &types.AttributeValueMemberS{Value: "AUDIT"}},
	})
	must(t, err)
	if len(out.Items) != 3 {
		t.Errorf("%d items", len(out.Items))
	}
	for _, it := range out.Items {
		if _, expires := it[dynamo.TTLAttribute]; expires {
			t.Errorf("it expires: %v", it)
		}
	}
	unbroken(t, l)
}

// TestLedger_audit_headGone refuses to make up a chain.
func TestLedger_audit_headGone(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	l := m.ledger(t)
	for n := range 3 {
		must(t, l.Commit(t.Context(), hikyaku.Change{Audit: deed(n)}))
	}
	_, err := m.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
		TableName: aws.String(l.Table), Key: unitstest.Item{"pk": &types.AttributeValueMemberS{Value: "AUDIT"}, "sk": &types.AttributeValueMemberS{Value: "#"}},
	})
	must(t, err)
	for _, l := range []*dynamo.Ledger{l, dynamo.New(l.Config)} {
		err := l.Commit(t.Context(), hikyaku.Change{Settings: []hikyaku.RouteSettings{{Route: "orders"}}, Audit: deed(9)})
		if hikyaku.CodeOf(err) != hikyaku.CodeAuditBroken {
			t.Errorf("got %v", err)
		}
	}
	p, err := l.Pool(t.Context(), "")
	if err != nil || len(p.Settings) != 0 {
		t.Errorf("a change without its record: %v, %v", p.Settings, err)
	}
}
