package stack_test

import (
	"testing"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/stepfunctions"
)

// TestFunctions_arm64 invokes each function once as it is deployed, for arm64.
func TestFunctions_arm64(t *testing.T) {
	t.Parallel()
	lambdatest.Emulated(t, "") // or skips before anything is compiled
	g := newGroundOf(t, stack.DriverSteps, func(pkg string) string {
		return lambdatest.Emulated(t, lambdatest.BuildFor(t, pkg, "arm64"))
	})
	m := newMachineBed(t, g, stack.DriverSteps, 1) // invokes agents and refresh
	m.put(t, "A")
	if r := m.invoke(t, stack.Intake, records("A")); string(r.Payload) != `{"batchItemFailures":[]}` {
		t.Errorf("intake: %s", r.Payload)
	}
	if x := m.transfers(t)["A"]; x.State != hikyaku.Starting {
		t.Errorf("the transfer is %q, want it ordered from the state machine", x.State)
	}
	if routes := m.operator(t).Routes(); len(routes) != 1 || routes[0].Name != "orders" {
		t.Errorf("operate: %+v", routes)
	}
	r := m.invoke(t, stack.Steps, stepfunctions.Call{Op: stepfunctions.OpRecord, Name: "no-such-transfer-1"})
	if want := `{"next":"elsewhere",`; len(r.Payload) < len(want) || string(r.Payload[:len(want)]) != want {
		t.Errorf("steps: %s", r.Payload)
	}
	for f, function := range m.functions {
		if function.Starts() == 0 {
			t.Errorf("%s was not run", f)
		}
	}
}
