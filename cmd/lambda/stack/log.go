package stack

import (
	"context"
	"io"
	"log/slog"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// newLogger writes a line of JSON for each record, with stack, function and,
// during an invocation, its request ID.
func newLogger(c Config, out io.Writer) *slog.Logger {
	h := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: c.LogLevel})
	return slog.New(invocation{h}).With(slog.String("stack", c.Stack), slog.String("function", string(c.Function)))
}

// invocation adds the invocation's request ID to each line.
type invocation struct{ slog.Handler }

// Handle implements slog.Handler.
func (h invocation) Handle(ctx context.Context, r slog.Record) error {
	r = flat(r)
	if lc, ok := lambdacontext.FromContext(ctx); ok && lc.AwsRequestID != "" {
		r.AddAttrs(slog.String("request_id", lc.AwsRequestID))
	}
	return h.Handler.Handle(ctx, r)
}

// transferGroup is the group in which dispatch puts what it says of a transfer.
const transferGroup = "transfer"

// flat takes a transfer's attributes out of their group, so that transfer_id,
// id, execution_arn and lease_token have one name in every line.
func flat(r slog.Record) slog.Record {
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == transferGroup && a.Value.Kind() == slog.KindGroup {
			a.Key = "" // handlers inline a group without a name
		}
		out.AddAttrs(a)
		return true
	})
	return out
}

// WithAttrs implements slog.Handler.
func (h invocation) WithAttrs(attrs []slog.Attr) slog.Handler {
	return invocation{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h invocation) WithGroup(name string) slog.Handler { return invocation{h.Handler.WithGroup(name)} }

// logCalls writes a line for every AWS call at debug level. Tests hold what is
// called against Actions by it.
func logCalls(cfg *aws.Config, log *slog.Logger) {
	note := middleware.FinalizeMiddlewareFunc("hikyakuCalls", func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
		middleware.FinalizeOutput, middleware.Metadata, error,
	) {
		log.DebugContext(ctx, "aws call", slog.String("service", awsmiddleware.GetServiceID(ctx)), slog.String("operation", awsmiddleware.GetOperationName(ctx)))
		return next.HandleFinalize(ctx, in)
	})
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error { return s.Finalize.Add(note, middleware.Before) })
}
