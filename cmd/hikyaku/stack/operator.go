package stack

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	lambdasdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/lambda"
)

// Operator gives commands to the function operate and IDs to the queue. Who
// gives them is the caller's AWS identity, whatever the Act says.
type Operator struct {
	*lambda.Client

	stack  *Stack
	ledger hikyaku.Ledger

	mu     sync.Mutex // guards what follows
	routes []hikyaku.Route
	read   time.Time
}

// Operator returns an operator. It calls nobody yet.
func (s *Stack) Operator() *Operator {
	o := &Operator{stack: s, ledger: s.Ledger()}
	o.Client = lambda.NewClient(o.invoke)
	return o
}

// throttled retries what surely was not carried out: a command must not be
// given twice because its answer was lost.
func throttled() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		codes := retry.RetryableErrorCode{Codes: map[string]struct{}{"TooManyRequestsException": {}, "ThrottlingException": {}}}
		o.Retryables = []retry.IsErrorRetryable{codes}
	})
}

// invoke carries a request to the function, with the caller's name in it.
func (o *Operator) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var q map[string]json.RawMessage
	if err := json.Unmarshal(payload, &q); err != nil {
		return nil, hikyaku.NewError(hikyaku.CodeFunctionFailed, "name the caller", "", err.Error())
	}
	by, err := json.Marshal(o.stack.Caller(ctx))
	if err != nil {
		return nil, hikyaku.NewError(hikyaku.CodeFunctionFailed, "name the caller", "", err.Error())
	}
	q["by"] = by
	if payload, err = json.Marshal(q); err != nil {
		return nil, hikyaku.NewError(hikyaku.CodeFunctionFailed, "name the caller", "", err.Error())
	}
	return o.stack.invoke(ctx, payload)
}

// invoke calls the function operate.
func (s *Stack) invoke(ctx context.Context, payload []byte) ([]byte, error) {
	client := lambdasdk.NewFromConfig(s.cfg, func(o *lambdasdk.Options) { o.Retryer = throttled() })
	out, err := client.Invoke(ctx, &lambdasdk.InvokeInput{FunctionName: &s.Function, Payload: payload})
	if err != nil {
		if codeOf(err) == "ResourceNotFoundException" {
			e := hikyaku.NewError(hikyaku.CodeFunctionFailed, "invoke", s.Function, "it does not exist")
			e.Err = err
			return nil, e
		}
		return nil, wrap("lambda:InvokeFunction", s.Function, err)
	}
	if out.FunctionError == nil {
		return out.Payload, nil
	}
	var failed struct {
		Type    string `json:"errorType"`    //nolint:tagliatelle // Lambda's names
		Message string `json:"errorMessage"` //nolint:tagliatelle // Lambda's names
	}
	if json.Unmarshal(out.Payload, &failed) != nil || failed.Message == "" {
		failed.Message = *out.FunctionError
	}
	return nil, hikyaku.NewError(hikyaku.CodeFunctionFailed, "invoke", s.Function, strings.TrimPrefix(failed.Type+": "+failed.Message, ": "))
}

// Caller is who the credentials belong to, as AWS calls it: "user/taro",
// "assumed-role/operators/taro". Without an answer it is "operator".
func (s *Stack) Caller(ctx context.Context) string {
	s.who.Lock()
	defer s.who.Unlock()
	if s.name == "" {
		if arn, err := s.identity(ctx); err == nil {
			s.name = arn[strings.LastIndexByte(arn, ':')+1:]
		}
	}
	if s.name == "" {
		return "operator"
	}
	return s.name
}

func (s *Stack) identity(ctx context.Context) (arn string, err error) {
	out, err := sts.NewFromConfig(s.cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", wrap("sts:GetCallerIdentity", s.cfg.Region, err)
	}
	return aws.ToString(out.Arn), nil
}

const (
	// routesAge is how old the routes may be, routesTimeout how long they may
	// be waited for.
	routesAge     = 30 * time.Second
	routesTimeout = 20 * time.Second
)

// Routes are those of the function, or, while it does not answer, what was
// known last or the outputs say.
func (o *Operator) Routes() []hikyaku.Route {
	ctx, cancel := context.WithTimeout(context.Background(), routesTimeout)
	defer cancel()
	if routes, err := o.readRoutes(ctx); err == nil {
		return routes
	}
	return o.lastRoutes()
}

// ReadRoutes implements console.RouteReader. A person who may not invoke the
// function is told what the outputs say.
func (o *Operator) ReadRoutes(ctx context.Context) ([]hikyaku.Route, error) {
	routes, err := o.readRoutes(ctx)
	if hikyaku.CodeOf(err) == hikyaku.CodeCallDenied {
		return o.lastRoutes(), nil
	}
	return routes, err
}

func (o *Operator) lastRoutes() []hikyaku.Route {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.routes == nil {
		return []hikyaku.Route{{Name: o.stack.Route, Source: o.stack.SourceURI, BytesPerSecond: -1}}
	}
	return o.routes
}

// readRoutes asks the function unless it did lately.
func (o *Operator) readRoutes(ctx context.Context) ([]hikyaku.Route, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if age := o.stack.now().Sub(o.read); o.routes != nil && age >= 0 && age < routesAge {
		return o.routes, nil
	}
	routes, err := o.Client.ReadRoutes(ctx)
	if err != nil {
		return nil, err
	}
	o.routes, o.read = routes, o.stack.now()
	return routes, nil
}
