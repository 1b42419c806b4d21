package stack_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// TestStateMachine runs the machine that is deployed.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	g := newGround(t, stack.DriverSteps)
	mototest.RunStateMachines(t, g.moto)
	for name, test := range map[string]func(*testing.T, *ground){
		"paths": testPaths, "agent offline": testAgentOffline, "cancelled while parked": testCancelledParked, "aborted": testAborted,
		"history": testHistory, "driver changed": testDriverChanged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, g)
		})
	}
}

// testPaths: what the machine does alone.
func testPaths(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverSteps, 5)
	for id, c := range map[string]struct {
		state  hikyaku.State
		status types.ExecutionStatus
		ran    int
		states []string
	}{
		"fine":    {hikyaku.Succeeded, types.ExecutionStatusSucceeded, 1, []string{"Begin", "StartWithReport", "Record", "Wait", "Describe", "Observe", "Succeeded"}},
		"flaky":   {hikyaku.Succeeded, types.ExecutionStatusSucceeded, 2, []string{"StartWithReport", "Observe", "BackOff", "Park", "Begin", "StartWithReport", "Observe", "Succeeded"}},
		"broken":  {hikyaku.Failed, types.ExecutionStatusFailed, 2, []string{"StartWithReport", "Park", "StartWithReport", "Unsuccessful"}},
		"refused": {hikyaku.Failed, types.ExecutionStatusFailed, 0, []string{"StartWithReport", "Record", "Unsuccessful"}},
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			x := m.deliver(t, id)
			m.reach(t, "it ended", false, func() bool { return m.get(t, x).State.Ended() && m.stopped(t, x) })
			n := 1
			if id == "refused" { // an answer that a busy machine loses is another attempt, which another execution makes
				n = max(len(m.executions(t, x)), 1)
			}
			m.is(t, x, n, n, c.status, c.states...)
			got := m.get(t, x)
			if got.State != c.state || m.ran(id) != c.ran {
				t.Errorf("%s after %d executions, want %s after %d", got.State, m.ran(id), c.state, c.ran)
			}
			if c.state == hikyaku.Succeeded && (got.Files.Transferred != 1 || got.Bytes.Written != 5) {
				t.Errorf("transfer %+v", got)
			}
			if e := m.executions(t, x)[n-1]; c.state == hikyaku.Failed && (got.Failure == nil || e.failed != got.Failure.Code) {
				t.Errorf("failure %+v, the execution's error is %s", got.Failure, e.failed)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		m.hold("slow")
		x := m.deliver(t, "slow")
		m.reach(t, "it runs", false, func() bool { return m.get(t, x).State == hikyaku.Running && m.ran("slow") == 1 })
		_, err := m.operator(t).Cancel(t.Context(), x.TransferID, hikyaku.Act{By: "ada", Reason: "wrong order"})
		must(t, err)
		m.reach(t, "it is cancelled", false, func() bool { return m.get(t, x).State == hikyaku.Cancelled && m.stopped(t, x) })
		m.is(t, x, 1, 1, types.ExecutionStatusFailed, "Describe", "Observe", "Unsuccessful")
	})
}

// parked makes a transfer whose first attempt failed and whose agent went
// offline before the second: its execution waits for a token.
func (m *machineBed) parked(t *testing.T, id string) hikyaku.Transfer {
	t.Helper()
	release := m.hold(id)
	x := m.deliver(t, id)
	m.reach(t, "it runs", false, func() bool { return m.ran(id) == 1 && m.get(t, x).State == hikyaku.Running })
	m.setOffline(t, true)
	release()
	m.reach(t, "it is parked", false, func() bool {
		all := m.executions(t, x)
		return len(all) == 1 && slices.Contains(all[0].events, types.HistoryEventTypeTaskSubmitted)
	})
	m.reach(t, "it says why", true, func() bool {
		got := m.get(t, x)
		return got.State == hikyaku.Queued && got.WaitingReason == hikyaku.AgentOffline
	})
	return x
}

// testAgentOffline: the next attempt waits until the agent is back.
func testAgentOffline(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverSteps, 1)
	x := m.parked(t, "flaky")
	m.setOffline(t, false)
	m.reach(t, "it is delivered", true, func() bool { return m.get(t, x).State == hikyaku.Succeeded && m.stopped(t, x) })
	m.is(t, x, 1, 1, types.ExecutionStatusSucceeded, "Park", "Begin", "StartWithReport", "Succeeded")
}

// testCancelledParked: nobody leases the transfer a task again, so that the
// sweep lets its execution go.
func testCancelledParked(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverSteps, 1)
	x := m.parked(t, "flaky")
	_, err := m.operator(t).Cancel(t.Context(), x.TransferID, hikyaku.Act{By: "ada", Reason: "wrong order"})
	must(t, err)
	m.functions[stack.Refresh].Kill() // an environment looks for such every five minutes, a new one at once
	m.reach(t, "its execution is over", true, func() bool { return m.stopped(t, x) })
	m.is(t, x, 1, 1, types.ExecutionStatusFailed, "Park", "Unsuccessful")
	if got, e := m.get(t, x), m.executions(t, x)[0]; got.State != hikyaku.Cancelled || e.failed != string(hikyaku.Cancelled) || m.ran("flaky") != 1 {
		t.Errorf("%s, the execution's error is %s, ran %d times", got.State, e.failed, m.ran("flaky"))
	}
}

// testAborted: somebody stops the machine's execution, while it is parked and
// while an attempt runs. The sweep finishes its work.
func testAborted(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverSteps, 1)
	x := m.parked(t, "flaky")
	m.abort(t, x.TransferID)
	m.reach(t, "it is aborted", false, func() bool { return m.stopped(t, x) })
	if e := m.executions(t, x)[0]; e.events[len(e.events)-1] != types.HistoryEventTypeExecutionAborted || slices.Contains(e.events, types.HistoryEventTypeTaskTimedOut) {
		t.Errorf("its history is %v", e.events)
	}
	m.setOffline(t, false)
	m.reach(t, "it is delivered", true, func() bool { return m.get(t, x).State == hikyaku.Succeeded && m.stopped(t, x) })
	m.is(t, x, 1, 2, types.ExecutionStatusAborted, "Park")
	m.is(t, x, 2, 2, types.ExecutionStatusSucceeded, "Begin", "StartWithReport", "Succeeded")

	release := m.hold("orphan")
	x = m.deliver(t, "orphan")
	m.reach(t, "it runs", false, func() bool { return m.get(t, x).State == hikyaku.Running && m.ran("orphan") == 1 })
	m.abort(t, x.TransferID)
	release()
	m.reach(t, "the sweep delivers it", true, func() bool { return m.get(t, x).State == hikyaku.Succeeded })
	m.is(t, x, 1, 1, types.ExecutionStatusAborted, "Record")
	if m.ran("flaky") != 2 || m.ran("orphan") != 1 {
		t.Errorf("ran %d and %d times", m.ran("flaky"), m.ran("orphan"))
	}
}

// testHistory: an execution whose history is nearly full hands its running
// transfer to another.
func testHistory(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverSteps, 1)
	x := m.parked(t, "flaky")
	db := dynamodb.New(dynamodb.Options{BaseEndpoint: &m.moto, Region: region, Credentials: keys()})
	_, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{ // as after hours of waiting
		TableName: &m.name, UpdateExpression: aws.String("SET #e = :n"), ConditionExpression: aws.String("attribute_exists(#e)"),
		ExpressionAttributeNames: map[string]string{"#e": "events"}, ExpressionAttributeValues: map[string]dbtypes.AttributeValue{":n": &dbtypes.AttributeValueMemberN{Value: "7999"}},
		Key: map[string]dbtypes.AttributeValue{"pk": &dbtypes.AttributeValueMemberS{Value: "STEPS#PARKED"}, "sk": &dbtypes.AttributeValueMemberS{Value: x.TransferID}},
	})
	must(t, err)
	release := m.hold("flaky")
	m.setOffline(t, false)
	m.reach(t, "it runs again", true, func() bool { return m.ran("flaky") == 2 })
	m.reach(t, "another execution follows", false, func() bool {
		all := m.executions(t, x)
		return len(all) == 2 && all[0].status == types.ExecutionStatusSucceeded && slices.Contains(all[1].states, "Describe")
	})
	release()
	m.reach(t, "it is delivered", false, func() bool { return m.get(t, x).State == hikyaku.Succeeded && m.stopped(t, x) })
	m.is(t, x, 1, 2, types.ExecutionStatusSucceeded, "Park", "Begin", "StartWithReport", "Record", "Elsewhere")
	m.is(t, x, 2, 2, types.ExecutionStatusSucceeded, "Begin", "Wait", "Describe", "Observe", "Succeeded")
	if all := m.executions(t, x); all[1].name != "-1.1" || m.ran("flaky") != 2 {
		t.Errorf("it is called %s; %d executions of the task", all[1].name, m.ran("flaky"))
	}
}

// testDriverChanged: the route's driver changes there and back while transfers
// run, wait and are parked; each is delivered, and no attempt twice.
func testDriverChanged(t *testing.T, g *ground) {
	m := newMachineBed(t, g, stack.DriverEvents, 1)
	m.events(t)
	ended := func(x hikyaku.Transfer) func() bool {
		return func() bool { return m.get(t, x).State == hikyaku.Succeeded }
	}
	running := func(x hikyaku.Transfer) func() bool {
		return func() bool { return m.get(t, x).State == hikyaku.Running && m.ran(x.ID) == 1 }
	}
	// One runs and one waits when the state machine takes over.
	release := m.hold("old")
	first, waits := m.deliver(t, "old"), m.deliver(t, "waits")
	m.reach(t, "the first runs", false, running(first))
	m.deploy(t, stack.DriverSteps)
	release()
	m.reach(t, "the first is delivered", true, ended(first))
	m.reach(t, "the one that waited is delivered", false, func() bool { return ended(waits)() && m.stopped(t, waits) })
	m.is(t, waits, 1, 1, types.ExecutionStatusSucceeded, "StartWithReport", "Succeeded")
	if all := m.executions(t, first); len(all) != 0 {
		t.Errorf("the one that ran got executions %+v", all)
	}
	// One is parked and one waits when events take over again.
	parked := m.parked(t, "flaky-parked")
	waits = m.deliver(t, "waits-again")
	m.deploy(t, stack.DriverEvents)
	m.setOffline(t, false)
	m.reach(t, "both are delivered", true, func() bool { return ended(parked)() && ended(waits)() })
	m.is(t, parked, 1, 1, types.ExecutionStatusAborted, "Park")
	if all := m.executions(t, waits); len(all) != 0 {
		t.Errorf("the one that waited got executions %+v", all)
	}
	// One runs under the machine when events take over.
	m.deploy(t, stack.DriverSteps)
	release = m.hold("held")
	held := m.deliver(t, "held")
	m.reach(t, "it runs", false, running(held))
	m.deploy(t, stack.DriverEvents)
	release()
	m.reach(t, "it is delivered", false, ended(held))
	m.is(t, held, 1, 1, types.ExecutionStatusAborted, "Record")
	for id, want := range map[string]int{"old": 1, "waits": 1, "flaky-parked": 2, "waits-again": 1, "held": 1} {
		if m.ran(id) != want {
			t.Errorf("%s ran %d times, want %d", id, m.ran(id), want)
		}
	}
}
