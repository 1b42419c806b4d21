package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hikyaku/hikyaku"
)

// Client calls the API. It may be used concurrently. Errors are *APIError, or
// *hikyaku.Error with kind transient when the server cannot be reached.
type Client struct {
	base  string
	token string
	http  *http.Client
}

// NewClient returns a client of the console at base ("http://127.0.0.1:7700").
// A nil h is http.DefaultClient; it must not have a timeout, because streams
// last.
func NewClient(base, token string, h *http.Client) *Client {
	if h == nil {
		h = http.DefaultClient
	}
	return &Client{base: strings.TrimRight(base, "/"), token: token, http: h}
}

// URL returns the console's address.
func (c *Client) URL() string { return c.base }

// Filter selects transfers; zero fields select all.
type Filter struct {
	ID, Route, Error, Query string
	States                  []hikyaku.State
	DeadLetters             []string
	Since, Until            time.Time
	Limit                   int
	Token                   string
}

func (f Filter) values() url.Values {
	v := url.Values{}
	set := func(name, s string) {
		if s != "" {
			v.Set(name, s)
		}
	}
	set("id", f.ID)
	set("route", f.Route)
	set("error", f.Error)
	set("q", f.Query)
	set("token", f.Token)
	for _, s := range f.States {
		v.Add("state", string(s))
	}
	for _, s := range f.DeadLetters {
		v.Add("dead_letter", s)
	}
	if !f.Since.IsZero() {
		v.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		v.Set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	if f.Limit > 0 {
		v.Set("limit", strconv.Itoa(f.Limit))
	}
	return v
}

// Transfers lists transfers, newest first.
func (c *Client) Transfers(ctx context.Context, f Filter) (TransferList, error) {
	var out TransferList
	return out, c.get(ctx, "transfers", f.values(), &out)
}

// Transfer returns one transfer with its events.
func (c *Client) Transfer(ctx context.Context, transferID string) (TransferDetail, error) {
	var out TransferDetail
	return out, c.get(ctx, "transfers/"+url.PathEscape(transferID), nil, &out)
}

// Files lists results per file.
func (c *Client) Files(ctx context.Context, transferID string, q FileQuery) (FileList, error) {
	v := Filter{Limit: q.Limit, Token: q.Token}.values()
	if q.State != "" {
		v.Set("state", q.State)
	}
	var out FileList
	return out, c.get(ctx, "transfers/"+url.PathEscape(transferID)+"/files", v, &out)
}

// Send sends IDs.
func (c *Client) Send(ctx context.Context, s SendRequest) (SendResult, error) {
	var out SendResult
	return out, c.post(ctx, "transfers", s, &out)
}

// Rerun makes a new attempt of a transfer.
func (c *Client) Rerun(ctx context.Context, transferID string, a ActRequest) (hikyaku.Transfer, error) {
	var out hikyaku.Transfer
	return out, c.post(ctx, "transfers/"+url.PathEscape(transferID)+"/rerun", a, &out)
}

// Cancel ends a transfer.
func (c *Client) Cancel(ctx context.Context, transferID string, a ActRequest) (hikyaku.Transfer, error) {
	var out hikyaku.Transfer
	return out, c.post(ctx, "transfers/"+url.PathEscape(transferID)+"/cancel", a, &out)
}

// Resend makes a completion event owed once more.
func (c *Client) Resend(ctx context.Context, transferID string, r ResendRequest) (hikyaku.Transfer, error) {
	var out hikyaku.Transfer
	return out, c.post(ctx, "transfers/"+url.PathEscape(transferID)+"/resend", r, &out)
}

// Pool returns the tasks of a route, or of all.
func (c *Client) Pool(ctx context.Context, route string) (Pool, error) {
	var out Pool
	return out, c.get(ctx, "pool", Filter{Route: route}.values(), &out)
}

// Agents returns all agents.
func (c *Client) Agents(ctx context.Context) (AgentList, error) {
	var out AgentList
	return out, c.get(ctx, "agents", nil, &out)
}

// DeadLetters lists the dead letters that wait for a person.
func (c *Client) DeadLetters(ctx context.Context, f Filter) (DeadLetterList, error) {
	var out DeadLetterList
	return out, c.get(ctx, "dlq", f.values(), &out)
}

// Redrive sends dead letters round again.
func (c *Client) Redrive(ctx context.Context, a ActRequest) (RedriveResult, error) {
	var out RedriveResult
	return out, c.post(ctx, "dlq/redrive", a, &out)
}

// Discard decides that nothing follows from dead letters.
func (c *Client) Discard(ctx context.Context, a ActRequest) (DiscardResult, error) {
	var out DiscardResult
	return out, c.post(ctx, "dlq/discard", a, &out)
}

// Routes lists the routes.
func (c *Client) Routes(ctx context.Context) (RouteList, error) {
	var out RouteList
	return out, c.get(ctx, "routes", nil, &out)
}

// ActOnRoute carries out "pause", "resume" or "limit".
func (c *Client) ActOnRoute(ctx context.Context, name, action string, a ActRequest) (hikyaku.RouteSettings, error) {
	var out hikyaku.RouteSettings
	return out, c.post(ctx, "routes/"+url.PathEscape(name)+"/"+url.PathEscape(action), a, &out)
}

// ActOnTask carries out "bench" or "unbench".
func (c *Client) ActOnTask(ctx context.Context, action string, a ActRequest) (TaskResult, error) {
	var out TaskResult
	return out, c.post(ctx, "tasks/"+url.PathEscape(action), a, &out)
}

// Stats returns the counts.
func (c *Client) Stats(ctx context.Context) (Stats, error) {
	var out Stats
	return out, c.get(ctx, "stats", nil, &out)
}

func (c *Client) get(ctx context.Context, path string, v url.Values, out any) error {
	if len(v) > 0 {
		path += "?" + v.Encode()
	}
	return c.call(ctx, http.MethodGet, path, nil, out)
}

func (c *Client) post(ctx context.Context, path string, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, b, out)
}

func (c *Client) call(ctx context.Context, method, path string, in []byte, out any) error {
	res, err := c.do(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // reading is over
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return &hikyaku.Error{Kind: hikyaku.KindTransient, Op: "read reply of", Subject: c.base, Err: err}
	}
	return nil
}

// do sends a request and returns the reply if it is a success.
func (c *Client) do(ctx context.Context, method, path string, in []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1/"+path, bytes.NewReader(in))
	if err != nil {
		return nil, &hikyaku.Error{Kind: hikyaku.KindInvalid, Op: "reach", Subject: c.base, Err: err}
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", cliAgent)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, &hikyaku.Error{Kind: hikyaku.KindTransient, Code: hikyaku.CodeServerUnreachable, Op: "reach", Subject: c.base, Err: err}
	}
	if res.StatusCode >= http.StatusBadRequest {
		defer func() { _ = res.Body.Close() }() // reading is over
		return nil, replyError(res)
	}
	return res, nil
}

// replyError reads an error body; what is not one is told by its status.
func replyError(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var b ErrorBody
	if err == nil && json.Unmarshal(raw, &b) == nil && b.Error != nil && b.Error.Kind != "" {
		if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
			b.Error.RetryAfter = n
		}
		return b.Error
	}
	e := &APIError{Kind: hikyaku.KindInternal, Message: "the server answered " + res.Status}
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind = hikyaku.KindDenied
	case http.StatusNotFound:
		e.Kind, e.Message = hikyaku.KindNotFound, "this is not the address of a hikyaku console: "+res.Status
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		e.Kind = hikyaku.KindTransient
	}
	return e
}
