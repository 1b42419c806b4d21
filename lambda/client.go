package lambda

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hikyaku/hikyaku"
)

// Client gives commands to the function operate. It has the methods that
// console and CLI want of an operator, so that a stack is operated as a server
// is. Its methods may be called concurrently; their errors are *hikyaku.Error,
// and for an unknown transfer hikyaku.ErrNotFound too.
type Client struct {
	invoke func(ctx context.Context, payload []byte) ([]byte, error)
	routes []hikyaku.Route
}

// Dial returns a client that calls the function through invoke, which carries
// the payload there and the reply back; a function that ended in an error of
// its own is an error of invoke. The routes are read once.
func Dial(ctx context.Context, invoke func(ctx context.Context, payload []byte) ([]byte, error)) (*Client, error) {
	c := NewClient(invoke)
	var err error
	c.routes, err = c.ReadRoutes(ctx)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// NewClient returns a client that has asked nothing yet and knows no routes.
func NewClient(invoke func(ctx context.Context, payload []byte) ([]byte, error)) *Client {
	return &Client{invoke: invoke}
}

// ReadRoutes returns the routes as they are now.
func (c *Client) ReadRoutes(ctx context.Context) ([]hikyaku.Route, error) {
	result, err := c.do(ctx, Request{Op: OpRoutes})
	if err != nil {
		return nil, fmt.Errorf("read routes: %w", err)
	}
	var routes []hikyaku.Route
	for _, r := range result.Routes {
		routes = append(routes, r.Route())
	}
	return routes, nil
}

// Routes returns the routes as they were when the client was made.
func (c *Client) Routes() []hikyaku.Route { return c.routes }

// do gives one command. The result is what was done, also beside an error.
func (c *Client) do(ctx context.Context, q Request) (Result, error) {
	q.Version = ProtocolVersion
	payload, err := json.Marshal(q)
	if err != nil {
		return Result{}, fmt.Errorf("encode request: %w", err)
	}
	raw, err := c.invoke(ctx, payload)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", q.Op, err)
	}
	var reply Reply
	if err := json.Unmarshal(raw, &reply); err != nil {
		return Result{}, fmt.Errorf("%s: decode reply: %w", q.Op, err)
	}
	if reply.Result == nil && reply.Error == nil {
		return Result{}, &hikyaku.Error{Kind: hikyaku.KindInternal, Op: string(q.Op), Message: "the function's reply says nothing"}
	}
	if reply.Result == nil {
		reply.Result = &Result{}
	}
	return *reply.Result, reply.Error.Err()
}

func request(op Op, a hikyaku.Act) Request {
	return Request{Op: op, By: a.By, Reason: a.Reason, Force: a.Force, Origin: a.Origin}
}

func (c *Client) transfer(ctx context.Context, q Request) (hikyaku.Transfer, error) {
	result, err := c.do(ctx, q)
	if result.Transfer == nil {
		return hikyaku.Transfer{}, err
	}
	return *result.Transfer, err
}

func (c *Client) settings(ctx context.Context, q Request) (hikyaku.RouteSettings, error) {
	result, err := c.do(ctx, q)
	if result.Settings == nil {
		return hikyaku.RouteSettings{}, err
	}
	return *result.Settings, err
}

// Send asks for an ID to be delivered.
func (c *Client) Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	q := request(OpSend, a)
	q.Send = &s
	return c.transfer(ctx, q)
}

// Rerun sends an ended transfer round again.
func (c *Client) Rerun(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error) {
	q := request(OpRerun, a)
	q.TransferID = transferID
	return c.transfer(ctx, q)
}

// Cancel cancels a transfer.
func (c *Client) Cancel(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error) {
	q := request(OpCancel, a)
	q.TransferID = transferID
	return c.transfer(ctx, q)
}

// PauseRoute lets what runs finish and starts nothing more.
func (c *Client) PauseRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	q := request(OpPause, a)
	q.Route = name
	return c.settings(ctx, q)
}

// ResumeRoute ends a pause.
func (c *Client) ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	q := request(OpResume, a)
	q.Route = name
	return c.settings(ctx, q)
}

// LimitRoute sets each execution's bandwidth; -1 is unlimited.
func (c *Client) LimitRoute(ctx context.Context, name string, bytesPerSecond int64, a hikyaku.Act) (hikyaku.RouteSettings, error) {
	q := request(OpLimit, a)
	q.Route, q.BytesPerSecond = name, bytesPerSecond
	return c.settings(ctx, q)
}

// Bench takes a task out of work.
func (c *Client) Bench(ctx context.Context, taskARN string, a hikyaku.Act) error {
	q := request(OpBench, a)
	q.TaskARN = taskARN
	_, err := c.do(ctx, q)
	return err
}

// Unbench puts a task back to work.
func (c *Client) Unbench(ctx context.Context, taskARN string, a hikyaku.Act) error {
	q := request(OpUnbench, a)
	q.TaskARN = taskARN
	_, err := c.do(ctx, q)
	return err
}

// redriveAtOnce bounds the dead letters of one invocation, which has a minute.
const redriveAtOnce = 200

// RedriveDeadLetters sends dead letters round again, nil for every one, and
// returns how many went.
func (c *Client) RedriveDeadLetters(ctx context.Context, transferIDs []string, a hikyaku.Act) (int, error) {
	q := request(OpRedrive, a)
	redriven := 0
	for q.All = transferIDs == nil; q.All; { // until it is done, or nothing moves
		result, err := c.do(ctx, q)
		redriven += result.Redriven
		if result.Redriven == 0 || hikyaku.KindOf(err) != hikyaku.KindTransient {
			return redriven, err
		}
	}
	for len(transferIDs) > 0 {
		n := min(len(transferIDs), redriveAtOnce)
		q.TransferIDs, transferIDs = transferIDs[:n], transferIDs[n:]
		result, err := c.do(ctx, q)
		redriven += result.Redriven
		if err != nil {
			return redriven, err
		}
	}
	return redriven, nil
}

// DiscardDeadLetter records that nothing follows a dead letter.
func (c *Client) DiscardDeadLetter(ctx context.Context, transferID string, a hikyaku.Act) error {
	q := request(OpDiscard, a)
	q.TransferID = transferID
	_, err := c.do(ctx, q)
	return err
}

// ResendCompletion makes a completion event owed once more.
func (c *Client) ResendCompletion(ctx context.Context, transferID string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error) {
	q := request(OpResend, a)
	q.TransferID, q.Resend = transferID, &r
	return c.transfer(ctx, q)
}
