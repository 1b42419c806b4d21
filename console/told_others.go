package console

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/hikyaku/hikyaku"
	"github.com/hikyaku/hikyaku/web"
)

// CompletionOperator is an Operator that can have completion events sent once
// more.
type CompletionOperator interface {
	ResendCompletion(ctx context.Context, transferID string, r hikyaku.Resend, a hikyaku.Act) (hikyaku.Transfer, error)
}

// CompletionState says how far a completion event has come.
type CompletionState string

// The states of completion events.
const (
	CompletionOwed    CompletionState = "owed"    // not tried yet, or to be sent once more
	CompletionFailing CompletionState = "failing" // the last try failed; it is tried again
	CompletionSent    CompletionState = "sent"    // the target took it
	CompletionDropped CompletionState = "dropped" // its target is not configured any more
)

// CompletionEvent is what one target is told of one end of a transfer.
type CompletionEvent struct {
	// EventID is what the target tells events apart by; Event is the Seq of the
	// event in the log.
	EventID string          `json:"event_id"`
	Event   int64           `json:"event"`
	Target  string          `json:"target"`
	State   CompletionState `json:"state"`
	// OwedAt is when it came to be owed, SentAt when it was last sent, NextTryAt
	// before when it is not tried again.
	OwedAt    time.Time `json:"owed_at,omitzero"`
	SentAt    time.Time `json:"sent_at,omitzero"`
	NextTryAt time.Time `json:"next_try_at,omitzero"`
	Tries     int       `json:"tries"`
	// MessageID is what the target called it, where it does.
	MessageID string `json:"message_id,omitempty"`
	// LastError and LastStatus, of HTTP, are of the last try that failed, TriedAt.
	LastError  string    `json:"last_error,omitempty"`
	LastStatus int       `json:"last_status,omitempty"`
	TriedAt    time.Time `json:"tried_at,omitzero"`
}

// maxCompletions bounds what is read of one transfer's outbox.
const maxCompletions = 1000

// completionEvents tells what others are told of a transfer: what was sent is in its
// log, what is owed in the outbox.
func (c *Console) completionEvents(ctx context.Context, transferID string, events []hikyaku.Event) ([]CompletionEvent, error) {
	type key struct {
		event  int64
		target string
	}
	all := map[key]*CompletionEvent{}
	of := func(event int64, target string) *CompletionEvent {
		k := key{event, target}
		if all[k] == nil {
			all[k] = &CompletionEvent{EventID: hikyaku.EventID(transferID, event), Event: event, Target: target}
		}
		return all[k]
	}
	ended := map[int64]time.Time{}
	for _, e := range events {
		var d hikyaku.NotifiedDetail
		switch {
		case e.Type.Ends():
			ended[e.Seq] = e.At
		case e.Type == hikyaku.EventNotified && json.Unmarshal(e.Detail, &d) == nil && d.Kind == hikyaku.OutboxCompletion && d.Event > 0:
			v := of(d.Event, d.Target)
			v.State, v.SentAt, v.Tries, v.MessageID, v.OwedAt = CompletionSent, e.At, d.Tries, d.MessageID, ended[d.Event]
			if d.Dropped {
				v.State, v.SentAt = CompletionDropped, time.Time{}
			}
		}
	}
	if len(ended) == 0 {
		return []CompletionEvent{}, nil
	}
	owed, err := c.ledger.Outbox(ctx, hikyaku.OutboxQuery{Kind: hikyaku.OutboxCompletion, TransferID: transferID, Limit: maxCompletions})
	if err != nil {
		return nil, fmt.Errorf("read what others are owed of %s: %w", Printable(transferID), err)
	}
	for _, o := range owed {
		v := of(o.Seq(), o.Target)
		v.State, v.OwedAt, v.NextTryAt, v.Tries, v.MessageID = CompletionOwed, o.CreatedAt, o.NotBefore, o.Tries, ""
		if o.Failing() {
			v.State = CompletionFailing
		}
		v.LastError, v.LastStatus, v.TriedAt = o.LastError, o.LastStatus, o.TriedAt
	}
	out := make([]CompletionEvent, 0, len(all))
	for _, v := range all {
		out = append(out, *v)
	}
	slices.SortFunc(out, func(a, b CompletionEvent) int {
		return cmp.Or(cmp.Compare(a.Event, b.Event), cmp.Compare(a.Target, b.Target))
	})
	return out, nil
}

// ResendRequest is the body of POST transfers/{transfer_id}/resend: which
// completion event, to whom, and why. Event 0 is the last one, an empty Target
// every target of the route.
type ResendRequest struct {
	hikyaku.Resend
	Reason string `json:"reason,omitempty"`
}

func (c *Console) resendCompletion(w http.ResponseWriter, r *http.Request) error {
	op, err := c.completionOperator()
	if err != nil {
		return err
	}
	var req ResendRequest
	if err := body(w, r, &req); err != nil {
		return err
	}
	t, err := op.ResendCompletion(r.Context(), r.PathValue("transfer_id"), req.Resend, act(r.Context(), ActRequest{Reason: req.Reason}))
	if err != nil {
		return err
	}
	c.reply(w, r, http.StatusOK, Document{c.ledger.tell(r.Context(), t)})
	return nil
}

func (c *Console) formResendCompletion(w http.ResponseWriter, r *http.Request) error {
	op, err := c.completionOperator()
	if err != nil {
		return err
	}
	return c.form(w, r, func(ctx context.Context, _ ActRequest, a hikyaku.Act) error {
		which := hikyaku.Resend{Target: r.PostForm.Get("target")}
		if s := r.PostForm.Get("event"); s != "" {
			n, err := strconv.ParseInt(s, 10, 64)
			if err != nil || n < 1 {
				return invalid("event must be the number of an event")
			}
			which.Event = n
		}
		_, err := op.ResendCompletion(ctx, r.PathValue("transfer_id"), which, a)
		return err
	})
}

func (c *Console) completionOperator() (CompletionOperator, error) {
	if err := c.canAct(); err != nil {
		return nil, err
	}
	op, ok := c.op.(CompletionOperator)
	if !ok {
		return nil, &hikyaku.Error{Kind: hikyaku.KindDenied, Message: "completion events cannot be sent from here"}
	}
	return op, nil
}

// notices are the completion events of a transfer, the last end first.
func notices(all []CompletionEvent, l Lang, now time.Time) []web.Notice {
	var out []web.Notice
	for _, e := range slices.Backward(all) {
		v := web.Notice{
			Event: strconv.FormatInt(e.Event, 10), EventID: e.EventID, Target: printableText(e.Target),
			State: web.Text(l, "notice_"+string(e.State)), Tries: countText(int64(e.Tries)), Sent: e.SentAt, Next: e.NextTryAt,
			Error: printableText(e.LastError), MessageID: printableText(e.MessageID),
		}
		switch e.State {
		case CompletionSent:
			v.Tone, v.Next, v.Error = "good", time.Time{}, ""
		case CompletionFailing:
			v.Tone = "bad"
		case CompletionDropped:
			v.Tone = "wait"
		case CompletionOwed:
			v.Tone = "wait"
			if !v.Next.IsZero() && !v.Next.After(now) {
				v.Next = time.Time{}
			}
		}
		out = append(out, v)
	}
	return out
}

// notifiedText is who was told what.
func notifiedText(e hikyaku.Event, l Lang) string {
	var d hikyaku.NotifiedDetail
	switch {
	case json.Unmarshal(e.Detail, &d) != nil || d.Kind != hikyaku.OutboxCompletion || d.Target == "":
		return web.Text(l, "event_notified")
	case d.Dropped:
		return sprintf(web.Text(l, "event_not_told"), printableText(d.Target))
	}
	return sprintf(web.Text(l, "event_told"), printableText(d.Target))
}

// owedLong is how long a target may be owed events before people are told.
const owedLong = time.Minute

// OwedEvents is what one target of completion events is owed.
type OwedEvents struct {
	Events  int64     `json:"events"`
	Failing int64     `json:"failing"`
	Since   time.Time `json:"since"`
}

func owedEvents(owed map[string]hikyaku.Owed) map[string]OwedEvents {
	out := map[string]OwedEvents{}
	for target, o := range owed {
		out[target] = OwedEvents{Events: o.Events, Failing: o.Failing, Since: o.Since}
	}
	return out
}

// owedAlerts are for targets that do not take what they are owed.
func owedAlerts(l Lang, now time.Time, owed map[string]OwedEvents) []web.Alert {
	var out []web.Alert
	for _, target := range sortedKeys(owed) {
		o := owed[target]
		if o.Failing == 0 && now.Sub(o.Since) < owedLong {
			continue
		}
		out = append(out, web.Alert{Text: sprintf(web.Text(l, "alert_owed"), numberText(o.Events), printableText(target), FormatTime(o.Since, now))})
	}
	return out
}
