package stack_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/cmd/lambda/stack"
	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/lambda"
)

// TestFunctions runs the real binaries.
func TestFunctions(t *testing.T) {
	t.Parallel()
	g := newGround(t, stack.DriverEvents)
	for name, test := range map[string]func(*testing.T, *ground){
		"delivery": testDelivery, "without events": testWithoutEvents, "settings": testSettings, "figures": testFigures,
		"again": testAgain, "outage": testOutage, "round trips": testRoundTrips,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, g)
		})
	}
}

// testDelivery: a queue drains into a pool of
// two, with poison and a missing ID between, and people give commands.
func testDelivery(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 2)
	b.events(t)
	b.sweep(t) // the tasks join the pool
	ids := []string{"A", "B", "C", "D", "E"}
	b.put(t, ids...)
	p := b.poller(t)
	b.send(t, append([]string{`{"poison"`, "missing"}, ids...)...)

	b.until(t, "two run, three wait, two are dead", func(all map[string]hikyaku.Transfer) bool {
		n := map[hikyaku.State]int{}
		for _, x := range all {
			n[x.State]++
		}
		return n[hikyaku.Running] == 2 && n[hikyaku.Queued] == 3 && n[hikyaku.Rejected] == 1 && n[hikyaku.Failed] == 1
	})
	codes := map[string]bool{}
	for _, m := range b.messages(t, b.dlqURL, 2) {
		codes[aws.ToString(m.MessageAttributes[hikyaku.AttributeCode].StringValue)] = true
	}
	if !codes[hikyaku.CodeNotUnderstood] || !codes[hikyaku.CodeSourceMissing] {
		t.Errorf("dead letters' codes = %v", codes)
	}
	for range ids {
		b.ends <- nil
	}
	all := b.until(t, "everything is delivered", func(all map[string]hikyaku.Transfer) bool {
		for _, id := range ids {
			if all[id].State != hikyaku.Succeeded {
				return false
			}
		}
		return true
	})
	b.messages(t, b.endedURL, len(ids)+2)

	client := b.operator(t)
	b.put(t, "missing")
	act := hikyaku.Act{By: "ada", Reason: "the files are there now"}
	if _, err := client.Rerun(t.Context(), all["missing"].TransferID, act); err != nil {
		t.Fatal(err)
	}
	b.ends <- nil
	b.until(t, "the missing one is delivered", func(all map[string]hikyaku.Transfer) bool { return all["missing"].State == hikyaku.Succeeded })
	if errs := p.Stop(); len(errs) != 0 {
		t.Errorf("poller: %v", errs)
	}
	b.invoke(t, stack.Agents, map[string]string{})
	for _, f := range stack.Functions() {
		b.allowed(t, f)
	}
	if n := b.calls(stack.Refresh)["datasync:DescribeTask"]; n == 0 {
		t.Error("the log tells of no calls: nothing was checked")
	}
	b.metrics(t)
}

// operator is the CLI's end of the function operate.
func (b *bed) operator(t *testing.T) *lambda.Client {
	t.Helper()
	client, err := lambda.Dial(t.Context(), func(ctx context.Context, payload []byte) ([]byte, error) {
		r, err := b.functions[stack.Operate].Invoke(ctx, payload)
		if err == nil {
			err = r.Err()
		}
		return r.Payload, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// metrics looks for what the functions counted.
func (b *bed) metrics(t *testing.T) {
	t.Helper()
	sums := map[string]float64{}
	for _, f := range stack.Functions() {
		for _, line := range b.functions[f].Lines() {
			if line["_aws"] == nil || line["Code"] != nil {
				continue
			}
			if line["Stack"] != b.name || line["Route"] != "orders" {
				t.Fatalf("dimensions of %v", line)
			}
			for name, v := range line {
				if n, ok := v.(float64); ok {
					sums[name] += n
				}
			}
		}
	}
	for name, want := range map[string]float64{lambda.MetricAccepted: 6, lambda.MetricRejected: 1, lambda.MetricSucceeded: 6, lambda.MetricFailed: 1, lambda.MetricBytes: 30} {
		if sums[name] != want {
			t.Errorf("%s = %v, want %v", name, sums[name], want)
		}
	}
}

// testWithoutEvents: every event is lost, and a function is killed
// between assign and start; the sweep alone delivers.
func testWithoutEvents(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 1)
	b.sweep(t)
	b.put(t, "A", "B")
	b.send(t, "A", "B")
	p := b.poller(t)
	b.until(t, "A runs", func(all map[string]hikyaku.Transfer) bool {
		return all["A"].State == hikyaku.Running || all["B"].State == hikyaku.Running
	})
	p.Stop()
	for range 2 {
		b.ends <- nil
		b.functions[stack.Refresh].Kill()
		tick := time.NewTicker(100 * time.Millisecond)
		b.until(t, "one more ended", func(all map[string]hikyaku.Transfer) bool {
			<-tick.C
			b.sweep(t)
			return all["A"].State == hikyaku.Succeeded && (all["B"].State == hikyaku.Running || all["B"].State == hikyaku.Succeeded) ||
				all["B"].State == hikyaku.Succeeded && (all["A"].State == hikyaku.Running || all["A"].State == hikyaku.Succeeded)
		})
		tick.Stop()
	}
	b.until(t, "both ended", func(all map[string]hikyaku.Transfer) bool {
		b.sweep(t)
		return all["A"].State == hikyaku.Succeeded && all["B"].State == hikyaku.Succeeded
	})
}

// testSettings: what the document says holds, and a command writes it.
func testSettings(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 1)
	b.sweep(t)
	client := b.operator(t)
	act := hikyaku.Act{By: "ada", Reason: "maintenance"}
	s, err := client.PauseRoute(t.Context(), "orders", act)
	if err != nil || !s.Paused || s.By != "ada" {
		t.Fatalf("PauseRoute = %+v, %v", s, err)
	}
	b.put(t, "A")
	b.send(t, "A")
	p := b.poller(t)
	b.until(t, "A waits", func(all map[string]hikyaku.Transfer) bool { return all["A"].WaitingReason == hikyaku.RoutePaused })
	p.Stop()
	if _, err := client.LimitRoute(t.Context(), "orders", 1000, act); err != nil {
		t.Fatal(err)
	}
	var doc lambda.Document
	if err := json.Unmarshal([]byte(b.document(t)), &doc); err != nil || !doc.Paused || *doc.BytesPerSecond != 1000 || doc.By != "ada" {
		t.Errorf("document = %+v, %v", doc, err)
	}
	// A person edits the parameter: malformed at first, then well.
	b.parameter(t, b.path("route"), `{"paused": maybe}`)
	b.functions[stack.Refresh].Kill()
	b.sweep(t)
	if log := b.functions[stack.Refresh].Log(); !strings.Contains(log, hikyaku.CodeSettingsInvalid) {
		t.Error("nothing was said about the malformed document")
	}
	if x := b.transfers(t)["A"]; x.State != hikyaku.Queued {
		t.Errorf("A is %s: the last good document was not kept", x.State)
	}
	b.parameter(t, b.path("route"), `{"max_attempts": 7}`)
	b.functions[stack.Refresh].Kill()
	b.sweep(t)
	b.until(t, "A runs", func(all map[string]hikyaku.Transfer) bool { return all["A"].State == hikyaku.Running })
	b.ends <- nil
}

// testFigures prints what a function costs before it works.
func testFigures(t *testing.T, g *ground) {
	t.Helper()
	const maxZip, maxInit, maxRSS = 10 << 20, 100 * time.Millisecond, 64 << 20
	b := g.bed(t, 1)
	b.sweep(t)
	for f, payload := range map[stack.Function]string{
		stack.Intake: `{"Records":[]}`, stack.Refresh: `{}`, stack.Agents: `{}`, stack.Operate: `{"op":"routes"}`,
	} {
		best := time.Hour
		var r lambdatest.Result
		for n := 0; n < 5 || best > maxInit && n < 50; n++ { // other tests share the machine
			b.functions[f].Kill()
			var err error
			if r, err = b.functions[f].Invoke(t.Context(), []byte(payload)); err != nil || r.Err() != nil {
				t.Fatalf("%s: %v %v", f, err, r.Err())
			}
			best = min(best, r.Init)
		}
		zip := lambdatest.ZipSize(t, b.built[f])
		t.Logf("%-8s zip %5.2f MiB, cold init %5.1f ms, peak RSS %5.1f MiB", f, float64(zip)/(1<<20), float64(best.Microseconds())/1000, float64(r.PeakRSS)/(1<<20))
		if zip > maxZip || best > maxInit || r.PeakRSS > maxRSS {
			t.Errorf("%s is over: zip %d, init %s, RSS %d", f, zip, best, r.PeakRSS)
		}
	}
}

// testAgain: a batch that comes twice, at the same time, is one
// transfer and one start each.
func testAgain(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 2)
	b.sweep(t)
	b.put(t, "A", "B")
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			raw, err := json.Marshal(records("A", "B"))
			if err != nil {
				t.Error(err)
			}
			if r, err := b.functions[stack.Intake].Invoke(t.Context(), raw); err != nil || string(r.Payload) != `{"batchItemFailures":[]}` {
				t.Errorf("intake: %+v %s, %v", r, r.Payload, err)
			}
		})
	}
	both.Wait()
	page, err := b.ledger().Transfers(t.Context(), hikyaku.Query{})
	if err != nil || len(page.Transfers) != 2 {
		t.Errorf("%d transfers, %v; want 2", len(page.Transfers), err)
	}
	b.until(t, "both run", func(all map[string]hikyaku.Transfer) bool {
		return all["A"].State == hikyaku.Running && all["B"].State == hikyaku.Running
	})
	if n := b.calls(stack.Intake)["datasync:StartTaskExecution"]; n != 2 {
		t.Errorf("%d starts, want 2", n)
	}
	url := b.transfers(t)["A"].LogURL
	if !strings.HasPrefix(url, "https://eu-west-1.console.aws.amazon.com/datasync/home?region=eu-west-1#/history/task-") || !strings.Contains(url, "/exec-") {
		t.Errorf("log URL = %q", url)
	}
	b.ends <- nil
	b.ends <- nil
}

// testOutage: services that hang or are gone cost no invocation its
// reply, and no neighbour a receive.
func testOutage(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 1)
	b.sweep(t)
	b.put(t, "A")
	released := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(hangs.Close)
	t.Cleanup(func() { close(released) })
	intake := func(id, env string) lambdatest.Result {
		f := lambdatest.New(lambdatest.Options{Binary: b.built[stack.Intake], Timeout: 5 * time.Second, Env: append(b.env(stack.Intake), env)})
		defer f.Close()
		raw, err := json.Marshal(records(id))
		if err != nil {
			t.Fatal(err)
		}
		r, err := f.Invoke(t.Context(), raw)
		if err != nil || r.Err() != nil {
			t.Errorf("%s: %v %v", env, err, r.Err())
		}
		return r
	}
	if r := intake("B", "AWS_ENDPOINT_URL_DYNAMODB="+hangs.URL); string(r.Payload) != `{"batchItemFailures":[{"itemIdentifier":"message-B"}]}` {
		t.Errorf("without DynamoDB: %s", r.Payload)
	}
	if r := intake("A", "AWS_ENDPOINT_URL_DATASYNC="+hangs.URL); string(r.Payload) != `{"batchItemFailures":[]}` {
		t.Errorf("without DataSync: %s", r.Payload)
	}
	if x := b.transfers(t)["A"]; x.State != hikyaku.Starting {
		t.Errorf("A is %s; want STARTING, for the sweep to find", x.State)
	}
}

// testRoundTrips counts the requests to DynamoDB that a batch of ten
// costs, when no task is free and when one is.
func testRoundTrips(t *testing.T, g *ground) {
	t.Helper()
	b := g.bed(t, 1)
	b.sweep(t)
	b.put(t, "first")
	for _, c := range []struct {
		name               string
		transactions, most int
		ids                []string
	}{
		// Of the first, most look for what is ready: shard by shard, before and after.
		// Some are left for a slow machine, on which the pool is read again.
		{"one, started", 2, 32, []string{"first"}},
		// Ten questions for a waiting transfer of the ID, all at once, and one of the pool.
		{"ten, waiting", 1, 16, []string{"A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7", "A8", "A9"}},
	} {
		before := b.calls(stack.Intake)
		b.invoke(t, stack.Intake, records(c.ids...))
		total, by := 0, map[string]int{}
		for call, n := range b.calls(stack.Intake) {
			if strings.HasPrefix(call, "dynamodb:") && n > before[call] {
				by[call] = n - before[call]
				total += n - before[call]
			}
		}
		t.Logf("%s: %d requests %v", c.name, total, by)
		if by["dynamodb:TransactWriteItems"] > c.transactions || total > c.most {
			t.Errorf("%s: %d requests, want %d at most, of them %d transactions: %v", c.name, total, c.most, c.transactions, by)
		}
	}
	b.ends <- nil
}

// records is a batch with one message for each ID.
func records(ids ...string) events.SQSEvent {
	var e events.SQSEvent
	for _, id := range ids {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: "message-" + id, Body: id, EventSourceARN: "arn:aws:sqs:" + region + ":" + account + ":orders", EventSource: "aws:sqs",
			Attributes: map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1767225600000"},
		})
	}
	return e
}
