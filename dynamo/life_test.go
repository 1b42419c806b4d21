package dynamo_test

import (
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
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
	pk, sk := k["pk"].(*types.AttributeValueMemberS).Value, k["sk"].(*types.AttributeValueMemberS).Value
	if pk == "POOL" {
		pk = sk
	}
	name := map[string]string{"T#": "transfer", "U#": "name", "L#": "lock", "O#": "outbox", "C#": "counter", "A#": "agent", "N#": "route"}[pk[:2]]
	if name == "transfer" && pk == sk {
		return "task"
	}
	return name
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
		StartLease: 5 * time.Minute, Lease: 5 * time.Minute,
		Random: func() float64 { return 0.5 }, Routes: []hikyaku.Route{{Name: "orders", Queue: "hikyaku-prod-transfers", Source: "s3://outbox/orders/", Destination: "nfs"}},
	}
	if completions {
		o.Completions = hikyakutest.NewQueue("done")
	}
	w.d = dispatch.New(o)
	var c hikyaku.Change
	for _, arn := range agents {
		c.Agents = append(c.Agents, hikyaku.Agent{ARN: arn, Name: "nas", Online: true, Slots: 1, SeenAt: w.clock.Now()})
	}
	must(t, w.ledger.Commit(t.Context(), c))
	task := w.executor.AddTask(0x3b9f27c41d06e58a, agents...)
	must(t, w.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": {task}}))
	_, err := w.ledger.Pool(t.Context(), "") // as a function that is warm
	must(t, err)
	return w
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

func TestLedger_life(t *testing.T) {
	t.Parallel()
	w := newWorld(t, []string{agentARN}, true)
	w.life(t) // the first makes the route known
	total := 0.0
	for _, s := range w.life(t) {
		items := ""
		for _, name := range slices.Sorted(maps.Keys(s.Items)) {
			items += fmt.Sprintf(" %s=%g", name, s.Items[name])
		}
		t.Logf("%-18s calls %d trips %d writes %g reads %g:%s", s.name, s.Calls, s.Trips, s.Writes(), s.Reads, items)
		total += s.Writes()
	}
	t.Logf("total writes %g", total)
}
