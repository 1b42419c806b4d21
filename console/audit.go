package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// AuditList is the reply of GET audit; NextToken is nil at the end.
type AuditList struct {
	Records   []hikyaku.AuditRecord `json:"records"`
	NextToken *string               `json:"next_token"`
}

// AuditLine is one line of GET audit/records: a record, or why it ends here.
type AuditLine struct {
	hikyaku.AuditRecord

	Error *APIError `json:"error,omitempty"`
}

const (
	// maxAuditLooks is how many records one list looks through for a match.
	maxAuditLooks = 50_000
	// auditSkew is how far the times of records may be out of order, because
	// several computers write them.
	auditSkew = time.Hour
)

// auditLog is the ledger's, which says how it is read.
func (c *Console) auditLog() (hikyaku.AuditLog, error) {
	if c.audit.log == nil {
		return nil, notFound("this ledger has no audit log")
	}
	return c.audit.log, nil
}

// auditQuery reads the parameters of a list of records.
func auditQuery(v url.Values, now time.Time) (hikyaku.AuditQuery, error) {
	q := hikyaku.AuditQuery{By: v.Get("by"), Transfer: v.Get("transfer"), Route: v.Get("route"), Task: v.Get("task")}
	for _, s := range values(v, "op") {
		op := hikyaku.AuditOp(strings.ToLower(s))
		if !slices.Contains(hikyaku.AuditOps(), op) {
			return q, invalid("no such operation: " + Printable(s))
		}
		q.Ops = append(q.Ops, op)
	}
	var err error
	if s := v.Get("since"); s != "" {
		if q.Since, err = ParseTime(s, now); err != nil {
			return q, err
		}
	}
	if s := v.Get("until"); s != "" {
		q.Until, err = ParseTime(s, now)
	}
	return q, err
}

// auditRecords lists what q selects, newest first and at most limit, from
// before a place (0: the end). next is the place to go on from, 0 at the end.
func (c *Console) auditRecords(ctx context.Context, q hikyaku.AuditQuery, before int64, limit int) (found []hikyaku.AuditRecord, next int64, err error) {
	log, err := c.auditLog()
	if err != nil {
		return nil, 0, err
	}
	found = []hikyaku.AuditRecord{}
	size := hikyaku.MaxAuditPage
	if q.By == "" && len(q.Ops) == 0 && q.Transfer == "" && q.Route == "" && q.Task == "" && q.Until.IsZero() {
		size = limit
	}
	for looked := 0; looked < maxAuditLooks; {
		page, err := log.AuditRecords(ctx, hikyaku.AuditRange{After: before, Newest: true, Limit: size})
		if err != nil {
			return nil, 0, fmt.Errorf("read audit log: %w", err)
		}
		for i := range page.Records {
			r := &page.Records[i]
			switch {
			case !q.Since.IsZero() && !r.At.IsZero() && r.At.Before(q.Since.Add(-auditSkew)):
				return found, 0, nil
			case !q.Matches(r):
				continue
			}
			found = append(found, *r)
			if len(found) == limit && i < len(page.Records)-1 {
				if r.Seq > page.Next && (before == 0 || r.Seq < before) {
					return found, r.Seq, nil
				}
				return found, page.Next, nil // it is not in its place
			}
		}
		looked += len(page.Records)
		if before = page.Next; before == 0 || len(found) == limit {
			break
		}
	}
	return found, before, nil
}

func (c *Console) listAudit(w http.ResponseWriter, r *http.Request) error {
	v := r.URL.Query()
	q, err := auditQuery(v, c.now())
	if err != nil {
		return err
	}
	limit, err := limitOf(v)
	if err != nil {
		return err
	}
	if limit == 0 {
		limit = 50
	}
	before, err := placeOf(v, "token")
	if err != nil {
		return err
	}
	records, next, err := c.auditRecords(r.Context(), q, before, limit)
	if err != nil {
		return err
	}
	list := AuditList{Records: records}
	if next > 0 {
		list.NextToken = tokenOf(strconv.FormatInt(next, 10))
	}
	c.reply(w, r, http.StatusOK, list)
	return nil
}

func placeOf(v url.Values, name string) (int64, error) {
	s := v.Get(name)
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, invalid(name + " must be a record's number, not " + Printable(s))
	}
	return n, nil
}

func (c *Console) auditHead(w http.ResponseWriter, r *http.Request) error {
	log, err := c.auditLog()
	if err != nil {
		return err
	}
	head, err := log.AuditHead(r.Context())
	if err != nil {
		return fmt.Errorf("read head of the audit log: %w", err)
	}
	c.reply(w, r, http.StatusOK, head)
	return nil
}

// auditLines sends records as they are stored, oldest first, one a line.
func (c *Console) auditLines(w http.ResponseWriter, r *http.Request) error {
	log, err := c.auditLog()
	if err != nil {
		return err
	}
	after, err := placeOf(r.URL.Query(), "after")
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store")
	out := json.NewEncoder(w)
	part := hikyaku.AuditRange{After: after}
	for {
		page, err := log.AuditRecords(r.Context(), part)
		if err != nil {
			c.log.WarnContext(r.Context(), "audit log cut short", slog.Any("error", err))
			_ = out.Encode(map[string]*APIError{"error": AsAPIError(err)}) // who goes away needs no answer
			return nil
		}
		for i := range page.Records {
			if err := out.Encode(page.Records[i]); err != nil {
				return nil //nolint:nilerr // the client went away
			}
		}
		if part.After = page.Next; page.Next == 0 {
			return nil
		}
	}
}

// auditDownload is auditLines as a file.
func (c *Console) auditDownload(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Content-Disposition", `attachment; filename="audit-`+c.now().UTC().Format("20060102-150405")+`.jsonl"`)
	return c.auditLines(w, r)
}

// recordSignIn writes who came in or was refused, or keeps tokens, into the
// audit log. Whoever only reads the ledger keeps no record; nobody is kept out
// for that.
func (c *Console) recordSignIn(ctx context.Context, op hikyaku.AuditOp, who, detail string) {
	if c.audit.log == nil {
		return
	}
	a := hikyaku.Act{By: who, Origin: cmp.Or(originOf(ctx), hikyaku.OriginConsole)}.Audit(op, c.now())
	a.Detail = detail
	err := c.ledger.Commit(context.WithoutCancel(ctx), hikyaku.Change{Audit: a})
	if err != nil && hikyaku.KindOf(err) != hikyaku.KindDenied {
		c.log.ErrorContext(ctx, "sign-in not recorded", slog.String("by", who), slog.Any("error", err))
	}
}

// BulkRecorder is an Operator that records a command on many transfers as one:
// each part is then carried out with the act it returns.
type BulkRecorder interface {
	Bulk(ctx context.Context, op hikyaku.AuditOp, n int, a hikyaku.Act) (hikyaku.Act, error)
}

// bulk returns the act that each part of a command on n transfers is carried out with.
func (c *Console) bulk(ctx context.Context, op hikyaku.AuditOp, n int, a hikyaku.Act) (hikyaku.Act, error) {
	if b, ok := c.op.(BulkRecorder); ok {
		return b.Bulk(ctx, op, n, a)
	}
	return a, nil
}

// originKey is where a request's context keeps what it came from.
type originKey struct{}

// cliAgent is how the command line's client calls itself.
const cliAgent = "hikyaku-cli"

// withOrigin notes where a request's commands come from, as far as it says so.
func withOrigin(r *http.Request) *http.Request {
	origin := hikyaku.OriginConsole
	if strings.HasPrefix(r.URL.Path, "/api/") {
		origin = hikyaku.OriginAPI
		if strings.HasPrefix(r.UserAgent(), cliAgent) {
			origin = hikyaku.OriginCLI
		}
	}
	return r.WithContext(context.WithValue(r.Context(), originKey{}, origin))
}

func originOf(ctx context.Context) string {
	s, _ := ctx.Value(originKey{}).(string)
	return s
}
