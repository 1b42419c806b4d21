package stack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/engine"
)

// machineBed is a stack whose transfers a state machine can drive: the machine
// runs in moto's interpreter and calls our DataSync server and the real
// binaries. What an execution does, its ID says: "broken…" fails, "flaky…"
// fails once, "refused…" is not started.
type machineBed struct {
	*bed
	offline atomic.Bool // the one agent

	mu   sync.Mutex
	runs map[string]int           // by ID
	gate map[string]chan struct{} // of IDs that run until it is closed
}

// newMachineBed makes a stack with some tasks and a driver.
func newMachineBed(t *testing.T, g *ground, driver string, tasks int) *machineBed {
	t.Helper()
	m := &machineBed{runs: map[string]int{}, gate: map[string]chan struct{}{}}
	m.bed = &bed{withAgent: true, run: m.runID, disturb: m.disturbed, settings: `{"max_attempts":2,"retry":{"first":"12s","max":"12s"}}`}
	m.driver.Store(driver)
	g.open(t, m.bed, tasks)
	_, err := m.sfn().CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(m.name + "-transfer"), Definition: aws.String(definition(t, m.name+"-steps")), RoleArn: aws.String("arn:aws:iam::" + account + ":role/st"),
	})
	must(t, err)
	m.sweepAgents(t)
	m.sweep(t) // the tasks join the pool
	return m
}

// definition is the file that is deployed with its substitutions, as JSON.
func definition(t *testing.T, function string) string {
	t.Helper()
	raw, err := os.ReadFile("../../../deploy/statemachine.asl.yaml")
	must(t, err)
	arn := "arn:aws:lambda:" + region + ":" + account + ":function:" + function
	return asJSON(t, strings.NewReplacer("${Partition}", "aws", "${StepsFunctionArn}", arn).Replace(string(raw)))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine is the ARN of the bed's state machine.
func (b *bed) machine() string {
	return "arn:aws:states:" + region + ":" + account + ":stateMachine:" + b.name + "-transfer"
}

func (g *ground) sfn() *sfn.Client {
	return sfn.New(sfn.Options{BaseEndpoint: &g.moto, Region: region, Credentials: keys()})
}

// serveStates is what the state machines call: Lambda's Invoke, and DataSync.
func (g *ground) serveStates(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(payload))
	for _, b := range g.all() {
		if strings.HasSuffix(r.URL.Path, "/invocations") && strings.Contains(r.URL.Path, b.name+"-steps/") {
			b.serveInvoke(w, r, payload)
			return
		}
		if slices.ContainsFunc(b.tasks, func(task string) bool { return bytes.Contains(payload, []byte(task)) }) {
			b.amazon.ServeHTTP(w, r)
			return
		}
	}
	http.NotFound(w, r)
}

// serveInvoke is Lambda's Invoke of the function steps, which exists with one driver.
func (b *bed) serveInvoke(w http.ResponseWriter, r *http.Request, payload []byte) {
	if b.driver.Load() != stack.DriverSteps {
		w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"Type":"User","Message":"Function not found"}`)) // the client sees what is missing
		return
	}
	result, err := b.functions[stack.Steps].Invoke(r.Context(), payload)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Amz-Executed-Version", "$LATEST")
	out := result.Payload
	if result.Err() != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		out, _ = json.Marshal(map[string]string{"errorType": result.ErrorType, "errorMessage": result.ErrorMessage}) // two strings
	}
	_, _ = w.Write(out) // the client sees what is missing
}

// disturbed is DataSync whose agent goes offline and which refuses some starts.
func (m *machineBed) disturbed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch {
		case m.offline.Load() && (operation == "ListAgents" || operation == "DescribeAgent"):
			answer := httptest.NewRecorder()
			next.ServeHTTP(answer, r)
			_, _ = w.Write(bytes.ReplaceAll(answer.Body.Bytes(), []byte("ONLINE"), []byte("OFFLINE"))) // the client sees what is missing
			return
		case operation == "StartTaskExecution":
			payload, err := io.ReadAll(r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if bytes.Contains(payload, []byte("/refused")) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.Header().Set("X-Amzn-Requestid", "c5a0a1c2") // moto wants one
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"__type":"InvalidRequestException","message":"The role cannot be assumed"}`)) // the client sees what is missing
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(payload))
		}
		next.ServeHTTP(w, r)
	})
}

// runID is an execution.
func (m *machineBed) runID(ctx context.Context, j engine.Job) error {
	id := strings.TrimSuffix(strings.TrimPrefix(j.Includes, "/"), "/*")
	m.mu.Lock()
	m.runs[id]++
	n, gate := m.runs[id], m.gate[id]
	m.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if strings.HasPrefix(id, "broken") || strings.HasPrefix(id, "flaky") && n == 1 {
		return errors.New("the destination hung up")
	}
	return nil
}

// hold makes an ID's executions last until the function returned is called.
func (m *machineBed) hold(id string) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gate[id] = gate
	return sync.OnceFunc(func() { close(gate) })
}

func (m *machineBed) ran(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs[id]
}

// sweepAgents looks at the agent.
func (m *machineBed) sweepAgents(t *testing.T) {
	t.Helper()
	m.invoke(t, stack.Agents, map[string]string{"source": "aws.scheduler"})
}

// setOffline makes the agent come and go, and lets the function agents see it.
func (m *machineBed) setOffline(t *testing.T, offline bool) {
	t.Helper()
	m.offline.Store(offline)
	m.sweepAgents(t)
}

// deploy changes the driver: every function gets its new environment. With the
// state machine goes what it does.
func (m *machineBed) deploy(t *testing.T, driver string) {
	t.Helper()
	m.driver.Store(driver)
	for f, function := range m.functions {
		function.SetEnv(m.env(f))
	}
	if driver == stack.DriverEvents {
		m.abort(t, "")
	}
}

// deliver puts a file and asks for its ID.
func (m *machineBed) deliver(t *testing.T, id string) hikyaku.Transfer {
	t.Helper()
	m.put(t, id)
	x, err := m.operator(t).Send(t.Context(), hikyaku.Send{ID: id, Route: "orders"}, hikyaku.Act{By: "ada"})
	must(t, err)
	return x
}

func (m *machineBed) get(t *testing.T, x hikyaku.Transfer) hikyaku.Transfer {
	t.Helper()
	got, err := m.ledger().Transfer(t.Context(), x.TransferID)
	must(t, err)
	return got
}

// reach waits until something is true; with a sweep before each look, if sweep.
func (m *machineBed) reach(t *testing.T, what string, sweep bool, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if sweep {
			m.sweep(t)
		}
		if ok() {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("still not: %s\n%s\n%s\n%s", what, m.histories(t), tail(m.functions[stack.Steps].Log()), tail(m.functions[stack.Refresh].Log()))
		}
	}
}

// execution is a state machine's execution, and the states it went through.
type execution struct {
	name   string
	status types.ExecutionStatus
	failed string // Error of a failed one
	states []string
	events []types.HistoryEventType
}

// executions are those of a transfer, in order.
func (m *machineBed) executions(t *testing.T, x hikyaku.Transfer) []execution {
	t.Helper()
	list, err := m.sfn().ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(m.machine())})
	must(t, err)
	var found []execution
	for _, e := range list.Executions {
		if !strings.HasPrefix(*e.Name, x.TransferID) {
			continue
		}
		d, err := m.sfn().DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: e.ExecutionArn})
		must(t, err)
		one := execution{name: strings.TrimPrefix(*e.Name, x.TransferID), status: d.Status, failed: aws.ToString(d.Error)}
		h, err := m.sfn().GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: e.ExecutionArn, MaxResults: 1000})
		must(t, err)
		for _, event := range h.Events {
			one.events = append(one.events, event.Type)
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
func (m *machineBed) histories(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, e := range m.executions(t, hikyaku.Transfer{}) {
		fmt.Fprintf(&all, "%s %s %s %v\n", e.name, e.status, e.failed, e.states)
	}
	return all.String()
}

// is fails unless the n-th of a transfer's executions of the machine has that
// status and went through the states named, in this order, and there are want.
func (m *machineBed) is(t *testing.T, x hikyaku.Transfer, n, want int, status types.ExecutionStatus, through ...string) {
	t.Helper()
	all := m.executions(t, x)
	if len(all) != want || all[n-1].status != status {
		t.Fatalf("%s: executions %+v, want %d of which number %d is %s", x.ID, all, want, n, status)
	}
	at := 0
	for _, s := range all[n-1].states {
		if at < len(through) && s == through[at] {
			at++
		}
	}
	if at < len(through) {
		t.Errorf("%s went through %v, want %v among them", x.ID, all[n-1].states, through)
	}
}

// stopped reports that no execution of a transfer runs.
func (m *machineBed) stopped(t *testing.T, x hikyaku.Transfer) bool {
	t.Helper()
	return !slices.ContainsFunc(m.executions(t, x), func(e execution) bool { return e.status == types.ExecutionStatusRunning })
}

// abort stops the machine's executions of a transfer; of all with "".
func (m *machineBed) abort(t *testing.T, transferID string) {
	t.Helper()
	list, err := m.sfn().ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(m.machine()), StatusFilter: types.ExecutionStatusRunning})
	must(t, err)
	for _, e := range list.Executions {
		if strings.HasPrefix(*e.Name, transferID) {
			_, err := m.sfn().StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: e.ExecutionArn, Error: aws.String("Aborted")})
			must(t, err)
		}
	}
}
