package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

// ordering hands starts over and keeps them.
type ordering struct {
	*hikyakutest.Executor
	mu     sync.Mutex
	orders []stepfunctions.Order
}

func (x *ordering) Start(_ context.Context, s hikyaku.Start) (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.orders = append(x.orders, stepfunctions.Order{TransferID: s.Tags[hikyaku.TagTransfer], TaskARN: s.TaskARN, Tags: s.Tags, BytesPerSecond: s.BytesPerSecond})
	return "", hikyaku.ErrHandedOver
}

// Describe believes what a context carries, as stepfunctions.Executor does.
func (x *ordering) Describe(ctx context.Context, arn string) (hikyaku.Execution, error) {
	return stepfunctions.New(x.Executor, stepfunctions.Options{}).Describe(ctx, arn)
}

// lot is a parking in memory.
type lot struct {
	tokens map[string]string
	woken  map[string]stepfunctions.State
}

func (l *lot) Park(_ context.Context, id, token string, _ int) error {
	l.tokens[id] = token
	return nil
}

func (l *lot) WakeIf(_ context.Context, id, token string, s stepfunctions.State) (bool, error) {
	if l.tokens[id] != token {
		return false, nil
	}
	delete(l.tokens, id)
	l.woken[id] = s
	return true, nil
}

func (l *lot) Parked(context.Context) (map[string]string, error) { return l.tokens, nil }

// machine is a stack driven by steps, the test being the state machine.
type machine struct {
	*world
	x       *ordering
	parking *lot
	steps   *lambda.Steps
	follows []string
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{world: newWorld(t, 1), parking: &lot{tokens: map[string]string{}, woken: map[string]stepfunctions.State{}}}
	m.x = &ordering{Executor: m.executor}
	d := dispatch.New(dispatch.Options{
		Ledger: m.ledger, Executor: m.x, Source: m.source, DeadLetters: map[string]hikyaku.Queue{"orders": m.dead},
		Routes: []hikyaku.Route{route()}, DefaultRoute: "orders", Now: m.clock.Now, NewID: hikyakutest.IDs(), Random: func() float64 { return 0.5 },
	})
	m.dispatcher = d
	m.steps = &lambda.Steps{
		Common: lambda.Common{Logger: slog.New(slog.DiscardHandler), Now: m.clock.Now}, Dispatcher: d, Transfers: m.ledger, Parking: m.parking,
		Follow: func(_ context.Context, name string, s stepfunctions.State) error {
			m.follows = append(m.follows, name+" "+string(s.Step.Next))
			return nil
		},
		Described: func(raw json.RawMessage) (x hikyaku.Execution, err error) { return x, json.Unmarshal(raw, &x) }, //nolint:musttag // the test's own words
		StartFailed: func(_, name, _ string) error {
			return &hikyaku.Error{Kind: hikyaku.KindDenied, Message: name}
		},
		PollMin: 5 * time.Second, PollMax: time.Minute,
	}
	return m
}

// begin sends an ID and returns the state with which the machine begins.
func (m *machine) begin(t *testing.T, id string) stepfunctions.State {
	t.Helper()
	if _, err := m.dispatcher.Send(t.Context(), hikyaku.Send{ID: id, Route: "orders"}, hikyaku.Act{}); err != nil {
		t.Fatal(err)
	}
	if n, err := m.dispatcher.AssignAll(t.Context()); n != 1 || err != nil || len(m.x.orders) != 1 {
		t.Fatalf("%d started, %d ordered, %v", n, len(m.x.orders), err)
	}
	return stepfunctions.State{Order: m.x.orders[0]}
}

func (m *machine) call(t *testing.T, op string, s stepfunctions.State) stepfunctions.Step {
	t.Helper()
	step, err := m.steps.Handle(t.Context(), stepfunctions.Call{Op: op, State: s, Name: "T-1", Token: "token"})
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return step
}

// started makes the start and records it.
func (m *machine) started(t *testing.T, s stepfunctions.State) stepfunctions.State {
	t.Helper()
	arn, err := m.executor.Start(t.Context(), hikyaku.Start{TaskARN: s.Order.TaskARN, Includes: "/A/*", Tags: s.Order.Tags})
	if err != nil {
		t.Fatal(err)
	}
	s.Execution = &stepfunctions.Execution{TaskExecutionARN: arn}
	s.Step = m.call(t, stepfunctions.OpRecord, s)
	return s
}

func (m *machine) look(t *testing.T, s stepfunctions.State, status string) stepfunctions.State {
	t.Helper()
	raw, err := json.Marshal(hikyaku.Execution{ARN: s.Step.ExecutionARN, Status: status, FilesTransferred: 1, EstimatedFiles: 1}) //nolint:musttag // the test's own words
	if err != nil {
		t.Fatal(err)
	}
	s.Look = &stepfunctions.Look{At: m.clock.Now(), Description: raw}
	return s
}

func (m *machine) transfer(t *testing.T, s stepfunctions.State) hikyaku.Transfer {
	t.Helper()
	x, err := m.ledger.Transfer(t.Context(), s.Order.TransferID)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSteps_Handle(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.started(t, m.begin(t, "A"))
	if s.Step.Next != stepfunctions.NextWait || s.Step.Seconds != 5 || s.Step.Status != "LAUNCHING" || s.Step.ExecutionARN != s.Execution.TaskExecutionARN {
		t.Fatalf("after the start: %+v", s.Step)
	}
	m.clock.Advance(3 * time.Minute)
	s = m.look(t, s, "TRANSFERRING")
	s.Step = m.call(t, stepfunctions.OpObserve, s)
	if s.Step.Next != stepfunctions.NextWait || s.Step.Seconds != 18 || s.Step.Status != "TRANSFERRING" {
		t.Errorf("while it runs: %+v", s.Step)
	}
	if got := m.transfer(t, s); got.ExecutionStatus != "TRANSFERRING" || got.Files.Transferred != 1 {
		t.Errorf("what the machine saw is not recorded: %+v", got)
	}
	// DataSync itself says that it still launches: the description counts only while it is fresh.
	stale := m.look(t, s, "SUCCESS")
	m.clock.Advance(time.Minute)
	if step := m.call(t, stepfunctions.OpObserve, stale); step.Next != stepfunctions.NextWait {
		t.Errorf("an old description is believed: %+v", step)
	}
	if step := m.call(t, stepfunctions.OpObserve, m.look(t, s, "SUCCESS")); step.Next != stepfunctions.NextSucceeded {
		t.Errorf("at the end: %+v", step)
	}
}

// TestSteps_Handle_starts: what a start that was not made comes to.
func TestSteps_Handle_starts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		failed *stepfunctions.Failed
		next   stepfunctions.Next
		state  hikyaku.State
	}{
		"refused":  {&stepfunctions.Failed{Error: "DataSync.DataSyncException"}, "", ""},
		"too late": {&stepfunctions.Failed{Error: stepfunctions.TooLate}, stepfunctions.NextAgain, hikyaku.Starting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			s := m.begin(t, "A")
			s.Failed = c.failed
			step := m.call(t, stepfunctions.OpRecord, s)
			got := m.transfer(t, s)
			if c.next != "" && (step.Next != c.next || got.State != c.state) {
				t.Errorf("%+v in state %s", step, got.State)
			}
			if c.next == "" && (step.Next == stepfunctions.NextWait || step.Next == stepfunctions.NextAgain || got.Failure == nil || got.Failure.Code != hikyaku.CodeStartDenied) {
				t.Errorf("%+v in state %s, %+v", step, got.State, got.Failure)
			}
		})
	}
	m := newMachine(t)
	if _, err := m.steps.Handle(t.Context(), stepfunctions.Call{Op: "dance"}); err == nil {
		t.Error("an unknown operation was carried out")
	}
}

// TestSteps_Handle_park: the next attempt is another's to begin.
func TestSteps_Handle_park(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.started(t, m.begin(t, "A"))
	s.Step = m.call(t, stepfunctions.OpObserve, m.look(t, s, "ERROR"))
	x := m.transfer(t, s)
	if s.Step.Next != stepfunctions.NextPark || x.State != hikyaku.Queued || !s.Step.Until.Before(x.NotBefore) {
		t.Fatalf("%+v, transfer %s until %v", s.Step, x.State, x.NotBefore)
	}
	m.clock.Advance(x.NotBefore.Sub(m.clock.Now()))
	m.executor.SetTask(hikyaku.TaskDescription{ARN: s.Order.TaskARN, Status: "AVAILABLE"})
	m.call(t, stepfunctions.OpPark, s) // begins the attempt, which our executor orders without waking anybody
	if len(m.x.orders) != 2 || m.parking.woken[x.TransferID].Step.Next != stepfunctions.NextElsewhere {
		t.Errorf("%d orders, woken %+v", len(m.x.orders), m.parking.woken)
	}
	// One that waits stays; one that is cancelled is let go by the sweep.
	m = newMachine(t)
	s = m.started(t, m.begin(t, "B"))
	s.Step = m.call(t, stepfunctions.OpObserve, m.look(t, s, "ERROR"))
	if _, err := m.dispatcher.PauseRoute(t.Context(), "orders", hikyaku.Act{}); err != nil {
		t.Fatal(err)
	}
	x = m.transfer(t, s)
	m.clock.Advance(x.NotBefore.Sub(m.clock.Now()))
	m.call(t, stepfunctions.OpPark, s)
	keeper := &lambda.ParkedKeeper{Parking: m.parking, Transfers: m.ledger}
	if err := keeper.Release(t.Context()); err != nil || m.parking.tokens[x.TransferID] != "token" {
		t.Fatalf("it does not wait: %v, %v", m.parking.tokens, err)
	}
	if _, err := m.dispatcher.Cancel(t.Context(), x.TransferID, hikyaku.Act{}); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Release(t.Context()); err != nil || m.parking.woken[x.TransferID].Step.Next != stepfunctions.NextCancelled {
		t.Errorf("woken %+v, %v", m.parking.woken, err)
	}
}

// TestSteps_Handle_history: an execution ends before its history is full, and
// another goes on.
func TestSteps_Handle_history(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.started(t, m.begin(t, "A"))
	for turn := 0; ; turn++ {
		m.clock.Advance(2 * time.Minute)
		if turn > 1000 {
			t.Fatalf("no end after %d turns: %+v", turn, s.Step)
		}
		s = m.look(t, s, "TRANSFERRING")
		before := s.Step.Events
		if s.Step = m.call(t, stepfunctions.OpObserve, s); s.Step.Next != stepfunctions.NextWait {
			break
		}
		if s.Step.Events <= before || s.Step.Events > lambda.MaxEvents {
			t.Fatalf("turn %d: %d events after %d", turn, s.Step.Events, before)
		}
	}
	if s.Step.Next != stepfunctions.NextElsewhere || len(m.follows) != 1 || m.follows[0] != "T-1 wait" {
		t.Errorf("%+v, follows %v", s.Step, m.follows)
	}
}

// TestSteps_Handle_elsewhere: an execution whose attempt is over drives nothing.
func TestSteps_Handle_elsewhere(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.started(t, m.begin(t, "A"))
	s.Order.Tags = map[string]string{hikyaku.TagTransfer: s.Order.TransferID, hikyaku.TagAttempt: strconv.Itoa(7), hikyaku.TagToken: "1"}
	if step := m.call(t, stepfunctions.OpObserve, s); step.Next != stepfunctions.NextElsewhere {
		t.Errorf("another attempt: %+v", step)
	}
	m.ledger = hikyakutest.NewLedger()
	m.steps.Transfers = outage{}
	if _, err := m.steps.Handle(t.Context(), stepfunctions.Call{Op: stepfunctions.OpObserve, State: s}); err == nil {
		t.Error("an outage of the ledger is not an error")
	}
}

type outage struct{}

func (outage) Transfer(context.Context, string) (hikyaku.Transfer, error) {
	return hikyaku.Transfer{}, errors.New("outage")
}
