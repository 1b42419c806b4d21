package stack

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/hikyaku/hikyaku/datasync"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

// How long the lease of an ordered start lasts, which passes through a state
// machine, and how long after its order the start may be made: with the time
// that the call itself may take, less.
const (
	orderLease  = 2 * time.Minute
	orderWithin = 45 * time.Second
)

// openSteps puts the state machine before the executor.
func (s *Stack) openSteps(awsCfg aws.Config) {
	client := sfn.NewFromConfig(awsCfg)
	s.parking = &stepfunctions.Parking{Table: dynamodb.NewFromConfig(awsCfg), TableName: s.Config.Table, API: client, Now: time.Now}
	s.steps = stepfunctions.New(s.executor, stepfunctions.Options{
		API: client, StateMachineARN: s.Config.StateMachine, Parking: s.parking, Request: s.executor.Request, Within: orderWithin, Now: time.Now,
	})
}

// parked keeps the parked executions of a state machine; nil without one.
func (s *Stack) parked() *lambda.ParkedKeeper {
	if s.parking == nil {
		return nil
	}
	return &lambda.ParkedKeeper{Parking: s.parking, Transfers: s.ledger}
}

// Steps is the handler of the function of that name.
func (s *Stack) Steps() *lambda.Steps {
	return &lambda.Steps{
		Common: s.common(), Dispatcher: s.dispatcher, Transfers: s.ledger, Parking: s.parking, Follow: s.steps.Follow,
		Described: datasync.Described, StartFailed: datasync.StartFailed, PollMin: s.Config.Poll, PollMax: max(s.Config.Poll, maxPoll*time.Second),
	}
}
