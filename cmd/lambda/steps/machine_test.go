package main_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/hikyakutest/mototest"
)

// createMachine creates the state machine from the file that is deployed.
func (b *bed) createMachine(t *testing.T) {
	t.Helper()
	mototest.RunStateMachines(t, b.moto)
	_, err := b.sfn().CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("st-transfer"), Definition: aws.String(definition(t)), RoleArn: aws.String("arn:aws:iam::" + account + ":role/st"),
	})
	must(t, err)
}

// execution is a state machine's execution, and the states it went through.
type execution struct {
	name   string
	status types.ExecutionStatus
	failed string // Error of a failed one
	states []string
}

// executions are those of a transfer, in order.
func (b *bed) executions(t *testing.T, x hikyaku.Transfer) []execution {
	t.Helper()
	list, err := b.sfn().ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(machine)})
	must(t, err)
	var found []execution
	for _, e := range list.Executions {
		if !strings.HasPrefix(*e.Name, x.TransferID) {
			continue
		}
		d, err := b.sfn().DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
		must(t, err)
		one := execution{name: strings.TrimPrefix(*e.Name, x.TransferID), status: d.Status, failed: aws.ToString(d.Error)}
		h, err := b.sfn().GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: e.ExecutionArn, MaxResults: 1000})
		must(t, err)
		for _, event := range h.Events {
			if d := event.StateEnteredEventDetails; d != nil {
				one.states = append(one.states, *d.Name)
			}
		}
		found = append(found, one)
	}
	slices.SortFunc(found, func(a, b execution) int { return strings.Compare(a.name, b.name) })
	return found
}

// histories is what all executions did, for a test that fails.
func (b *bed) histories(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, e := range b.executions(t, hikyaku.Transfer{}) {
		fmt.Fprintf(&all, "%s %s %s %v\n", e.name, e.status, e.failed, e.states)
	}
	return all.String()
}

// is fails unless a transfer had one execution of the machine, with that status,
// that went through the states named, in this order.
func (b *bed) is(t *testing.T, x hikyaku.Transfer, status types.ExecutionStatus, through ...string) {
	t.Helper()
	all := b.executions(t, x)
	if len(all) != 1 || all[0].status != status {
		t.Fatalf("%s: executions %+v, want one that is %s", x.ID, all, status)
	}
	at := 0
	for _, s := range all[0].states {
		if at < len(through) && s == through[at] {
			at++
		}
	}
	if at < len(through) {
		t.Errorf("%s went through %v, want %v among them", x.ID, all[0].states, through)
	}
}

func (b *bed) stopped(t *testing.T, x hikyaku.Transfer) bool {
	t.Helper()
	return !slices.ContainsFunc(b.executions(t, x), func(e execution) bool { return e.status == types.ExecutionStatusRunning })
}

// TestStateMachine runs the paths of the machine that is deployed.
func TestStateMachine(t *testing.T) {
	t.Parallel()
	b := newBed(t, 4)
	t.Run("success", func(t *testing.T) {
		t.Parallel()
		x := b.deliver(t, "fine")
		b.until(t, "it is delivered", func() bool { return b.get(t, x).State == hikyaku.Succeeded && b.stopped(t, x) })
		b.is(t, x, types.ExecutionStatusSucceeded, "Begin", "StartWithReport", "Record", "Wait", "Describe", "Observe", "Succeeded")
		if got := b.get(t, x); got.Attempt != 1 || got.Files.Transferred != 1 || got.Bytes.Written != 5 {
			t.Errorf("transfer %+v", got)
		}
	})
	t.Run("retry", func(t *testing.T) {
		t.Parallel()
		x := b.deliver(t, "flaky")
		b.until(t, "it is delivered", func() bool { return b.get(t, x).State == hikyaku.Succeeded && b.stopped(t, x) })
		b.is(t, x, types.ExecutionStatusSucceeded, "StartWithReport", "Observe", "BackOff", "Park", "Begin", "StartWithReport", "Observe", "Succeeded")
		if n := b.ran("flaky"); n != 2 {
			t.Errorf("ran %d times", n)
		}
	})
	t.Run("failure", func(t *testing.T) {
		t.Parallel()
		x := b.deliver(t, "broken")
		b.until(t, "it failed", func() bool { return b.get(t, x).State == hikyaku.Failed && b.stopped(t, x) })
		b.is(t, x, types.ExecutionStatusFailed, "StartWithReport", "Park", "StartWithReport", "Unsuccessful")
		got := b.get(t, x)
		if e := b.executions(t, x)[0]; got.Failure == nil || e.failed != got.Failure.Code {
			t.Errorf("failure %+v, the execution's error is %s", got.Failure, e.failed)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		t.Parallel()
		b.hold("slow")
		x := b.deliver(t, "slow")
		b.until(t, "it runs", func() bool { return b.get(t, x).State == hikyaku.Running && b.ran("slow") == 1 })
		_, err := b.operator(t).Cancel(t.Context(), x.TransferID, hikyaku.Act{By: "ada", Reason: "wrong order"})
		must(t, err)
		b.until(t, "it is cancelled", func() bool { return b.get(t, x).State == hikyaku.Cancelled && b.stopped(t, x) })
		b.is(t, x, types.ExecutionStatusFailed, "Describe", "Observe", "Unsuccessful")
	})
}

// TestStateMachine_interrupted: what the machine cannot do alone.
func TestStateMachine_interrupted(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1)

	// The agent goes offline while an attempt runs; the next one waits, parked.
	release := b.hold("flaky-1")
	x := b.deliver(t, "flaky-1")
	b.until(t, "it runs", func() bool { return b.ran("flaky-1") == 1 })
	b.offline.Store(true)
	b.invoke(t, stack.Agents)
	release()
	b.until(t, "it is parked", func() bool {
		all := b.executions(t, x)
		return len(all) == 1 && slices.Contains(all[0].states, "Park")
	})
	b.invoke(t, stack.Refresh)
	b.until(t, "it says why", func() bool {
		got := b.get(t, x)
		return got.State == hikyaku.Queued && got.WaitingReason == hikyaku.AgentOffline
	})
	b.offline.Store(false)
	b.invoke(t, stack.Agents)
	b.until(t, "it is delivered", func() bool {
		b.invoke(t, stack.Refresh)
		return b.get(t, x).State == hikyaku.Succeeded && b.stopped(t, x)
	})
	b.is(t, x, types.ExecutionStatusSucceeded, "Park", "Begin", "StartWithReport", "Succeeded")

	// Somebody aborts the machine's execution; the sweep finishes its work.
	release = b.hold("orphan")
	x = b.deliver(t, "orphan")
	b.until(t, "it runs", func() bool { return b.get(t, x).State == hikyaku.Running && b.ran("orphan") == 1 })
	b.abort(t, x)
	release()
	b.until(t, "the sweep delivers it", func() bool {
		b.invoke(t, stack.Refresh)
		return b.get(t, x).State == hikyaku.Succeeded
	})
	b.is(t, x, types.ExecutionStatusAborted, "Record")
}

func (b *bed) abort(t *testing.T, x hikyaku.Transfer) {
	t.Helper()
	list, err := b.sfn().ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(machine), StatusFilter: types.ExecutionStatusRunning})
	must(t, err)
	for _, e := range list.Executions {
		if strings.HasPrefix(*e.Name, x.TransferID) {
			_, err := b.sfn().StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: e.ExecutionArn, Error: aws.String("Aborted")})
			must(t, err)
		}
	}
}

// definition is the file with its substitutions, as JSON.
func definition(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../../../deploy/statemachine.asl.yaml")
	must(t, err)
	return asJSON(t, strings.NewReplacer("${Partition}", "aws", "${StepsFunctionArn}", steps).Replace(string(raw)))
}
