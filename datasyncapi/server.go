package datasyncapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hikyaku/hikyaku/awsjson"
	"github.com/hikyaku/hikyaku/mover"
)

// Options configure the server. All but AllowHost are required.
type Options struct {
	Mover    *mover.Service
	Verifier *awsjson.Verifier
	// AllowHost decides by the Host header whether to answer; nil allows all.
	AllowHost func(host string) bool
	Logger    *slog.Logger
	Now       func() time.Time
}

// New returns the handler of the DataSync endpoint.
func New(opts Options) *awsjson.Server {
	a := &api{mover: opts.Mover, rules: newRules()}
	return awsjson.NewServer(awsjson.Options{
		Service: "datasync", TargetPrefix: "FmrsService", Version: "1.1",
		Operations: a.operations(), Verifier: opts.Verifier, MapError: mapError,
		AllowHost: opts.AllowHost, Logger: opts.Logger, Now: opts.Now,
	})
}

// api turns requests into calls of the mover.
type api struct {
	mover *mover.Service
	rules rules
}

// request is a decoded request that can check itself against the model.
type request interface{ check(c *checker) }

// handler returns an operation's handler: decode, check, do.
func handler[T any, P interface {
	*T
	request
}](a *api, do func(ctx context.Context, in P) (any, error)) func(context.Context, *awsjson.Request) (any, error) {
	return func(ctx context.Context, r *awsjson.Request) (any, error) {
		in := P(new(T))
		if err := r.Decode(in); err != nil {
			return nil, err
		}
		c := &checker{rules: &a.rules}
		if in.check(c); c.err != nil {
			return nil, c.err
		}
		return do(ctx, in)
	}
}

// operations is the service's table: what the mover does, and a refusal by
// name for everything else DataSync has.
func (a *api) operations() []awsjson.Operation {
	read := []awsjson.Scope{awsjson.ScopeViewer}
	change := []awsjson.Scope{awsjson.ScopeOperator}
	ops := []awsjson.Operation{
		{Name: "CreateLocationS3", Scopes: change, Handle: handler(a, a.createLocationS3)},
		{Name: "CreateLocationObjectStorage", Scopes: change, Handle: handler(a, a.createLocationObjectStorage)},
		{Name: "DescribeLocationS3", Scopes: read, Handle: handler(a, a.describeLocationS3)},
		{Name: "DescribeLocationObjectStorage", Scopes: read, Handle: handler(a, a.describeLocationObjectStorage)},
		{Name: "UpdateLocationS3", Scopes: change, Handle: handler(a, a.updateLocationS3)},
		{Name: "UpdateLocationObjectStorage", Scopes: change, Handle: handler(a, a.updateLocationObjectStorage)},
		{Name: "DeleteLocation", Scopes: change, Handle: handler(a, a.deleteLocation)},
		{Name: "ListLocations", Scopes: read, Handle: handler(a, a.listLocations)},
		{Name: "CreateTask", Scopes: change, Handle: handler(a, a.createTask)},
		{Name: "DescribeTask", Scopes: read, Handle: handler(a, a.describeTask)},
		{Name: "UpdateTask", Scopes: change, Handle: handler(a, a.updateTask)},
		{Name: "DeleteTask", Scopes: change, Handle: handler(a, a.deleteTask)},
		{Name: "ListTasks", Scopes: read, Handle: handler(a, a.listTasks)},
		{Name: "StartTaskExecution", Scopes: change, Handle: handler(a, a.startTaskExecution)},
		{Name: "DescribeTaskExecution", Scopes: read, Handle: handler(a, a.describeTaskExecution)},
		{Name: "ListTaskExecutions", Scopes: read, Handle: handler(a, a.listTaskExecutions)},
		{Name: "UpdateTaskExecution", Scopes: change, Handle: handler(a, a.updateTaskExecution)},
		{Name: "CancelTaskExecution", Scopes: change, Handle: handler(a, a.cancelTaskExecution)},
		{Name: "ListAgents", Scopes: read, Handle: handler(a, a.listAgents)},
		{Name: "DescribeAgent", Scopes: read, Handle: handler(a, a.describeAgent)},
		{Name: "UpdateAgent", Scopes: change, Handle: handler(a, a.updateAgent)},
		{Name: "TagResource", Scopes: change, Handle: handler(a, a.tagResource)},
		{Name: "UntagResource", Scopes: change, Handle: handler(a, a.untagResource)},
		{Name: "ListTagsForResource", Scopes: read, Handle: handler(a, a.listTagsForResource)},
	}
	for _, o := range Operations() {
		if !o.Supported() {
			ops = append(ops, awsjson.Operation{Name: o.Name, Scopes: read, Handle: refuse(o)})
		}
	}
	return ops
}

func refuse(o Operation) func(context.Context, *awsjson.Request) (any, error) {
	return func(context.Context, *awsjson.Request) (any, error) {
		return nil, &mover.Error{Kind: mover.Invalid, Code: "NotSupported", Message: o.Name + " is not supported by this server: " + o.Refusal + "."}
	}
}

// mapError gives the mover's refusals their shape on the wire.
func mapError(err error) *awsjson.Error {
	if _, ok := errors.AsType[*awsjson.Error](err); ok {
		return nil // the edge's own: it knows
	}
	e, ok := errors.AsType[*mover.Error](err)
	if !ok {
		e = &mover.Error{Kind: mover.Internal, Code: "InternalError", Message: "internal failure, try again", Err: err}
	}
	if e.Kind == mover.Internal {
		return &awsjson.Error{
			Status: http.StatusInternalServerError, Type: "InternalException", Message: e.Message,
			Fields: map[string]any{"errorCode": e.Code}, Err: e.Err,
		}
	}
	return &awsjson.Error{
		Type: "InvalidRequestException", Message: e.Message,
		Fields: map[string]any{"errorCode": e.Code, "datasyncErrorCode": e.Code}, Err: e.Err,
	}
}
