package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/hikyaku/hikyaku/hikyakutest/lambdatest"
	"github.com/hikyaku/hikyaku/hikyakutest/scenariotest"
	"github.com/hikyaku/hikyaku/mover"
)

// run starts everything that invokes functions: the event source mapping, the
// event rules and the schedules. The function returned ends it.
func (b *bed) run(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var pollers []*lambdatest.Poller
	for _, id := range b.sorted("AWS::Lambda::EventSourceMapping") {
		p, err := b.mapping(ctx, id)
		if err != nil {
			b.t.Fatal(err)
		}
		pollers = append(pollers, p)
	}
	for _, id := range b.sorted("AWS::Scheduler::Schedule") {
		if err := b.schedule(ctx, id); err != nil {
			b.t.Fatal(err)
		}
	}
	b.publish(ctx)
	for _, name := range []string{"refresh", "agents"} {
		for range 2 {
			b.background.Go(func() { b.target(ctx, name) })
		}
	}
	return func() {
		for _, p := range pollers {
			for _, err := range p.Stop() {
				b.t.Errorf("poller: %v", err)
			}
		}
		cancel()
		b.background.Wait()
	}
}

// mapping starts the poller that an event source mapping describes.
func (b *bed) mapping(ctx context.Context, id string) (*lambdatest.Poller, error) {
	p, _, err := b.deploy.resolver().properties(id)
	if err != nil {
		return nil, err
	}
	scaling, _ := p["ScalingConfig"].(map[string]any)
	workers, _ := scaling["MaximumConcurrency"].(float64)
	batch, _ := p["BatchSize"].(float64)
	if fmt.Sprint(p["FunctionResponseTypes"]) != "[ReportBatchItemFailures]" || workers < 2 || batch < 1 {
		return nil, fmt.Errorf("event source mapping %s: %v", id, p)
	}
	name := functionOf(p["FunctionName"])
	return lambdatest.StartPoller(ctx, lambdatest.PollerOptions{
		Client: b.sqs(), QueueURL: b.deploy.refs["Queue"], Function: b.functions[name], Workers: int(workers), Batch: int(batch),
		OnDelivery: func(d lambdatest.Delivery) {
			b.took(name, d.Result.Duration)
			b.redeliver(context.WithoutCancel(ctx), name, d)
		},
	})
}

// redeliver delivers a batch once more, as SQS may.
func (b *bed) redeliver(ctx context.Context, name string, d lambdatest.Delivery) {
	if d.Result.Err() != nil || !b.faults.hits(scenariotest.Redeliver, len(d.Messages)) {
		return
	}
	answer, err := b.invoke(ctx, name, payloadOf(events.SQSEvent{Records: d.Messages}))
	if err != nil || !strings.Contains(string(answer), `"batchItemFailures":[]`) {
		b.t.Errorf("delivered twice: %s, %v", answer, err)
	}
}

// schedule invokes a schedule's target at its rate, faster unless at AWS's pace.
func (b *bed) schedule(ctx context.Context, id string) error {
	p, _, err := b.deploy.resolver().properties(id)
	if err != nil {
		return err
	}
	fields := strings.Fields(strings.Trim(strings.TrimPrefix(fmt.Sprint(p["ScheduleExpression"]), "rate"), "()"))
	n, err := strconv.Atoi(fields[0])
	if err != nil || len(fields) != 2 || !strings.HasPrefix(fields[1], "minute") {
		return fmt.Errorf("schedule %s: %v", id, p["ScheduleExpression"])
	}
	target, _ := p["Target"].(map[string]any)
	name := functionOf(target["Arn"])
	payload := []byte("{}")
	if input, ok := target["Input"].(string); ok {
		payload = []byte(input)
	}
	every := time.Duration(n) * time.Minute
	if !b.pace {
		every /= faster
	}
	b.background.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			b.invokeLogged(ctx, name, payload)
		}
	})
	return nil
}

// invokeLogged invokes and logs what the function says is wrong: the sweep and
// EventBridge come again.
func (b *bed) invokeLogged(ctx context.Context, name string, payload []byte) {
	if _, err := b.invoke(context.WithoutCancel(ctx), name, payload); err != nil {
		b.t.Logf("%s: %s", name, firstLine(err))
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line[:min(len(line), 300)]
}

// publish puts DataSync's state changes on the bus, best effort.
func (b *bed) publish(ctx context.Context) {
	changes, unsubscribe := b.mover.Subscribe(4096)
	b.background.Go(func() {
		defer unsubscribe()
		for {
			select {
			case e := <-changes:
				batch := []mover.Event{e}
				for len(batch) < 10 && len(changes) > 0 {
					batch = append(batch, <-changes)
				}
				batch = slices.DeleteFunc(batch, func(e mover.Event) bool {
					ended := e.Detail.State == "SUCCESS" || e.Detail.State == "ERROR"
					return ended && b.faults.hits(scenariotest.LoseEvents, 1)
				})
				if err := b.put(ctx, batch...); err != nil && ctx.Err() == nil {
					b.t.Errorf("put events: %v", err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
}

// put puts up to ten events on the bus.
func (b *bed) put(ctx context.Context, batch ...mover.Event) error {
	if len(batch) == 0 {
		return nil
	}
	in := &eventbridge.PutEventsInput{}
	for _, e := range batch {
		in.Entries = append(in.Entries, eventtypes.PutEventsRequestEntry{
			Source: &e.Source, DetailType: &e.DetailType, Resources: e.Resources, Detail: aws.String(string(payloadOf(e.Detail))), Time: &e.Time,
		})
	}
	out, err := b.deploy.events.PutEvents(ctx, in)
	if err == nil && out.FailedEntryCount > 0 {
		err = fmt.Errorf("%d of %d events were refused", out.FailedEntryCount, len(batch))
	}
	return err
}

// agentsChanged publishes that the agents' state changed.
func (b *bed) agentsChanged(ctx context.Context, state string) error {
	var batch []mover.Event
	for _, id := range agentIDs() {
		batch = append(batch, mover.Event{
			Source: mover.EventSource, DetailType: "DataSync Agent State Change", Resources: []string{agentARN(id)}, Time: time.Now(),
			Detail: mover.EventDetail{State: state},
		})
	}
	return b.put(ctx, batch...)
}

// target invokes a function with the events whose rules have it for a target.
func (b *bed) target(ctx context.Context, name string) {
	client := b.sqs()
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String("events-" + name)})
	if err != nil {
		b.t.Errorf("target %s: %v", name, err)
		return
	}
	for ctx.Err() == nil {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 1, WaitTimeSeconds: 1})
		if err != nil {
			if ctx.Err() == nil {
				b.t.Errorf("target %s: %v", name, err)
			}
			return
		}
		for _, m := range out.Messages {
			var e struct {
				Time time.Time `json:"time"`
			}
			if json.Unmarshal([]byte(*m.Body), &e) == nil && name == "refresh" {
				b.took("event", time.Since(e.Time)) // its time is in whole seconds
			}
			b.invokeLogged(ctx, name, []byte(*m.Body))
			_, _ = client.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: url.QueueUrl, ReceiptHandle: m.ReceiptHandle}) // it would only come again
		}
	}
}

// TestBed_events: what the template's patterns let through, and what not.
func TestBed_events(t *testing.T) {
	t.Parallel()
	b := newBed(t, 1, nil)
	url, err := b.sqs().GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("events-refresh")})
	if err != nil {
		t.Fatal(err)
	}
	task := b.deploy.refs["Task"+agentIDs()[0]+"x1"]
	for _, e := range []struct{ source, kind, resource, state string }{
		{mover.EventSource, mover.EventDetailType, task + "/execution/exec-1", "TRANSFERRING"},
		{mover.EventSource, mover.EventDetailType, task + "0/execution/exec-2", "SUCCESS"},
		{"aws.s3", mover.EventDetailType, task + "/execution/exec-3", "SUCCESS"},
		{mover.EventSource, "DataSync Task State Change", task, "SUCCESS"},
		{mover.EventSource, mover.EventDetailType, task + "/execution/exec-4", "SUCCESS"},
		{mover.EventSource, mover.EventDetailType, task + "/execution/exec-5", "ERROR"},
	} {
		if err := b.put(t.Context(), mover.Event{Source: e.source, DetailType: e.kind, Resources: []string{e.resource}, Time: time.Now(), Detail: mover.EventDetail{State: e.state}}); err != nil {
			t.Fatal(err)
		}
	}
	out, err := b.sqs().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url.QueueUrl, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, m := range out.Messages {
		all += *m.Body
	}
	if len(out.Messages) != 2 || !strings.Contains(all, "exec-4") || !strings.Contains(all, "exec-5") {
		t.Errorf("%d events came through: %s", len(out.Messages), all)
	}
}
