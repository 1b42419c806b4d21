package stepfunctions_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

const region = "eu-west-1"

// world is moto with a table, and a state machine that only waits.
type world struct {
	sfn     *sfn.Client
	machine string
	parking *stepfunctions.Parking
}

func newWorld(t *testing.T) *world {
	t.Helper()
	moto := mototest.Start(t)
	mototest.RunStateMachines(t, moto)
	keys := credentials.NewStaticCredentialsProvider("k", "s", "")
	db := dynamodb.New(dynamodb.Options{BaseEndpoint: &moto, Region: region, Credentials: keys})
	_, err := db.CreateTable(t.Context(), dynamo.TableInput("hikyaku"))
	must(t, err)
	w := &world{sfn: sfn.New(sfn.Options{BaseEndpoint: &moto, Region: region, Credentials: keys})}
	made, err := w.sfn.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("m"), RoleArn: aws.String("arn:aws:iam::123456789012:role/m"),
		Definition: aws.String(`{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": true}}}`),
	})
	must(t, err)
	w.machine = *made.StateMachineArn
	w.parking = &stepfunctions.Parking{Table: db, TableName: "hikyaku", API: w.sfn, Now: time.Now}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) executor(api stepfunctions.API, machine string) *stepfunctions.Executor {
	return stepfunctions.New(hikyakutest.NewExecutor(time.Now), stepfunctions.Options{
		API: api, StateMachineARN: machine, Parking: w.parking, Within: time.Minute, Now: time.Now,
		Request: func(s hikyaku.Start) (json.RawMessage, error) {
			return json.Marshal(map[string]string{"TaskArn": s.TaskARN})
		},
	})
}

// names are those of all executions.
func (w *world) names(t *testing.T) []string {
	t.Helper()
	out, err := w.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &w.machine})
	must(t, err)
	var all []string
	for _, e := range out.Executions {
		all = append(all, *e.Name)
	}
	slices.Sort(all)
	return all
}

func start(attempt string) hikyaku.Start {
	return hikyaku.Start{TaskARN: "arn:task", Tags: map[string]string{hikyaku.TagTransfer: "T", hikyaku.TagAttempt: attempt, hikyaku.TagToken: "1"}}
}

func TestExecutor_Start(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	x := w.executor(w.sfn, w.machine)
	for range 2 { // the same attempt is the same execution
		if _, err := x.Start(t.Context(), start("1")); !errors.Is(err, hikyaku.ErrHandedOver) {
			t.Fatalf("%v, want it handed over", err)
		}
	}
	must(t, x.Follow(t.Context(), "T-1", stepfunctions.State{}))
	must(t, x.Follow(t.Context(), "T-1", stepfunctions.State{}))
	must(t, x.Follow(t.Context(), "T-1.1", stepfunctions.State{}))
	// The next attempt's token is of an execution that is gone.
	must(t, w.parking.Park(t.Context(), "T", "no such token", 7))
	if _, err := x.Start(t.Context(), start("2")); !errors.Is(err, hikyaku.ErrHandedOver) {
		t.Fatalf("%v, want it handed over", err)
	}
	if got, want := w.names(t), []string{"T-1", "T-1.1", "T-1.2", "T-2"}; !slices.Equal(got, want) {
		t.Errorf("executions %v, want %v", got, want)
	}
	if parked, err := w.parking.Parked(t.Context()); err != nil || len(parked) != 0 {
		t.Errorf("parked %v, %v", parked, err)
	}
}

// cut loses every answer.
type cut struct{ stepfunctions.API }

func (cut) StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	return nil, errors.New("connection reset")
}

func TestExecutor_Start_errors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.executor(w.sfn, w.machine+"x").Start(t.Context(), start("1"))
	if _, unclear := errors.AsType[*hikyaku.UnclearError](err); unclear || hikyaku.KindOf(err) != hikyaku.KindInvalid {
		t.Errorf("no such machine: %v (%s)", err, hikyaku.KindOf(err))
	}
	_, err = w.executor(cut{w.sfn}, w.machine).Start(t.Context(), start("1"))
	if _, unclear := errors.AsType[*hikyaku.UnclearError](err); !unclear {
		t.Errorf("a lost answer: %v, want it unclear", err)
	}
}

func TestExecutor_Describe(t *testing.T) {
	t.Parallel()
	x := stepfunctions.New(hikyakutest.NewExecutor(time.Now), stepfunctions.Options{})
	ctx := stepfunctions.WithExecution(t.Context(), hikyaku.Execution{ARN: "a", Status: "SUCCESS"})
	if e, err := x.Describe(ctx, "a"); err != nil || e.Status != "SUCCESS" {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := x.Describe(ctx, "b"); hikyaku.KindOf(err) != hikyaku.KindNotFound {
		t.Errorf("another execution: %v", err)
	}
}

func TestParking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.parking.Park(t.Context(), "A", "first", 1))
	must(t, w.parking.Park(t.Context(), "A", "second", 2))
	must(t, w.parking.Park(t.Context(), "B", "other", 3))
	if woken, err := w.parking.WakeIf(t.Context(), "A", "first", stepfunctions.State{}); woken || err != nil {
		t.Errorf("an older token: %v, %v", woken, err)
	}
	parked, err := w.parking.Parked(t.Context())
	if err != nil || len(parked) != 2 || parked["A"] != "second" || parked["B"] != "other" {
		t.Errorf("parked %v, %v", parked, err)
	}
	if woken, err := w.parking.Wake(t.Context(), "C", stepfunctions.State{}); woken || err != nil {
		t.Errorf("nobody is parked: %v, %v", woken, err)
	}
	client, ok := w.parking.Table.(*dynamodb.Client)
	if !ok {
		t.Fatalf("the table's client is a %T", w.parking.Table)
	}
	page, err := dynamo.New(dynamo.Config{Client: client, Table: "hikyaku", Now: time.Now}).Transfers(t.Context(), hikyaku.Query{Limit: 10})
	if err != nil || len(page.Transfers) != 0 {
		t.Errorf("the ledger sees %v, %v", page.Transfers, err)
	}
}
