package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"

	"github.com/hikyaku/hikyaku"
)

// API is the part of *sfn.Client that is used.
type API interface {
	StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error)
	SendTaskSuccess(context.Context, *sfn.SendTaskSuccessInput, ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error)
}

// Options say where executions are started. All are required.
type Options struct {
	API API
	// StateMachineARN of deploy/statemachine.asl.yaml.
	StateMachineARN string
	Parking         *Parking
	// Request writes DataSync's StartTaskExecution for a start.
	Request func(hikyaku.Start) (json.RawMessage, error)
	// Within is how long after an order its start may be made: less than a
	// start's lease lasts, by the time that a start may take.
	Within time.Duration
	Now    func() time.Time
}

// Executor is a DataSync executor whose starts are made by the state machine.
// Its methods may be called concurrently.
type Executor struct {
	hikyaku.Executor
	opts Options
}

var _ hikyaku.Executor = (*Executor)(nil)

// New returns an executor in front of x, which does everything but start.
func New(x hikyaku.Executor, o Options) *Executor {
	return &Executor{Executor: x, opts: o}
}

// Start hands the start to the state machine and returns
// hikyaku.ErrHandedOver: to the execution that parked the transfer, or to a new
// one, whose name is the attempt's, so that there is only one whatever happens.
func (e *Executor) Start(ctx context.Context, s hikyaku.Start) (string, error) {
	request, err := e.opts.Request(s)
	if err != nil {
		return "", err
	}
	order := Order{
		TransferID: s.Tags[hikyaku.TagTransfer], TaskARN: s.TaskARN, Tags: s.Tags, BytesPerSecond: s.BytesPerSecond,
		NotAfter: e.opts.Now().UTC().Add(e.opts.Within), Request: request,
	}
	if attempt, err := strconv.Atoi(s.Tags[hikyaku.TagAttempt]); err == nil && attempt > 1 {
		woken, err := e.opts.Parking.Wake(ctx, order.TransferID, State{Order: order, Step: Step{Next: NextStart}})
		if err != nil {
			return "", err
		}
		if woken {
			return "", hikyaku.ErrHandedOver
		}
	}
	if err := e.begin(ctx, order.TransferID+"-"+s.Tags[hikyaku.TagAttempt], State{Order: order}); err != nil {
		return "", err
	}
	return "", hikyaku.ErrHandedOver
}

// Follow begins an execution that goes on where the one named name is, which
// is to end. Doing it twice is doing it once.
func (e *Executor) Follow(ctx context.Context, name string, s State) error {
	return e.begin(ctx, following(name), s)
}

// following is the next name after name: "T-1" is followed by "T-1.1", "T-1.2".
func following(name string) string {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] != '.' {
			continue
		}
		if n, err := strconv.Atoi(name[i+1:]); err == nil {
			return name[:i+1] + strconv.Itoa(n+1)
		}
		break
	}
	return name + ".1"
}

// begin starts an execution of the state machine unless there is, or was, one
// of that name.
func (e *Executor) begin(ctx context.Context, name string, s State) error {
	input, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write input of execution %s: %w", name, err)
	}
	_, err = e.opts.API.StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: &e.opts.StateMachineARN, Name: &name, Input: aws.String(string(input)),
	})
	if _, exists := errors.AsType[*types.ExecutionAlreadyExists](err); exists {
		return nil
	}
	return wrap("start execution of state machine", name, err)
}

// wrap puts a call's error into hikyaku's words. What the service did not
// refuse it may have done.
func wrap(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	e := &hikyaku.Error{Kind: hikyaku.KindTransient, Op: op, Subject: subject, Err: err}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorFault() == smithy.FaultServer {
		return &hikyaku.UnclearError{Err: e}
	}
	switch api.ErrorCode() {
	case "ExecutionLimitExceeded", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "KmsThrottlingException":
	case "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "KmsAccessDeniedException":
		e.Kind = hikyaku.KindDenied
	case "StateMachineDoesNotExist", "StateMachineDeleting", "InvalidArn", "InvalidExecutionInput", "InvalidName", "ValidationException", "KmsInvalidStateException":
		e.Kind = hikyaku.KindInvalid
	default: // an unknown fault of a proxy, say
		if api.ErrorFault() != smithy.FaultClient {
			return &hikyaku.UnclearError{Err: e}
		}
		e.Kind = hikyaku.KindInvalid
	}
	return e
}

// Describe returns what the state machine saw, where ctx carries it
// (WithExecution), and asks DataSync otherwise.
func (e *Executor) Describe(ctx context.Context, executionARN string) (hikyaku.Execution, error) {
	if x, ok := ctx.Value(seen{}).(hikyaku.Execution); ok && x.ARN == executionARN {
		return x, nil
	}
	return e.Executor.Describe(ctx, executionARN)
}

// seen is the key of an execution in a context.
type seen struct{}

// WithExecution returns a context that carries an execution as it was
// described just now, for Describe.
func WithExecution(ctx context.Context, x hikyaku.Execution) context.Context {
	return context.WithValue(ctx, seen{}, x)
}

// over reports that a token's execution does not wait any more.
func over(err error) bool {
	if _, timedOut := errors.AsType[*types.TaskTimedOut](err); timedOut {
		return true
	}
	if _, gone := errors.AsType[*types.TaskDoesNotExist](err); gone {
		return true
	}
	_, invalid := errors.AsType[*types.InvalidToken](err)
	return invalid
}
