package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
)

const queueARN = "arn:aws:sqs:eu-west-1:123456789012:orders"

// world is a stack in memory: the real dispatcher between fakes.
type world struct {
	clock       *hikyakutest.Clock
	ledger      *hikyakutest.Ledger
	executor    *hikyakutest.Executor
	dead, ended *hikyakutest.Queue
	source      *hikyakutest.Source
	parameters  *parameterStore
	out         *lines
	meter       *lambda.Meter
	dispatcher  *dispatch.Dispatcher
	settings    *lambda.Settings
	gather      *lambda.Gather
	common      lambda.Common
}

// route is the stack's.
func route() hikyaku.Route {
	return hikyaku.Route{Name: "orders", Queue: "orders", Source: "s3://outbox/", Destination: "smb://filer/orders"}
}

func newWorld(t *testing.T, tasks int) *world {
	t.Helper()
	w := &world{
		clock: hikyakutest.NewClock(), ledger: hikyakutest.NewLedger(), dead: hikyakutest.NewQueue("orders-dlq"),
		ended: hikyakutest.NewQueue("ended"), source: hikyakutest.NewSource(), parameters: newParameterStore(), out: &lines{},
	}
	w.executor = hikyakutest.NewExecutor(w.clock.Now)
	log := slog.New(slog.NewJSONHandler(w.out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.meter = lambda.NewMeter(lambda.MeterOptions{Stack: "st", Route: "orders", Out: w.out, Now: w.clock.Now})
	w.gather = lambda.NewGather(lambda.Observe(w.ledger, log, w.meter))
	w.dispatcher = dispatch.New(dispatch.Options{
		Ledger: w.gather, Executor: w.executor, Source: w.source, DeadLetters: map[string]hikyaku.Queue{"orders": w.dead},
		Completions: []dispatch.Target{{Name: "done", Sender: w.ended}}, Routes: []hikyaku.Route{route()}, DefaultRoute: "orders", Now: w.clock.Now, NewID: hikyakutest.IDs(), Logger: log,
	})
	for n := range tasks {
		w.parameters.put("/st/pool/"+strconv.Itoa(n), w.executor.AddTask(n).ARN)
	}
	w.parameters.put("/st/route", `{}`)
	w.settings = lambda.NewSettings(lambda.SettingsOptions{
		Parameters: w.parameters, Name: "/st/route", Route: route(), Dispatcher: w.dispatcher, Ledger: w.ledger, Now: w.clock.Now, Logger: log,
	})
	w.common = lambda.Common{Logger: log, Now: w.clock.Now, Settings: w.settings, Meter: w.meter}
	if tasks == 0 {
		return w
	}
	if err := w.refresh().Pool.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) intake() *lambda.Intake {
	return &lambda.Intake{Common: w.common, Dispatcher: w.dispatcher, Gather: w.gather}
}

func (w *world) refresh() *lambda.Refresh {
	return &lambda.Refresh{
		Common: w.common, Dispatcher: w.dispatcher, Levels: &lambda.Levels{Ledger: w.ledger, Meter: w.meter, Route: "orders", Now: w.clock.Now},
		Pool: &lambda.PoolKeeper{
			Dispatcher: w.dispatcher, Parameters: w.parameters, Describe: w.executor.Task, Path: "/st/pool/", Route: "orders",
			Now: w.clock.Now, Logger: slog.New(slog.DiscardHandler),
		},
	}
}

func (w *world) operate() *lambda.Operate {
	return &lambda.Operate{Common: w.common, Operator: w.dispatcher, DeadLetters: w.dispatcher, Route: "orders"}
}

// batch is an event with one record for each body.
func batch(bodies ...string) events.SQSEvent {
	var e events.SQSEvent
	for i, body := range bodies {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: "m" + strconv.Itoa(i), ReceiptHandle: "h", Body: body, EventSourceARN: queueARN,
			Attributes: map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1767225600000"},
		})
	}
	return e
}

// failed are the messages that a batch's response reports.
func failed(r events.SQSEventResponse) []string {
	ids := []string{}
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

// states counts transfers.
func (w *world) states(t *testing.T) map[hikyaku.State]int64 {
	t.Helper()
	s, err := w.ledger.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := map[hikyaku.State]int64{}
	for _, counts := range s.Counts {
		for state, n := range counts {
			all[state] += n
		}
	}
	return all
}

// lines are what was written, line by line.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// metrics sums the values of a metric over all lines with that Code.
func (l *lines) metric(t *testing.T, name, code string) float64 {
	t.Helper()
	sum := 0.0
	for _, m := range l.decoded(t) {
		got, _ := m["Code"].(string)
		if v, ok := m[name].(float64); ok && m["_aws"] != nil && got == code {
			sum += v
		}
	}
	return sum
}

// logged counts log lines with that message.
func (l *lines) logged(t *testing.T, msg string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, m := range l.decoded(t) {
		if m["msg"] == msg {
			found = append(found, m)
		}
	}
	return found
}

func (l *lines) decoded(t *testing.T) []map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []map[string]any
	for line := range strings.Lines(l.buf.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("line %q is not JSON: %v", line, err)
		}
		all = append(all, m)
	}
	return all
}

// parameterStore is SSM in memory, with versions.
type parameterStore struct {
	mu     sync.Mutex
	values map[string][]string
	fail   error
	gets   int
	before func(name string) // runs before each put
}

func newParameterStore() *parameterStore { return &parameterStore{values: map[string][]string{}} }

func (p *parameterStore) put(name, value string) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values[name] = append(p.values[name], value)
	return int64(len(p.values[name]))
}

func (p *parameterStore) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.values, name)
}

func (p *parameterStore) Get(_ context.Context, name string) (string, int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gets++
	if p.fail != nil {
		return "", 0, p.fail
	}
	base, version, old := strings.Cut(name, ":")
	all := p.values[base]
	n := len(all)
	if old {
		n, _ = strconv.Atoi(version)
	}
	if n < 1 || n > len(all) {
		return "", 0, &hikyaku.Error{Kind: hikyaku.KindNotFound, Message: "no such parameter"}
	}
	return all[n-1], int64(n), nil
}

func (p *parameterStore) Put(_ context.Context, name, value string) (int64, error) {
	if p.before != nil {
		p.before(name)
	}
	return p.put(name, value), nil
}

func (p *parameterStore) Under(_ context.Context, path string) (map[string]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[string]string{}
	for name, all := range p.values {
		if strings.HasPrefix(name, path) {
			found[name] = all[len(all)-1]
		}
	}
	return found, p.fail
}

// event is a state change as EventBridge brings it.
func event(arn, status string) json.RawMessage {
	return json.RawMessage(`{"source":"aws.datasync","detail-type":"DataSync Task Execution State Change","resources":["` + arn + `"],"detail":{"State":"` + status + `"}}`)
}

const schedule = `{"source":"aws.scheduler","detail-type":"Scheduled Event","resources":["arn:aws:scheduler:x"]}`

func deadline(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
