package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
	"github.com/hikyaku/hikyaku/console/consoletest"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
)

// queueOf200 is a console over a dispatcher with one route, whose only task
// runs one transfer while 200 others are QUEUED.
type queueOf200 struct {
	*consoletest.Fixture
	t        *testing.T
	ledger   *hikyakutest.Ledger
	executor *hikyakutest.Executor
	d        *dispatch.Dispatcher
	first    hikyaku.Transfer
}

// actions are what the console asks a dispatcher for.
type actions struct{ *dispatch.Dispatcher }

func (actions) RedriveDeadLetters(context.Context, []string, hikyaku.Act) (int, error) { return 0, nil }

func (actions) DiscardDeadLetter(context.Context, string, hikyaku.Act) error { return nil }

func newQueueOf200(t *testing.T) *queueOf200 {
	t.Helper()
	clock, l := hikyakutest.NewClock(), hikyakutest.NewLedger()
	q := &queueOf200{t: t, ledger: l, executor: hikyakutest.NewExecutor(clock.Now)}
	q.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: true})
	q.d = dispatch.New(dispatch.Options{
		Ledger: l, Executor: q.executor, Now: clock.Now, NewID: hikyakutest.IDs(),
		Routes: []hikyaku.Route{{Name: "orders", Queue: "inbox", Source: "s3://b/p/", Destination: "file:///d", Pool: 1}},
	})
	q.ok(q.d.Watch(t.Context()))
	q.ok(q.d.Reconcile(t.Context(), map[string][]hikyaku.TaskDescription{"orders": {q.executor.AddTask(1, "agent-1")}}))
	q.Fixture = consoletest.New(t, func(o *console.Options) { o.Ledger, o.Operator, o.Now = l, actions{q.d}, clock.Now })
	for n := range 201 {
		x, err := q.d.Send(t.Context(), hikyaku.Send{ID: fmt.Sprintf("A-%03d", n)}, hikyaku.Act{})
		q.ok(err)
		if n == 0 {
			q.first = x
		}
		clock.Advance(time.Millisecond)
	}
	clock.Advance(5 * time.Second)
	q.assign()
	return q
}

func (q *queueOf200) ok(err error) {
	q.t.Helper()
	if err != nil {
		q.t.Fatal(err)
	}
}

func (q *queueOf200) assign() {
	q.t.Helper()
	_, err := q.d.AssignAll(q.t.Context())
	q.ok(err)
}

func (q *queueOf200) get(path string) string {
	q.t.Helper()
	res := request{path: path, token: consoletest.AdminToken}.do(q.t, q.Fixture)
	if res.StatusCode != http.StatusOK {
		q.t.Fatalf("GET %s: %d %s", path, res.StatusCode, res.body)
	}
	return res.body
}

func (q *queueOf200) post(path, body string) {
	q.t.Helper()
	if res := (request{method: "POST", path: path, token: consoletest.AdminToken, body: body}).do(q.t, q.Fixture); res.StatusCode != http.StatusOK {
		q.t.Fatalf("POST %s: %d %s", path, res.StatusCode, res.body)
	}
}

// want checks that every reader gives all 200 the same reason, and that each
// record still is what its events say.
func (q *queueOf200) want(step string, reason hikyaku.WaitingReason, detail string) {
	q.t.Helper()
	var list console.TransferList
	q.ok(json.Unmarshal([]byte(q.get("/api/v1/transfers?state=QUEUED&limit=1000")), &list))
	if len(list.Transfers) != 200 {
		q.t.Fatalf("%s: %d transfers are QUEUED, want 200", step, len(list.Transfers))
	}
	pool, err := q.ledger.Pool(q.t.Context(), "")
	q.ok(err)
	for _, x := range list.Transfers {
		if x.WaitingReason != reason || x.WaitingDetail != detail {
			q.t.Fatalf("%s: %s says %s (%s), want %s (%s)", step, x.ID, x.WaitingReason, x.WaitingDetail, reason, detail)
		}
		events, err := q.ledger.Events(q.t.Context(), x.TransferID, 0)
		q.ok(err)
		replayed, err := hikyaku.Replay(events)
		q.ok(err)
		again := replayed.Told(pool.Waits(time.Time{}))
		if again.WaitingReason != reason || again.WaitingDetail != detail {
			q.t.Fatalf("%s: the events and the pool of %s say %s (%s)", step, x.ID, again.WaitingReason, again.WaitingDetail)
		}
	}
	last := list.Transfers[0]
	var one hikyaku.Transfer
	q.ok(json.Unmarshal([]byte(q.get("/api/v1/transfers/"+last.TransferID)), &one))
	if one.WaitingReason != reason {
		q.t.Fatalf("%s: shown alone, %s says %s", step, one.ID, one.WaitingReason)
	}
	var stats console.Stats
	q.ok(json.Unmarshal([]byte(q.get("/api/v1/stats")), &stats))
	if got := stats.Waiting["orders"]; len(got) != 1 || got[reason] != 200 {
		q.t.Fatalf("%s: the counts are %v, want 200 %s", step, got, reason)
	}
	metrics := q.get("/metrics")
	if line := fmt.Sprintf("hikyaku_transfers_waiting{reason=%q,route=\"orders\"} 200\n", reason); !strings.Contains(metrics, line) {
		q.t.Fatalf("%s: the metrics lack %s", step, line)
	}
	if word := console.ReasonWord(string(reason), console.LangEnglish); strings.Count(q.get("/transfers"), word[1:]) < 40 {
		q.t.Fatalf("%s: not every row of the page says %q", step, word)
	}
}

func TestConsole_waitingReasons(t *testing.T) {
	t.Parallel()
	q := newQueueOf200(t)
	q.want("at first", hikyaku.NoFreeTask, "")
	before := q.ledger.Commits()

	q.post("/api/v1/routes/orders/pause", `{"reason":"maintenance"}`)
	q.want("paused", hikyaku.RoutePaused, "maintenance")
	q.assign()
	q.want("paused and assigned", hikyaku.RoutePaused, "maintenance")
	q.post("/api/v1/routes/orders/resume", `{}`)
	q.want("resumed", hikyaku.NoFreeTask, "")

	q.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: false})
	q.ok(q.d.Watch(t.Context()))
	q.assign()
	q.want("agent off, its task still leased", hikyaku.NoFreeTask, "")
	running, err := q.ledger.Transfer(t.Context(), q.first.TransferID)
	q.ok(err)
	q.executor.Succeed(running.ExecutionARN, 1, 1)
	q.ok(q.d.Refresh(t.Context(), running.ExecutionARN))
	q.assign()
	q.want("agent off", hikyaku.AgentOffline, "agent-1")
	q.executor.SetAgent(hikyaku.Agent{ARN: "agent-1", Online: true})
	q.ok(q.d.Watch(t.Context()))
	q.want("agent back", hikyaku.NoFreeTask, "")
	if n := q.ledger.Commits() - before; n > 150 {
		t.Errorf("%d writes for four changes of 200 transfers' reason", n)
	}
}

func TestConsole_waitingReasons_own(t *testing.T) {
	t.Parallel()
	q := newQueueOf200(t)
	x := hikyaku.Transfer{
		TransferID: "own", ID: "own", Route: "orders", State: hikyaku.Queued, WaitingReason: hikyaku.BackingOff,
		WaitingDetail: "HKY-4001", NotBefore: consoletest.Clock().Add(time.Hour),
	}
	q.ok(q.ledger.Commit(t.Context(), hikyaku.Change{Transfer: &x}))
	q.post("/api/v1/routes/orders/pause", `{}`)
	var got hikyaku.Transfer
	q.ok(json.Unmarshal([]byte(q.get("/api/v1/transfers/own")), &got))
	if got.WaitingReason != hikyaku.BackingOff || got.WaitingDetail != "HKY-4001" {
		t.Errorf("says %s (%s), want its own reason", got.WaitingReason, got.WaitingDetail)
	}
	var stats console.Stats
	q.ok(json.Unmarshal([]byte(q.get("/api/v1/stats")), &stats))
	if w := stats.Waiting["orders"]; w[hikyaku.BackingOff] != 1 || w[hikyaku.RoutePaused] != 200 {
		t.Errorf("counts %v", w)
	}
}
