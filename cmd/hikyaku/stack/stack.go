package stack

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
)

// Options say which stack, and as whom. Name and Now are required.
type Options struct {
	Name string
	// Profile and Region override those of the environment.
	Profile, Region string
	Now             func() time.Time
}

// Outputs are the stack's, by what they are for. Those after Function may be
// empty in a stack of another version.
type Outputs struct {
	Route, QueueURL, DLQURL, Table, Function string

	DLQARN, Settings, PoolPath, SourceLocation, SourceURI, AlarmTopic, ReportBucket string
}

// Stack is a deployment. Its methods may be called concurrently.
type Stack struct {
	Name string
	// Status is CloudFormation's.
	Status string
	Outputs

	cfg  aws.Config
	now  func() time.Time
	who  sync.Mutex // guards name
	name string     // of the caller, once it was asked for
}

// Open loads the credentials by AWS's normal chain and reads the stack's outputs.
func Open(ctx context.Context, o Options) (*Stack, error) {
	cfg, err := Config(ctx, o.Profile, o.Region)
	if err != nil {
		return nil, err
	}
	s := &Stack{Name: o.Name, cfg: cfg, now: o.Now}
	out, err := cloudformation.NewFromConfig(cfg).DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &o.Name})
	if err != nil {
		return nil, s.stackError(err)
	}
	if len(out.Stacks) == 0 {
		return nil, s.notFound(nil)
	}
	return s, s.take(out.Stacks[0])
}

// Config loads credentials and region by AWS's normal chain, and makes sure
// that there are both.
func Config(ctx context.Context, profile, region string) (aws.Config, error) {
	var opts []func(*awsconfig.LoadOptions) error
	if region != "" {
		opts = append(opts, awsconfig.WithRegion(region))
	}
	if profile != "" {
		opts = append(opts, awsconfig.WithSharedConfigProfile(profile))
	}
	refuse := func(message string, err error) error {
		e := hikyaku.NewError(hikyaku.CodeNoCredentials, "load AWS credentials", profile, message)
		e.Err = err
		return e
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	switch {
	case err != nil:
		return cfg, refuse("", err)
	case cfg.Region == "":
		return cfg, refuse("no region is set: use --region, AWS_REGION or the profile's", nil)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, refuse("", err)
	}
	return cfg, nil
}

// stackError puts a failed DescribeStacks into hikyaku's words.
func (s *Stack) stackError(err error) error {
	// CloudFormation has no code of its own for a stack that is not there; a
	// name that cannot be one gets the same.
	if codeOf(err) == "ValidationError" {
		return s.notFound(err)
	}
	return wrap("cloudformation:DescribeStacks", s.Name, err)
}

func (s *Stack) notFound(err error) error {
	e := hikyaku.NewError(hikyaku.CodeStackNotFound, "find stack", s.Name, "region "+s.cfg.Region)
	e.Err = err
	return e
}

// take takes over what CloudFormation says of the stack.
func (s *Stack) take(stack types.Stack) error {
	s.Status = string(stack.StackStatus)
	values := map[string]string{}
	for _, o := range stack.Outputs {
		values[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	var missing []string
	for name, into := range s.required() {
		if *into = values[name]; *into == "" {
			missing = append(missing, name)
		}
	}
	for name, into := range s.optional() {
		*into = values[name]
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return hikyaku.NewError(hikyaku.CodeStackUnfit, "use stack", s.Name,
			"its status is "+s.Status+" and it has no output "+strings.Join(missing, ", ")+"; it has "+listed(values))
	}
	return nil
}

// required are the outputs without which nothing works, by name.
func (o *Outputs) required() map[string]*string {
	return map[string]*string{
		"RouteName": &o.Route, "QueueUrl": &o.QueueURL, "DeadLetterQueueUrl": &o.DLQURL, "TableName": &o.Table, "OperateFunctionName": &o.Function,
	}
}

// optional are the other outputs.
func (o *Outputs) optional() map[string]*string {
	return map[string]*string{
		"DeadLetterQueueArn": &o.DLQARN, "SettingsParameterName": &o.Settings, "PoolPath": &o.PoolPath,
		"SourceLocationArn": &o.SourceLocation, "SourceUri": &o.SourceURI, "AlarmTopicArn": &o.AlarmTopic,
		"ReportBucketName": &o.ReportBucket,
	}
}

// OutputNames are the names of the outputs that a stack is asked for. The
// template is held against them by a test.
func OutputNames() []string {
	var o Outputs
	return slices.Sorted(maps.Keys(merged(o.required(), o.optional())))
}

func merged(a, b map[string]*string) map[string]*string {
	maps.Copy(a, b)
	return a
}

func listed(values map[string]string) string {
	if len(values) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(values)), ", ")
}

// Region is where the stack is.
func (s *Stack) Region() string { return s.cfg.Region }

// Ledger reads the stack's table. Commit is refused: the functions alone write.
func (s *Stack) Ledger() hikyaku.Ledger {
	return reader{dynamo.New(dynamo.Config{Client: dynamodb.NewFromConfig(s.cfg), Table: s.Table, Now: s.now}), s.Table}
}

// reader is a ledger that is only read, and whose errors are in hikyaku's words.
type reader struct {
	ledger *dynamo.Ledger
	table  string
}

var _ hikyaku.PrefixSearcher = reader{}

// SearchesByPrefix implements hikyaku.PrefixSearcher.
func (r reader) SearchesByPrefix() bool { return r.ledger.SearchesByPrefix() }

func (r reader) said(err error) error {
	if err == nil || errors.Is(err, hikyaku.ErrNotFound) {
		return err
	}
	if codeOf(err) == "ResourceNotFoundException" {
		e := hikyaku.NewError(hikyaku.CodeTableMissing, "read table", r.table, "")
		e.Err = err
		return e
	}
	return wrap("dynamodb:Query, GetItem", r.table, err)
}

// Commit implements hikyaku.Ledger; it refuses.
func (r reader) Commit(context.Context, hikyaku.Change) error {
	return &hikyaku.Error{Kind: hikyaku.KindDenied, Op: "write table", Subject: r.table, Message: "it is only read from here"}
}

// Transfer implements hikyaku.Ledger.
func (r reader) Transfer(ctx context.Context, transferID string) (hikyaku.Transfer, error) {
	t, err := r.ledger.Transfer(ctx, transferID)
	return t, r.said(err)
}

// Transfers implements hikyaku.Ledger.
func (r reader) Transfers(ctx context.Context, q hikyaku.Query) (hikyaku.Page, error) {
	p, err := r.ledger.Transfers(ctx, q)
	return p, r.said(err)
}

// Events implements hikyaku.Ledger.
func (r reader) Events(ctx context.Context, transferID string, after int64) ([]hikyaku.Event, error) {
	e, err := r.ledger.Events(ctx, transferID, after)
	return e, r.said(err)
}

// Ready implements hikyaku.Ledger.
func (r reader) Ready(ctx context.Context, route string, now time.Time, limit int) ([]hikyaku.Transfer, error) {
	t, err := r.ledger.Ready(ctx, route, now, limit)
	return t, r.said(err)
}

// Pool implements hikyaku.Ledger.
func (r reader) Pool(ctx context.Context, route string) (hikyaku.Pool, error) {
	p, err := r.ledger.Pool(ctx, route)
	return p, r.said(err)
}

// Outbox implements hikyaku.Ledger.
func (r reader) Outbox(ctx context.Context, q hikyaku.OutboxQuery) ([]hikyaku.OutboxEntry, error) {
	o, err := r.ledger.Outbox(ctx, q)
	return o, r.said(err)
}

// Stats implements hikyaku.Ledger.
func (r reader) Stats(ctx context.Context) (hikyaku.Stats, error) {
	s, err := r.ledger.Stats(ctx)
	return s, r.said(err)
}
