package console

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/hikyaku/hikyaku"
)

// AuditFilter selects audit records; zero fields select all.
type AuditFilter struct {
	hikyaku.AuditQuery

	Limit int
	Token string
}

// Audit lists audit records, newest first.
func (c *Client) Audit(ctx context.Context, f AuditFilter) (AuditList, error) {
	v := Filter{Route: f.Route, Since: f.Since, Until: f.Until, Limit: f.Limit, Token: f.Token}.values()
	for name, s := range map[string]string{"by": f.By, "transfer": f.Transfer, "task": f.Task} {
		if s != "" {
			v.Set(name, s)
		}
	}
	for _, op := range f.Ops {
		v.Add("op", string(op))
	}
	var out AuditList
	return out, c.get(ctx, "audit", v, &out)
}

// AuditHead returns what the newest audit record is meant to be.
func (c *Client) AuditHead(ctx context.Context) (hikyaku.AuditHead, error) {
	var out hikyaku.AuditHead
	return out, c.get(ctx, "audit/head", nil, &out)
}

// maxAuditLine bounds a line of records.
const maxAuditLine = 1 << 20

// AuditRecords calls fn with each record behind a place, oldest first, as they
// come. An error of fn ends it.
func (c *Client) AuditRecords(ctx context.Context, after int64, fn func(hikyaku.AuditRecord) error) error {
	res, err := c.do(ctx, http.MethodGet, "audit/records?"+url.Values{"after": {strconv.FormatInt(after, 10)}}.Encode(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAuditLine)
	for lines.Scan() {
		var line AuditLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "read reply of", Subject: c.base, Err: err}
		}
		if line.Error != nil {
			return line.Error
		}
		if err := fn(line.AuditRecord); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "read reply of", Subject: c.base, Err: err}
	}
	return nil
}
