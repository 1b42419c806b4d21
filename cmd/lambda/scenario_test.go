package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/dispatch"
	"github.com/hikyaku/hikyaku/dynamo"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
	"github.com/hikyaku/hikyaku/lambda"
)

// TestScenario_aws runs the delivery scenario, which the self-hosted edition
// runs as well, against the stack that deploy/template.yaml describes.
func TestScenario_aws(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the scenario takes a while")
	}
	t.Parallel()
	scenario, err := scenariotest.Delivery()
	if err != nil {
		t.Fatal(err)
	}
	e := &onAWS{bed: newBed(t, 1, nil), templates: map[int64]*template{}}
	e.templates[1] = e.deploy.template
	for _, s := range scenario.Steps { // they take a while: not while it runs
		if s.Verb == scenariotest.Pool && e.templates[s.N] == nil {
			e.templates[s.N] = expand(t, stackParameters(int(s.N))...)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	e.ledger = dynamo.New(dynamo.Config{Client: e.dynamo(), Table: e.deploy.refs["Table"], Now: time.Now})
	stop := e.run(ctx)
	defer func() {
		stop()
		e.tell(t)
	}()
	scenariotest.Run(ctx, t, scenariotest.Options{Scenario: scenario, Edition: e, Root: e.delivered(), Now: time.Now, Poll: 2 * time.Second})
}

// onAWS is the edition of Lambda functions.
type onAWS struct {
	*bed
	ledger    *dynamo.Ledger
	templates map[int64]*template // by the size of the pool
}

// Name implements scenariotest.Edition.
func (*onAWS) Name() string { return "aws" }

// Upload implements scenariotest.Edition.
func (e *onAWS) Upload(ctx context.Context, o scenariotest.Object) error {
	_, err := e.s3().PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("outbox"), Key: aws.String("orders/" + o.Key), Body: bytes.NewReader(o.Content)})
	return err
}

// Send implements scenariotest.Edition.
func (e *onAWS) Send(ctx context.Context, body string) error {
	_, err := e.sqs().SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(e.deploy.refs["Queue"]), MessageBody: &body})
	return err
}

// Transfers implements scenariotest.Edition.
func (e *onAWS) Transfers(ctx context.Context) ([]hikyaku.Transfer, error) {
	pool, err := e.ledger.Pool(ctx, "")
	if err != nil {
		return nil, err
	}
	waits := pool.Waits(time.Now())
	var all []hikyaku.Transfer
	for q := (hikyaku.Query{Limit: 1000}); ; {
		page, err := e.ledger.Transfers(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Transfers {
			all = append(all, t.Told(waits))
		}
		if q.Token = page.NextToken; q.Token == "" {
			return all, nil
		}
	}
}

// Events implements scenariotest.Edition.
func (e *onAWS) Events(ctx context.Context, transferID string) ([]hikyaku.Event, error) {
	return e.ledger.Events(ctx, transferID, 0)
}

// Executions implements scenariotest.Edition.
func (e *onAWS) Executions(ctx context.Context) ([]scenariotest.Execution, error) {
	return scenariotest.ListExecutions(ctx, e.dataSync())
}

// DeadLetters implements scenariotest.Edition.
func (e *onAWS) DeadLetters(ctx context.Context) ([]map[string]string, error) {
	return scenariotest.ReadLetters(ctx, e.sqs(), e.deploy.refs["DeadLetterQueue"])
}

// Do implements scenariotest.Edition.
func (e *onAWS) Do(ctx context.Context, c scenariotest.Command) error {
	switch c.Verb { //nolint:exhaustive // Run does the others itself
	case scenariotest.Pool:
		return e.resize(ctx, c.N)
	case scenariotest.Limit:
		_, err := e.operate(ctx, lambda.Request{Op: lambda.OpLimit, Route: "orders", BytesPerSecond: c.N})
		return err
	case scenariotest.Redrive:
		result, err := e.operate(ctx, lambda.Request{Op: lambda.OpRedrive, TransferIDs: c.TransferIDs})
		if err == nil && result.Redriven != len(c.TransferIDs) {
			err = fmt.Errorf("%d of %d were redriven", result.Redriven, len(c.TransferIDs))
		}
		return err
	case scenariotest.Break:
		e.faults.arm(c.Fault, c.N)
		if c.Fault == scenariotest.AgentsOffline {
			return e.agents(ctx, "OFFLINE")
		}
		return nil
	case scenariotest.Mend:
		err := e.faults.mend(ctx, c.Fault)
		if c.Fault == scenariotest.AgentsOffline {
			err = errors.Join(err, e.agents(ctx, "ONLINE"))
		}
		return err
	}
	return fmt.Errorf("%s: not known", c.Verb)
}

// operate gives an operator's command.
func (e *onAWS) operate(ctx context.Context, r lambda.Request) (lambda.Result, error) {
	r.By, r.Reason = "scenario", "the scenario says so"
	raw, err := e.invoke(ctx, "operate", payloadOf(r))
	if err != nil {
		return lambda.Result{}, err
	}
	var reply lambda.Reply
	if err := json.Unmarshal(raw, &reply); err != nil {
		return lambda.Result{}, err
	}
	if err := reply.Error.Err(); err != nil {
		return lambda.Result{}, err
	}
	return *reply.Result, nil
}

// agents publishes what became of the agents and waits until every function
// knows: one may act for a while on what it read before.
func (e *onAWS) agents(ctx context.Context, state string) error {
	if err := e.agentsChanged(ctx, state); err != nil {
		return err
	}
	known := time.Time{}
	return e.until(ctx, "the functions know that the agents are "+state, func(p hikyaku.Pool) bool {
		if len(p.Agents) == 0 || slices.ContainsFunc(p.Agents, func(a hikyaku.Agent) bool { return a.Online != (state == "ONLINE") }) {
			known = time.Time{}
			return false
		}
		if known.IsZero() {
			known = time.Now()
		}
		return time.Since(known) > dispatch.ViewAge
	})
}

// resize deploys the stack with another pool.
func (e *onAWS) resize(ctx context.Context, n int64) error {
	if err := e.deploy.update(ctx, e.templates[n]); err != nil {
		return err
	}
	return e.until(ctx, fmt.Sprintf("the pool has %d tasks", n), func(p hikyaku.Pool) bool {
		live := int64(0)
		for _, task := range p.Tasks {
			if task.State != hikyaku.Draining {
				live++
			}
		}
		return live == n
	})
}

// until looks at the pool until ok.
func (e *onAWS) until(ctx context.Context, what string, ok func(hikyaku.Pool) bool) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		pool, err := e.ledger.Pool(ctx, "")
		if err == nil && ok(pool) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("never: %s: %w; the pool is %+v", what, errors.Join(err, context.Cause(ctx)), pool)
		}
	}
}

// tell logs what the functions did, and their logs if the test failed.
func (e *onAWS) tell(t *testing.T) {
	for name, f := range e.functions {
		calls := map[string]int{}
		for _, line := range f.Lines() {
			if service, ok := line["service"].(string); ok && line["msg"] == "aws call" {
				calls[service+":"+fmt.Sprint(line["operation"])]++
			}
			if level, _ := line["level"].(string); level == "ERROR" {
				t.Logf("%s: %v", name, line)
			}
		}
		t.Logf("%s: %d environments, %v", name, f.Starts(), calls)
		if t.Failed() {
			var last []string
			for line := range strings.Lines(f.Log()) {
				if !strings.Contains(line, `"_aws"`) {
					last = append(last, line)
				}
			}
			t.Logf("%s: last lines:\n%s", name, strings.Join(last[max(0, len(last)-40):], ""))
		}
	}
	t.Log(e.durations())
	for _, err := range e.deploy.kept {
		t.Logf("kept: %v", err)
	}
}

var _ scenariotest.Edition = (*onAWS)(nil)
