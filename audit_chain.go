package hikyaku

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// AuditGenesis is the Previous of the first record: 64 zeros.
const AuditGenesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Sum computes the hash of a record: SHA-256 over its fields in the order of
// the struct, Hash left out. Each is its text in UTF-8, numbers in decimal and
// the time as in JSON, with its length in bytes and a colon before it and a
// comma behind it ("4:send,").
func (r *AuditRecord) Sum() string {
	h := sha256.New()
	for _, s := range []string{
		strconv.Itoa(r.SchemaVersion), strconv.FormatInt(r.Seq, 10), r.At.UTC().Format(time.RFC3339Nano), r.By, string(r.Op),
		r.TransferID, r.ID, r.Route, r.TaskARN, strconv.FormatInt(r.Count, 10), r.Reason, r.Detail, r.Origin, r.Previous,
	} {
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s + ",")) // never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Sealed returns the record as it follows a head: with Seq, Previous and Hash,
// and its texts as they can be kept.
func (r *AuditRecord) Sealed(head AuditHead) AuditRecord {
	s := *r
	s.seal(head)
	return s
}

func (r *AuditRecord) seal(head AuditHead) {
	r.At = r.At.UTC().Round(0)
	for _, s := range []*string{&r.By, &r.TransferID, &r.ID, &r.Route, &r.TaskARN, &r.Reason, &r.Detail, &r.Origin} {
		*s = auditText(*s)
	}
	r.Seq, r.Previous = head.Seq+1, head.Hash
	if r.Previous == "" {
		r.Previous = AuditGenesis
	}
	r.Hash = r.Sum()
}

// Head is the head of a log that ends with the record.
func (r *AuditRecord) Head() AuditHead { return AuditHead{Seq: r.Seq, Hash: r.Hash} }

// AuditFault is how a chain is broken.
type AuditFault string

// The faults.
const (
	AuditChanged   AuditFault = "changed"   // the record is not what its hash was taken of
	AuditMissing   AuditFault = "missing"   // the record is not there
	AuditReordered AuditFault = "reordered" // another record is in its place
	AuditRewritten AuditFault = "rewritten" // the record does not follow the one before it
	AuditCutOff    AuditFault = "cut_off"   // the log ends before its head
	AuditHeadOff   AuditFault = "head"      // the head is not the newest record
	AuditNoted     AuditFault = "noted"     // no record has the hash that was noted
)

// AuditBreak is the first place at which a chain is broken.
type AuditBreak struct {
	// Seq is that of the record that is not as it should be.
	Seq   int64      `json:"seq"`
	Fault AuditFault `json:"fault"`
}

// String names the place and the fault.
func (b *AuditBreak) String() string { return fmt.Sprintf("audit record %d: %s", b.Seq, b.Fault) }

// AuditChain verifies records one after the other, oldest first. The zero
// value begins with the first record. It must not be used concurrently.
type AuditChain struct {
	// Noted is a hash that was noted earlier, or how it begins; a record must
	// have it. Empty: none was.
	Noted string

	head   AuditHead
	found  bool
	broken *AuditBreak
}

// Add takes the next record. After a break it goes on looking for the record
// that is missing.
func (c *AuditChain) Add(r *AuditRecord) {
	want := c.head.Seq + 1
	switch {
	case c.broken != nil:
		if c.broken.Fault == AuditMissing && r.Seq == c.broken.Seq {
			c.broken.Fault = AuditReordered
		}
	case r.Seq > want:
		c.broken = &AuditBreak{want, AuditMissing}
	case r.Seq < want:
		c.broken = &AuditBreak{want, AuditReordered}
	case r.Sum() != r.Hash:
		c.broken = &AuditBreak{want, AuditChanged}
	case r.Previous != c.previous():
		c.broken = &AuditBreak{want, AuditRewritten}
	default:
		c.head = r.Head()
		c.found = c.found || c.Noted != "" && strings.HasPrefix(r.Hash, c.Noted)
	}
}

func (c *AuditChain) previous() string {
	if c.head.Seq == 0 {
		return AuditGenesis
	}
	return c.head.Hash
}

// Head is the last record up to which the chain is unbroken.
func (c *AuditChain) Head() AuditHead { return c.head }

// Broken returns where the chain is broken, as far as records were added.
func (c *AuditChain) Broken() *AuditBreak { return c.broken }

// End says where the chain is broken, nil if it is not, when all records were
// added: head is what the log says its newest record is, read afterwards.
func (c *AuditChain) End(head AuditHead) *AuditBreak {
	switch {
	case c.broken != nil:
		return c.broken
	case head.Seq > c.head.Seq:
		return &AuditBreak{c.head.Seq + 1, AuditCutOff}
	case head.Seq < c.head.Seq || head.Hash != c.head.Hash:
		return &AuditBreak{c.head.Seq, AuditHeadOff}
	case !c.found && c.Noted != "" && c.Noted != AuditGenesis:
		return &AuditBreak{c.head.Seq, AuditNoted}
	}
	return nil
}
