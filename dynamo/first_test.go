package dynamo_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest"
	"github.com/hikyaku/hikyaku/lambda"
)

// An ID is new until one message of it was accepted, and a message's name is
// taken wherever it is kept.
func TestLedger_Commit_first(t *testing.T) {
	t.Parallel()
	l := startMoto(t).ledger(t)
	n := 0
	accept := func(message, route, id string, first bool) (transferID string, c *hikyaku.ConflictError) {
		t.Helper()
		n++
		x := transfer(n)
		x.Route, x.ID, x.MessageID = route, id, message
		err := l.Commit(t.Context(), hikyaku.Change{Transfer: x, First: first, Unique: []string{hikyaku.MessageKey(message, route, id)}})
		if err != nil && !errors.As(err, &c) {
			t.Fatal(err)
		}
		return x.TransferID, c
	}
	refused := func(c *hikyaku.ConflictError, what, owner string) {
		t.Helper()
		if c == nil || c.What != what || c.Owner != owner {
			t.Errorf("got %+v, want a conflict on %s with %s", c, what, owner)
		}
	}
	one, c := accept("m1", "orders", "a|b", true)
	if c != nil {
		t.Fatalf("a new ID was refused: %+v", c)
	}
	for _, first := range []bool{true, false} {
		_, c = accept("m1", "orders", "a|b", first)
		refused(c, "unique", one)
	}
	_, c = accept("m2", "orders", "a|b", true)
	refused(c, "first", one)
	two, c := accept("m2", "orders", "a|b", false)
	if c != nil {
		t.Fatalf("a second message was refused: %+v", c)
	}
	_, c = accept("m2", "orders", "a|b", false)
	refused(c, "unique", two)
	_, c = accept("m1", "orders", "a|b", false)
	refused(c, "unique", one)
	_, c = accept("m3", "orders", "a|b", true)
	refused(c, "first", two)
	for _, other := range [][2]string{{"invoices", "a|b"}, {"orders", "a"}, {"orders", "a|b|c"}} {
		if _, c = accept("m1", other[0], other[1], true); c != nil {
			t.Errorf("%q was refused: %+v", other, c)
		}
	}
	three, c := accept("m4", "orders", "c", false)
	if c != nil {
		t.Fatalf("who does not ask for the first was refused: %+v", c)
	}
	_, c = accept("m5", "orders", "c", true)
	refused(c, "first", three)
	_, c = accept("m4", "orders", "c", true)
	refused(c, "first", three) // asked again without, it learns more
	_, c = accept("m4", "orders", "c", false)
	refused(c, "unique", three)
}

// counted counts requests of HTTP by operation.
type counted struct {
	next dynamodb.HTTPClient

	mu   sync.Mutex // guards sent
	sent []string
}

func (c *counted) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	c.sent = append(c.sent, operation)
	c.mu.Unlock()
	return c.next.Do(r)
}

// take returns what was sent since the last call.
func (c *counted) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.sent
	c.sent = nil
	return sent
}

// mostRequests is how many requests the accept of ten messages with ten new IDs
// may make.
const mostRequests = 5

// Ten messages are accepted with few requests, counted at the HTTP client, and
// no rule is lost: what came before is a duplicate, what waits is joined, what
// asks for something else is a transfer of its own.
func TestLedger_acceptRequests(t *testing.T) {
	t.Parallel()
	m := startMoto(t)
	counter := &counted{next: m.client.Options().HTTPClient}
	clock := hikyakutest.NewClock()
	gather := lambda.NewGather(m.ledger(t, func(c *dynamo.Config) {
		c.Client, c.Now = dynamodb.New(m.client.Options(), func(o *dynamodb.Options) { o.HTTPClient = counter }), clock.Now
	}))
	n := 0
	var ids sync.Mutex // guards n
	d := dispatch.New(dispatch.Options{
		Ledger: gather, Executor: hikyakutest.NewExecutor(clock.Now), Source: hikyakutest.NewSource(), Now: clock.Now,
		NewID: func() string {
			ids.Lock()
			defer ids.Unlock()
			n++
			return fmt.Sprintf("01KDZ%021d", n)
		},
		Random: func() float64 { return 0.5 }, Routes: []hikyaku.Route{{Name: "orders", Queue: "q", Source: "s3://outbox/orders/", Destination: "nfs"}},
	})
	batch := func(messages, body string) []string {
		t.Helper()
		clock.Advance(time.Second)
		counter.take()
		gather.Enter(10)
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				defer gather.Leave(context.WithoutCancel(t.Context()))
				message := hikyaku.Message{ID: fmt.Sprintf("%s-%d", messages, i), Body: fmt.Sprintf(body, i), Queue: "q", Receives: 1, SentAt: clock.Now()}
				if err := d.Accept(t.Context(), message); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		return counter.take()
	}
	transfers := func(want int) {
		t.Helper()
		page, err := gather.Transfers(t.Context(), hikyaku.Query{Limit: 1000})
		must(t, err)
		if len(page.Transfers) != want {
			t.Errorf("there are %d transfers, want %d", len(page.Transfers), want)
		}
	}
	for _, c := range []struct {
		what, messages, body string
		most, transfers      int
	}{
		{"the first batch of a process", "m", `{"id":"A-%d"}`, mostRequests, 10},
		{"another batch", "n", `{"id":"B-%d"}`, mostRequests, 20},
		{"the same messages again", "n", `{"id":"B-%d"}`, 25, 20},
		{"other messages for what waits", "o", `{"id":"B-%d"}`, 15, 20},
		{"those again", "o", `{"id":"B-%d"}`, 40, 20},
		{"for parts of it", "p", `{"id":"B-%d","paths":["x"]}`, 35, 30},
	} {
		sent := batch(c.messages, c.body)
		t.Logf("%s: %d requests: %v", c.what, len(sent), sent)
		if len(sent) > c.most {
			t.Errorf("%s: %d requests, want at most %d", c.what, len(sent), c.most)
		}
		transfers(c.transfers)
	}
}
