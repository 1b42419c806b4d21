package hikyaku

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// AuditOp names what a person did. The list grows only.
type AuditOp string

// The operations of the audit log.
const (
	AuditSend          AuditOp = "send"
	AuditEditAndResend AuditOp = "edit_and_resend" // an edited message was sent in place of a dead letter
	AuditRerun         AuditOp = "rerun"
	AuditCancel        AuditOp = "cancel"
	AuditRedrive       AuditOp = "redrive"
	AuditDiscard       AuditOp = "discard"
	AuditResendEvent   AuditOp = "resend_event" // a completion event once more
	AuditPause         AuditOp = "pause"
	AuditResume        AuditOp = "resume"
	AuditLimit         AuditOp = "limit"
	AuditBench         AuditOp = "bench"
	AuditUnbench       AuditOp = "unbench"
	AuditSettings      AuditOp = "settings" // a settings document was taken over
	AuditSignIn        AuditOp = "sign_in"
	AuditSignInRefused AuditOp = "sign_in_refused"
	AuditTokenCreate   AuditOp = "token_create"
	AuditTokenRevoke   AuditOp = "token_revoke"
)

// AuditOps lists all operations.
func AuditOps() []AuditOp {
	return []AuditOp{
		AuditSend, AuditEditAndResend, AuditRerun, AuditCancel, AuditRedrive, AuditDiscard, AuditResendEvent,
		AuditPause, AuditResume, AuditLimit, AuditBench, AuditUnbench, AuditSettings,
		AuditSignIn, AuditSignInRefused, AuditTokenCreate, AuditTokenRevoke,
	}
}

// The origins of commands that are told apart. What came through a function
// has OriginLambda, what came as a message to the queue OriginQueue and, behind a
// slash, what called or sent it said.
const (
	OriginConsole  = "console"
	OriginCLI      = "cli"
	OriginAPI      = "api"
	OriginLambda   = "lambda"
	OriginQueue    = "queue"
	OriginSettings = "settings" // a settings document
)

// AuditRecord is one entry of the audit log: who did what, on what, when and
// why. Each holds the hash of the one before it, so that none can be changed,
// removed, inserted or moved without breaking the chain (see AuditChain). The
// fields of JSON are always all there.
type AuditRecord struct {
	SchemaVersion int `json:"schema_version"`
	// Seq counts from 1, without gaps; the ledger assigns it.
	Seq int64     `json:"seq"`
	At  time.Time `json:"at"`
	// By is who, Op what.
	By string  `json:"by"`
	Op AuditOp `json:"op"`
	// TransferID, ID, Route and TaskARN are on what; empty is none of them.
	TransferID string `json:"transfer_id"`
	ID         string `json:"id"`
	Route      string `json:"route"`
	TaskARN    string `json:"task_arn"`
	// Count is how many transfers a command on many was for; 0: it was for one,
	// or for none. What became of each is in its own events.
	Count int64 `json:"count"`
	// Reason is why, Detail with what: "bytes_per_second=1048576".
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	// Origin is where the command came from, as far as is known.
	Origin string `json:"origin"`
	// Previous is the Hash of the record before, AuditGenesis of the first.
	Previous string `json:"previous"`
	// Hash is the lower-case hexadecimal SHA-256 of all fields above; see Sum.
	Hash string `json:"hash"`
}

// AuditHead is the newest record of the log; the zero AuditHead is that of an
// empty one.
type AuditHead struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// AuditLog is the audit log of a ledger. Every ledger has one: it takes
// Change.Audit, gives it Seq, Previous and Hash, and keeps it for ever.
//
// It does not judge what is stored: somebody may have changed it. AuditChain does.
type AuditLog interface {
	// AuditHead returns what the newest record is meant to be. It sees the last
	// commit.
	AuditHead(ctx context.Context) (AuditHead, error)
	// AuditRecords returns records in order of their place, which is their Seq
	// unless somebody moved them. One that cannot be read has its place for Seq
	// and no Hash. It sees the last commit.
	AuditRecords(ctx context.Context, r AuditRange) (AuditPage, error)
}

// AuditRange selects a part of the log.
type AuditRange struct {
	// After is the place that the part begins after; 0 is the beginning.
	After int64
	// Newest turns the order round: the part begins before the place After, 0 is
	// the end.
	Newest bool
	// Limit is at most 1000; 0 is 1000.
	Limit int
}

// MaxAuditPage is the most records of one page.
const MaxAuditPage = 1000

// Bound is the limit in force.
func (r AuditRange) Bound() int {
	if r.Limit <= 0 || r.Limit > MaxAuditPage {
		return MaxAuditPage
	}
	return r.Limit
}

// AuditPage is a part of the log.
type AuditPage struct {
	Records []AuditRecord
	// Next is the After of the part that follows; 0 at the end.
	Next int64
}

// AuditEach is up to how many transfers a command on many makes a record each.
// One on more makes one record in all, before it begins.
const AuditEach = 20

// Audit returns the record of the act, which is an op unless As says otherwise;
// nil if the act is part of one that has its record.
func (a Act) Audit(op AuditOp, at time.Time) *AuditRecord {
	if a.Recorded {
		return nil
	}
	if a.As != "" {
		op = a.As
	}
	return &AuditRecord{
		SchemaVersion: CurrentSchema, At: at, By: a.By, Op: op, Reason: a.Reason, Origin: a.Origin, Count: a.Count, Detail: a.Detail,
	}
}

// AuditQuery selects records; zero fields select all.
type AuditQuery struct {
	By  string
	Ops []AuditOp
	// Transfer is an ID or a transfer_id, Task an ARN or the end of one.
	Transfer, Route, Task string
	Since, Until          time.Time // Since <= At < Until
}

// Matches reports whether q selects r.
func (q AuditQuery) Matches(r *AuditRecord) bool {
	switch {
	case q.By != "" && r.By != q.By,
		len(q.Ops) > 0 && !slices.Contains(q.Ops, r.Op),
		q.Transfer != "" && r.ID != q.Transfer && r.TransferID != q.Transfer,
		q.Route != "" && r.Route != q.Route,
		q.Task != "" && (r.TaskARN == "" || !strings.HasSuffix(r.TaskARN, q.Task)),
		!q.Since.IsZero() && r.At.Before(q.Since),
		!q.Until.IsZero() && !r.At.Before(q.Until):
		return false
	}
	return true
}

// maxAuditText bounds each text of a record, in bytes.
const maxAuditText = 2000

// auditText is a text as it is kept: valid UTF-8 and not too long.
func auditText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxAuditText {
		return s
	}
	s = s[:maxAuditText]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
