package console

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hikyaku/hikyaku"
)

const (
	// auditStep is how many records one view of the page verifies at most.
	auditStep = 5000
	// auditAgain is after which time views verify the log anew from the start.
	auditAgain = 10 * time.Minute
)

// audited verifies the audit log a part at a time: each view goes on where the
// one before it ended, so that no view reads all of a long log.
type audited struct {
	log hikyaku.AuditLog // nil: the ledger has none

	mu    sync.Mutex
	chain hikyaku.AuditChain
	begun time.Time
	last  auditVerdict // of the last pass that came to the end
}

// auditVerdict says how far the chain was verified, and what came of it.
type auditVerdict struct {
	at     time.Time
	head   hikyaku.AuditHead // as the log says
	proved int64             // records that follow one another
	whole  bool              // up to the head
	broken *hikyaku.AuditBreak
}

// check verifies the next records.
func (a *audited) check(ctx context.Context, now time.Time) (auditVerdict, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.begun.IsZero() || a.last.whole && now.Sub(a.begun) > auditAgain {
		a.chain, a.begun = hikyaku.AuditChain{}, now
	}
	for looked := 0; ; {
		head, err := a.log.AuditHead(ctx) // first, so that what it is of is there to be read
		if err != nil {
			return auditVerdict{}, fmt.Errorf("read head of the audit log: %w", err)
		}
		page, err := a.log.AuditRecords(ctx, hikyaku.AuditRange{After: a.chain.Head().Seq})
		if err != nil {
			return auditVerdict{}, fmt.Errorf("read audit log: %w", err)
		}
		for i := range page.Records {
			a.chain.Add(&page.Records[i])
		}
		looked += len(page.Records)
		v := auditVerdict{at: now, head: head, proved: a.chain.Head().Seq, broken: a.chain.Broken()}
		more := page.Next > 0 || len(page.Records) > 0 && v.proved > head.Seq // written meanwhile
		switch {
		case v.broken != nil:
		case more && looked < auditStep:
			continue
		case more && a.last.whole:
			return a.last, nil // of the pass before
		case more:
			return v, nil
		default:
			v.broken, v.whole = a.chain.End(head), true
		}
		if v.broken != nil { // begin anew next time: it may be repaired
			a.begun, a.last = time.Time{}, auditVerdict{}
			return v, nil
		}
		a.last = v
		return v, nil
	}
}
