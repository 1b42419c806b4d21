package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/console"
)

const (
	// sendAtOnce is how many messages are on their way at once.
	sendAtOnce = 16
	// acceptedWithin is how long the function intake may take to accept a
	// message, seekEvery how often the table is asked meanwhile, at first.
	acceptedWithin = time.Minute
	seekEvery      = 200 * time.Millisecond
	seekAtMost     = 2 * time.Second
	// seekAmong is how many of an ID's newest transfers a message is looked for in.
	seekAmong = 10
)

// Send sends an ID to the queue, as a producer does, and returns its transfer
// once it is accepted. The message says who sends it and why, which the function
// intake records. What the route refuses is not sent.
func (o *Operator) Send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	sent := o.SendAll(ctx, []hikyaku.Send{s}, a)[0]
	return sent.Transfer, sent.Err
}

// SendAll implements console.BulkSender.
func (o *Operator) SendAll(ctx context.Context, sends []hikyaku.Send, a hikyaku.Act) []console.Sent {
	routes, err := o.readRoutes(ctx)
	if err != nil {
		routes = nil // a producer may send without being allowed to ask
	}
	a.By = o.stack.Caller(ctx)
	all := make([]console.Sent, len(sends))
	var group errgroup.Group
	group.SetLimit(sendAtOnce)
	b := batch{Operator: o, client: sqs.NewFromConfig(o.stack.cfg), routes: routes}
	first := b.recordMany(ctx, sends, &a, all)
	for i, s := range sends {
		if i == first {
			continue
		}
		group.Go(func() error {
			all[i].Transfer, all[i].Err = b.send(ctx, s, a)
			return nil
		})
	}
	_ = group.Wait() // no error: each has its own
	return all
}

// batch sends IDs that are sent together.
type batch struct {
	*Operator

	client *sqs.Client
	routes []hikyaku.Route
}

// recordMany sends the first of more than hikyaku.AuditEach IDs alone, with the
// record that stands for all of them, and returns which it was, or -1: if it was
// not surely recorded, each has a record of its own. An ID with a key may be known
// already and leave no record.
func (b batch) recordMany(ctx context.Context, sends []hikyaku.Send, a *hikyaku.Act, all []console.Sent) int {
	if len(sends) <= hikyaku.AuditEach {
		return -1
	}
	i := slices.IndexFunc(sends, func(s hikyaku.Send) bool { return s.Key == "" && b.check(s, b.routes) == nil })
	if i < 0 {
		return -1
	}
	whole := *a
	whole.Count = int64(len(sends))
	all[i].Transfer, all[i].Err = b.send(ctx, sends[i], whole)
	a.Recorded = all[i].Err == nil && all[i].Transfer.State != hikyaku.Rejected
	return i
}

func (b batch) send(ctx context.Context, s hikyaku.Send, a hikyaku.Act) (hikyaku.Transfer, error) {
	if err := b.check(s, b.routes); err != nil {
		return hikyaku.Transfer{}, err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return hikyaku.Transfer{}, fmt.Errorf("encode %q: %w", s.ID, err)
	}
	who := a.Attribute()
	if len(body)+len(hikyaku.AttributeAct)+len(who)+len(stringType) > hikyaku.MaxBody { // as SQS counts
		return hikyaku.Transfer{}, hikyaku.NewError(hikyaku.CodeBodyTooLarge, "send", s.ID, "")
	}
	began := b.stack.now()
	out, err := b.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &b.stack.QueueURL, MessageBody: aws.String(string(body)),
		MessageAttributes: map[string]types.MessageAttributeValue{
			hikyaku.AttributeAct: {DataType: aws.String(stringType), StringValue: &who},
		},
	})
	if err != nil {
		return hikyaku.Transfer{}, wrap("sqs:SendMessage", b.stack.QueueURL, err)
	}
	return b.accepted(ctx, s.ID, aws.ToString(out.MessageId), began)
}

// stringType is SQS's name of texts.
const stringType = "String"

// check refuses what would only become a dead letter. Without routes it is
// the function that knows.
func (o *Operator) check(s hikyaku.Send, routes []hikyaku.Route) error {
	if s.ID == "" {
		return hikyaku.NewError(hikyaku.CodeIDMissing, "send", "", "the ID is empty")
	}
	name := s.Route
	if name == "" {
		name = o.stack.Route
	}
	i := slices.IndexFunc(routes, func(r hikyaku.Route) bool { return r.Name == name })
	switch {
	case i >= 0:
		return routes[i].CheckID(s.ID)
	case name != o.stack.Route:
		return hikyaku.NewError(hikyaku.CodeNoRoute, "find route", name, "no such route")
	}
	return nil
}

// accepted waits for the transfer that a message made, joined or repeated.
func (o *Operator) accepted(ctx context.Context, id, messageID string, began time.Time) (hikyaku.Transfer, error) {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for every := seekEvery; ; every = min(2*every, seekAtMost) {
		select {
		case <-wait.C:
		case <-ctx.Done():
			return hikyaku.Transfer{}, context.Cause(ctx)
		}
		t, err := o.seek(ctx, id, messageID)
		if !errors.Is(err, hikyaku.ErrNotFound) {
			return t, err
		}
		if o.stack.now().Sub(began) > acceptedWithin {
			return t, hikyaku.NewError(hikyaku.CodeNotAccepted, "send", id, "message "+messageID)
		}
		wait.Reset(every)
	}
}

// seek looks for a message among an ID's newest transfers: it made one, or is
// named in one's events.
func (o *Operator) seek(ctx context.Context, id, messageID string) (hikyaku.Transfer, error) {
	page, err := o.ledger.Transfers(ctx, hikyaku.Query{ID: id, Limit: seekAmong})
	if err != nil {
		return hikyaku.Transfer{}, err
	}
	for _, t := range page.Transfers {
		if t.MessageID == messageID {
			return t, nil
		}
	}
	for _, t := range page.Transfers {
		events, err := o.ledger.Events(ctx, t.TransferID, 0)
		if err != nil {
			return hikyaku.Transfer{}, err
		}
		for _, e := range slices.Backward(events) {
			var d struct {
				MessageID string `json:"message_id"`
			}
			if json.Unmarshal(e.Detail, &d) == nil && d.MessageID == messageID {
				return t, nil
			}
		}
	}
	return hikyaku.Transfer{}, hikyaku.ErrNotFound
}
