package dynamo_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/oklog/ulid/v2"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/hikyakutest/unitstest"
)

// kinds name items by the beginning of their keys.
func kind(k unitstest.Item) string {
	pk, sk := keyOf(k)
	if pk == "POOL" {
		pk = sk
	}
	name := map[string]string{"T#": "transfer", "U#": "name", "L#": "lock", "I#": "id", "O#": "outbox", "C#": "counter", "A#": "agent", "N#": "route"}[pk[:2]]
	if name == "transfer" && pk == sk {
		return "task"
	}
	return name
}

func keyOf(it unitstest.Item) (pk, sk string) {
	if v, ok := it["pk"].(*types.AttributeValueMemberS); ok {
		pk = v.Value
	}
	if v, ok := it["sk"].(*types.AttributeValueMemberS); ok {
		sk = v.Value
	}
	return pk, sk
}

// world is a control plane on DynamoDB, with a meter.
type world struct {
	clock    *hikyakutest.Clock
	executor *hikyakutest.Executor
	ledger   *dynamo.Ledger
	meter    *unitstest.Meter
	d        *dispatch.Dispatcher
	newID    func() string
	lives    int
}

const agentARN = "arn:aws:datasync:eu-central-1:111122223333:agent/agent-0b0addbeef44baca3"

func newWorld(t *testing.T, agents []string, completions bool) *world {
	t.Helper()
	m := startMoto(t)
	w := &world{clock: hikyakutest.NewClock()}
	w.newID = func() string { return ulid.MustNew(ulid.Timestamp(w.clock.Now()), rand.Reader).String() }
	w.meter = unitstest.New(m.client, dynamo.TableInput("schema"))
	w.meter.Kind = kind
	w.ledger = m.ledger(t, func(c *dynamo.Config) { c.Client, c.Now = w.meter, w.clock.Now })
	w.executor = hikyakutest.NewExecutor(w.clock.Now)
	source := hikyakutest.NewSource()
	o := dispatch.Options{
		Ledger: w.ledger, Executor: w.executor, Source: source, Now: w.clock.Now, NewID: w.newID,
		StartLease: 30 * time.Second, LogURL: logURL, // as cmd/lambda/stack has them
		Random: func() float64 { return 0.5 }, Routes: []hikyaku.Route{{Name: "orders", Queue: "hikyaku-prod-transfers", Source: "s3://outbox/orders/", Destination: "nfs"}},
	}
	if completions {
		o.Completions = []dispatch.Target{{Name: "webhook", Sender: hikyakutest.NewQueue("done")}}
	}
	w.d = dispatch.New(o)
	var c hikyaku.Change
	for _, arn := range agents {
		a := hikyaku.Agent{ARN: arn, Name: "nas", Online: true, Slots: 1, SeenAt: w.clock.Now()}
		for n := range hikyaku.MaxAgentChanges { // as full as it gets
			at := w.clock.Now().Add(-time.Duration(mathrand.Int64N(int64(1000 * time.Hour)))).Truncate(time.Millisecond) //nolint:gosec // any time will do
			a.Changes = append(a.Changes, hikyaku.AgentChange{At: at, Online: n%2 == 0})
		}
		c.Agents = append(c.Agents, a)
	}
	must(t, w.ledger.Commit(t.Context(), c))
	task := w.executor.AddTask(0x3b9f27c41d06e58a, agents...)
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": {task}}))
	_, err := w.ledger.Pool(t.Context(), "") // as a function that is warm
	must(t, err)
	return w
}

// logURL has the length and the parts of the console's address.
func logURL(executionARN string) string {
	task, execution, _ := strings.Cut(executionARN, "/execution/")
	task = task[strings.LastIndexByte(task, '/')+1:]
	return "https://eu-central-1.console.aws.amazon.com/datasync/home?region=eu-central-1#/history/" + task + "/" + execution
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) only(t *testing.T) hikyaku.Transfer {
	t.Helper()
	page, err := w.ledger.Transfers(t.Context(), hikyaku.Query{Limit: 1})
	must(t, err)
	if len(page.Transfers) == 0 {
		t.Fatal("there is no transfer")
	}
	return page.Transfers[0]
}

// step is one part of a transfer's life and what it costs.
type step struct {
	name string
	unitstest.Cost
}

// life takes one transfer through accept, assign and start, three phases, the
// end, and its completion event, and returns what each cost.
func (w *world) life(t *testing.T) []step {
	t.Helper()
	w.lives++
	var steps []step
	measure := func(name string, do func() error) {
		t.Helper()
		w.clock.Advance(20*time.Second + 371*time.Millisecond)
		w.meter.Take()
		must(t, do())
		steps = append(steps, step{name, w.meter.Take()})
	}
	message := hikyaku.Message{
		ID: fmt.Sprintf("5fea7756-0ea4-451a-a703-a558b933e%03d", w.lives), Body: fmt.Sprintf("ORDER-2026-%06d", w.lives), Receives: 1,
		Queue: "hikyaku-prod-transfers", SentAt: w.clock.Now(),
	}
	measure("accept", func() error { return w.d.Accept(t.Context(), message) })
	measure("assign and start", func() error { _, err := w.d.AssignAll(t.Context()); return err })
	arn := w.executor.Live()[0]
	for _, phase := range []string{"PREPARING", "TRANSFERRING", "VERIFYING"} {
		w.executor.Move(arn, func(e *hikyaku.Execution) {
			e.Status, e.EstimatedFiles, e.EstimatedBytes = phase, 12, 48_123_456
			if phase == "VERIFYING" {
				e.FilesTransferred, e.BytesTransferred = 12, 48_123_456
			}
		})
		measure(strings.ToLower(phase), func() error { return w.d.Refresh(t.Context(), arn) })
	}
	w.executor.Succeed(arn, 12, 48_123_456)
	measure("settle", func() error { return w.d.Refresh(t.Context(), arn) })
	measure("drain the outbox", func() error { _, err := w.d.DrainOutbox(t.Context()); return err })
	if got := w.only(t); got.State != hikyaku.Succeeded {
		t.Fatalf("the transfer is %s, want SUCCEEDED", got.State)
	}
	return steps
}

// retried takes a transfer through one attempt that fails and one that
// succeeds, and returns what all of it costs.
func (w *world) retried(t *testing.T) unitstest.Cost {
	t.Helper()
	w.lives++
	w.clock.Advance(time.Minute)
	w.meter.Take()
	must(t, w.d.Accept(t.Context(), hikyaku.Message{ID: fmt.Sprintf("m-%d", w.lives), Body: fmt.Sprintf("RETRY-%d", w.lives), Queue: "q", SentAt: w.clock.Now()}))
	for attempt := range 2 {
		_, err := w.d.AssignAll(t.Context())
		must(t, err)
		arn := w.executor.Live()[0]
		w.clock.Advance(20 * time.Second)
		if attempt == 0 {
			w.executor.Fail(arn, "OpNotSupp", "Operation not supported")
		} else {
			w.executor.Succeed(arn, 1, 1)
		}
		must(t, w.d.Refresh(t.Context(), arn))
		w.clock.Advance(20 * time.Minute)
	}
	cost := w.meter.Take()
	if got := w.only(t); got.State != hikyaku.Succeeded || got.Attempt != 2 {
		t.Fatalf("the transfer is %s after %d attempts (%+v), want SUCCEEDED after 2", got.State, got.Attempt, got.Failure)
	}
	return cost
}

// mostUnits is what a transfer's whole life may cost in write units without
// completion events.
const mostUnits = 30

// TestLedger_costs measures what a transfer's life costs, and keeps
// docs/dynamodb.md to it.
func TestLedger_costs(t *testing.T) {
	t.Parallel()
	var lives [3][]step
	for i, setup := range []struct {
		agents      []string
		completions bool
	}{{[]string{agentARN}, true}, {[]string{agentARN}, false}, {nil, false}} {
		w := newWorld(t, setup.agents, setup.completions)
		w.life(t) // the first makes the route known
		lives[i] = w.life(t)
		if i == 1 {
			t.Logf("with a failed attempt: %g write units", w.retried(t).Writes())
		}
	}
	var total [3]float64
	reads := 0.0
	table := "| step | calls | read units | write units | without completion events | without agents, too |\n|---|---|---|---|---|---|\n"
	for n, s := range lives[0] {
		table += fmt.Sprintf("| %s | %d | %g |", s.name, s.Calls, s.Reads)
		for i := range lives {
			table += fmt.Sprintf(" %g |", lives[i][n].Writes())
			total[i] += lives[i][n].Writes()
		}
		table += "\n"
		reads += s.Reads
		t.Logf("%s: %d trips, %v", s.name, s.Trips, s.Items)
	}
	table += fmt.Sprintf("| **whole life** | | %g | **%g** | **%g** | **%g** |\n", reads, total[0], total[1], total[2])
	if total[1] > mostUnits {
		t.Errorf("a transfer's life costs %g write units, want at most %d", total[1], mostUnits)
	}
	doc, err := os.ReadFile("../docs/dynamodb.md")
	must(t, err)
	worth := fmt.Sprintf("1,000 transfers = %g,000 write units and %.0f read units", total[0], 1000*reads)
	for _, want := range []string{table, worth} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("docs/dynamodb.md must say:\n%s", want)
		}
	}
}
