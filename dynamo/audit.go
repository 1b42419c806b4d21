package dynamo

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
)

// The audit log is one partition: the head, and one item per record. Both are
// written in the transaction of the change, on condition that the head is still
// the one that the record follows. None of them ever expires.
const (
	// AuditPartition is the key of the audit log's partition, of which no role
	// may delete anything.
	AuditPartition = "AUDIT"

	auditSK  = "S#"
	attrHash = "h" // S: hash of the newest record, with attrLastSeq
)

// maxRaces bounds how often a record is linked anew because another one was
// faster. Each lost race is another's success.
const maxRaces = 200

func auditHeadKey() key            { return key{AuditPartition, head} }
func auditRecordKey(seq int64) key { return key{AuditPartition, auditSK + digits(seq)} }

// chainHead is the head of the audit log as this ledger knows it.
type chainHead struct {
	hikyaku.AuditHead

	races int // lost
}

// audit appends the change's record behind the head that is known, which nobody
// has moved as a rule: then nothing is read first.
func (p *planner) audit(ctx context.Context) error {
	if p.c.Audit == nil {
		return nil
	}
	if p.f.chain == nil {
		known, err := p.l.knownHead(ctx)
		if err != nil {
			return err
		}
		p.f.chain = &chainHead{AuditHead: known}
	}
	known := p.f.chain
	r := p.c.Audit.Sealed(known.AuditHead)
	record, err := p.l.codec.encode(r)
	if err != nil {
		return fmt.Errorf("encode audit record %d: %w", r.Seq, err)
	}
	h := newOp(auditHeadKey())
	h.set(attrLastSeq, num(r.Seq))
	h.set(attrHash, str(r.Hash))
	h.set(attrWriter, blob(p.f.writer))
	if known.Seq == 0 {
		h.when("attribute_not_exists(#"+attrLastSeq+")", nil)
	} else {
		h.when("#"+attrLastSeq+" = :was_seq AND #"+attrHash+" = :was_hash", item{":was_seq": num(known.Seq), ":was_hash": str(known.Hash)})
	}
	h.refused = func(old item) error { return p.f.headMoved(old) }
	p.put(h)

	o := newOp(auditRecordKey(r.Seq))
	o.set(attrRecord, blob(record))
	o.when("attribute_not_exists(#pk)", nil)
	o.refused = func(item) error {
		if known.Seq != r.Seq-1 { // the head has moved, which says why
			return nil
		}
		return hikyaku.NewError(hikyaku.CodeAuditBroken, "append to the audit log", "", fmt.Sprintf("record %d is there already", r.Seq))
	}
	p.put(o)
	return nil
}

// auditTurn waits until no other commit of this process writes a record: there
// is one head, and who loses the race for it pays and begins again.
func (l *Ledger) auditTurn(ctx context.Context) (done func(), err error) {
	select {
	case l.auditing <- struct{}{}:
		return func() { <-l.auditing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// headMoved learns the head that another record has made, or that the refused
// write had been carried out.
func (f *facts) headMoved(old item) error {
	if w := bytesOf(old, attrWriter); w != nil && bytes.Equal(w, f.writer) {
		return errWritten
	}
	f.chain.AuditHead = hikyaku.AuditHead{Seq: number(old, attrLastSeq), Hash: text(old, attrHash)}
	f.chain.races++
	if f.chain.races > maxRaces {
		return fmt.Errorf("append to the audit log: others were faster %d times", maxRaces)
	}
	return nil
}

// races is how often another record was faster.
func (f *facts) races() int {
	if f.chain == nil {
		return 0
	}
	return f.chain.races
}

// knownHead is the head after the last record that this ledger wrote, which is
// right unless another process wrote one since.
func (l *Ledger) knownHead(ctx context.Context) (hikyaku.AuditHead, error) {
	if h := l.auditSeen.Load(); h != nil {
		return *h, nil
	}
	return l.AuditHead(ctx)
}

// audited notes the head that a commit made.
func (l *Ledger) audited(c *hikyaku.Change, f *facts) {
	if c.Audit == nil || f.chain == nil {
		return
	}
	r := c.Audit.Sealed(f.chain.AuditHead)
	made := r.Head()
	l.auditSeen.Store(&made)
}

// AuditHead returns what the newest record of the audit log is meant to be. It
// sees the last commit.
func (l *Ledger) AuditHead(ctx context.Context) (hikyaku.AuditHead, error) {
	out, err := l.Client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: l.table, Key: auditHeadKey().item(), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return hikyaku.AuditHead{}, fmt.Errorf("read head of the audit log: %w", err)
	}
	return hikyaku.AuditHead{Seq: number(out.Item, attrLastSeq), Hash: text(out.Item, attrHash)}, nil
}

// AuditRecords returns a part of the audit log, in order of the items' keys. It
// sees the last commit.
func (l *Ledger) AuditRecords(ctx context.Context, r hikyaku.AuditRange) (hikyaku.AuditPage, error) {
	var page hikyaku.AuditPage
	q := query{pk: AuditPartition, from: auditSK, descending: r.Newest, consistent: true, limit: r.Bound() + 1}
	switch {
	case r.Newest && r.After > 0:
		q.from, q.to = auditSK+digits(0), auditSK+digits(r.After-1)
	case r.After > 0:
		q.from, q.to = auditSK+digits(r.After+1), auditSK+after
	}
	var last int64
	for it, err := range l.items(ctx, q) {
		if err != nil {
			return hikyaku.AuditPage{}, fmt.Errorf("read audit log: %w", err)
		}
		if len(page.Records) == r.Bound() {
			page.Next = last
			break
		}
		if last, err = strconv.ParseInt(strings.TrimPrefix(text(it, attrSK), auditSK), 32, 64); err != nil {
			return hikyaku.AuditPage{}, hikyaku.NewError(hikyaku.CodeAuditBroken, "read audit log", text(it, attrSK), "this item is not hikyaku's")
		}
		var record hikyaku.AuditRecord
		if decode(bytesOf(it, attrRecord), &record) != nil {
			record = hikyaku.AuditRecord{Seq: last}
		}
		page.Records = append(page.Records, record)
	}
	return page, nil
}
