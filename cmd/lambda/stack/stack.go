package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	datasyncsdk "github.com/aws/aws-sdk-go-v2/service/datasync"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	s3sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	sqssdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/source"
	"github.com/hikyaku/hikyaku/sqs"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

// How DataSync is called: its limits are the account's, shared by everything
// in the region, so that one environment takes few of them and at most so many
// at once. Beyond that the client slows down by itself when it is throttled.
const (
	dataSyncPerSecond = 10
	dataSyncBurst     = 20
	dataSyncTimeout   = 10 * time.Second
	// startLease is how long a task waits for a function that was killed while
	// it started an execution there: no start is on its way any more by then.
	startLease = 3 * dataSyncTimeout
	workers    = 8
	// readAhead is twice that: each transfer read from the head of the queue
	// costs half a read unit, and an invocation starts few.
	readAhead = 2 * workers
)

// Stack is one function's environment: everything that lives as long as the
// process does.
type Stack struct {
	Config     Config
	log        *slog.Logger
	meter      *lambda.Meter
	ledger     *lambda.Gather
	executor   *datasync.Executor
	parameters *parameters
	dispatcher *dispatch.Dispatcher
	settings   *lambda.Settings
	// steps and parking exist where a state machine drives transfers.
	steps   *stepfunctions.Executor
	parking *stepfunctions.Parking
}

// Open reads the environment and wires the function f. It calls nobody, so
// that a cold start is quick; logs and metrics go to out, one write a line.
func Open(ctx context.Context, f Function, getenv func(string) string, out io.Writer) (*Stack, error) {
	c, err := Load(f, getenv)
	if err != nil {
		return nil, err
	}
	awsCfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	s := &Stack{Config: c, log: newLogger(c, out)}
	logCalls(&awsCfg, s.log)
	s.meter = lambda.NewMeter(lambda.MeterOptions{Stack: c.Stack, Route: c.Route.Name, Out: out, Now: time.Now})
	s.parameters = &parameters{ssm.NewFromConfig(awsCfg)}
	s.ledger = lambda.NewGather(lambda.Observe(dynamo.New(dynamo.Config{
		Client: dynamodb.NewFromConfig(awsCfg), Table: c.Table, Now: time.Now, Retention: c.Retention,
	}), s.log, s.meter))
	s.executor = datasync.New(datasyncsdk.NewFromConfig(awsCfg), s.executorOptions())
	if c.StateMachine != "" {
		s.openSteps(awsCfg)
	}
	if err := s.dispatch(ctx, awsCfg); err != nil {
		return nil, err
	}
	if c.Settings != "" {
		s.settings = lambda.NewSettings(lambda.SettingsOptions{
			Parameters: s.parameters, Name: c.Settings, Route: c.Route, Dispatcher: s.dispatcher, Ledger: s.ledger, Now: time.Now, Logger: s.log,
		})
	}
	return s, nil
}

func (s *Stack) executorOptions() datasync.Options {
	o := datasync.Options{Limiter: rate.NewLimiter(dataSyncPerSecond, dataSyncBurst), Timeout: dataSyncTimeout}
	if s.Config.ReportBucket != "" {
		o.Reports = &datasync.Reports{Bucket: s.Config.ReportBucket, Prefix: s.Config.Route.Name, RoleARN: s.Config.ReportRole}
	}
	return o
}

// milliseconds is the dispatcher's clock: a finer one is more to store in every
// write of a transfer, and the table is paid for by the kilobyte.
func milliseconds() time.Time { return time.Now().Truncate(time.Millisecond) }

// dispatch makes the dispatcher. The function agents only looks at agents and
// has neither queues nor a source.
func (s *Stack) dispatch(ctx context.Context, awsCfg aws.Config) error {
	o := dispatch.Options{
		Ledger: s.ledger, Executor: s.executor, Routes: []hikyaku.Route{s.Config.Route}, DefaultRoute: s.Config.Route.Name,
		Now: milliseconds, NewID: func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() },
		Logger: s.log, Workers: workers, ReadAhead: readAhead, StartTimeout: dataSyncTimeout, StartLease: startLease, LogURL: consoleURL,
	}
	if s.steps != nil {
		o.Executor, o.StartLease = s.steps, orderLease
	}
	if s.Config.Function != Agents {
		deadLetters, err := sqs.Open(ctx, sqssdk.NewFromConfig(awsCfg), sqs.Options{URL: s.Config.DLQURL})
		if err != nil {
			return fmt.Errorf("open dead-letter queue: %w", err)
		}
		o.DeadLetters = map[string]hikyaku.Queue{s.Config.Route.Queue: deadLetters}
		if o.Completions, err = s.completions(ctx, awsCfg); err != nil {
			return fmt.Errorf("open the target of completion events: %w", err)
		}
		o.Source = source.New(s3sdk.NewFromConfig(awsCfg, func(o *s3sdk.Options) { o.UsePathStyle = s.Config.PathStyle }), source.Options{})
	}
	s.dispatcher = dispatch.New(o)
	return nil
}

func (s *Stack) common() lambda.Common {
	return lambda.Common{Logger: s.log, Now: time.Now, Settings: s.settings, Meter: s.meter}
}

func (s *Stack) levels() *lambda.Levels {
	return &lambda.Levels{Ledger: s.ledger, Meter: s.meter, Route: s.Config.Route.Name, Now: time.Now}
}

// Intake is the handler of the function of that name.
func (s *Stack) Intake() *lambda.Intake {
	return &lambda.Intake{Common: s.common(), Dispatcher: s.dispatcher, Gather: s.ledger}
}

// Refresh is the handler of the function of that name.
func (s *Stack) Refresh() *lambda.Refresh {
	return &lambda.Refresh{
		Common: s.common(), Dispatcher: s.dispatcher, Levels: s.levels(), Parked: s.parked(),
		Pool: &lambda.PoolKeeper{
			Dispatcher: s.dispatcher, Parameters: s.parameters, Describe: s.executor.Task, Path: s.Config.PoolPath,
			Route: s.Config.Route.Name, Source: s.Config.SourceLocation, Now: time.Now, Logger: s.log,
		},
	}
}

// Agents is the handler of the function of that name.
func (s *Stack) Agents() *lambda.Agents {
	return &lambda.Agents{Common: s.common(), Dispatcher: s.dispatcher, Levels: s.levels()}
}

// Operate is the handler of the function of that name.
func (s *Stack) Operate() *lambda.Operate {
	return &lambda.Operate{
		Common: s.common(), Operator: s.dispatcher, DeadLetters: s.dispatcher, Route: s.Config.Route.Name, PauseLag: dispatch.ViewAge,
	}
}
