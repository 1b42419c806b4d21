package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/hikyaku/hikyaku"
)

// Operator carries out people's commands on transfers, routes and tasks;
// *dispatch.Dispatcher is one.
type Operator interface {
	Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error)
	Rerun(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error)
	Cancel(ctx context.Context, transferID string, a hikyaku.Act) (hikyaku.Transfer, error)
	PauseRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error)
	ResumeRoute(ctx context.Context, name string, a hikyaku.Act) (hikyaku.RouteSettings, error)
	LimitRoute(ctx context.Context, name string, bytesPerSecond int64, a hikyaku.Act) (hikyaku.RouteSettings, error)
	Bench(ctx context.Context, taskARN string, a hikyaku.Act) error
	Unbench(ctx context.Context, taskARN string, a hikyaku.Act) error
}

// DeadLetterOperator decides about dead letters and completion events, and knows the routes;
// *dispatch.Dispatcher is one.
type DeadLetterOperator interface {
	RedriveDeadLetters(ctx context.Context, transferIDs []string, a hikyaku.Act) (int, error)
	DiscardDeadLetter(ctx context.Context, transferID string, a hikyaku.Act) error
	ResendCompletion(ctx context.Context, transferID string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error)
	Routes() []hikyaku.Route
	// AssignAll and DrainOutbox follow a command that made something ready.
	AssignAll(ctx context.Context) (started int, err error)
	DrainOutbox(ctx context.Context) (sent int, err error)
}

// Operate carries out one command per invocation.
type Operate struct {
	Common
	Operator    Operator
	DeadLetters DeadLetterOperator
	// Route is the stack's, for requests that name none.
	Route string
	// PauseLag is how long the other functions may act on settings they read
	// before; a pause answers after it, so that nothing starts from then on.
	PauseLag time.Duration
}

// Handle carries out a command with the semantics of the console's. What the
// command meets is in the Reply; the error is for what is no request at all.
func (h *Operate) Handle(ctx context.Context, raw json.RawMessage) (Reply, error) {
	defer h.begin(ctx)()
	work, cancel := h.work(ctx)
	defer cancel()
	var q Request
	reply := Reply{Version: ProtocolVersion}
	if err := json.Unmarshal(raw, &q); err != nil {
		reply.Error = faultOf(refused("the request is not valid JSON: " + err.Error()))
		return reply, nil
	}
	if q.Route == "" {
		q.Route = h.Route
	}
	act := hikyaku.Act{By: actor(ctx, q.By), Reason: q.Reason, Force: q.Force, Origin: hikyaku.OriginLambda}
	if q.Origin != "" {
		act.Origin += "/" + q.Origin
	}
	var result Result
	err := h.guard(work, "operate", func(ctx context.Context) (err error) {
		result, err = h.do(ctx, q, act)
		return err
	})
	attrs := []any{
		slog.String("op", string(q.Op)), slog.String("by", act.By), slog.String("transfer_id", q.TransferID),
		slog.String("route", q.Route), slog.String("task_arn", q.TaskARN), slog.String("reason", q.Reason),
	}
	if err != nil {
		reply.Error = faultOf(err)
		h.Logger.WarnContext(ctx, "command refused or failed", append(attrs, errorAttrs(string(q.Op), err)...)...)
	} else {
		h.Logger.InfoContext(ctx, "command carried out", attrs...)
	}
	if err == nil || result.Redriven > 0 {
		reply.Result = &result
	}
	h.follow(ctx, work, q.Op, err)
	return reply, nil
}

// follow starts what the command made ready, as far as time allows.
func (h *Operate) follow(ctx, work context.Context, op Op, failed error) {
	switch op {
	case OpSend, OpRerun, OpCancel, OpRedrive, OpResume, OpUnbench, OpResend:
	default:
		return
	}
	if failed != nil && op != OpRedrive {
		return
	}
	err := h.within(ctx, "follow", func(context.Context) error {
		_, err := h.DeadLetters.AssignAll(work)
		if h.Meter.Owed() || op == OpResend { // what is owed already is due at once
			_, drainErr := h.DeadLetters.DrainOutbox(work)
			err = errors.Join(err, drainErr)
		}
		return err
	})
	if err != nil {
		h.Logger.WarnContext(ctx, "not all was started; the next sweep goes on", errorAttrs("follow", err)...)
	}
}

// do carries out a command.
func (h *Operate) do(ctx context.Context, q Request, act hikyaku.Act) (Result, error) {
	if err := q.check(); err != nil {
		return Result{}, err
	}
	switch q.Op {
	case OpSend:
		return ofTransfer(h.Operator.Send(ctx, *q.Send, act))
	case OpRerun:
		return ofTransfer(h.Operator.Rerun(ctx, q.TransferID, act))
	case OpCancel:
		return ofTransfer(h.Operator.Cancel(ctx, q.TransferID, act))
	case OpRedrive:
		ids := q.TransferIDs
		if q.All {
			ids = nil
		}
		n, err := h.DeadLetters.RedriveDeadLetters(ctx, ids, act)
		return Result{Redriven: n}, err
	case OpDiscard:
		return Result{}, h.DeadLetters.DiscardDeadLetter(ctx, q.TransferID, act)
	case OpResend:
		var which hikyaku.Resend
		if q.Resend != nil {
			which = *q.Resend
		}
		return ofTransfer(h.DeadLetters.ResendCompletion(ctx, q.TransferID, which, act))
	case OpPause, OpResume, OpLimit:
		return h.change(ctx, q, act)
	case OpBench:
		return Result{}, h.Operator.Bench(ctx, q.TaskARN, act)
	case OpUnbench:
		return Result{}, h.Operator.Unbench(ctx, q.TaskARN, act)
	case OpRoutes:
		var result Result
		for _, r := range h.DeadLetters.Routes() {
			result.Routes = append(result.Routes, routeInfo(r))
		}
		return result, nil
	}
	return Result{}, refused(fmt.Sprintf("op %q is not known", q.Op))
}

// change changes a route's settings: the document first, which is the truth,
// then the ledger, where dispatchers read them.
func (h *Operate) change(ctx context.Context, q Request, act hikyaku.Act) (Result, error) {
	if h.Settings != nil && q.Route == h.Route {
		err := h.Settings.Change(ctx, act, func(d *Document) {
			switch q.Op { //nolint:exhaustive // those that change settings
			case OpPause:
				d.Paused, d.PausedReason = true, act.Reason
			case OpResume:
				d.Paused, d.PausedReason = false, ""
			case OpLimit:
				d.BytesPerSecond = &q.BytesPerSecond
			}
		})
		if err != nil {
			return Result{}, err
		}
	}
	switch q.Op { //nolint:exhaustive // those that change settings
	case OpPause:
		s, err := h.Operator.PauseRoute(ctx, q.Route, act)
		if err == nil {
			err = h.pauseInForce(ctx)
		}
		return ofSettings(s, err)
	case OpResume:
		return ofSettings(h.Operator.ResumeRoute(ctx, q.Route, act))
	}
	return ofSettings(h.Operator.LimitRoute(ctx, q.Route, q.BytesPerSecond, act))
}

// pauseInForce returns when no function acts on settings from before.
func (h *Operate) pauseInForce(ctx context.Context) error {
	lag := time.NewTimer(h.PauseLag)
	defer lag.Stop()
	select {
	case <-lag.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the route is paused, but functions that run may still start transfers: %w", ctx.Err())
	}
}

func ofTransfer(t hikyaku.Transfer, err error) (Result, error) { return Result{Transfer: &t}, err }

func ofSettings(s hikyaku.RouteSettings, err error) (Result, error) { return Result{Settings: &s}, err }

// maxReason bounds a reason: the settings document has 4 KB in all.
const maxReason = 500

// check refuses a request that lacks what its command needs.
func (q Request) check() error {
	missing := ""
	switch q.Op { //nolint:exhaustive // the others need nothing
	case OpSend:
		if q.Send == nil {
			missing = "send"
		}
	case OpRerun, OpCancel, OpDiscard, OpResend:
		if q.TransferID == "" {
			missing = "transfer_id"
		}
	case OpRedrive:
		if q.All == (len(q.TransferIDs) > 0) {
			return refused("redrive: give transfer_ids, or all, and not both")
		}
	case OpBench, OpUnbench:
		if q.TaskARN == "" {
			missing = "task_arn"
		}
	case OpLimit:
		if q.BytesPerSecond < -1 || q.BytesPerSecond == 0 {
			return hikyaku.NewError(hikyaku.CodeBandwidthRefused, "limit route", q.Route, fmt.Sprintf("%d bytes per second", q.BytesPerSecond))
		}
	}
	switch {
	case missing != "":
		return refused(string(q.Op) + ": " + missing + " is missing")
	case q.Version != 0 && q.Version != ProtocolVersion:
		return refused(fmt.Sprintf("version %d is not known; this function speaks %d", q.Version, ProtocolVersion))
	case len(q.Reason) > maxReason:
		return refused(fmt.Sprintf("the reason has %d bytes; use %d at most", len(q.Reason), maxReason))
	}
	return nil
}

func refused(message string) error {
	return &hikyaku.Error{Kind: hikyaku.KindInvalid, Message: message}
}

// ClientContextBy is the member of the client context's custom part that names
// the person, for callers that cannot write it into the request.
const ClientContextBy = "hikyaku-by"

// actor is who gave the command.
func actor(ctx context.Context, by string) string {
	if by != "" {
		return by
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		if name := lc.ClientContext.Custom[ClientContextBy]; name != "" {
			return name
		}
	}
	return "operator"
}
